package bgp

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/osrg/gobgp/v3/pkg/packet/bgp"
)

// patient are settings with graceful restart.
func patient() Settings {
	conf := settings(65000, "1.1.1.1")
	conf.RestartTime = 120 * time.Second
	return conf
}

// back shakes hands as a peer that keeps forwarding for 60 s.
func back(p *puppet, g grace) {
	p.t.Helper()
	p.shakeWith(65001, 90, "2.2.2.2", offered(65001, g)...)
}

// tellAll sends one route and the end of both families.
func tellAll(p *puppet, nlri []byte) {
	if nlri != nil {
		p.send(bgp.BGP_MSG_UPDATE, updateBody(nil, base, nlri))
	}
	p.raw(endOfRIB(IPv4))
	p.raw(endOfRIB(IPv6))
}

// story is what the events said, a line each.
func (e *ear) story() string {
	synctest.Wait()
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []string
	for _, ev := range e.events {
		switch ev := ev.(type) {
		case Established:
			out = append(out, "up")
		case Down:
			out = append(out, fmt.Sprintf("down, kept %v", ev.Kept))
		case Swept:
			out = append(out, fmt.Sprintf("swept %v: %s", ev.Families, ev.Reason))
		}
	}
	return strings.Join(out, "\n")
}

var once = grace{time: 60 * time.Second}

func TestRoutesOfAPeerThatRestartsAreKeptUntilItHasToldThemAgain(t *testing.T) {
	inWorld(t, []Peer{passive(peerA, patient())}, nil, func(t *testing.T, w *world, us *ear) {
		p := w.call(t, peerA)
		back(p, once)
		tellAll(p, net1)
		synctest.Wait()
		if st := us.status(t, peerA).Restart; !st.Negotiated || st.Peer != 60*time.Second || len(st.Families) != 2 {
			t.Errorf("status %+v", st)
		}
		p.conn.Close()
		time.Sleep(30 * time.Second)
		if st := us.status(t, peerA).Restart; len(st.Stale) != 2 || st.Kept != 1 {
			t.Errorf("status while it is away %+v", st)
		}
		p = w.call(t, peerA)
		back(p, grace{60 * time.Second, true, true})
		tellAll(p, net1)
		want := "up\ndown, kept [IPv4 IPv6]\nup\nswept [IPv4]: the peer has told everything anew\nswept [IPv6]: the peer has told everything anew"
		if got := us.story(); got != want {
			t.Errorf("story:\n%s", got)
		}
		if st := us.status(t, peerA).Restart; len(st.Stale) != 0 || !st.PeerRestarted {
			t.Errorf("status afterwards %+v", st)
		}
	})
}

func TestOtherTimersAreNoReasonToForgetRoutes(t *testing.T) {
	for name, c := range map[string]struct {
		caps   grace
		change func(*Settings)
		heard  string
		story  string
	}{
		"another hold time": {once, func(s *Settings) { s.HoldTime = 9 * time.Second }, "EOF", "up\ndown, kept [IPv4 IPv6]"},
		"another hold time for a peer that keeps nothing": {grace{}, func(s *Settings) { s.HoldTime = 9 * time.Second },
			"Cease/Other Configuration Change", "up\ndown, kept []"},
		"another AS": {once, func(s *Settings) { s.LocalASN = 65002 }, "Cease/Other Configuration Change", "up\ndown, kept []"},
	} {
		t.Run(name, func(t *testing.T) {
			conf := passive(peerA, patient())
			inWorld(t, []Peer{conf}, nil, func(t *testing.T, w *world, us *ear) {
				p := w.call(t, peerA)
				back(p, c.caps)
				tellAll(p, net1)
				synctest.Wait()
				c.change(&conf.Settings)
				mustSet(t, us.Speaker, []Peer{conf}, nil)
				if got := p.skip("KEEPALIVE", "UPDATE"); got != c.heard {
					t.Errorf("heard %q", got)
				}
				p.conn.Close()
				synctest.Wait()
				if got := us.story(); got != c.story {
					t.Errorf("story:\n%s", got)
				}
			})
		})
	}
}

func TestWhatEndsASessionSaysWhetherRoutesAreKept(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(p *puppet, us *ear)
		kept bool
	}{
		"the peer closes the connection": {func(p *puppet, _ *ear) { p.conn.Close() }, true},
		"the peer says Cease": {func(p *puppet, _ *ear) {
			p.send(bgp.BGP_MSG_NOTIFICATION, []byte{6, 2})
			p.conn.Close()
		}, false},
		"the peer falls silent": {func(*puppet, *ear) { time.Sleep(91 * time.Second) }, false},
		"the peer says nonsense": {func(p *puppet, _ *ear) {
			p.raw(make([]byte, 30))
			p.skip("KEEPALIVE", "UPDATE")
		}, false},
		"we reset the session": {func(p *puppet, us *ear) {
			us.Reset(netip.MustParseAddr(peerA), CeaseReset, 0)
			p.skip("KEEPALIVE", "UPDATE")
		}, false},
		"the peer's network is unreachable": {func(_ *puppet, us *ear) {
			us.mu.Lock()
			defer us.mu.Unlock()
			p := us.Speaker.peers[netip.MustParseAddr(peerA)]
			p.mu.Lock()
			defer p.mu.Unlock()
			p.up.end(plain(syscall.EHOSTUNREACH))
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, []Peer{passive(peerA, patient())}, nil, func(t *testing.T, w *world, us *ear) {
				p := w.call(t, peerA)
				back(p, once)
				tellAll(p, net1)
				synctest.Wait()
				c.end(p, us)
				want := "up\ndown, kept []"
				if c.kept {
					want = "up\ndown, kept [IPv4 IPv6]"
				}
				if got := us.story(); got != want {
					t.Errorf("story:\n%s", got)
				}
			})
		})
	}
}

func TestKeptRoutesEnd(t *testing.T) {
	away := func(t *testing.T, w *world, us *ear) {
		p := w.call(t, peerA)
		back(p, once)
		tellAll(p, net1)
		synctest.Wait()
		p.conn.Close()
		synctest.Wait()
	}
	for name, c := range map[string]struct {
		do   func(t *testing.T, w *world, us *ear)
		want string
	}{
		"when the peer's time is over": {func(t *testing.T, w *world, us *ear) { time.Sleep(61 * time.Second) },
			"swept [IPv4 IPv6]: the peer did not come back in time"},
		"when the peer is back and tells no end": {func(t *testing.T, w *world, us *ear) {
			p := w.call(t, peerA)
			back(p, grace{60 * time.Second, true, true})
			for range 5 {
				time.Sleep(25 * time.Second)
				p.send(bgp.BGP_MSG_KEEPALIVE, nil)
			}
		}, "up\nswept [IPv4 IPv6]: the peer has not told them again in time"},
		"when the peer's forwarding did not go on": {func(t *testing.T, w *world, us *ear) {
			back(w.call(t, peerA), grace{60 * time.Second, true, false})
		}, "swept [IPv4 IPv6]: the peer's forwarding did not go on\nup"},
		"when the peer is back without graceful restart": {func(t *testing.T, w *world, us *ear) {
			w.call(t, peerA).shake(65001, 90, "2.2.2.2")
		}, "swept [IPv4 IPv6]: the peer's forwarding did not go on\nup"},
		"when the peer's host is gone": {func(t *testing.T, w *world, us *ear) {
			w.mu.Lock()
			w.answer = unreachable
			w.mu.Unlock()
			time.Sleep(3 * time.Second)
		}, "swept [IPv4 IPv6]: the peer's host does not answer"},
		"when the peer is configured no more": {func(t *testing.T, w *world, us *ear) { mustSet(t, us.Speaker, nil, nil) },
			"swept [IPv4 IPv6]: the peer is configured no more"},
		"when the session is reset": {func(t *testing.T, w *world, us *ear) { us.Reset(netip.MustParseAddr(peerA), CeaseReset, 0) },
			"swept [IPv4 IPv6]: the session was reset"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, []Peer{passive(peerA, patient())}, nil, func(t *testing.T, w *world, us *ear) {
				away(t, w, us)
				c.do(t, w, us)
				got, _ := strings.CutPrefix(us.story(), "up\ndown, kept [IPv4 IPv6]\n")
				if got != c.want {
					t.Errorf("story:\n%s", got)
				}
			})
		})
	}
}

// A host that is seen decides, whatever its port says: it is not knocked at.
func TestWhetherAHostIsThereIsAskedOfWhoCanSeeIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.answer = func(netip.AddrPort) (net.Conn, error) {
			t.Error("the host is knocked at")
			return nil, syscall.EHOSTUNREACH
		}
		var off atomic.Bool
		s := New(Config{Listen: []netip.AddrPort{here}, Log: testLog(t), Gone: func(host netip.Addr) (gone, sure bool) {
			return off.Load(), host == netip.MustParseAddr(peerA)
		}})
		s.net = w
		mustSet(t, s, []Peer{passive(peerA, patient())}, nil)
		us := hear(t, s)
		synctest.Wait()
		p := w.call(t, peerA)
		back(p, once)
		tellAll(p, net1)
		synctest.Wait()
		p.conn.Close()
		time.Sleep(30 * time.Second)
		want := "up\ndown, kept [IPv4 IPv6]"
		if got := us.story(); got != want {
			t.Errorf("story of a host that is there:\n%s", got)
		}
		off.Store(true)
		time.Sleep(time.Second)
		want += "\nswept [IPv4 IPv6]: the peer's host does not answer"
		if got := us.story(); got != want {
			t.Errorf("story of a host that is not:\n%s", got)
		}
	})
}

func TestARestartedPeerNeedNotWaitForItsOldSessionToDie(t *testing.T) {
	inWorld(t, []Peer{passive(peerA, patient())}, nil, func(t *testing.T, w *world, us *ear) {
		p := w.call(t, peerA)
		back(p, once)
		tellAll(p, net1)
		time.Sleep(20 * time.Second)
		back(w.call(t, peerA), grace{60 * time.Second, true, true})
		if got := us.story(); got != "up\ndown, kept [IPv4 IPv6]\nup" {
			t.Errorf("story:\n%s", got)
		}
	})
}

func TestAPeerWithoutGracefulRestartIsNotKept(t *testing.T) {
	inWorld(t, []Peer{passive(peerA, patient())}, nil, func(t *testing.T, w *world, us *ear) {
		p := w.call(t, peerA)
		p.shake(65001, 90, "2.2.2.2")
		tellAll(p, net1)
		synctest.Wait()
		p.conn.Close()
		if got := us.story(); got != "up\ndown, kept []" {
			t.Errorf("story:\n%s", got)
		}
	})
}

// restartOf is what an OPEN of ours says.
func restartOf(t *testing.T, body []byte) restart {
	t.Helper()
	o, err := parseOpen(body)
	if err != nil {
		t.Fatal(err)
	}
	return o.restart
}

func TestARestartedSpeakerSaysSoOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		s := New(Config{Listen: []netip.AddrPort{here}, Log: testLog(t), Restarting: true})
		s.net = w
		mustSet(t, s, []Peer{passive(peerA, patient())}, nil)
		us := hear(t, s)
		us.Announce(nil)
		synctest.Wait()
		p := w.call(t, peerA)
		if r := restartOf(t, p.expect("OPEN")); !r.again || len(r.intact) != 2 || r.theirs != 120*time.Second {
			t.Errorf("first OPEN: %+v", r)
		}
		p.send(bgp.BGP_MSG_OPEN, hello(65001, 90, "2.2.2.2", offered(65001, once)...))
		p.expect("KEEPALIVE")
		p.send(bgp.BGP_MSG_KEEPALIVE, nil)
		for range 2 { // nothing is deferred, and the end is told
			p.expect("UPDATE")
		}
		p.conn.Close()
		synctest.Wait()
		if r := restartOf(t, w.call(t, peerA).expect("OPEN")); r.again || len(r.intact) != 2 {
			t.Errorf("second OPEN: %+v", r)
		}
	})
}

func TestHowASpeakerLeaves(t *testing.T) {
	for name, c := range map[string]struct {
		caps     grace
		farewell bool
		want     string
	}{
		"without a word where the peer will wait": {once, false, "the peer closed the connection"},
		"with a goodbye where it will not":        {grace{}, false, "Cease/Administrative Shutdown"},
		"with a text when it is for good":         {once, true, "Cease/Administrative Shutdown: node is leaving"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				s := New(Config{Listen: []netip.AddrPort{here}, Log: testLog(t)})
				s.net = w
				mustSet(t, s, []Peer{passive(peerA, patient())}, nil)
				ctx, cancel := context.WithCancel(t.Context())
				us := hearUntil(t, ctx, s)
				synctest.Wait()
				p := w.call(t, peerA)
				back(p, c.caps)
				synctest.Wait()
				if c.farewell {
					us.Farewell("node is leaving")
				}
				cancel()
				if got := p.skip("KEEPALIVE", "UPDATE"); got != c.want && !(c.want == errClosed.Error() && got == "EOF") {
					t.Errorf("heard %q", got)
				}
				p.conn.Close()
				us.wait()
			})
		})
	}
}

func TestAPeerThatFlapsDoesNotFillTheLog(t *testing.T) {
	log, lines := countingLog()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		s := New(Config{Listen: []netip.AddrPort{here}, Log: log})
		s.net = w
		mustSet(t, s, []Peer{passive(peerA, settings(65000, "1.1.1.1"))}, nil)
		us := hear(t, s)
		synctest.Wait()
		for range 100 {
			p := w.call(t, peerA)
			p.shake(65001, 90, "2.2.2.2")
			synctest.Wait()
			p.conn.Close()
			time.Sleep(300 * time.Millisecond)
		}
		if n := len(us.downs()); n != 100 {
			t.Errorf("%d sessions", n)
		}
	})
	if n := lines(); n > 2*chatty {
		t.Errorf("%d lines for 100 sessions", n)
	}
}

func TestMessagesMayBeLongWhereBothSaySo(t *testing.T) {
	var nlri []byte
	for i := range 12000 {
		nlri = append(nlri, 32, 100, 64, byte(i>>8), byte(i))
	}
	body := updateBody(nil, base, nlri)
	for name, long := range map[string]bool{"both": true, "we alone": false} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, []Peer{passive(peerA, settings(65000, "1.1.1.1"))}, nil, func(t *testing.T, w *world, us *ear) {
				caps := modern(65001)
				if !long {
					caps = slices.DeleteFunc(caps, func(c bgp.ParameterCapabilityInterface) bool { return c.Code() == capExtendedMessage })
				}
				p := w.call(t, peerA)
				p.shakeWith(65001, 90, "2.2.2.2", caps...)
				p.send(bgp.BGP_MSG_UPDATE, body)
				p.send(bgp.BGP_MSG_KEEPALIVE, nil)
				synctest.Wait()
				if !long {
					if got := p.skip("KEEPALIVE", "UPDATE"); got != "Message Header Error/Bad Message Length" {
						t.Errorf("heard %q", got)
					}
					return
				}
				if n := us.count(peerA); n != 12000 {
					t.Errorf("%d routes", n)
				}
				if st := us.status(t, peerA); st.MaxMessage != 65535 || st.MsgRcvd.Keepalive != 2 {
					t.Errorf("status %+v", st)
				}
			})
		})
	}
}

func TestAMissingNextHopIsFoundWithoutKeepalives(t *testing.T) {
	conf := settings(65000, "1.1.1.1")
	conf.HoldTime = 0
	inWorld(t, []Peer{passive(peerA, conf)}, nil, func(t *testing.T, w *world, us *ear) {
		w.setSiblings(nil)
		us.Announce(announce(dressed, "2001:db8:1::1/128"))
		w.call(t, peerA).shake(65001, 0, "2.2.2.2")
		synctest.Wait()
		if st := us.status(t, peerA); st.Withheld != 1 {
			t.Fatalf("%d withheld", st.Withheld)
		}
		w.setSiblings(map[Family]netip.Addr{IPv6: netip.MustParseAddr("2001:db8::1")})
		time.Sleep(searchEvery)
		synctest.Wait()
		if st := us.status(t, peerA); st.Withheld != 0 || st.Announced != 1 {
			t.Errorf("%d withheld, %d announced", st.Withheld, st.Announced)
		}
	})
}
