package bgp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// listenRetry is the pause before an address that could not be had is
	// tried again.
	listenRetry = time.Second
	// maxHalfOpen bounds the accepted connections that are no session yet.
	maxHalfOpen = 128
)

var (
	errNotRunning = errors.New("not running")
	errHalfOpen   = errors.New("too many connections are half-open")
	errNoRoom     = errors.New("the peer is held down or has too many connections")
	errTooFast    = errors.New("the peer connects too often")
)

// network is how the speaker reaches others.
type network interface {
	dial(ctx context.Context, local netip.Addr, remote netip.AddrPort, p protection) (net.Conn, error)
	listen(ctx context.Context, at netip.AddrPort, w ward) (listener, error)
	// secure protects an accepted connection, or says why it must not be one.
	secure(nc net.Conn, p protection) error
	// signing is nil where the kernel has TCP MD5, else it says what to do.
	signing() error
	// dropped counts the segments that the kernel dropped for their signature.
	dropped() (drops, error)
	// sibling is an address of family f on the interface that has local.
	sibling(local netip.Addr, f Family) (netip.Addr, error)
}

// listener is a listening socket that can be told anew what to ask for.
type listener interface {
	net.Listener
	// guard returns the keys that could not be set.
	guard(w ward) map[netip.Prefix]error
}

// Listening says for each address of Config.Listen, in that order, whether
// connections are accepted there.
func (s *Speaker) Listening() []ListenStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.listen)
}

func (s *Speaker) setListening(i int, st ListenStatus) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listen[i] = st
}

// serve accepts connections on the i-th address for as long as ctx lives. It
// returns an error only when the address can never be had.
func (s *Speaker) serve(ctx context.Context, i int) error {
	at, last := s.cfg.Listen[i], ""
	for ctx.Err() == nil {
		l, err := s.net.listen(ctx, at, s.currentWard())
		if err == nil {
			got, aerr := addrPort(l.Addr())
			if aerr != nil {
				return errors.Join(aerr, l.Close())
			}
			s.log.Info("listening", "address", got)
			s.setListening(i, ListenStatus{Address: got})
			if last != "" {
				s.emit(ListenChanged{ListenStatus{Address: got}, time.Now()}, nil)
			}
			s.guardWith(i, l)
			err, last = s.accept(ctx, l), ""
			s.guardWith(i, nil)
		}
		if ctx.Err() != nil {
			break
		}
		if errors.Is(err, syscall.EACCES) || errors.Is(err, syscall.EPERM) {
			return fmt.Errorf("listen on %s: permission denied: run as root or give CAP_NET_BIND_SERVICE", at)
		}
		err = plain(err)
		s.setListening(i, ListenStatus{Address: at, Err: err})
		if err.Error() != last {
			last = err.Error()
			s.log.Warn("cannot listen, trying again", "address", at, "reason", err)
			s.emit(ListenChanged{ListenStatus{at, err}, time.Now()}, nil)
		}
		sleep(ctx, listenRetry)
	}
	s.setListening(i, ListenStatus{Address: at, Err: errNotRunning})
	return nil
}

// accept serves one listener until it fails or ctx ends.
func (s *Speaker) accept(ctx context.Context, l net.Listener) error {
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	defer l.Close()
	for {
		nc, err := l.Accept()
		switch {
		case err == nil:
			s.greet(nc)
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, syscall.ECONNABORTED),
			errors.Is(err, syscall.ENOBUFS), errors.Is(err, syscall.ENOMEM):
			sleep(ctx, listenRetry/10)
		default:
			return err
		}
	}
}

// greet gives an accepted connection to its peer, or closes it before a byte
// is read.
func (s *Speaker) greet(nc net.Conn) {
	c, err := s.newConn(nc, false)
	if err != nil {
		nc.Close()
		return
	}
	if err := s.receive(c); err != nil {
		if tcp, ok := nc.(*net.TCPConn); ok {
			tcp.SetLinger(0) // nothing of it stays behind
		}
		nc.Close()
		if now := time.Now(); s.refused.note(c.remote.Addr(), now) {
			s.log.Warn("connection refused", "address", c.remote.Addr(), "reason", err)
			s.mention(Refused{c.remote.Addr(), err.Error(), now})
		}
	}
}

// receive finds the peer that a connection is for. Strangers may hold no more
// than maxHalfOpen connections that are no session yet, of which the longest
// silent gives way; a peer known by its address is bounded by itself.
func (s *Speaker) receive(c *conn) error {
	p, err := s.claim(c.remote.Addr())
	if err != nil {
		return err
	}
	if p.isDynamic() {
		if s.refused.halfOpen.Add(1) > maxHalfOpen && !s.giveWay() {
			s.refused.halfOpen.Add(-1)
			return errHalfOpen
		}
		c.settled = func() { s.refused.halfOpen.Add(-1) }
	}
	if err := p.attach(c); err != nil {
		c.settle()
		return err
	}
	return nil
}

func (s *Speaker) giveWay() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.makeRoom("")
}

// Refused counts the connections that were closed because no peer and no range
// has their source address, or for a limit.
func (s *Speaker) Refused() uint64 { return s.refused.total.Load() }

// refusals counts and remembers whom the log has named of late.
type refusals struct {
	total    atomic.Uint64
	halfOpen atomic.Int64

	mu   sync.Mutex
	last map[netip.Addr]time.Time
}

const (
	// refusalQuiet is how long one address is not logged again.
	refusalQuiet = time.Minute
	// refusalNames bounds the addresses remembered; others go unnamed.
	refusalNames = 256
)

// note counts a refusal and reports whether it should be logged.
func (r *refusals) note(a netip.Addr, now time.Time) bool {
	r.total.Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	if at, ok := r.last[a]; ok && now.Sub(at) < refusalQuiet {
		return false
	}
	if len(r.last) >= refusalNames {
		for old, at := range r.last {
			if now.Sub(at) >= refusalQuiet {
				delete(r.last, old)
			}
		}
		if len(r.last) >= refusalNames {
			return false
		}
	}
	if r.last == nil {
		r.last = make(map[netip.Addr]time.Time)
	}
	r.last[a] = now
	return true
}
