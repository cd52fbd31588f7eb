package controller

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/hawser-lb/hawser/cluster/internal/announce"
	"github.com/hawser-lb/hawser/cluster/internal/kube"
	"github.com/hawser-lb/hawser/cluster/internal/model"
)

// hear notes which routers hear of the Services from nodes that tell the same
// peers of them, by the sessions that the nodes say they have.
func hear(services map[model.Key]standing, peers map[model.Key][]string, fleet map[string][]kube.Session, from []string) {
	for _, n := range from {
		known := map[string][]netip.Addr{} // routers by peers
		for k, names := range peers {
			st, ok := services[k]
			if !ok {
				continue
			}
			all := strings.Join(names, " ")
			routers, asked := known[all]
			if !asked {
				routers = established(fleet[n], names)
				known[all] = routers
			}
			if len(routers) == 0 {
				st.mute = append(st.mute, n)
			} else {
				st.heard++
				st.routers = merge(st.routers, routers)
			}
			services[k] = st
		}
	}
}

// established are the addresses of those peers that have a session.
func established(sessions []kube.Session, peers []string) []netip.Addr {
	var out []netip.Addr
	for _, s := range sessions {
		if s.State == kube.StateEstablished && slices.Contains(peers, s.Peer) {
			out = append(out, s.Address)
		}
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return slices.Compact(out)
}

func merge(a, b []netip.Addr) []netip.Addr {
	if len(a) == 0 || slices.Equal(a, b) {
		return b
	}
	out := slices.Concat(a, b)
	slices.SortFunc(out, netip.Addr.Compare)
	return slices.Compact(out)
}

// conditions are the standings as the Services shall say them.
func conditions(services map[model.Key]standing) map[model.Key]kube.Standing {
	out := make(map[model.Key]kube.Standing, len(services))
	for k, s := range services {
		if s.nodes > 0 {
			out[k] = s.condition()
		}
	}
	return out
}

// condition is "from 3 of 3 nodes to 1 router", or why there is none. What the
// sessions' errors say changes too often to stand in it; BGPNodes say that.
func (s standing) condition() kube.Standing {
	parts := s.refusals()
	if len(s.mute) > 0 {
		parts = append(parts, fmt.Sprintf("not from %s: %s: there is no session with a peer that should be told", named(s.mute), announce.PeerDown))
	}
	if s.heard == 0 {
		return kube.Standing{Reason: string(s.reason()), Message: strings.Join(parts, "; ")}
	}
	routers := "1 router"
	if n := len(s.routers); n != 1 {
		routers = fmt.Sprintf("%d routers", n)
	}
	parts = slices.Insert(parts, 0, fmt.Sprintf("from %d of %d nodes to %s", s.heard, s.nodes, routers))
	return kube.Standing{Announced: true, Reason: eventAnnounced, Message: strings.Join(parts, "; ")}
}

// reason is the last thing in the way: of the words that nodes say the one that
// is looked for last, so that a node that has everything but a session is heard
// before those that are not meant to announce the Service.
func (s standing) reason() announce.Reason {
	if len(s.mute) > 0 {
		return announce.PeerDown
	}
	last := announce.Reason("")
	for w := range s.no {
		if all := announce.Reasons(); slices.Index(all, w.reason) > slices.Index(all, last) {
			last = w.reason
		}
	}
	return last
}
