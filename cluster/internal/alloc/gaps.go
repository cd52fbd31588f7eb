package alloc

import (
	"net/netip"
	"slices"

	"github.com/hawser-lb/hawser/shared/addr"
)

// gaps are the free addresses of one pool and family: sorted, disjoint,
// never touching one another.
type gaps struct {
	free []addr.Range
	// skip says which addresses are not given out unasked; nil for none.
	skip func(netip.Addr) bool
}

// newGaps is all of the ranges, which are as addr.Merge leaves them, without
// the used addresses, which are sorted and each lie in a range.
func newGaps(ranges []addr.Range, used []netip.Addr, skip func(netip.Addr) bool) *gaps {
	g := &gaps{skip: skip, free: make([]addr.Range, 0, len(ranges)+len(used))}
	for _, r := range ranges {
		first := r.First
		for len(used) > 0 && r.Contains(used[0]) {
			if first.Less(used[0]) {
				g.free = append(g.free, addr.Range{First: first, Last: used[0].Prev()})
			}
			first, used = used[0].Next(), used[1:]
		}
		if first.IsValid() && first.Compare(r.Last) <= 0 {
			g.free = append(g.free, addr.Range{First: first, Last: r.Last})
		}
	}
	return g
}

// lowest takes the lowest free address that is not to be skipped. What it
// skips on the way is gone for good, so that skipping costs nothing later.
func (g *gaps) lowest() (netip.Addr, bool) {
	for len(g.free) > 0 {
		a := g.free[0].First
		g.cut(0, a)
		if g.skip == nil || !g.skip(a) {
			return a, true
		}
	}
	return netip.Addr{}, false
}

// take removes a, if it is free.
func (g *gaps) take(a netip.Addr) {
	if i, ok := g.find(a); ok {
		g.cut(i, a)
	}
}

// give puts a, which is not free, back.
func (g *gaps) give(a netip.Addr) {
	i, free := g.find(a)
	if free {
		return
	}
	below := i > 0 && g.free[i-1].Last.Next() == a
	above := i < len(g.free) && a.Next() == g.free[i].First
	switch {
	case below && above:
		g.free[i-1].Last = g.free[i].Last
		g.free = slices.Delete(g.free, i, i+1)
	case below:
		g.free[i-1].Last = a
	case above:
		g.free[i].First = a
	default:
		g.free = slices.Insert(g.free, i, addr.Range{First: a, Last: a})
	}
}

// find is the gap that has a, or where a gap of a would stand.
func (g *gaps) find(a netip.Addr) (int, bool) {
	return slices.BinarySearchFunc(g.free, a, func(r addr.Range, a netip.Addr) int {
		switch {
		case r.Last.Less(a):
			return -1
		case a.Less(r.First):
			return 1
		}
		return 0
	})
}

// cut removes a from gap i.
func (g *gaps) cut(i int, a netip.Addr) {
	r := g.free[i]
	switch {
	case r.First == r.Last && i == 0:
		g.free = g.free[1:]
	case r.First == r.Last:
		g.free = slices.Delete(g.free, i, i+1)
	case a == r.First:
		g.free[i].First = a.Next()
	case a == r.Last:
		g.free[i].Last = a.Prev()
	default:
		g.free[i].Last = a.Prev()
		g.free = slices.Insert(g.free, i+1, addr.Range{First: a.Next(), Last: r.Last})
	}
}

// buggy reports whether some old firewalls take the address for a network or
// a broadcast address.
func buggy(a netip.Addr) bool {
	if !a.Is4() {
		return false
	}
	last := a.As4()[3]
	return last == 0 || last == 255
}
