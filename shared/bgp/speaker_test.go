package bgp

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hawser-lb/hawser/shared/route"
)

// ear runs a speaker and keeps everything it said.
type ear struct {
	*Speaker
	wait   func() // for the end of Run
	mu     sync.Mutex
	events []Event
	routes map[netip.Addr]map[netip.Prefix]route.Route
	ended  map[netip.Addr][]Family // End-of-RIB of the running session
}

// hear starts s for the length of the test.
func hear(t *testing.T, s *Speaker) *ear {
	t.Helper()
	return hearUntil(t, context.Background(), s)
}

// hearUntil is hear up to the end of ctx.
func hearUntil(t *testing.T, ctx context.Context, s *Speaker) *ear {
	t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	e := &ear{Speaker: s, routes: map[netip.Addr]map[netip.Prefix]route.Route{}, ended: map[netip.Addr][]Family{}}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	wg.Go(func() {
		for ev := range s.Events() {
			e.take(ev)
		}
	})
	e.wait = wg.Wait
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
	return e
}

func (e *ear) take(ev Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.events = append(e.events, ev)
	switch ev := ev.(type) {
	case Established:
		if e.routes[ev.Peer.Address] != nil {
			panic("Established without Down")
		}
		e.routes[ev.Peer.Address] = map[netip.Prefix]route.Route{}
	case Update:
		for _, p := range ev.Withdrawn {
			delete(e.routes[ev.Peer.Address], p)
		}
		for _, r := range ev.Reachable {
			e.routes[ev.Peer.Address][r.Prefix] = r
		}
		e.ended[ev.Peer.Address] = append(e.ended[ev.Peer.Address], ev.EndOfRIB...)
	case Down:
		delete(e.routes, ev.Peer.Address)
		delete(e.ended, ev.Peer.Address)
	}
}

// up reports whether the session with the peer is Established.
func (e *ear) up(peer string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.routes[netip.MustParseAddr(peer)] != nil
}

// count is the number of routes that the peer has told.
func (e *ear) count(peer string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.routes[netip.MustParseAddr(peer)])
}

func (e *ear) route(peer, prefix string) (route.Route, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r, ok := e.routes[netip.MustParseAddr(peer)][netip.MustParsePrefix(prefix)]
	return r, ok
}

func (e *ear) complete(peer string) []Family {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.ended[netip.MustParseAddr(peer)])
}

// downs are the reasons for which sessions went down.
func (e *ear) downs() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []string
	for _, ev := range e.events {
		if d, ok := ev.(Down); ok {
			out = append(out, d.Reason)
		}
	}
	return out
}

func (e *ear) status(t *testing.T, peer string) PeerStatus {
	t.Helper()
	for _, st := range e.Status() {
		if st.Address == netip.MustParseAddr(peer) {
			return st
		}
	}
	t.Fatalf("no status of %s", peer)
	return PeerStatus{}
}

// eventually waits for real things; in a synctest bubble the time is fake.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(time.Minute)
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("never: %s", what)
		}
	}
}

func testLog(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func settings(asn uint32, id string) Settings {
	return Settings{
		Name: "test", LocalASN: asn, RouterID: netip.MustParseAddr(id), PeerASN: ASNRule{Any: true},
		HoldTime: 90 * time.Second, ConnectRetry: 100 * time.Millisecond,
	}
}

func announce(to *route.Attributes, prefixes ...string) []Announcement {
	var out []Announcement
	for _, p := range prefixes {
		out = append(out, Announcement{Route: route.Route{Prefix: netip.MustParsePrefix(p), Attributes: to}})
	}
	return out
}

func mustSet(t *testing.T, s *Speaker, peers []Peer, ranges []Range) {
	t.Helper()
	if err := s.SetPeers(peers, ranges); err != nil {
		t.Fatal(err)
	}
}

// loopback is a listening speaker that accepts all of 127/8 and ::1, and
// where it listens.
func loopback(t *testing.T, conf Settings) (*ear, netip.AddrPort) {
	t.Helper()
	s := New(Config{Listen: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}, Log: testLog(t)})
	mustSet(t, s, nil, []Range{{Settings: conf, Prefix: netip.MustParsePrefix("127.0.0.0/8")}})
	e := hear(t, s)
	var at netip.AddrPort
	eventually(t, "listening", func() bool {
		l := s.Listening()[0]
		at = l.Address
		return l.Err == nil
	})
	return e, at
}

func TestTwoSpeakersOnLoopbackTellEachOtherRoutes(t *testing.T) {
	router, at := loopback(t, settings(65000, "10.0.0.1"))
	conf := settings(65001, "10.0.0.2")
	conf.LocalAddress = netip.MustParseAddr("127.0.0.2")
	node := New(Config{Log: testLog(t)})
	mustSet(t, node, []Peer{{Settings: conf, Address: at.Addr(), Port: at.Port()}}, nil)
	node.Announce(announce(&route.Attributes{MED: route.Some(7)}, "192.0.2.1/32", "198.51.100.0/24"))
	hear(t, node)

	eventually(t, "two routes at the router", func() bool { return router.count("127.0.0.2") == 2 })
	r, _ := router.route("127.0.0.2", "192.0.2.1/32")
	if r.NextHop.String() != "127.0.0.2" || r.MED != route.Some(7) || r.FirstAS() != 65001 || r.PathLen() != 1 {
		t.Errorf("route %+v", *r.Attributes)
	}
	eventually(t, "End-of-RIB", func() bool { return slices.Equal(router.complete("127.0.0.2"), []Family{IPv4, IPv6}) })

	before := router.status(t, "127.0.0.2").MsgRcvd.Update
	node.Announce(announce(&route.Attributes{MED: route.Some(7)}, "192.0.2.1/32", "198.51.100.0/24"))
	node.Announce(announce(&route.Attributes{MED: route.Some(7)}, "198.51.100.0/24"))
	eventually(t, "one route withdrawn", func() bool { return router.count("127.0.0.2") == 1 })
	if after := router.status(t, "127.0.0.2").MsgRcvd.Update; after != before+1 {
		t.Errorf("%d UPDATEs for one withdrawal", after-before)
	}
}
