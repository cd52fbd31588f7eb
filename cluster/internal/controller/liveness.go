package controller

import (
	"net/netip"
	"slices"

	"github.com/hawser-lb/hawser/cluster/internal/model"
	"github.com/hawser-lb/hawser/shared/bfd"
	"github.com/hawser-lb/hawser/shared/bgp"
)

// Watcher speaks BFD; bfd.Speaker is one.
type Watcher interface {
	Set([]bfd.Session)
	Events() <-chan bfd.Event
	Status() []bfd.Status
	Ignored() bfd.Ignored
}

// watched are the sessions of BFD: with each peer that asks for it, as long as
// its BGP session is up.
func watched(peers []model.Peer, status []bgp.PeerStatus) []bfd.Session {
	var all []bfd.Session
	for _, s := range status {
		i := slices.IndexFunc(peers, func(p model.Peer) bool { return p.Name == s.Name })
		if i < 0 || !peers[i].BFD.Enabled || s.State != bgp.StateEstablished {
			continue
		}
		p := peers[i]
		all = append(all, bfd.Session{
			Key:      bfd.Key{Remote: s.Address, Local: s.LocalAddress.Addr(), Multihop: p.EBGPMultiHop},
			Transmit: p.BFD.Transmit, Receive: p.BFD.Receive, Multiplier: p.BFD.Multiplier,
		})
	}
	return all
}

// bfdDown is Cease/BFD Down (RFC 9384).
var bfdDown = bgp.Notification{Code: 6, Subcode: 10}

// alive closes the session with a router that BFD has found dead: that one and
// no other.
func (c *Controller) alive(e bfd.Event) {
	if e.State == bfd.Down {
		c.Router.Reset(e.Remote, bfdDown, 0)
	}
	c.poke()
}

// liveness is the state of BFD with a peer, "" when it is not watched.
func liveness(all []bfd.Status, peer netip.Addr) string {
	i := slices.IndexFunc(all, func(w bfd.Status) bool { return w.Remote == peer })
	if i < 0 {
		return ""
	}
	return all[i].State.String()
}
