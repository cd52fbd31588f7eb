package kube

import (
	"context"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/hawser-lb/hawser/cluster/api/v1alpha1"
)

// fleet is what the leader knows of all BGPNodes. Nobody else watches them: a
// hundred speakers that watch a hundred objects would be most of the API
// server's work.
type fleet struct {
	mirror  *mirror[*v1alpha1.BGPNode, []Session]
	version atomic.Uint64
}

// fleetEvery is how soon a new leader begins to watch.
const fleetEvery = time.Second

func newFleet() *fleet {
	f := &fleet{}
	f.mirror = newMirror(readSessions, func() { f.version.Add(1) })
	return f
}

// readSessions keeps of a BGPNode what does not change with every route.
func readSessions(o *v1alpha1.BGPNode) ([]Session, bool) {
	out := make([]Session, 0, len(o.Status.Sessions))
	for _, s := range o.Status.Sessions {
		a, _ := netip.ParseAddr(s.Address) // zero where the node knows none
		out = append(out, Session{Peer: s.Peer, Address: a, State: s.State})
	}
	return out, true
}

// run watches while this speaker leads, until ctx ends.
func (f *fleet) run(ctx context.Context, c *Cluster) {
	for pause(ctx, fleetEvery) {
		term, leading := c.Leading()
		if !leading {
			continue
		}
		term, cancel := context.WithCancel(withLog(term, c.log))
		stop := context.AfterFunc(ctx, cancel)
		source{c.api.hawser, "bgpnodes", "", nil, &v1alpha1.BGPNode{}, f.mirror, f.mirror.ready}.run(term, c.log)
		stop()
		cancel()
		f.mirror.forget()
	}
}

// Sessions are those that the BGPNodes tell of, by node, and a number that
// changes with them. Only the leader knows them: the number is 0 for others.
func (c *Cluster) Sessions() (sessions map[string][]Session, version uint64) {
	if !c.fleet.mirror.ready() {
		return nil, 0
	}
	version = c.fleet.version.Load()
	sessions = map[string][]Session{}
	c.fleet.mirror.each(func(n name, e entry[[]Session]) { sessions[n.name] = e.value })
	return sessions, version
}
