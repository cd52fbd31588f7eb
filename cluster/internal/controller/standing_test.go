package controller

import (
	"context"
	"fmt"
	"testing"

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
