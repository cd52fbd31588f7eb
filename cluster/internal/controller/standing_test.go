package controller

import (
	"context"
	"fmt"
	"net/netip"
	"testing"

	"github.com/hawser-lb/hawser/cluster/internal/kube"
	"github.com/hawser-lb/hawser/cluster/internal/model"
)

// fleetOf has nodes of three kinds, and Services of both policies.
func fleetOf(nodes, services int) *fakeCluster {
	f := harbour()
	f.snapshot.Pools = []model.Pool{aPool("home", "10.0.0.0/16")}
	f.snapshot.Nodes, f.snapshot.Services = nil, nil
	for i := range nodes {
		n := aNode(fmt.Sprintf("node%03d", i))
		n.NetworkUnavailable = i%10 == 9
		f.snapshot.Nodes = append(f.snapshot.Nodes, n)
	}
	for i := range services {
		s := aService(fmt.Sprintf("web%04d", i), "node000")
		s.Local = i%10 == 1 && nodes < 100
		f.snapshot.Services = append(f.snapshot.Services, s)
	}
	return f
}

func TestTheStandingCountsEveryNode(t *testing.T) {
	f := fleetOf(20, 2)
	c, _ := worker(f)
	c.pass(context.Background())
	c.pass(context.Background())
	services, nodes := c.standings()
	var got []string
	for _, s := range f.snapshot.Services {
		got = append(got, services[s.Key].String())
	}
	expect(t, "standings", got,
		"from 18 of 20 nodes; not from node009, node019: nodeNetworkUnavailable: the node's condition NetworkUnavailable is true",
		"from 1 of 20 nodes; not from node001, node002, node003, node004, node005 and 12 more: noLocalEndpoints: externalTrafficPolicy is Local and no ready or serving endpoint is on this node; not from node009, node019: nodeNetworkUnavailable: the node's condition NetworkUnavailable is true")
	if len(nodes) != 2 {
		t.Errorf("nodes that announce nothing: %v", nodes)
	}
}

func BenchmarkStandingsOf5000ServicesFrom100Nodes(b *testing.B) {
	f := fleetOf(100, 5000)
	c, _ := worker(f)
	for range 5000/batch + 1 {
		c.pass(context.Background())
	}
	b.ResetTimer()
	for range b.N {
		c.standings()
	}
}

func TestTheConditionOfAServiceCountsTheRoutersThatHearOfIt(t *testing.T) {
	f := harbour()
	up := func(router string) []kube.Session {
		return []kube.Session{{Peer: "router", Address: netip.MustParseAddr(router), State: kube.StateEstablished}}
	}
	c, _ := worker(f)
	c.pass(context.Background())
	said := func() string {
		c.untold = true
		c.tell()
		s := f.standing[f.snapshot.Services[0].Key]
		return fmt.Sprint(s.Announced, " ", s.Reason, ": ", s.Message)
	}
	var got []string
	if said(); f.standing != nil {
		t.Error("the leader says who hears of a Service before it knows the sessions")
	}
	f.fleet = map[string][]kube.Session{"node1": up("192.0.2.254")}
	got = append(got, said())
	f.fleet = map[string][]kube.Session{"node1": up("192.0.2.254"), "node2": up("192.0.2.254"), "gone": nil}
	got = append(got, said())
	f.fleet = map[string][]kube.Session{"node1": up("192.0.2.254"), "node2": up("192.0.2.253"), "gone": nil, "gone2": nil}
	got = append(got, said())
	f.fleet = map[string][]kube.Session{"node1": nil, "node2": nil, "3": nil, "4": nil, "5": nil}
	got = append(got, said())
	expect(t, "conditions", got,
		"true Announced: from 1 of 2 nodes to 1 router; not from node2: peerDown: there is no session with a peer that should be told",
		"true Announced: from 2 of 2 nodes to 1 router",
		"true Announced: from 2 of 2 nodes to 2 routers",
		"false peerDown: not from node1, node2: peerDown: there is no session with a peer that should be told")
}
