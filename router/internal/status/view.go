package status

import (
	"cmp"
	"errors"
	"net/netip"
	"slices"

	"github.com/hawser-lb/hawser/shared/order"
)

// Family is what "ip" and "ipv6" stand for in a command.
type Family int

// The two families that routes may be of.
const (
	IPv4 Family = 4
	IPv6 Family = 6
)

// Of reports whether a is of the family.
func (f Family) Of(a netip.Addr) bool { return a.Is4() == (f == IPv4) }

// ErrNotInTable is returned for a network that nobody has told of.
var ErrNotInTable = errors.New("network not in table")

// ErrNoNeighbor is returned for an address that is no neighbor's.
var ErrNoNeighbor = errors.New("no such neighbor")

// RoutesOf picks the routes of a family, sorted by prefix.
func (s *Snapshot) RoutesOf(f Family) []Route {
	all := []Route{}
	for _, r := range s.Routes {
		if f.Of(r.Prefix.Addr()) {
			all = append(all, r)
		}
	}
	order.Slice(all, func(a, b Route) int { return a.Prefix.Compare(b.Prefix) })
	return all
}

// RouteFor finds one route: that of exactly the prefix, or, for a whole
// address, the longest prefix that holds it.
func RouteFor(all []Route, p netip.Prefix) (Route, error) {
	best := -1
	for i, r := range all {
		if r.Prefix == p {
			return r, nil
		}
		if p.IsSingleIP() && r.Prefix.Contains(p.Addr()) && (best < 0 || r.Prefix.Bits() > all[best].Prefix.Bits()) {
			best = i
		}
	}
	if best < 0 {
		return Route{}, ErrNotInTable
	}
	return all[best], nil
}

// Told picks the routes that a peer tells. One of before the daemon's start,
// which is in the kernel only, is none of them.
func Told(all []Route) []Route {
	return slices.DeleteFunc(slices.Clone(all), func(r Route) bool { return len(r.Paths) == 0 })
}

// InTable picks the routes that are chosen for the kernel or in it.
func InTable(all []Route) []Route {
	return slices.DeleteFunc(slices.Clone(all), func(r Route) bool {
		return len(r.Installed) == 0 && !slices.ContainsFunc(r.Paths, func(p Path) bool { return p.Best || p.Multipath })
	})
}

// NeighborsAt picks the neighbor with the address, or all, sorted by address,
// when it is zero.
func (s *Snapshot) NeighborsAt(a netip.Addr) ([]Neighbor, error) {
	all := slices.Clone(s.Neighbors)
	order.Slice(all, func(x, y Neighbor) int {
		return cmp.Or(x.Address.Compare(y.Address), cmp.Compare(x.Name, y.Name))
	})
	if !a.IsValid() {
		return all, nil
	}
	all = slices.DeleteFunc(all, func(n Neighbor) bool { return n.Address != a })
	if len(all) == 0 {
		return nil, ErrNoNeighbor
	}
	return all, nil
}
