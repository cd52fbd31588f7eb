package controller

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/hawser-lb/hawser/cluster/internal/kube"
	"github.com/hawser-lb/hawser/cluster/internal/model"
	"github.com/hawser-lb/hawser/shared/bgp"
	"github.com/hawser-lb/hawser/shared/route"
)

const (
	// lastGrace is the most of the drain time that is left when the speaker is told
	// to end: a pod has ten seconds, and a critical one no more than that when
	// its node shuts down.
	lastGrace = 8 * time.Second
	// sendTime is how long the withdrawals may take to be sent at the end.
	sendTime  = time.Second
	sendEvery = 10 * time.Millisecond
)

// self is our node. One that is in the cluster no more is as it last was, and
// being deleted: whom it speaks to is known by its labels, and they must be
// told.
func (c *Controller) self(v *kube.View) model.Node {
	for _, n := range v.Nodes {
		if n.Name == c.Node {
			return n
		}
	}
	if c.node.Name == "" {
		return model.Node{Name: c.Node, Leaving: "being deleted"}
	}
	n := c.node
	n.Leaving = "being deleted"
	return n
}

// withSelf is the snapshot with our node in it.
func (c *Controller) withSelf(s model.Snapshot) model.Snapshot {
	if !slices.ContainsFunc(s.Nodes, func(n model.Node) bool { return n.Name == c.Node }) && c.node.Name != "" {
		s.Nodes = append(slices.Clip(s.Nodes), c.node)
	}
	return s
}

// followLeaving notes since when the node has been leaving, and reports whether
// its routes are to be kept a moment longer, as the last resort. A speaker that
// has told nothing yet has nothing to take back.
func (c *Controller) followLeaving(now time.Time) (grace bool) {
	switch {
	case c.node.Leaving == "":
		c.leavingSince, c.goneAt = time.Time{}, time.Time{}
		return false
	case c.leavingSince.IsZero() && c.board == nil:
		c.leavingSince = time.Unix(0, 0)
	case c.leavingSince.IsZero():
		c.leavingSince = now
		c.Log.Info("leaving", "node", c.Node, "reason", c.node.Leaving, "drainTime", c.drainTime())
	}
	if at := c.leavingSince.Add(c.drainTime()); !at.Equal(c.goneAt) {
		c.goneAt = at
		time.AfterFunc(at.Sub(now), c.poke)
	}
	return now.Before(c.goneAt)
}

// longestDrain is what a Node may ask for at the most.
const longestDrain = 24 * time.Hour

func (c *Controller) drainTime() time.Duration {
	if d := c.node.DrainTime; d != nil {
		return min(*d, longestDrain)
	}
	return c.DrainTime
}

// lastResort adds GRACEFUL_SHUTDOWN to routes. Those that had the same
// attributes have the same ones again.
func lastResort(routes []bgp.Announcement) []bgp.Announcement {
	out := slices.Clone(routes)
	marked := map[*route.Attributes]*route.Attributes{}
	for i, r := range out {
		with, known := marked[r.Attributes]
		if !known {
			a := *r.Attributes
			if !a.Has(route.GracefulShutdown) {
				a.Communities = append(slices.Clone(a.Communities), route.GracefulShutdown)
				slices.Sort(a.Communities)
			}
			with = &a
			marked[r.Attributes] = with
		}
		out[i].Attributes = with
	}
	return out
}

// leave is the last thing that is done. Where only the speaker ends, as in an
// upgrade, it does nothing: sessions with graceful restart then end without a
// word, and routers keep forwarding. Where the node is going away its routes
// become the last resort, are withdrawn, and the sessions end with a reason.
func (c *Controller) leave() {
	if c.board == nil || c.node.Leaving == "" {
		return
	}
	c.Router.Farewell("node " + c.Node + " is " + c.node.Leaving)
	if c.grace {
		time.Sleep(min(time.Until(c.goneAt), lastGrace))
	}
	c.Router.Announce(nil)
	for until := time.Now().Add(sendTime); time.Now().Before(until) && !c.allSent(); {
		time.Sleep(sendEvery)
	}
}

// allSent reports whether the routers have been told that there is nothing.
func (c *Controller) allSent() bool {
	return !slices.ContainsFunc(c.Router.Status(), func(s bgp.PeerStatus) bool {
		return s.State == bgp.StateEstablished && (s.Announced > 0 || s.OutQueue > 0)
	})
}

// Run works until ctx ends, and then leaves, which takes nine seconds at most.
// The Router must run until Run has returned.
func (c *Controller) Run(ctx context.Context) error {
	listening, deaf := context.WithCancel(context.WithoutCancel(ctx))
	var others sync.WaitGroup
	others.Go(func() { c.listen(listening) })
	others.Go(func() { c.usher.run(ctx) })
	c.work(ctx)
	c.leave()
	deaf()
	others.Wait()
	return nil
}
