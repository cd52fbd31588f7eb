package controller

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"

	"github.com/hawser-lb/hawser/cluster/internal/kube"
	"github.com/hawser-lb/hawser/shared/bfd"
	"github.com/hawser-lb/hawser/shared/bgp"
)

// tellReport says how this node's speaker stands. What the board says is looked
// at when a pass has been made, the sessions every time.
func (c *Controller) tellReport() {
	if c.board == nil {
		return
	}
	if c.unsaid {
		c.unsaid = false
		c.report.Announced = len(c.board.Routes())
		c.report.Refused, c.report.NotAnnounced = c.notAnnounced()
	}
	c.report.Sessions = c.directory.sessions(c.Router.Status(), c.Watcher.Status())
	c.Writer.Report(c.report)
}

// notAnnounced counts the Services that are refused, and has the first of them,
// each once.
func (c *Controller) notAnnounced() (n int, first []kube.NotAnnounced) {
	last := ""
	for _, r := range c.board.Refusals() { // sorted by Service
		service := r.Service.String()
		if service == last {
			continue
		}
		last = service
		if n++; n <= kube.MostNotAnnounced {
			first = append(first, kube.NotAnnounced{Service: service, Reason: string(r.Reason), Message: r.Detail})
		}
	}
	return n, first
}

// sessions are those that the node has or tries to have, by peer and address,
// and the peers that no session can be had with.
func (d peers) sessions(status []bgp.PeerStatus, watched []bfd.Status) []kube.Session {
	known := map[netip.Addr]bgp.PeerStatus{}
	for _, s := range status {
		known[s.Address] = s
	}
	var out []kube.Session
	for _, name := range slices.Sorted(maps.Keys(d.byName)) {
		for _, a := range d.byName[name] {
			one := sessionOf(name, a, known[a])
			one.BFD = liveness(watched, a)
			out = append(out, one)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.silent)) {
		out = append(out, kube.Session{Peer: name, State: bgp.Idle.String(), LastError: d.silent[name]})
	}
	return out
}

// sessionOf is one session. All the states of one that is not up are told as
// one, Active: they come and go with every attempt.
func sessionOf(peer string, a netip.Addr, s bgp.PeerStatus) kube.Session {
	out := kube.Session{
		Peer: peer, Address: a, ASN: s.ASN, Since: s.Since, State: bgp.Active.String(),
		LastError: cmp.Or(s.Obstacle, s.LastError), RoutesSent: s.Announced,
	}
	if s.State == bgp.StateEstablished {
		out.State, out.LastError, out.LocalAddress = kube.StateEstablished, "", s.LocalAddress.Addr()
	}
	return out
}
