package wire

import (
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"github.com/hawser-lb/hawser/shared/bfd"
)

// post is a UDP port that a program has.
type post struct {
	port uint16
	v6   bool
	came func(bfd.Datagram)
}

// Receive takes a UDP port of the host.
func (p *Process) Receive(port uint16, v6 bool, came func(bfd.Datagram)) (stop func(), err error) {
	n := p.host.n
	n.mu.Lock()
	defer n.mu.Unlock()
	if p.dead {
		return nil, net.ErrClosed
	}
	if p.host.post(port, v6) != nil {
		return nil, syscall.EADDRINUSE
	}
	one := &post{port, v6, came}
	p.posts = append(p.posts, one)
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		p.posts = slices.DeleteFunc(p.posts, func(o *post) bool { return o == one })
	}, nil
}

// post is who has the port; n.mu is held.
func (h *Host) post(port uint16, v6 bool) *post {
	for _, p := range h.processes {
		for _, one := range p.posts {
			if one.port == port && one.v6 == v6 {
				return one
			}
		}
	}
	return nil
}

// Send sends a packet, which may be lost.
func (p *Process) Send(local netip.Addr, to netip.AddrPort, payload []byte) error {
	n := p.host.n
	n.mu.Lock()
	defer n.mu.Unlock()
	h := n.hosts[to.Addr()]
	if p.dead {
		return net.ErrClosed
	}
	if !local.IsValid() {
		local = p.host.address(to.Addr())
	}
	if h == nil || !carries(p.host, h) {
		return nil
	}
	d := bfd.Datagram{From: local, To: to.Addr(), TTL: 255, Payload: slices.Clone(payload)}
	time.AfterFunc(p.host.latency+h.latency, func() {
		n.mu.Lock()
		one := h.post(to.Port(), to.Addr().Is6())
		arrives := h.on && !h.deaf
		n.mu.Unlock()
		if arrives && one != nil {
			one.came(d)
		}
	})
	return nil
}
