package announce

import (
	"net/netip"
	"slices"

	"github.com/hawser-lb/hawser/cluster/internal/model"
)

// Board keeps the routes of one node up to date while Services come, change
// and go, at the cost of what changed. It says what Routes would say of the
// whole. For other pools, peers, advertisements, nodes or options there is
// another Board.
type Board struct {
	desk    *desk
	gate    gate
	options Options

	parts    map[model.Key]part
	prefixes map[netip.Prefix][]offer
	clashes  map[netip.Prefix][]Refusal // of advertisements, where there are any
	reasons  map[Reason]int

	routes []Announcement // sorted, true but for the prefixes in stale
	stale  map[netip.Prefix]bool
}

// part is one Service's.
type part struct {
	offers  []offer
	refused []Refusal
}

// NewBoard enters everything that is in the snapshot.
func NewBoard(s model.Snapshot, node string, o Options) *Board {
	b := &Board{
		desk: newDesk(s, node), gate: gateOf(s.Nodes, node, o), options: o,
		parts: make(map[model.Key]part, len(s.Services)), prefixes: make(map[netip.Prefix][]offer, len(s.Services)),
		clashes: map[netip.Prefix][]Refusal{}, reasons: map[Reason]int{}, stale: map[netip.Prefix]bool{},
	}
	for _, svc := range s.Services {
		b.Set(svc)
	}
	return b
}

// Set enters a Service that is new, or has changed.
func (b *Board) Set(s *model.Service) {
	b.Drop(s.Key)
	if !s.Wanted || len(s.Holds) == 0 {
		return
	}
	p := b.judge(s)
	if len(p.offers)+len(p.refused) == 0 {
		return
	}
	b.parts[s.Key] = p
	b.count(p.refused, 1)
	for i, f := range p.offers {
		b.stale[f.prefix] = true
		if others := b.prefixes[f.prefix]; len(others) > 0 {
			b.prefixes[f.prefix] = append(slices.Clip(others), f)
		} else {
			b.prefixes[f.prefix] = p.offers[i : i+1 : i+1]
		}
	}
}

// Drop strikes out a Service that is gone.
func (b *Board) Drop(k model.Key) {
	p, known := b.parts[k]
	if !known {
		return
	}
	delete(b.parts, k)
	b.count(p.refused, -1)
	for _, f := range p.offers {
		b.stale[f.prefix] = true
		var others []offer
		for _, o := range b.prefixes[f.prefix] {
			if o.service.Key != k {
				others = append(others, o)
			}
		}
		if len(others) == 0 {
			delete(b.prefixes, f.prefix)
		} else {
			b.prefixes[f.prefix] = others
		}
	}
}

func (b *Board) count(refused []Refusal, by int) {
	for _, r := range refused {
		b.reasons[r.Reason] += by
	}
}

func (b *Board) judge(s *model.Service) part {
	made, refused := b.desk.judge(nil, s, b.gate, b.options)
	slices.SortFunc(refused, compareRefusals)
	return part{made, slices.Compact(refused)}
}

// Stale reports whether Routes may say something else than the last time.
func (b *Board) Stale() bool { return len(b.stale) > 0 }

// Routes are all that the node should tell, sorted by prefix and peers. Not to
// be written to, and good until the next Set or Drop.
func (b *Board) Routes() []Announcement {
	switch n := len(b.stale); {
	case n == 0:
	case n > 16 && n > len(b.routes)/16:
		b.redo()
	default:
		for p := range b.stale {
			from, to := b.span(p)
			b.routes = slices.Replace(b.routes, from, to, b.join(p)...)
		}
	}
	clear(b.stale)
	return b.routes
}

// redo makes the routes of all prefixes, and keeps those that are not stale.
func (b *Board) redo() {
	routes := make([]Announcement, 0, len(b.prefixes))
	for _, r := range b.routes {
		if !b.stale[r.Route.Prefix] {
			routes = append(routes, r)
		}
	}
	for p := range b.stale {
		routes = append(routes, b.join(p)...)
	}
	slices.SortStableFunc(routes, func(x, y Announcement) int { return comparePrefixes(x.Route.Prefix, y.Route.Prefix) })
	b.routes = routes
}

// span is the place of a prefix among the routes.
func (b *Board) span(p netip.Prefix) (from, to int) {
	from, _ = slices.BinarySearchFunc(b.routes, p, func(r Announcement, p netip.Prefix) int { return comparePrefixes(r.Route.Prefix, p) })
	for to = from; to < len(b.routes) && b.routes[to].Route.Prefix == p; to++ {
	}
	return from, to
}

// join makes the routes of one prefix, and notes who contradicts whom there.
func (b *Board) join(p netip.Prefix) []Announcement {
	b.count(b.clashes[p], -1)
	delete(b.clashes, p)
	routes, no := join(b.prefixes[p])
	if len(no) > 0 {
		slices.SortFunc(no, compareRefusals)
		b.clashes[p] = slices.Compact(no)
		b.count(b.clashes[p], 1)
	}
	return routes
}

// Refusals are all that the node does not tell, sorted by Service and address.
func (b *Board) Refusals() []Refusal {
	b.Routes()
	var out []Refusal
	for _, p := range b.parts {
		out = append(out, p.refused...)
	}
	for _, no := range b.clashes {
		out = append(out, no...)
	}
	slices.SortFunc(out, compareRefusals)
	return out
}

// Refused counts Refusals by reason.
func (b *Board) Refused(r Reason) int {
	b.Routes()
	return b.reasons[r]
}

// Refuses reports whether the Service, or one address of it, is refused.
func (b *Board) Refuses(k model.Key) bool { return len(b.parts[k].refused) > 0 }
