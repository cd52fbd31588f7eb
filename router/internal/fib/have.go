package fib

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// ID names a next-hop object of the kernel: a next hop or a group.
type ID uint32

// Have is what the kernel holds of ours, as it was read back. Its maps may be
// read; they are changed by its methods only, objects before what uses them.
type Have struct {
	Routes map[Key]Route
	Groups map[ID]Group
	Hops   map[ID]Hop
	// Taken are the objects of others: their numbers cannot be ours.
	Taken map[ID]bool
}

// Hop is a next-hop object. Its weight is 0, weights belong to groups.
type Hop struct {
	NextHop
	Protocol uint8
}

// Group is a next-hop group. Its members are never changed in place.
type Group struct {
	Members   []Member
	Resilient bool
	// Idle is the timer of a resilient one: a bucket that nothing came for so
	// long may change hands.
	Idle     time.Duration
	Protocol uint8
	hops     []NextHop // the members' next hops, sorted
	routes   int       // that use it
}

// Member is a next-hop object in a group.
type Member struct {
	ID     ID
	Weight int // 1 to 256
}

// compare orders members by their objects, which means nothing.
func (m Member) compare(o Member) int {
	return cmp.Or(cmp.Compare(m.ID, o.ID), cmp.Compare(m.Weight, o.Weight))
}

// Route is a route of ours: through a group, or with legs of its own, which are
// none when it says "unreachable".
type Route struct {
	Group    ID
	NextHops []NextHop
	Protocol uint8
}

// NewHave returns an empty one.
func NewHave() *Have {
	return &Have{Routes: map[Key]Route{}, Groups: map[ID]Group{}, Hops: map[ID]Hop{}, Taken: map[ID]bool{}}
}

// Clone returns one that changes independently.
func (h *Have) Clone() *Have {
	return &Have{maps.Clone(h.Routes), maps.Clone(h.Groups), maps.Clone(h.Hops), maps.Clone(h.Taken)}
}

// PutGroup makes the group id, or exchanges its members.
func (h *Have) PutGroup(id ID, g Group) {
	g.routes = h.Groups[id].routes
	g.hops = make([]NextHop, 0, len(g.Members))
	for _, m := range g.Members {
		hop := h.Hops[m.ID].NextHop
		hop.Weight = m.Weight
		g.hops = append(g.hops, hop)
	}
	slices.SortFunc(g.hops, NextHop.Compare)
	h.Groups[id] = g
}

// PutRoute makes the route k or exchanges it.
func (h *Have) PutRoute(k Key, r Route) {
	h.count(h.Routes[k].Group, -1)
	h.count(r.Group, 1)
	h.Routes[k] = r
}

// DropRoute takes the route k away.
func (h *Have) DropRoute(k Key) {
	h.count(h.Routes[k].Group, -1)
	delete(h.Routes, k)
}

func (h *Have) count(group ID, n int) {
	if g, stands := h.Groups[group]; stands {
		g.routes += n
		h.Groups[group] = g
	}
}

// DropGroup takes the group away, and as the kernel does, the routes that use
// it.
func (h *Have) DropGroup(id ID) {
	if h.Groups[id].routes > 0 {
		maps.DeleteFunc(h.Routes, func(_ Key, r Route) bool { return r.Group == id })
	}
	delete(h.Groups, id)
}

// DropHop takes the object away, and as the kernel does, out of every group. A
// group left empty goes as well.
func (h *Have) DropHop(id ID) {
	for group, g := range h.Groups {
		if !slices.ContainsFunc(g.Members, func(m Member) bool { return m.ID == id }) {
			continue
		}
		if len(g.Members) == 1 {
			h.DropGroup(group)
			continue
		}
		g.Members = slices.DeleteFunc(slices.Clone(g.Members), func(m Member) bool { return m.ID == id })
		h.PutGroup(group, g)
	}
	delete(h.Hops, id)
}

// NextHops are the legs of the route k, sorted: none when it says
// "unreachable", or uses an object that is not ours.
func (h *Have) NextHops(k Key) []NextHop {
	r := h.Routes[k]
	if r.Group != 0 {
		return h.Groups[r.Group].hops
	}
	return r.NextHops
}

// Table has the legs of every route.
func (h *Have) Table() Table {
	t := make(Table, len(h.Routes))
	for k := range h.Routes {
		t[k] = h.NextHops(k)
	}
	return t
}

// Apply does what the kernel does when every step succeeds.
func (h *Have) Apply(steps []Step) {
	for _, s := range steps {
		switch s.Verb {
		case AddHop:
			h.Hops[s.ID] = Hop{s.NextHops[0], s.Protocol}
		case AddGroup, ReplaceGroup:
			h.PutGroup(s.ID, Group{Members: s.Members, Resilient: s.Resilient, Idle: s.Idle, Protocol: s.Protocol})
		case DeleteHop:
			h.DropHop(s.ID)
		case DeleteGroup:
			h.DropGroup(s.ID)
		case Add, Replace:
			r := Route{Group: s.ID, Protocol: s.Protocol}
			if s.ID == 0 {
				r.NextHops = s.NextHops
			}
			h.PutRoute(s.Key, r)
		case Delete:
			h.DropRoute(s.Key)
		}
	}
}

// String has the objects and then the routes, one a line, sorted.
func (h *Have) String() string {
	var b strings.Builder
	for _, id := range slices.Sorted(maps.Keys(h.Hops)) {
		fmt.Fprintf(&b, "next hop %d %s\n", id, h.Hops[id].NextHop)
	}
	for _, id := range slices.Sorted(maps.Keys(h.Groups)) {
		sorted := slices.SortedFunc(slices.Values(h.Groups[id].Members), Member.compare)
		fmt.Fprintf(&b, "group %d%s\n", id, members(sorted))
	}
	for _, k := range slices.SortedFunc(maps.Keys(h.Routes), Key.Compare) {
		fmt.Fprintf(&b, "%s%s\n", k, target(h.Routes[k].Group, h.Routes[k].NextHops))
	}
	return b.String()
}

func members(all []Member) string {
	words := make([]string, len(all))
	for i, m := range all {
		words[i] = fmt.Sprint(m.ID)
		if m.Weight > 1 {
			words[i] += fmt.Sprintf("*%d", m.Weight)
		}
	}
	return " of " + strings.Join(words, ", ")
}

// target is where a route leads.
func target(group ID, hops []NextHop) string {
	if group != 0 {
		return fmt.Sprintf(" group %d", group)
	}
	return legs(hops)
}
