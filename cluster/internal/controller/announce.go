package controller

import (
	"net/netip"
	"time"

	"github.com/hawser-lb/hawser/cluster/internal/announce"
	"github.com/hawser-lb/hawser/cluster/internal/kube"
	"github.com/hawser-lb/hawser/cluster/internal/model"
	"github.com/hawser-lb/hawser/shared/bgp"
)

// announce sets the node's routes, all of them, when they have changed.
func (c *Controller) announce(v *kube.View) {
	if !c.opened && c.usher.first() {
		return // a router keeps what an earlier speaker of the node has told until it is told all
	}
	c.opened = true
	if !c.posted || c.board.Stale() {
		routes := c.directory.address(c.board.Routes())
		if c.grace {
			routes = lastResort(routes)
		}
		c.Router.Announce(routes)
		c.posted = true
	}
	c.metrics.announced(c.board)
	c.sent(v)
}

// address turns names of peers into their addresses. Routes that go to the
// same peers mostly have one list of them.
func (d peers) address(routes []announce.Announcement) []bgp.Announcement {
	out := make([]bgp.Announcement, 0, len(routes))
	type list struct {
		first *string
		n     int
	}
	known := map[list][]netip.Addr{}
	var last list
	var to []netip.Addr
	for _, r := range routes {
		if l := (list{&r.Peers[0], len(r.Peers)}); l != last {
			if known[l] == nil {
				known[l] = d.named(r.Peers)
			}
			last, to = l, known[l]
		}
		out = append(out, bgp.Announcement{Route: r.Route, To: to})
	}
	return out
}

// named are the addresses of the peers of those names; nil would mean everyone.
func (d peers) named(names []string) []netip.Addr {
	to := []netip.Addr{}
	for _, name := range names {
		to = append(to, d.byName[name]...)
	}
	return to
}

// notice remembers when a Service without an address was first seen.
func (c *Controller) notice(v *kube.View, now time.Time) {
	look := func(s *model.Service) {
		if _, known := c.waiting[s.Key]; !known && s.Wanted && len(s.Holds) == 0 {
			c.waiting[s.Key] = now
		}
	}
	if !v.Changes.Whole {
		each(v, look, func(model.Key) {})
		return
	}
	for _, s := range v.Services {
		look(s)
	}
}

// sent measures the Services whose route has just been sent for the first
// time. Those that are not announced for a reason are not waited for.
func (c *Controller) sent(v *kube.View) {
	for k, since := range c.waiting {
		switch s := v.Service(k); {
		case s == nil:
			delete(c.waiting, k)
		case len(s.Holds) == 0, c.usher.waiting(k):
		case c.board.Refuses(k):
			delete(c.waiting, k)
		default:
			c.metrics.served(time.Since(since))
			delete(c.waiting, k)
		}
	}
}
