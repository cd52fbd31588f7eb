package bgp

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/hawser-lb/hawser/shared/lab"
)

func gracefulTask() task {
	return task{asn: 65001, peerASN: 65000, peer: "10.0.0.1", local: "10.0.0.2", hold: 90, graceful: true,
		passive: true, originate: []string{"203.0.113.1/32", "2001:db8:2::1/128"}}
}

func gracefulPeer() Peer {
	conf := settings(65000, "10.255.0.1")
	conf.RestartTime = 120 * time.Second
	return Peer{Settings: conf, Address: netip.MustParseAddr("10.0.0.2")}
}

// kept counts Downs with routes kept, and what was swept and why.
func (e *ear) kept() (n int, swept map[Family]string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	swept = map[Family]string{}
	for _, ev := range e.events {
		switch ev := ev.(type) {
		case Down:
			if len(ev.Kept) > 0 {
				n++
			}
		case Swept:
			for _, f := range ev.Families {
				swept[f] = ev.Reason
			}
		}
	}
	return n, swept
}

// FRR alone, without its zebra, defers for ever when it restarts.
func TestAnotherImplementationThatIsKilledIsWaitedForUntilItHasToldEverything(t *testing.T) {
	for name, o := range map[string]oracle{"BIRD": &bird{}, "GoBGP": &gobgp{}} {
		t.Run(name, func(t *testing.T) {
			a, b := wire(t)
			job := gracefulTask()
			us := listening(t, a, gracefulPeer())
			us.Announce(announce(dressed, "198.51.100.1/32"))
			o.start(t, b, job)
			eventually(t, "their routes", func() bool { return us.count(job.local) == 2 })
			if st := us.status(t, job.local).Restart; !st.Negotiated || st.Peer != 60*time.Second || len(st.Families) != 2 {
				t.Fatalf("status %+v", st)
			}
			o.process().Kill()
			eventually(t, "their routes to be kept", func() bool { n, _ := us.kept(); return n == 1 })
			job.again = true
			o.start(t, b, job)
			eventually(t, "them to have told everything anew", func() bool {
				_, swept := us.kept()
				const why = "the peer has told everything anew"
				return swept[IPv4] == why && swept[IPv6] == why
			})
			eventually(t, "their routes again", func() bool { return us.count(job.local) == 2 })
		})
	}
}

func TestAnotherImplementationWaitsForUs(t *testing.T) {
	everyOracle(t, func(t *testing.T, o oracle) {
		a, b := wire(t)
		job := gracefulTask()
		first := New(Config{Log: testLog(t)})
		first.net = hostNet{a}
		mustSet(t, first, []Peer{gracefulPeer()}, nil)
		ctx, leave := context.WithCancel(t.Context())
		us := hearUntil(t, ctx, first)
		us.Announce(announce(dressed, "198.51.100.1/32", "198.51.100.2/32", "2001:db8:1::1/128"))
		o.start(t, b, job)
		until(t, "our routes", "2 1", counts(o))
		leave()
		us.wait()
		for range 20 { // they stay, whenever one looks
			for _, p := range []string{"198.51.100.2/32", "2001:db8:1::1/128"} {
				if got, err := o.sees(p); got == "" || err != nil {
					t.Fatalf("while we are away they have no %s: %v", p, err)
				}
			}
		}
		second := New(Config{Log: testLog(t), Restarting: true})
		second.net = hostNet{a}
		mustSet(t, second, []Peer{gracefulPeer()}, nil)
		us = hear(t, second)
		us.Announce(announce(dressed, "198.51.100.1/32", "2001:db8:1::1/128"))
		until(t, "what we did not tell again to go", "1 1", counts(o))
	})
}

func TestAHostThatIsSwitchedOffAfterItsSpeakerIsNotWaitedFor(t *testing.T) {
	a, b := wire(t)
	peer := gracefulPeer()
	peer.Passive = true
	us := listening(t, a, peer)
	them := New(Config{Log: testLog(t)})
	them.net = hostNet{b}
	conf := settings(65001, "10.255.0.2")
	conf.RestartTime = 120 * time.Second
	mustSet(t, them, []Peer{{Settings: conf, Address: netip.MustParseAddr("10.0.0.1")}}, nil)
	ctx, leave := context.WithCancel(t.Context())
	speaker := hearUntil(t, ctx, them)
	speaker.Announce(announce(dressed, "203.0.113.1/32"))
	eventually(t, "their route", func() bool { return us.count("10.0.0.2") == 1 })
	leave()
	speaker.wait()
	eventually(t, "their route to be kept", func() bool { n, _ := us.kept(); return n == 1 })
	began := time.Now()
	if _, err := b.Run(t.Context(), "ip", "addr", "flush", "dev", "eth0"); err != nil {
		t.Fatal(err)
	}
	// The kernel believes in a neighbour that it has just heard for up to 45 s.
	patience, cancel := context.WithTimeout(t.Context(), 100*time.Second)
	defer cancel()
	err := lab.Until(patience, "it to be given up", func() error {
		if _, swept := us.kept(); swept[IPv4] != "the peer's host does not answer" {
			return fmt.Errorf("swept: %v", swept)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("given up %s after the host was gone", time.Since(began).Round(time.Second/10))
}
