package announce

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/hawser-lb/hawser/shared/route"
)

// join makes routes of the offers, sorted: one for each prefix, or several
// where the attributes differ from peer to peer.
func join(offers []offer) (routes []Announcement, refused []Refusal) {
	slices.SortFunc(offers, compareOffers)
	routes = make([]Announcement, 0, len(offers))
	for len(offers) > 0 {
		first := offers[0]
		n, alone, ending := 1, true, first.ending
		for ; n < len(offers) && offers[n].prefix == first.prefix; n++ {
			alone = alone && offers[n].by == first.by
			ending = ending && offers[n].ending
		}
		if alone {
			attributes := first.by.attributes
			if ending {
				attributes = first.by.lastResort
			}
			routes = append(routes, Announcement{route.Route{Prefix: first.prefix, Attributes: attributes}, first.by.peers})
		} else {
			several, no := joinPrefix(first.prefix, offers[:n], ending)
			routes, refused = append(routes, several...), append(refused, no...)
		}
		offers = offers[n:]
	}
	return routes, refused
}

// compareOffers sorts by prefix, and of one prefix the older advertisement
// first.
func compareOffers(a, b offer) int {
	if c := comparePrefixes(a.prefix, b.prefix); c != 0 {
		return c
	}
	return cmp.Or(a.by.age-b.by.age, compareKeys(a.service.Key, b.service.Key), a.address.Compare(b.address))
}

func comparePrefixes(a, b netip.Prefix) int {
	return cmp.Or(a.Addr().Compare(b.Addr()), a.Bits()-b.Bits())
}

// mix is what one peer is told of one prefix, while it is put together.
type mix struct {
	route.Attributes
	localPrefBy, medBy *paper
}

// joinPrefix puts together what several advertisements say of one prefix,
// oldest first, for each peer by itself.
func joinPrefix(prefix netip.Prefix, all []offer, ending bool) (routes []Announcement, refused []Refusal) {
	mixes := map[string]*mix{}
	for _, f := range all {
		for _, peer := range f.by.peers {
			m := mixes[peer]
			if m == nil {
				m = &mix{}
				mixes[peer] = m
			}
			if why := m.add(f.by); why != "" {
				refused = append(refused, Refusal{Service: f.service.Key, Address: f.address, Reason: ConflictingAdvertisements,
					Detail: fmt.Sprintf("%s to peer %s: %s", prefix, peer, why), Advertisement: f.by.Name})
			}
		}
	}
	for _, peer := range slices.Sorted(maps.Keys(mixes)) {
		if ending {
			mixes[peer].Communities = union(mixes[peer].Communities, []uint32{route.GracefulShutdown})
		}
		routes = addPeer(routes, prefix, peer, &mixes[peer].Attributes)
	}
	return routes, refused
}

// add joins an advertisement in, or says why it contradicts an older one.
func (m *mix) add(p *paper) (why string) {
	if differ(m.LocalPref, p.LocalPref) {
		return fmt.Sprintf("advertisement %s says local preference %d, the older %s says %d",
			p.Name, p.LocalPref.Value, m.localPrefBy.Name, m.LocalPref.Value)
	}
	if differ(m.MED, p.MED) {
		return fmt.Sprintf("advertisement %s says MED %d, the older %s says %d",
			p.Name, p.MED.Value, m.medBy.Name, m.MED.Value)
	}
	if p.LocalPref.Set {
		m.LocalPref, m.localPrefBy = p.LocalPref, p
	}
	if p.MED.Set {
		m.MED, m.medBy = p.MED, p
	}
	m.Communities = union(m.Communities, p.Communities)
	m.LargeCommunities = unionLarge(m.LargeCommunities, p.LargeCommunities)
	return ""
}

// differ reports whether both say something, and not the same.
func differ(a, b route.Optional) bool { return a.Set && b.Set && a != b }

// addPeer adds the peer to the route that has the same attributes, or a route.
func addPeer(routes []Announcement, prefix netip.Prefix, peer string, a *route.Attributes) []Announcement {
	for i := range routes {
		if same(routes[i].Route.Attributes, a) {
			routes[i].Peers = append(routes[i].Peers, peer)
			return routes
		}
	}
	return append(routes, Announcement{route.Route{Prefix: prefix, Attributes: a}, []string{peer}})
}

// same compares the attributes that an advertisement sets.
func same(a, b *route.Attributes) bool {
	return a.LocalPref == b.LocalPref && a.MED == b.MED &&
		slices.Equal(a.Communities, b.Communities) && slices.Equal(a.LargeCommunities, b.LargeCommunities)
}

func union(a, b []uint32) []uint32 {
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(a, b))))
}

func unionLarge(a, b []route.LargeCommunity) []route.LargeCommunity {
	out := slices.Concat(a, b)
	slices.SortFunc(out, func(a, b route.LargeCommunity) int { return slices.Compare(a[:], b[:]) })
	return slices.Compact(out)
}
