package controller

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/hawser-lb/hawser/cluster/internal/announce"
	"github.com/hawser-lb/hawser/cluster/internal/kube"
	"github.com/hawser-lb/hawser/cluster/internal/model"
	"github.com/hawser-lb/hawser/shared/bgp"
)

// announce sets the node's peers and routes: all of them, every time.
func (c *Controller) announce(v *kube.View) {
	d := directory(v.Peers, nodeOf(v, c.Node), c.gateways)
	c.directory = d
	err := c.Router.SetPeers(d.peers, nil)
	if c.sayOnce("peers", err) {
		c.health.hindered(fmt.Errorf("the speaker refuses its peers: %w", err))
	} else {
		c.health.expect(d.peers)
	}
	routes, refused := announce.Routes(v.Snapshot, c.Node, announce.Options{
		IgnoreExcludeLB: c.IgnoreExcludeLB, Down: d.down(c.Router.Status()),
	})
	c.Router.Announce(d.address(routes))
	c.metrics.announced(len(routes), refused)
	c.sent(v, refused)
}

func nodeOf(v *kube.View, name string) model.Node {
	for _, n := range v.Nodes {
		if n.Name == name {
			return n
		}
	}
	return model.Node{Name: name}
}

// address turns names of peers into their addresses.
func (d peers) address(routes []announce.Announcement) []bgp.Announcement {
	out := make([]bgp.Announcement, 0, len(routes))
	for _, r := range routes {
		to := []netip.Addr{} // nil would mean everyone
		for _, name := range r.Peers {
			to = append(to, d.byName[name]...)
		}
		out = append(out, bgp.Announcement{Route: r.Route, To: to})
	}
	return out
}

// notice remembers when a Service without an address was first seen.
func (c *Controller) notice(v *kube.View, now time.Time) {
	for _, s := range v.Services {
		if !s.Wanted || len(s.Holds) > 0 {
			continue
		}
		if _, known := c.waiting[s.Key]; !known {
			c.waiting[s.Key] = now
		}
	}
}

// sent measures the Services whose route has just been sent for the first
// time. Those that are not announced for a reason are not waited for.
func (c *Controller) sent(v *kube.View, refused []announce.Refusal) {
	if len(c.waiting) == 0 {
		return
	}
	no := map[model.Key]bool{}
	for _, r := range refused {
		no[r.Service] = true
	}
	here := map[model.Key]bool{}
	for _, s := range v.Services {
		here[s.Key] = true
		since, waits := c.waiting[s.Key]
		if !waits || len(s.Holds) == 0 {
			continue
		}
		if !no[s.Key] {
			c.metrics.served(time.Since(since))
		}
		delete(c.waiting, s.Key)
	}
	for k := range c.waiting {
		if !here[k] {
			delete(c.waiting, k)
		}
	}
}
