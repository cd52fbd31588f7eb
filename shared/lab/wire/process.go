package wire

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"github.com/hawser-lb/hawser/shared/bfd"
	"github.com/hawser-lb/hawser/shared/bgp"
)

// Process is a program that runs on a host: it listens and dials.
type Process struct {
	host      *Host
	life      int // of the host that it runs in
	dead      bool
	listeners []*listener
	posts     []*post
}

var (
	_ bgp.Network = (*Process)(nil)
	_ bfd.Network = (*Process)(nil)
)

// Process starts a program on the host, which must be turned on.
func (h *Host) Process() *Process {
	h.n.mu.Lock()
	defer h.n.mu.Unlock()
	p := &Process{host: h, life: h.life}
	h.processes = append(h.processes, p)
	return p
}

// Kill ends the program on the spot. The host closes what it had open.
func (p *Process) Kill() {
	n := p.host.n
	n.mu.Lock()
	defer n.mu.Unlock()
	if p.dead {
		return
	}
	p.die()
	for _, e := range n.ends {
		if e.process == p {
			e.shut()
		}
	}
	p.host.processes = slices.DeleteFunc(p.host.processes, func(o *Process) bool { return o == p })
	n.prune()
}

// vanish is Kill with nobody left to close anything; n.mu is held.
func (p *Process) vanish() {
	p.die()
	for _, e := range p.host.n.ends {
		if e.process == p {
			e.fail(net.ErrClosed)
			e.closed, e.sent = true, nil
		}
	}
}

func (p *Process) die() {
	p.dead = true
	for _, l := range p.listeners {
		close(l.closed)
	}
	p.listeners, p.posts = nil, nil
}

// Sibling is an address of family f of the host.
func (p *Process) Sibling(_ netip.Addr, f bgp.Family) (netip.Addr, error) {
	for _, a := range p.host.addresses {
		if a.Is4() == (f == bgp.IPv4) {
			return a, nil
		}
	}
	return netip.Addr{}, syscall.EADDRNOTAVAIL
}

// Listen takes a port of the host.
func (p *Process) Listen(at netip.AddrPort) (net.Listener, error) {
	p.host.n.mu.Lock()
	defer p.host.n.mu.Unlock()
	if p.dead {
		return nil, net.ErrClosed
	}
	if p.host.listener(at) != nil {
		return nil, syscall.EADDRINUSE
	}
	l := &listener{process: p, at: at, queue: make(chan *end, 1024), closed: make(chan struct{})}
	p.listeners = append(p.listeners, l)
	return l, nil
}

// listener is who listens at the address; n.mu is held.
func (h *Host) listener(at netip.AddrPort) *listener {
	for _, p := range h.processes {
		for _, l := range p.listeners {
			all := l.at.Addr().IsUnspecified() && l.at.Addr().Is4() == at.Addr().Is4()
			if l.at.Port() == at.Port() && (all || l.at.Addr() == at.Addr()) {
				return l
			}
		}
	}
	return nil
}

// Dial connects, which takes a round trip. A host that answers nothing is not
// there, which takes three seconds to be known.
func (p *Process) Dial(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error) {
	if !local.IsValid() {
		local = p.host.address(remote.Addr())
	}
	latency, ok := p.reach(remote.Addr())
	if !ok || !local.IsValid() {
		return nil, rest(ctx, resolve, syscall.EHOSTUNREACH)
	}
	if err := rest(ctx, latency, nil); err != nil {
		return nil, err
	}
	e, err := p.connect(local, remote)
	if err == syscall.EHOSTUNREACH {
		return nil, rest(ctx, resolve, err)
	}
	if late := rest(ctx, latency, err); late != nil {
		if e != nil {
			e.Close()
		}
		return nil, late
	}
	return e, nil
}

// rest waits and then returns err, or why ctx ended first.
func rest(ctx context.Context, d time.Duration, err error) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return err
	}
}

// reach says how far the host with that address is, if packets go both ways.
func (p *Process) reach(to netip.Addr) (time.Duration, bool) {
	p.host.n.mu.Lock()
	defer p.host.n.mu.Unlock()
	h := p.host.n.hosts[to]
	if h == nil || p.dead || !carries(p.host, h) || !carries(h, p.host) {
		return 0, false
	}
	return p.host.latency + h.latency, true
}

// connect makes both ends once the first packet has arrived.
func (p *Process) connect(local netip.Addr, remote netip.AddrPort) (*end, error) {
	n := p.host.n
	n.mu.Lock()
	defer n.mu.Unlock()
	h := n.hosts[remote.Addr()]
	if p.dead || !carries(p.host, h) || !carries(h, p.host) {
		return nil, syscall.EHOSTUNREACH
	}
	l := h.listener(remote)
	if l == nil || len(l.queue) == cap(l.queue) {
		return nil, syscall.ECONNREFUSED
	}
	n.port++
	from := net.TCPAddrFromAddrPort(netip.AddrPortFrom(local, n.port))
	to := net.TCPAddrFromAddrPort(remote)
	ours, theirs := newEnd(p, from, to), newEnd(l.process, to, from)
	ours.other, theirs.other = theirs, ours
	n.ends = append(n.ends, ours, theirs)
	l.queue <- theirs
	return ours, nil
}

// listener is one listening socket.
type listener struct {
	process *Process
	at      netip.AddrPort
	queue   chan *end
	closed  chan struct{}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case <-l.closed:
		return nil, net.ErrClosed
	case e := <-l.queue:
		return e, nil
	}
}

func (l *listener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.at) }

func (l *listener) Close() error {
	l.process.host.n.mu.Lock()
	defer l.process.host.n.mu.Unlock()
	i := slices.Index(l.process.listeners, l)
	if i < 0 {
		return net.ErrClosed
	}
	l.process.listeners = slices.Delete(l.process.listeners, i, i+1)
	close(l.closed)
	for {
		select {
		case e := <-l.queue:
			e.shut()
		default:
			return nil
		}
	}
}
