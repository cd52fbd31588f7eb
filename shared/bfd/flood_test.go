package bfd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hawser-lb/hawser/shared/lab"
)

// in runs fn on a thread of its own inside a host.
func in(t *testing.T, h *lab.Host, fn func() error) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		ns, err := os.Open("/run/netns/" + h.Namespace())
		if err == nil {
			defer ns.Close()
			err = unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET)
		}
		if err == nil {
			err = fn()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// forgery is a packet of an attacker and what is to become of it.
type forgery struct {
	what string
	from string
	ttl  int
	raw  func(b []byte) []byte // what is wrong with it; nil: nothing
	packet
	why reason // for which it is ignored
}

// forgeries of one neighbour's packets, which has the discriminator theirs.
func forgeries(from, mallory string, mine, theirs uint32) []forgery {
	good := packet{state: Down, multiplier: 3, mine: theirs, yours: mine}
	with := func(change func(p *packet)) packet {
		p := good
		change(&p)
		return p
	}
	set := func(at int, value byte) func([]byte) []byte {
		return func(b []byte) []byte { b[at] = value; return b }
	}
	return []forgery{
		{"from behind a router", from, 64, nil, good, farTTL},
		{"nearly a neighbour", from, 254, nil, good, farTTL},
		{"a guessed discriminator", from, hops, nil, with(func(p *packet) { p.yours = mine + 1 }), otherDiscriminator},
		{"no discriminator, forged address", from, hops, nil, with(func(p *packet) { p.mine, p.yours = theirs+1, 0 }), otherNeighbor},
		{"no discriminator, though it is up", from, hops, nil, with(func(p *packet) { p.state, p.yours = Up, 0 }), noDiscriminator},
		{"from somebody else", mallory, hops, nil, with(func(p *packet) { p.yours = 0 }), unwatched},
		{"somebody else who knows the discriminator", mallory, hops, nil, good, otherAddress},
		{"too short", from, hops, func(b []byte) []byte { return b[:23] }, good, short},
		{"length wrong", from, hops, set(3, 25), good, wrongLength},
		{"another version", from, hops, set(0, 0), good, otherVersion},
		{"authentication", from, hops, set(1, flagAuth), good, authenticated},
		{"multipoint", from, hops, set(1, flagMulti), good, multipoint},
		{"multiplier 0", from, hops, set(2, 0), good, noMultiplier},
		{"its own discriminator 0", from, hops, nil, with(func(p *packet) { p.mine = 0 }), noDiscriminator},
	}
}

// send sends the forgery n times from a host that has the address.
func (f *forgery) send(t *testing.T, h *lab.Host, to string, n int) {
	t.Helper()
	in(t, h, func() error {
		at := netip.MustParseAddr(f.from)
		options := []socketOption{{unix.IPPROTO_IP, unix.IP_TTL, f.ttl}, {unix.SOL_IP, unix.IP_TRANSPARENT, 1}}
		if at.Is6() {
			options = []socketOption{{unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, f.ttl}}
		}
		fd, err := socket(netip.AddrPortFrom(at, 0), options)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		b := make([]byte, packetLength)
		f.write(b)
		if f.raw != nil {
			b = f.raw(b)
		}
		sa, err := sockaddr(netip.AddrPortFrom(netip.MustParseAddr(to), singleHopPort))
		if err != nil {
			return err
		}
		for range n {
			if err := unix.Sendto(fd, b, 0, sa); err != nil {
				return fmt.Errorf("%s: %w", f.what, err)
			}
		}
		return nil
	})
}

// siege is two Speakers that have sessions of both families, 100 ms three times,
// and an attacker on their wire who has the addresses of one of them.
type siege struct {
	*testing.T
	router, node *side
	mallory      *lab.Host
}

// patience is the multiplier: a machine that gives others a second is no reason
// for a session to go down here. How it is at three intervals is measured by
// "make bench-bfd".
const patience = 20

func besiege(t *testing.T) siege {
	l := lab.Test(t)
	wire, router, node, mallory := l.Host("wire"), l.Host("router"), l.Host("node"), l.Host("mallory")
	b := l.Bridge(wire, "br0")
	b.Attach(router, "eth0", "10.0.0.1/24", "fd00::1/64", "fe80::1/64")
	b.Attach(node, "eth0", "10.0.0.2/24", "fd00::2/64", "fe80::2/64")
	b.Attach(mallory, "eth0", "10.0.0.66/24", "fd00::66/64", "fe80::66/64")
	// An address that is to be forged in IPv6 must be on an interface.
	if _, err := mallory.Run(t.Context(), "ip", "addr", "add", "fd00::2/128", "dev", "lo"); err != nil {
		t.Fatal(err)
	}
	s := siege{T: t, mallory: mallory}
	ctx, cancel := context.WithCancel(context.Background())
	var ended []chan error
	t.Cleanup(func() {
		cancel()
		for _, e := range ended {
			if err := <-e; err != nil {
				t.Error(err)
			}
		}
	})
	start := func(h *lab.Host, ours, theirs string) *side {
		end := make(chan error, 2)
		ended = append(ended, end)
		r := &side{Speaker: newSpeaker(Config{Log: slog.New(slog.DiscardHandler)}, hostNet{h})}
		go func() { end <- r.Run(ctx) }()
		go r.listen(ctx)
		var all []Session
		for _, net := range []string{"10.0.0.", "fd00::", "fe80::"} {
			k := Key{Remote: netip.MustParseAddr(net + theirs), Local: netip.MustParseAddr(net + ours)}
			if net == "fe80::" {
				k.Remote, k.Local = k.Remote.WithZone("eth0"), k.Local.WithZone("eth0")
			}
			all = append(all, Session{Key: k, Transmit: interval, Receive: interval, Multiplier: patience})
		}
		r.Set(all)
		return r
	}
	s.router, s.node = start(router, "1", "2"), start(node, "2", "1")
	lab.Eventually(t, "all sessions are up and fast", func() error {
		for _, r := range []*side{s.router, s.node} {
			for _, st := range r.Status() {
				if st.State != Up || st.Detect != patience*interval {
					return fmt.Errorf("%+v, ignored %v", st, r.Ignored())
				}
			}
		}
		return nil
	})
	return s
}

// of is the router's session with a neighbour.
func (s siege) of(remote string) Status {
	for _, st := range s.router.Status() {
		if st.Key.Remote == netip.MustParseAddr(remote) {
			return st
		}
	}
	s.Fatalf("nobody watches %s", remote)
	return Status{}
}

// stand fails if a session did not.
func (s siege) stand() {
	s.Helper()
	for _, r := range []*side{s.router, s.node} {
		for _, st := range r.Status() {
			if st.State != Up || st.Downs > 0 {
				s.Errorf("%+v", st)
			}
		}
	}
}

func TestEachForgeryIsIgnoredAndCountedByItsReason(t *testing.T) {
	s := besiege(t)
	for _, family := range []struct{ ours, theirs, mallory string }{{"10.0.0.1", "10.0.0.2", "10.0.0.66"}, {"fd00::1", "fd00::2", "fd00::66"}} {
		st := s.of(family.theirs)
		for _, f := range forgeries(family.theirs, family.mallory, st.Discriminator, st.Theirs.Discriminator) {
			word := reasons[f.why]
			before := s.router.Ignored()[word]
			f.send(t, s.mallory, family.ours, 20)
			lab.Eventually(t, f.what, func() error {
				if n := s.router.Ignored()[word] - before; n != 20 {
					return fmt.Errorf("%d counted as %s: %v", n, word, s.router.Ignored())
				}
				return nil
			})
		}
	}
	s.stand()
}

// total is what a side has counted.
func (s *side) total() (n uint64) {
	for _, k := range s.Ignored() {
		n += k
	}
	return n
}

func TestAFloodOfForgeriesTakesNoSessionDown(t *testing.T) {
	s := besiege(t)
	const each, apart = 2000, 5
	for _, family := range []struct{ ours, theirs, mallory string }{{"10.0.0.1", "10.0.0.2", "10.0.0.66"}, {"fd00::1", "fd00::2", "fd00::66"}} {
		st, begin := s.of(family.theirs), s.router.total()
		all := forgeries(family.theirs, family.mallory, st.Discriminator, st.Theirs.Discriminator)
		for range apart {
			for _, f := range all {
				f.send(t, s.mallory, family.ours, each)
			}
		}
		want := uint64(apart * each * len(all))
		lab.Eventually(t, "each is counted", func() error {
			// A few packets of the neighbour may have found no room, either.
			if n := s.router.total() - begin; n < want || n > want+want/100 {
				return fmt.Errorf("%d of %d: %v", n, want, s.router.Ignored())
			}
			return nil
		})
	}
	t.Logf("ignored: %v", s.router.Ignored())
	if kept := s.router.Ignored()["flood"]; kept < s.router.total()/2 {
		t.Errorf("the kernel kept no more than %d out", kept)
	}
	s.stand()
	lab.Eventually(t, "the fence is taken away", func() error {
		s.router.Speaker.mu.Lock()
		defer s.router.Speaker.mu.Unlock()
		if s.router.flood.up {
			return errors.New("it stands")
		}
		return nil
	})
	begin := s.router.Ignored()["ttl"]
	st := s.of("10.0.0.2")
	forgeries("10.0.0.2", "10.0.0.66", st.Discriminator, st.Theirs.Discriminator)[0].send(t, s.mallory, "10.0.0.1", 20)
	lab.Eventually(t, "each is looked at again", func() error {
		if n := s.router.Ignored()["ttl"] - begin; n != 20 {
			return fmt.Errorf("%d", n)
		}
		return nil
	})
	s.stand()
}
