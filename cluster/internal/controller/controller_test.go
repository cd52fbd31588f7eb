package controller

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawser-lb/hawser/cluster/internal/kube"
	"github.com/hawser-lb/hawser/cluster/internal/model"
	"github.com/hawser-lb/hawser/shared/bgp"
)

func harbour() *fakeCluster {
	f := newFakeCluster()
	f.snapshot = model.Snapshot{
		Pools: []model.Pool{aPool("home", "10.0.0.0/24")}, Peers: []model.Peer{aPeer("router", "192.0.2.254")},
		Nodes: []model.Node{aNode("node1"), aNode("node2")}, Services: []*model.Service{aService("web", "node1")},
	}
	return f
}

func expect(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\ngot  %q\nwant %q", what, got, want)
	}
}

func TestWhatTheLeaderWritesIsAnnouncedInTheSameRound(t *testing.T) {
	f := harbour()
	c, r := worker(f)
	if c.pass(context.Background()) {
		t.Error("something is to be tried again")
	}
	expect(t, "writes", f.writes, "default/web [10.0.0.0] from home")
	expect(t, "routes", r.table(), "10.0.0.0/32 to [192.0.2.254]")
	expect(t, "events", f.events, "Service web AddressAssigned: 10.0.0.0 from pool home")
	c.pass(context.Background())
	if len(f.writes) != 1 || len(f.events) != 1 {
		t.Errorf("the second round writes %q and tells %q", f.writes[1:], f.events[1:])
	}
}

func TestWhoDoesNotLeadOnlyAnnounces(t *testing.T) {
	f := harbour()
	f.leader = false
	f.snapshot.Services[0].Holds = []netip.Addr{netip.MustParseAddr("10.0.0.7")}
	f.snapshot.Services = append(f.snapshot.Services, aService("waiting", "node1"))
	c, r := worker(f)
	c.pass(context.Background())
	c.tell()
	c.tell()
	expect(t, "writes", f.writes)
	expect(t, "events", f.events)
	expect(t, "routes", r.table(), "10.0.0.7/32 to [192.0.2.254]")
}

func TestAWriteThatFailsIsTriedAgainAndNotAnnounced(t *testing.T) {
	f := harbour()
	f.away = errors.New("no API server")
	c, r := worker(f)
	if !c.pass(context.Background()) {
		t.Error("nothing is to be tried again")
	}
	expect(t, "routes", r.table())
	expect(t, "events", f.events)
	f.away = nil
	c.pass(context.Background())
	expect(t, "routes", r.table(), "10.0.0.0/32 to [192.0.2.254]")
}

func TestManyServicesAreWrittenInBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := crowd(100)
		c, r := worker(f)
		c.pass(context.Background())
		if len(f.writes) != batch || len(r.routes) != batch {
			t.Errorf("%d writes and %d routes, not %d", len(f.writes), len(r.routes), batch)
		}
		select {
		case <-c.wake:
		default:
			t.Error("nobody wakes the worker for the rest")
		}
		c.pass(context.Background())
		if len(f.writes) != 100 || len(r.routes) != 100 {
			t.Errorf("%d writes and %d routes, not 100", len(f.writes), len(r.routes))
		}
	})
}

func TestAComplaintIsMadeOnceForEachWording(t *testing.T) {
	f := harbour()
	f.snapshot.Pools = nil
	c, _ := worker(f)
	for range 3 {
		c.pass(context.Background())
	}
	expect(t, "events", f.events, "Service web AllocationFailed: no IPv4 address: there is no pool")
}

func TestHowAServiceIsAnnouncedIsToldOnceItHasSettled(t *testing.T) {
	f := harbour()
	c, _ := worker(f)
	c.pass(context.Background())
	f.events = nil
	c.tell()
	expect(t, "events of the first round", f.events)
	c.tell()
	expect(t, "events of the second", f.events, "Service web Announced: from 2 of 2 nodes")
	f.events = nil
	f.snapshot.Nodes[1].Leaving = "drained"
	f.snapshot.Services[0].Local = true
	c.pass(context.Background())
	for range 3 {
		c.tell()
	}
	expect(t, "events after a drain", f.events, "Node node2 NotAnnounced: no Service is announced from this node: nodeDraining: the node is drained")
	f.events = nil
	f.snapshot.Services[0].Endpoints = nil
	c.pass(context.Background())
	for range 3 {
		c.tell()
	}
	expect(t, "events without pods", f.events, "Service web NotAnnounced: not from node1: noEndpoints: no endpoint is ready or serving; not from node2: nodeDraining: the node is drained")
}

func TestOfANodeWithoutPowerNothingCountsAsUp(t *testing.T) {
	f := harbour()
	up := []kube.Session{{Peer: "router", State: kube.StateEstablished}}
	f.fleet = map[string][]kube.Session{"node1": up, "node2": up}
	c, _ := worker(f)
	look := func(what string, want kube.SessionCount, events ...string) {
		t.Helper()
		f.events = nil
		c.pass(context.Background())
		for range 3 {
			c.tell()
		}
		if got := f.counts["router"]; got != want {
			t.Errorf("%s: %+v, want %+v", what, got, want)
		}
		expect(t, what, f.events, events...)
	}
	c.pass(context.Background())
	look("at first", kube.SessionCount{Established: 2, Total: 2}, "Service web Announced: from 2 of 2 nodes")
	f.snapshot.Nodes[1].Silent = true
	look("without power", kube.SessionCount{Established: 1, Total: 2},
		"Node node2 NotAnnounced: no Service is announced from this node: nodeSilent: nothing is heard of its kubelet: the node's condition Ready is Unknown")
	f.snapshot.Nodes[1].Silent = false
	look("with power", kube.SessionCount{Established: 2, Total: 2}, "Node node2 Announced: Services are announced from this node again")
}

func TestASpeakerWithoutAKubeletAnnouncesOn(t *testing.T) {
	f := harbour()
	f.snapshot.Nodes[0].Silent = true // its own
	c, r := worker(f)
	c.pass(context.Background())
	expect(t, "routes", r.table(), "10.0.0.0/32 to [192.0.2.254]")
}

func TestANewLeaderDoesNotRepeatThatAllIsWell(t *testing.T) {
	f := harbour()
	f.snapshot.Services[0].Holds, f.snapshot.Services[0].HoldsFrom = []netip.Addr{netip.MustParseAddr("10.0.0.0")}, "home"
	c, _ := worker(f)
	c.pass(context.Background())
	for range 3 {
		c.tell()
	}
	expect(t, "events", f.events)
}

func TestANewLeaderTellsOfATroubleOnlyWhenItChanges(t *testing.T) {
	f := harbour()
	f.snapshot.Services[0].Holds, f.snapshot.Services[0].HoldsFrom = []netip.Addr{netip.MustParseAddr("10.0.0.0")}, "home"
	endpoints := f.snapshot.Services[0].Endpoints
	f.snapshot.Services[0].Endpoints = nil
	c, _ := worker(f)
	look := func() {
		c.pass(context.Background())
		for range 3 {
			c.tell()
		}
	}
	look()
	expect(t, "events", f.events)
	f.snapshot.Services[0].Endpoints = endpoints
	look()
	expect(t, "events once it is mended", f.events, "Service web Announced: from 2 of 2 nodes")
}

func TestASessionThatStaysDownIsToldOnce(t *testing.T) {
	f := harbour()
	c, r := worker(f)
	id := bgp.PeerID{Name: "router", Address: netip.MustParseAddr("192.0.2.254")}
	r.status = []bgp.PeerStatus{{PeerID: id, LastError: "connect: connection refused"}}
	c.pass(context.Background())
	f.events = nil
	for s := range 10 {
		c.tellSessions(epoch.Add(time.Duration(s) * time.Second))
	}
	expect(t, "events", f.events, "BGPPeer router SessionDown: no session with node node1: connect: connection refused")
	f.events = nil
	r.status[0].State = bgp.StateEstablished
	c.tellSessions(epoch.Add(time.Minute))
	c.tellSessions(epoch.Add(2 * time.Minute))
	expect(t, "events", f.events, "BGPPeer router SessionUp: session with node node1 is up")
}

func TestVerdictsSayWhatIsNotUsed(t *testing.T) {
	f := harbour()
	secret := aPeer("secret", "192.0.2.253")
	secret.PasswordSecret, secret.PasswordTrouble = "x", "there is no Secret x"
	f.snapshot.Peers = append(f.snapshot.Peers, secret)
	f.snapshot.Pools = append(f.snapshot.Pools, aPool("young", "10.0.0.128/25"))
	c, r := worker(f)
	c.pass(context.Background())
	c.tell()
	var got []string
	for object, v := range f.verdicts {
		got = append(got, fmt.Sprintf("%s %v %s", object, v.Accepted, v.Reason))
	}
	slices.Sort(got)
	expect(t, "verdicts", got, "peer router true InUse", "peer secret false PasswordMissing", "pool home true InUse", "pool young false Overlaps")
	if len(r.peers) != 1 {
		t.Errorf("it speaks to %v", r.peers)
	}
}

func TestWhileAConfigMapCouldNeverBeReadNothingIsDecided(t *testing.T) {
	f := harbour()
	f.config.Usable = false
	f.snapshot.Pools, f.snapshot.Services[0].Holds = nil, []netip.Addr{netip.MustParseAddr("10.0.0.0")}
	c, r := worker(f)
	c.pass(context.Background())
	c.tell()
	expect(t, "writes", f.writes)
	if r.routes != nil || r.peers != nil {
		t.Errorf("it announces %v to %v", r.routes, r.peers)
	}
}

func TestWhileTheConfigurationIsAwayForAMomentNobodyLosesAnAddress(t *testing.T) {
	f := harbour()
	c, r := worker(f)
	c.pass(context.Background())
	f.config.Settling = true
	f.snapshot.Services = append(f.snapshot.Services, aService("new", "node1"))
	f.snapshot.Pools[0].Ranges = aPool("home", "10.9.0.0/24").Ranges
	c.pass(context.Background())
	expect(t, "writes", f.writes, "default/web [10.0.0.0] from home")
	f.config.Settling = false
	c.pass(context.Background())
	c.pass(context.Background())
	expect(t, "routes once it is back", r.table(), "10.9.0.0/32 to [192.0.2.254]", "10.9.0.1/32 to [192.0.2.254]")
}

func TestAnUnreadableConfigMapBesideObjectsChangesNothingThatIsTold(t *testing.T) {
	f := harbour()
	c, r := worker(f)
	for range 3 {
		c.pass(context.Background())
		c.tell()
	}
	f.events = nil
	clear(f.verdicts)
	pools, peers := f.snapshot.Pools, f.snapshot.Peers
	f.config = kube.Config{ConfigMap: true}
	f.snapshot.Pools, f.snapshot.Peers = nil, nil
	for range 3 {
		c.pass(context.Background())
		c.tell()
	}
	expect(t, "routes", r.table(), "10.0.0.0/32 to [192.0.2.254]")
	expect(t, "events", f.events)
	if len(f.verdicts) != 0 {
		t.Errorf("it passes verdicts on what it does not know: %v", f.verdicts)
	}
	f.config = kube.Config{Usable: true}
	f.snapshot.Pools, f.snapshot.Peers = pools, peers
	for range 3 {
		c.pass(context.Background())
		c.tell()
	}
	expect(t, "events once it is gone", f.events)
	if len(f.verdicts) == 0 {
		t.Error("nothing is told once it is gone")
	}
}

func TestTheDirectoryOfANode(t *testing.T) {
	zone := model.Terms{{Key: "zone", Op: model.In, Values: []string{"a"}}}
	elsewhere := aPeer("elsewhere", "192.0.2.9")
	elsewhere.NodeSelectors = []model.Selector{zone}
	double := aPeer("zz-double", "192.0.2.254")
	named := aPeer("named", "192.0.2.8")
	named.RouterID = netip.MustParseAddr("1.1.1.1")
	gateways := []netip.Addr{netip.MustParseAddr("192.0.2.254"), netip.MustParseAddr("fe80::1%eth0")}
	d := directory([]model.Peer{double, elsewhere, named, aPeer("gateway", "")}, aNode("node1"), gateways)
	var got []string
	for _, p := range d.peers {
		got = append(got, fmt.Sprintf("%s %s id %s", p.Name, p.Address, p.RouterID))
	}
	expect(t, "peers", got, "gateway 192.0.2.254 id 192.0.2.1", "gateway fe80::1%eth0 id 192.0.2.1", "named 192.0.2.8 id 1.1.1.1")
	if why := d.silent["zz-double"]; !strings.Contains(why, "peer gateway has the address 192.0.2.254 already") {
		t.Errorf("of the double it says %q", why)
	}
	d = directory([]model.Peer{aPeer("gateway", "")}, model.Node{Name: "six"}, nil)
	if why := d.silent["gateway"]; why != "the node has no default gateway" {
		t.Errorf("without a gateway it says %q", why)
	}
	if a, b := identifier(model.Node{Name: "six"}), identifier(model.Node{Name: "seven"}); a == b || !a.Is4() {
		t.Errorf("nodes without IPv4 have the identifiers %s and %s", a, b)
	}
}

func TestAnUnreachableRouterDelaysReadinessForHalfAMinuteOnly(t *testing.T) {
	h := newHealth()
	if h.Ready() == nil {
		t.Error("ready before anything is known")
	}
	p := bgp.Peer{Settings: bgp.Settings{Name: "router"}, Address: netip.MustParseAddr("192.0.2.254")}
	h.expect([]bgp.Peer{p})
	if err := h.Ready(); err == nil || !strings.Contains(err.Error(), "router at 192.0.2.254") {
		t.Errorf("before the session: %v", err)
	}
	h.since = time.Now().Add(-patience - time.Second)
	if err := h.Ready(); err != nil {
		t.Errorf("after half a minute: %v", err)
	}
	h.since = time.Now()
	h.established(bgp.PeerID{Name: "router", Address: p.Address})
	if err := h.Ready(); err != nil {
		t.Errorf("after the session: %v", err)
	}
	h.began = time.Now().Add(-2 * stuck)
	if h.Alive() == nil {
		t.Error("alive although a round takes two minutes")
	}
}

// oneMore is a watch that brings the same new Service again and again.
type oneMore struct{ *fakeCluster }

func (o oneMore) View() *kube.View {
	if o.view == nil {
		return o.fakeCluster.View()
	}
	s := aService("new", "node1")
	o.view.Put(s)
	o.view.Changes = kube.Changes{Services: []model.Key{s.Key}}
	return o.view
}

func BenchmarkOneMoreServiceBeside5000(b *testing.B) {
	f := harbour()
	f.snapshot.Pools = []model.Pool{aPool("home", "10.0.0.0/16")}
	f.snapshot.Services = nil
	for i := range 5000 {
		f.snapshot.Services = append(f.snapshot.Services, aService(fmt.Sprintf("web%04d", i), "node1"))
	}
	c, _ := worker(f)
	for range 5000/batch + 1 {
		c.pass(context.Background())
	}
	c.Source = oneMore{f}
	b.ReportAllocs()
	for b.Loop() {
		c.pass(context.Background())
	}
}
