package bgp

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/osrg/gobgp/v3/pkg/packet/bgp"

	"github.com/hawser-lb/hawser/shared/route"
)

const peerA = "10.0.0.2"

func TestASilentPeerIsToldSoAfterTheNegotiatedHoldTime(t *testing.T) {
	inWorld(t, []Peer{passive(peerA, settings(65000, "1.1.1.1"))}, nil, func(t *testing.T, w *world, us *ear) {
		p := w.call(t, peerA)
		p.shake(65001, 30, "2.2.2.2")
		start := time.Now()
		synctest.Wait()
		if st := us.status(t, peerA); st.HoldTime != 30*time.Second || st.Keepalive != 10*time.Second || st.State != StateEstablished {
			t.Errorf("hold %s, keepalive %s, state %s", st.HoldTime, st.Keepalive, st.State)
		}
		if got := p.skip("KEEPALIVE"); got != "Hold Timer Expired" {
			t.Fatalf("heard %q", got)
		}
		if d := time.Since(start); d != 30*time.Second {
			t.Errorf("after %s", d)
		}
		synctest.Wait()
		if d := us.downs(); !slices.Equal(d, []string{"sent Hold Timer Expired: nothing heard for 30s"}) {
			t.Errorf("downs %q", d)
		}
	})
}

func TestATrickleOfBytesIsSilence(t *testing.T) {
	inWorld(t, []Peer{passive(peerA, settings(65000, "1.1.1.1"))}, nil, func(t *testing.T, w *world, us *ear) {
		p := w.call(t, peerA)
		p.shake(65001, 30, "2.2.2.2")
		for _, b := range keepaliveMessage[:12] {
			time.Sleep(2 * time.Second)
			p.raw([]byte{b})
		}
		if got := p.skip("KEEPALIVE"); got != "Hold Timer Expired" {
			t.Errorf("heard %q", got)
		}
	})
}

func TestKeepalivesComeEveryThirdOfTheHoldTimeWithJitter(t *testing.T) {
	inWorld(t, []Peer{passive(peerA, settings(65000, "1.1.1.1"))}, nil, func(t *testing.T, w *world, us *ear) {
		p := w.call(t, peerA)
		p.shake(65001, 90, "2.2.2.2")
		var gaps []time.Duration
		for range 20 {
			before := time.Now()
			p.expect("KEEPALIVE")
			gaps = append(gaps, time.Since(before))
			p.send(bgp.BGP_MSG_KEEPALIVE, nil)
		}
		if low, high := slices.Min(gaps), slices.Max(gaps); low < 22500*time.Millisecond || high > 30*time.Second || low == high {
			t.Errorf("gaps %v", gaps)
		}
		if !us.up(peerA) {
			t.Error("session is gone")
		}
	})
}

func TestHoldTimeZeroMeansNoKeepaliveAndNoEnd(t *testing.T) {
	for _, side := range []string{"ours", "theirs"} {
		t.Run(side, func(t *testing.T) {
			conf, theirs := settings(65000, "1.1.1.1"), uint16(0)
			if side == "ours" {
				conf.HoldTime, theirs = 0, 90
			}
			inWorld(t, []Peer{passive(peerA, conf)}, nil, func(t *testing.T, w *world, us *ear) {
				p := w.call(t, peerA)
				p.shake(65001, theirs, "2.2.2.2")
				time.Sleep(24 * time.Hour)
				synctest.Wait()
				st := us.status(t, peerA)
				if st.State != StateEstablished || st.MsgSent.Keepalive != 1 || st.HoldTime != 0 {
					t.Errorf("state %s, %d keepalives, hold %s", st.State, st.MsgSent.Keepalive, st.HoldTime)
				}
			})
		})
	}
}

func TestAConnectionWithoutOpenEnds(t *testing.T) {
	for who, wait := range map[string]time.Duration{"peer": 4 * time.Minute, "stranger": 30 * time.Second} {
		t.Run(who, func(t *testing.T) {
			conf := settings(65000, "1.1.1.1")
			peers, ranges := []Peer{passive(peerA, conf)}, []Range(nil)
			if who == "stranger" {
				peers, ranges = nil, []Range{{Settings: conf, Prefix: netip.MustParsePrefix("10.0.0.0/24")}}
			}
			inWorld(t, peers, ranges, func(t *testing.T, w *world, us *ear) {
				p := w.call(t, peerA)
				p.expect("OPEN")
				start := time.Now()
				p.expect("Hold Timer Expired")
				if d := time.Since(start); d != wait {
					t.Errorf("after %s, want %s", d, wait)
				}
				synctest.Wait()
				if len(us.events) != 0 {
					t.Errorf("events %v", us.events)
				}
			})
		})
	}
}

func TestMessagesOutOfTurnAreFSMErrors(t *testing.T) {
	open := hello(65001, 90, "2.2.2.2", modern(65001)...)
	empty := updateBody(nil, nil, nil)
	refresh := []byte{0, 1, 0, 1}
	for _, c := range []struct {
		state string
		kind  byte
		body  []byte
		want  string
	}{
		{"OpenSent", bgp.BGP_MSG_KEEPALIVE, nil, "Finite State Machine Error/Unexpected Message in OpenSent"},
		{"OpenSent", bgp.BGP_MSG_UPDATE, empty, "Finite State Machine Error/Unexpected Message in OpenSent"},
		{"OpenSent", bgp.BGP_MSG_ROUTE_REFRESH, refresh, "Finite State Machine Error/Unexpected Message in OpenSent"},
		{"OpenConfirm", bgp.BGP_MSG_OPEN, open, "Finite State Machine Error/Unexpected Message in OpenConfirm"},
		{"OpenConfirm", bgp.BGP_MSG_UPDATE, empty, "Finite State Machine Error/Unexpected Message in OpenConfirm"},
		{"OpenConfirm", bgp.BGP_MSG_ROUTE_REFRESH, refresh, "Finite State Machine Error/Unexpected Message in OpenConfirm"},
		{"Established", bgp.BGP_MSG_OPEN, open, "Finite State Machine Error/Unexpected Message in Established"},
	} {
		t.Run(fmt.Sprintf("%s/%d", c.state, c.kind), func(t *testing.T) {
			inWorld(t, []Peer{passive(peerA, settings(65000, "1.1.1.1"))}, nil, func(t *testing.T, w *world, us *ear) {
				p := w.call(t, peerA)
				p.expect("OPEN")
				if c.state != "OpenSent" {
					p.send(bgp.BGP_MSG_OPEN, open)
					p.expect("KEEPALIVE")
				}
				if c.state == "Established" {
					p.send(bgp.BGP_MSG_KEEPALIVE, nil)
				}
				p.send(c.kind, c.body)
				body := p.expect(c.want)
				if len(body) != 3 || body[2] != c.kind {
					t.Errorf("data %x", body)
				}
			})
		})
	}
}

func TestOpensThatAreRefused(t *testing.T) {
	good := hello(65001, 90, "2.2.2.2", modern(65001)...)
	with := func(at int, b ...byte) []byte {
		out := slices.Clone(good)
		copy(out[at:], b)
		return out
	}
	for name, c := range map[string]struct {
		body []byte
		want string
	}{
		"version 3":             {with(0, 3), "OPEN Message Error/Unsupported Version Number"},
		"wrong AS":              {hello(65002, 90, "2.2.2.2", modern(65002)...), "OPEN Message Error/Bad Peer AS"},
		"wrong 4-octet AS":      {hello(65001, 90, "2.2.2.2", modern(4200000001)...), "OPEN Message Error/Bad Peer AS"},
		"AS 0":                  {hello(0, 90, "2.2.2.2"), "OPEN Message Error/Bad Peer AS"},
		"identifier 0":          {with(5, 0, 0, 0, 0), "OPEN Message Error/Bad BGP Identifier"},
		"hold time 1":           {with(3, 0, 1), "OPEN Message Error/Unacceptable Hold Time"},
		"hold time 2":           {with(3, 0, 2), "OPEN Message Error/Unacceptable Hold Time"},
		"unknown parameter":     {append(slices.Clone(good[:9]), 2, 7, 0), "OPEN Message Error/Unsupported Optional Parameter"},
		"authentication":        {append(slices.Clone(good[:9]), 3, 1, 1, 0), "OPEN Message Error/Unsupported Optional Parameter"},
		"short parameters":      {with(9, good[9]+1), "OPEN Message Error"},
		"parameter overrun":     {append(slices.Clone(good[:9]), 2, 2, 9), "OPEN Message Error"},
		"capability overrun":    {append(slices.Clone(good[:9]), 4, 2, 2, 65, 9), "OPEN Message Error"},
		"no family in common":   {hello(65001, 90, "2.2.2.2", bgp.NewCapMultiProtocol(bgp.RF_IPv4_VPN)), "OPEN Message Error/Unsupported Capability"},
		"a word from elsewhere": {[]byte("GET / HTTP/1.1\r\n\r\n"), "OPEN Message Error/Unsupported Version Number"},
	} {
		t.Run(name, func(t *testing.T) {
			conf := settings(65000, "1.1.1.1")
			conf.PeerASN = ASNRule{Exactly: 65001}
			inWorld(t, []Peer{passive(peerA, conf)}, nil, func(t *testing.T, w *world, us *ear) {
				p := w.call(t, peerA)
				p.expect("OPEN")
				p.send(bgp.BGP_MSG_OPEN, c.body)
				p.expect(c.want)
				synctest.Wait()
				if st := us.status(t, peerA); len(us.events) != 0 || st.LastSent.String() != c.want || !strings.HasPrefix(st.LastError, "sent "+c.want+": ") {
					t.Errorf("events %v, last error %q", us.events, st.LastError)
				}
			})
		})
	}
}

func TestIdentifiersMayRepeatAcrossASesButNotWithin(t *testing.T) {
	for asn, want := range map[uint32]string{65001: "KEEPALIVE", 65000: "OPEN Message Error/Bad BGP Identifier"} {
		inWorld(t, []Peer{passive(peerA, settings(65000, "1.1.1.1"))}, nil, func(t *testing.T, w *world, us *ear) {
			p := w.call(t, peerA)
			p.expect("OPEN")
			p.send(bgp.BGP_MSG_OPEN, hello(asn, 90, "1.1.1.1", modern(asn)...))
			p.expect(want)
		})
	}
}

func TestExtendedOptionalParametersAreRead(t *testing.T) {
	inWorld(t, []Peer{passive(peerA, settings(65000, "1.1.1.1"))}, nil, func(t *testing.T, w *world, us *ear) {
		p := w.call(t, peerA)
		p.expect("OPEN")
		head := hello(asTrans, 90, "2.2.2.2")[:9]
		p.send(bgp.BGP_MSG_OPEN, append(slices.Clone(head), 255, 255, 0, 9, 2, 0, 6, 65, 4, 0xfa, 0x56, 0xea, 1))
		p.expect("KEEPALIVE")
		synctest.Wait()
		if st := us.status(t, peerA); st.ASN != 0xfa56ea01 || !slices.Equal(st.Families, []Family{IPv4}) {
			t.Errorf("ASN %d, families %v", st.ASN, st.Families)
		}
	})
}

func TestAttemptsToConnectStopAtOnceWithThePeer(t *testing.T) {
	conf := settings(65000, "1.1.1.1")
	conf.ConnectRetry = 0
	inWorld(t, []Peer{{Settings: conf, Address: netip.MustParseAddr(peerA)}}, nil, func(t *testing.T, w *world, us *ear) {
		time.Sleep(10 * time.Minute)
		w.mu.Lock()
		times := slices.Clone(w.dialed)
		w.mu.Unlock()
		if len(times) < 60 {
			t.Fatalf("%d attempts", len(times))
		}
		if st := us.status(t, peerA); st.State != Active || st.LastError != "connect: connection refused" {
			t.Errorf("%s, %q", st.State, st.LastError)
		}
		mustSet(t, us.Speaker, nil, nil)
		synctest.Wait()
		before := len(w.dialed)
		time.Sleep(time.Hour)
		if len(w.dialed) != before || len(us.Status()) != 0 {
			t.Error("still dialling a peer that is gone")
		}
	})
}

func TestAStableSessionIsReopenedSoonAndAFlappingOneLater(t *testing.T) {
	for life, bounds := range map[time.Duration][2]time.Duration{
		time.Hour:   {750 * time.Millisecond, time.Second},
		time.Second: {3750 * time.Millisecond, 5 * time.Second},
	} {
		conf := settings(65000, "1.1.1.1")
		conf.ConnectRetry, conf.HoldTime = 0, 0
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			calls := w.pickUp(t)
			s := New(Config{Log: testLog(t)})
			s.net = w
			mustSet(t, s, []Peer{{Settings: conf, Address: netip.MustParseAddr(peerA)}}, nil)
			us := hear(t, s)
			p := <-calls
			p.shake(65001, 0, "2.2.2.2")
			time.Sleep(life)
			p.conn.Close()
			ended := time.Now()
			<-calls
			if d := time.Since(ended); d < bounds[0] || d > bounds[1] {
				t.Errorf("after a life of %s: %s", life, d)
			}
			if d := us.downs(); !slices.Equal(d, []string{"the peer closed the connection"}) {
				t.Errorf("downs %q", d)
			}
		})
	}
}

// A router that boots is away for a minute and more, and its program comes some
// seconds after its address: its nodes should not have grown tired of it.
func TestAPeerThatIsNotThereIsAskedEachSecond(t *testing.T) {
	conf := settings(65000, "1.1.1.1")
	conf.ConnectRetry = 2 * time.Second
	for _, says := range []error{syscall.EHOSTUNREACH, syscall.ECONNREFUSED} {
		inWorld(t, []Peer{{Settings: conf, Address: netip.MustParseAddr(peerA)}}, nil, func(t *testing.T, w *world, _ *ear) {
			w.mu.Lock()
			w.answer = func(netip.AddrPort) (net.Conn, error) { return nil, says }
			w.mu.Unlock()
			time.Sleep(10 * time.Minute)
			w.mu.Lock()
			times := slices.Clone(w.dialed)
			w.mu.Unlock()
			for i := range times[1:] {
				if gap := times[i+1].Sub(times[i]); gap > time.Second {
					t.Errorf("%v: gap %d: %s", says, i, gap)
				}
			}
			if len(times) < 600 {
				t.Errorf("%v: %d attempts", says, len(times))
			}
		})
	}
}

// Both ends dialled: RFC 4271 §6.8.
func TestOfTwoConnectionsThatOfTheHigherIdentifierStays(t *testing.T) {
	for _, c := range []struct {
		id    string // theirs; ours is 5.5.5.5
		asn   uint32
		first string // whose connection gets the OPEN first
		stays string
	}{
		{"1.1.1.1", 65001, "ours", "ours"},
		{"1.1.1.1", 65001, "theirs", "ours"},
		{"9.9.9.9", 65001, "ours", "theirs"},
		{"9.9.9.9", 65001, "theirs", "theirs"},
		{"5.5.5.5", 65001, "ours", "theirs"}, // RFC 6286: the higher AS
		{"5.5.5.5", 64000, "theirs", "ours"},
	} {
		t.Run(fmt.Sprint(c.id, c.asn, c.first), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				calls := w.pickUp(t)
				s := New(Config{Listen: []netip.AddrPort{here}, Log: testLog(t)})
				s.net = w
				mustSet(t, s, []Peer{{Settings: settings(65000, "5.5.5.5"), Address: netip.MustParseAddr(peerA)}}, nil)
				us := hear(t, s)
				conns := map[string]*puppet{"ours": <-calls, "theirs": w.call(t, peerA)}
				for _, p := range conns {
					p.expect("OPEN")
				}
				loser := map[string]string{"ours": "theirs", "theirs": "ours"}[c.stays]
				second := map[string]string{"ours": "theirs", "theirs": "ours"}[c.first]
				for _, name := range []string{c.first, second} {
					conns[name].send(bgp.BGP_MSG_OPEN, hello(c.asn, 90, c.id, modern(c.asn)...))
					synctest.Wait()
				}
				if got := conns[loser].skip("KEEPALIVE"); got != "Cease/Connection Collision Resolution" {
					t.Errorf("the loser hears %q", got)
				}
				conns[c.stays].expect("KEEPALIVE")
				conns[c.stays].send(bgp.BGP_MSG_KEEPALIVE, nil)
				synctest.Wait()
				st := us.status(t, peerA)
				if ours := st.RemotePort == 179; st.State != StateEstablished || ours != (c.stays == "ours") {
					t.Errorf("%s with port %d", st.State, st.RemotePort)
				}
				if st.Established != 1 || st.Dropped != 0 {
					t.Errorf("%d up, %d down", st.Established, st.Dropped)
				}
			})
		})
	}
}

func TestANewConnectionDoesNotDisturbAnEstablishedSessionButProbesIt(t *testing.T) {
	inWorld(t, []Peer{passive(peerA, settings(65000, "1.1.1.1"))}, nil, func(t *testing.T, w *world, us *ear) {
		old := w.call(t, peerA)
		old.shake(65001, 90, "2.2.2.2")
		synctest.Wait()
		start := time.Now()
		young := w.call(t, peerA)
		young.expect("OPEN")
		old.expect("KEEPALIVE")
		if time.Since(start) != 0 {
			t.Error("the old session was not probed at once")
		}
		young.send(bgp.BGP_MSG_OPEN, hello(65001, 90, "2.2.2.2", modern(65001)...))
		young.expect("Cease/Connection Collision Resolution")
		synctest.Wait()
		if !us.up(peerA) || len(us.downs()) != 0 {
			t.Error("the session is gone")
		}
		// A host that was restarted answers the probe with a reset.
		again := w.call(t, peerA)
		again.expect("OPEN")
		old.conn.Close()
		synctest.Wait()
		again.send(bgp.BGP_MSG_OPEN, hello(65001, 90, "2.2.2.2", modern(65001)...))
		again.expect("KEEPALIVE")
		again.send(bgp.BGP_MSG_KEEPALIVE, nil)
		synctest.Wait()
		if !us.up(peerA) || len(us.downs()) != 1 {
			t.Error("the new session is not up")
		}
	})
}

// The newer of two attempts of a peer is the one that it still knows of.
func TestAPeersSecondAttemptReplacesItsFirst(t *testing.T) {
	inWorld(t, []Peer{passive(peerA, settings(65000, "1.1.1.1"))}, nil, func(t *testing.T, w *world, us *ear) {
		first := w.call(t, peerA)
		first.expect("OPEN")
		second := w.call(t, peerA)
		second.shake(65001, 90, "2.2.2.2")
		first.expect("Cease/Connection Collision Resolution")
		synctest.Wait()
		if !us.up(peerA) {
			t.Error("no session")
		}
	})
}

func TestRangesTakePeersByLongestPrefixUpToTheirLimit(t *testing.T) {
	wide, narrow, named := settings(65000, "1.1.1.1"), settings(65000, "1.1.1.1"), settings(65000, "1.1.1.1")
	wide.Name, narrow.Name, named.Name = "wide", "narrow", "named"
	ranges := []Range{
		{Settings: wide, Prefix: netip.MustParsePrefix("10.0.0.0/16")},
		{Settings: narrow, Prefix: netip.MustParsePrefix("10.0.0.0/24"), MaxPeers: 2},
		{Settings: narrow, Prefix: netip.MustParsePrefix("10.0.2.0/24"), MaxPeers: 2},
	}
	inWorld(t, []Peer{passive("10.0.0.9", named)}, ranges, func(t *testing.T, w *world, us *ear) {
		var held []*puppet
		for _, addr := range []string{"10.0.0.2", "10.0.0.9", "10.0.1.2", "10.0.2.2"} {
			p := w.call(t, addr)
			p.shake(65001, 90, "2.2.2.2")
			held = append(held, p)
		}
		synctest.Wait()
		var got []string
		for _, st := range us.Status() {
			got = append(got, fmt.Sprint(st.Name, " ", st.Address, " ", st.Dynamic, " ", st.State))
		}
		want := []string{"narrow 10.0.0.2 true Established", "named 10.0.0.9 false Established", "wide 10.0.1.2 true Established", "narrow 10.0.2.2 true Established"}
		if !slices.Equal(got, want) {
			t.Errorf("got %q", got)
		}
		// narrow has its two.
		if got, _ := w.call(t, "10.0.2.3").hear(); got != "EOF" {
			t.Errorf("a third one hears %q", got)
		}
		held[0].conn.Close()
		synctest.Wait()
		third := w.call(t, "10.0.2.3")
		third.shake(65001, 90, "2.2.2.2")
		synctest.Wait()
		if !us.up("10.0.2.3") || us.Refused() != 1 {
			t.Errorf("refused %d", us.Refused())
		}
		// The one that left is still shown, with its reason, for a while.
		if st := us.status(t, "10.0.0.2"); st.State != Active || st.LastError != "the peer closed the connection" {
			t.Errorf("%s, %q", st.State, st.LastError)
		}
	})
}

func TestStrangersAreClosedUnreadAndCounted(t *testing.T) {
	inWorld(t, []Peer{passive(peerA, settings(65000, "1.1.1.1"))}, nil, func(t *testing.T, w *world, us *ear) {
		for i := range 300 {
			p := w.call(t, fmt.Sprintf("192.0.2.%d", i%250))
			if got, _ := p.hear(); got != "EOF" {
				t.Fatalf("a stranger hears %q", got)
			}
		}
		synctest.Wait()
		if us.Refused() != 300 || len(us.Status()) != 1 {
			t.Errorf("refused %d, peers %d", us.Refused(), len(us.Status()))
		}
	})
}

func TestRefusalsAreLoggedOnceAMinuteAnAddressAndRememberedWithinBounds(t *testing.T) {
	var r refusals
	now := time.Now()
	a := netip.MustParseAddr("192.0.2.1")
	if !r.note(a, now) || r.note(a, now.Add(59*time.Second)) || !r.note(a, now.Add(time.Minute)) {
		t.Error("not once a minute")
	}
	for range 10000 {
		a = a.Next()
		r.note(a, now)
	}
	if len(r.last) > refusalNames || r.total.Load() != 10003 {
		t.Errorf("%d remembered, %d counted", len(r.last), r.total.Load())
	}
}

func TestHalfOpenConnectionsAreBounded(t *testing.T) {
	conf := settings(65000, "1.1.1.1")
	ranges := []Range{{Settings: conf, Prefix: netip.MustParsePrefix("10.0.0.0/8")}}
	inWorld(t, nil, ranges, func(t *testing.T, w *world, us *ear) {
		first := w.call(t, "10.0.0.2")
		first.expect("OPEN")
		for i := range maxHalfOpen - 1 {
			time.Sleep(time.Millisecond)
			w.call(t, fmt.Sprintf("10.0.1.%d", i)).expect("OPEN")
		}
		for i := range 50 {
			w.call(t, fmt.Sprintf("10.0.2.%d", i)).expect("OPEN")
			synctest.Wait()
			if n := us.refused.halfOpen.Load(); n > maxHalfOpen {
				t.Errorf("%d half-open", n)
			}
		}
		if got, _ := first.hear(); got != "EOF" {
			t.Errorf("who waited longest hears %q", got)
		}
		p := w.call(t, "10.0.3.1")
		p.shake(65001, 90, "2.2.2.2")
		synctest.Wait()
		if !us.up("10.0.3.1") {
			t.Error("who says something does not come in")
		}
		time.Sleep(rangeOpenWait + 2*farewell)
		synctest.Wait()
		if n := us.refused.halfOpen.Load(); n != 0 {
			t.Errorf("%d places still taken", n)
		}
		if n := len(us.Status()); n > remembered+1 {
			t.Errorf("%d peers shown", n)
		}
	})
}

func TestOneAddressHasFewConnections(t *testing.T) {
	inWorld(t, []Peer{passive(peerA, settings(65000, "1.1.1.1"))}, nil, func(t *testing.T, w *world, us *ear) {
		for range 100 {
			w.call(t, peerA) // says nothing and reads nothing
		}
		synctest.Wait()
		p := us.peers[netip.MustParseAddr(peerA)]
		p.mu.Lock()
		n := len(p.conns)
		p.mu.Unlock()
		if n > maxConns {
			t.Errorf("%d connections", n)
		}
	})
}

func TestSetPeersChangesOnlyWhatChanged(t *testing.T) {
	conf := settings(65000, "1.1.1.1")
	peers := []Peer{passive("10.0.0.2", conf), passive("10.0.0.3", conf), passive("10.0.0.4", conf)}
	inWorld(t, peers, nil, func(t *testing.T, w *world, us *ear) {
		var p []*puppet
		for i := range peers {
			p = append(p, w.call(t, peers[i].Address.String()))
			p[i].shake(65001, 0, "2.2.2.2")
		}
		synctest.Wait()
		mustSet(t, us.Speaker, slices.Clone(peers), nil)
		same := peers[0]
		same.ConnectRetry = time.Second
		other := peers[1]
		other.PeerASN = ASNRule{Exactly: 65001}
		mustSet(t, us.Speaker, []Peer{same, other}, nil)
		p[1].expect("Cease/Other Configuration Change")
		p[2].expect("Cease/Peer De-configured")
		p[1].conn.Close()
		p[2].conn.Close()
		synctest.Wait()
		if !us.up("10.0.0.2") || us.up("10.0.0.3") || us.up("10.0.0.4") || len(us.Status()) != 2 {
			t.Errorf("status %v", us.Status())
		}
		if got, _ := w.call(t, "10.0.0.4").hear(); got != "EOF" {
			t.Errorf("the one that is gone hears %q", got)
		}
		again := w.call(t, "10.0.0.3")
		again.shake(65001, 0, "2.2.2.2")
		synctest.Wait()
		if !us.up("10.0.0.3") {
			t.Error("the changed one does not come back")
		}
	})
}

func TestSetPeersRefusesWhatCannotRunAndChangesNothing(t *testing.T) {
	good := passive(peerA, settings(65000, "1.1.1.1"))
	s := New(Config{})
	mustSet(t, s, []Peer{good}, nil)
	for name, spoil := range map[string]func(p *Peer){
		"no address":       func(p *Peer) { p.Address = netip.Addr{} },
		"4-in-6 address":   func(p *Peer) { p.Address = netip.MustParseAddr("::ffff:10.0.0.3") },
		"multicast":        func(p *Peer) { p.Address = netip.MustParseAddr("224.0.0.5") },
		"ASN 0":            func(p *Peer) { p.LocalASN = 0 },
		"no identifier":    func(p *Peer) { p.RouterID = netip.Addr{} },
		"IPv6 identifier":  func(p *Peer) { p.RouterID = netip.MustParseAddr("::1") },
		"hold time 1s":     func(p *Peer) { p.HoldTime = time.Second },
		"hold time 2s":     func(p *Peer) { p.HoldTime = 2 * time.Second },
		"hold time 3.5s":   func(p *Peer) { p.HoldTime = 3500 * time.Millisecond },
		"hold time 65536s": func(p *Peer) { p.HoldTime = 65536 * time.Second },
		"local address":    func(p *Peer) { p.LocalAddress = netip.MustParseAddr("fd00::1") },
		"next hop":         func(p *Peer) { p.NextHop6 = netip.MustParseAddr("10.0.0.1") },
	} {
		bad := good
		spoil(&bad)
		if err := s.SetPeers([]Peer{bad}, nil); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if err := s.SetPeers([]Peer{good, good}, nil); err == nil {
		t.Error("two peers of one address: taken")
	}
	if st := s.Status(); len(st) != 1 || st[0].Address != good.Address || st[0].State != Idle {
		t.Errorf("status %v", st)
	}
}

func TestResetHoldsThePeerDown(t *testing.T) {
	for _, kind := range []string{"peer", "range"} {
		t.Run(kind, func(t *testing.T) {
			conf := settings(65000, "1.1.1.1")
			peers, ranges := []Peer{passive(peerA, conf)}, []Range(nil)
			if kind == "range" {
				peers, ranges = nil, []Range{{Settings: conf, Prefix: netip.MustParsePrefix("10.0.0.0/24"), MaxPeers: 5}}
			}
			inWorld(t, peers, ranges, func(t *testing.T, w *world, us *ear) {
				p := w.call(t, peerA)
				p.shake(65001, 0, "2.2.2.2")
				synctest.Wait()
				us.Reset(netip.MustParseAddr(peerA), CeaseMaxPrefixes, time.Minute)
				us.Reset(netip.MustParseAddr("10.9.9.9"), CeaseMaxPrefixes, time.Minute)
				p.expect("Cease/Maximum Number of Prefixes Reached")
				p.conn.Close()
				time.Sleep(59 * time.Second)
				if st := us.status(t, peerA); st.State != Idle || st.LastError != "sent Cease/Maximum Number of Prefixes Reached" {
					t.Errorf("%s, %q", st.State, st.LastError)
				}
				if got, _ := w.call(t, peerA).hear(); got != "EOF" {
					t.Errorf("held down, yet it hears %q", got)
				}
				time.Sleep(time.Second)
				p = w.call(t, peerA)
				p.shake(65001, 0, "2.2.2.2")
				synctest.Wait()
				if !us.up(peerA) {
					t.Error("not up after the idle time")
				}
			})
		})
	}
}

func TestADialledPeerIsDialledAgainAfterItsIdleTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		calls := w.pickUp(t)
		s := New(Config{Log: testLog(t)})
		s.net = w
		mustSet(t, s, []Peer{{Settings: settings(65000, "1.1.1.1"), Address: netip.MustParseAddr(peerA)}}, nil)
		us := hear(t, s)
		p := <-calls
		p.shake(65001, 0, "2.2.2.2")
		synctest.Wait()
		start := time.Now()
		us.Reset(netip.MustParseAddr(peerA), CeaseReset, time.Minute)
		<-calls
		if d := time.Since(start); d < time.Minute || d > time.Minute+retryMax {
			t.Errorf("dialled after %s", d)
		}
	})
}

func TestTheEndOfRunIsToldAndBoundedEvenByAStuckPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		s := New(Config{Listen: []netip.AddrPort{here}, Log: testLog(t)})
		s.net = w
		conf := settings(65000, "1.1.1.1")
		mustSet(t, s, nil, []Range{{Settings: conf, Prefix: netip.MustParsePrefix("10.0.0.0/24")}})
		var all []Announcement
		for _, p := range many(IPv4, 60000) {
			all = append(all, announce(nil, p)...)
		}
		ctx, cancel := context.WithCancel(t.Context())
		us := hearUntil(t, ctx, s)
		stuck := w.call(t, "10.0.0.3")
		stuck.shake(65001, 0, "3.3.3.3")
		synctest.Wait()
		s.Announce(all)
		synctest.Wait()
		if st := us.status(t, "10.0.0.3"); st.OutQueue == 0 {
			t.Fatal("the peer is not stuck")
		}
		fine := w.call(t, "10.0.0.2")
		fine.shake(65001, 0, "2.2.2.2")
		for fine.skipped(time.Second) {
		}
		if st := us.status(t, "10.0.0.2"); st.Announced != len(all) || st.OutQueue != 0 {
			t.Errorf("%d told beside a stuck peer", st.Announced)
		}
		start := time.Now()
		cancel()
		us.wait()
		if d := time.Since(start); d > 2*farewell {
			t.Errorf("Run took %s to end", d)
		}
		if got := fine.skip("UPDATE"); got != "Cease/Administrative Shutdown" {
			t.Errorf("heard %q", got)
		}
		if _, open := <-s.Events(); open {
			t.Error("the events are not closed")
		}
	})
}

// skipped reads one message if there is one within d.
func (p *puppet) skipped(d time.Duration) bool {
	p.conn.SetReadDeadline(time.Now().Add(d))
	defer p.conn.SetReadDeadline(time.Time{})
	_, _, err := p.door.next()
	return err == nil
}

func TestAPeerThatNeverReadsEndsAfterTheSendHoldTime(t *testing.T) {
	inWorld(t, []Peer{passive(peerA, settings(65000, "1.1.1.1"))}, nil, func(t *testing.T, w *world, us *ear) {
		p := w.call(t, peerA)
		p.shake(65001, 0, "2.2.2.2")
		var all []Announcement
		for _, prefix := range many(IPv4, 60000) {
			all = append(all, announce(nil, prefix)...)
		}
		us.Announce(all)
		time.Sleep(sendHold - time.Second)
		if !us.up(peerA) {
			t.Error("ended early")
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if d := us.downs(); !slices.Equal(d, []string{"sent Send Hold Timer Expired: the peer reads nothing"}) {
			t.Errorf("downs %q", d)
		}
	})
}

func TestAPeerOfAnotherMindIsHeard(t *testing.T) {
	inWorld(t, []Peer{passive(peerA, settings(65000, "1.1.1.1"))}, nil, func(t *testing.T, w *world, us *ear) {
		p := w.call(t, peerA)
		p.shake(65001, 90, "2.2.2.2")
		text := "back at noon \x1b[31m☕"
		p.send(bgp.BGP_MSG_NOTIFICATION, append([]byte{6, 2, byte(len(text))}, text...))
		if got := p.skip("KEEPALIVE"); got != "EOF" {
			t.Errorf("a NOTIFICATION was answered with %q", got)
		}
		synctest.Wait()
		want := "received Cease/Administrative Shutdown: back at noon ?[31m☕"
		if st := us.status(t, peerA); st.LastError != want || !slices.Equal(us.downs(), []string{want}) || st.LastRcvd.Code != 6 {
			t.Errorf("%q, %q", st.LastError, us.downs())
		}
	})
}

func TestNobodyReadsEventsYetNothingIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		s := New(Config{Listen: []netip.AddrPort{here}, Log: testLog(t)})
		s.net = w
		mustSet(t, s, []Peer{passive(peerA, settings(65000, "1.1.1.1"))}, nil)
		go func() {
			if err := s.Run(t.Context()); err != nil {
				t.Error(err)
			}
		}()
		p := w.call(t, peerA)
		p.shake(65001, 90, "2.2.2.2")
		const n = 30000
		fed := make(chan struct{})
		go func() {
			defer close(fed)
			for i := range n {
				a := netip.AddrFrom4([4]byte{100, 64 + byte(i>>16), byte(i >> 8), byte(i)}).As4()
				// Alternately told and taken back, so that little fits in one event.
				if i%2 == 1 {
					p.raw(frame(bgp.BGP_MSG_UPDATE, updateBody(append([]byte{32}, a[:]...), nil, nil)))
					continue
				}
				p.raw(frame(bgp.BGP_MSG_UPDATE, updateBody(nil, plainAttributes(), append([]byte{32}, a[:]...))))
			}
			p.send(bgp.BGP_MSG_KEEPALIVE, nil)
		}()
		go func() {
			for p.skipped(time.Hour) {
			}
		}()
		time.Sleep(80 * time.Second) // less than the hold time, in which nobody reads
		told, taken := 0, 0
		for told+taken < n {
			ev, open := <-s.Events()
			if !open {
				t.Fatal("events are closed")
			}
			switch ev := ev.(type) {
			case Update:
				told += len(ev.Reachable)
				taken += len(ev.Withdrawn)
			case Down:
				t.Fatalf("down: %s", ev.Reason)
			}
		}
		if told != n/2 || taken != n/2 {
			t.Errorf("%d told, %d taken back", told, taken)
		}
		<-fed
	})
}

func plainAttributes() []byte {
	return attrs(attr(0x40, 1, 0), attr(0x40, 2, 2, 1, 0, 0, 0xfd, 0xe9), attr(0x40, 3, 10, 0, 0, 2))
}

func TestRouteRefreshTellsTheFamilyAgain(t *testing.T) {
	inWorld(t, []Peer{passive(peerA, settings(65000, "1.1.1.1"))}, nil, func(t *testing.T, w *world, us *ear) {
		us.Announce(announce(&route.Attributes{}, "192.0.2.1/32", "192.0.2.2/32", "2001:db8:5::/48"))
		p := w.call(t, peerA)
		p.shake(65001, 0, "2.2.2.2")
		synctest.Wait()
		before := us.status(t, peerA).MsgSent.Update
		p.send(bgp.BGP_MSG_ROUTE_REFRESH, []byte{0, 2, 0, 1})
		synctest.Wait()
		st := us.status(t, peerA)
		if got := st.MsgSent.Update - before; got != 1 || st.MsgRcvd.RouteRefresh != 1 || st.Announced != 3 {
			t.Errorf("%d UPDATEs after a refresh of IPv6", got)
		}
		p.send(bgp.BGP_MSG_ROUTE_REFRESH, []byte{0, 25, 0, 70}) // a family of others
		synctest.Wait()
		if !us.up(peerA) || us.status(t, peerA).MsgSent.Update != st.MsgSent.Update {
			t.Error("a refresh of a family that is not in use did something")
		}
	})
}

func TestAPeerIsAskedToTellAgainWhenItCan(t *testing.T) {
	inWorld(t, []Peer{passive(peerA, settings(65000, "1.1.1.1"))}, nil, func(t *testing.T, w *world, us *ear) {
		addr := netip.MustParseAddr(peerA)
		if us.Refresh(addr) || us.Refresh(netip.MustParseAddr("10.0.0.99")) {
			t.Error("somebody without a session is asked")
		}
		p := w.call(t, peerA)
		p.shake(65001, 0, "2.2.2.2")
		synctest.Wait()
		if !us.Refresh(addr) {
			t.Fatal("a peer that can is not asked")
		}
		for _, want := range []string{"\x00\x01\x00\x01", "\x00\x02\x00\x01"} {
			kind, body, err := p.door.next()
			for kind == bgp.BGP_MSG_KEEPALIVE {
				kind, body, err = p.door.next()
			}
			if err != nil || kind != bgp.BGP_MSG_ROUTE_REFRESH || string(body) != want {
				t.Fatalf("it hears %d %x, %v", kind, body, err)
			}
		}
		synctest.Wait()
		if n := us.status(t, peerA).MsgSent.RouteRefresh; n != 2 {
			t.Errorf("%d counted", n)
		}
	})
	inWorld(t, []Peer{passive(peerA, settings(65000, "1.1.1.1"))}, nil, func(t *testing.T, w *world, us *ear) {
		p := w.call(t, peerA)
		p.expect("OPEN")
		p.send(bgp.BGP_MSG_OPEN, hello(65001, 0, "2.2.2.2", bgp.NewCapFourOctetASNumber(65001)))
		p.expect("KEEPALIVE")
		p.send(bgp.BGP_MSG_KEEPALIVE, nil)
		synctest.Wait()
		if !us.up(peerA) || us.Refresh(netip.MustParseAddr(peerA)) {
			t.Error("a peer that cannot is asked")
		}
	})
}

func TestBeforeTheFirstAnnounceNotEvenEndOfRIBIsTold(t *testing.T) {
	inWorld(t, []Peer{passive(peerA, settings(65000, "1.1.1.1"))}, nil, func(t *testing.T, w *world, us *ear) {
		p := w.call(t, peerA)
		p.shake(65001, 0, "2.2.2.2")
		synctest.Wait()
		if st := us.status(t, peerA); st.MsgSent.Update != 0 {
			t.Errorf("%d UPDATEs", st.MsgSent.Update)
		}
		us.Announce(nil)
		if body := p.expect("UPDATE"); len(body) != 4 {
			t.Errorf("IPv4 End-of-RIB %x", body)
		}
		p.expect("UPDATE")
	})
}

func TestListenAddressesAreRetriedUntilTheyAreThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fickle{world: newWorld(), err: &net.OpError{Op: "listen", Net: "tcp4", Err: syscall.EADDRNOTAVAIL}}
		s := New(Config{Listen: []netip.AddrPort{here}, Log: testLog(t)})
		s.net = w
		if l := s.Listening(); len(l) != 1 || l[0].Err == nil {
			t.Errorf("before Run: %v", l)
		}
		us := hear(t, s)
		time.Sleep(time.Hour)
		if l := s.Listening(); l[0].Err != syscall.EADDRNOTAVAIL || l[0].Address != here {
			t.Errorf("while missing: %v", l)
		}
		w.set(nil)
		time.Sleep(2 * listenRetry)
		if l := s.Listening(); l[0].Err != nil {
			t.Errorf("once there: %v", l)
		}
		us.mu.Lock()
		defer us.mu.Unlock()
		var told []error
		for _, ev := range us.events {
			told = append(told, ev.(ListenChanged).Err)
		}
		if !slices.Equal(told, []error{syscall.EADDRNOTAVAIL, nil}) {
			t.Errorf("told %v", told)
		}
	})
}

func TestNoPermissionToListenEndsRunWithAdvice(t *testing.T) {
	w := &fickle{world: newWorld(), err: &net.OpError{Op: "listen", Net: "tcp4", Err: syscall.EACCES}}
	s := New(Config{Listen: []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:179")}})
	s.net = w
	err := s.Run(t.Context())
	if err == nil || err.Error() != "listen on 0.0.0.0:179: permission denied: run as root or give CAP_NET_BIND_SERVICE" {
		t.Errorf("%v", err)
	}
}
