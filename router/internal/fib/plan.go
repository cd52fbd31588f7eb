package fib

import (
	"net/netip"
	"slices"
)

// Kind says how routes with next hops stand in the kernel.
type Kind uint8

const (
	// Multipath routes carry their legs themselves; a change of legs moves
	// most flows.
	Multipath Kind = iota
	// HashGroups are next-hop groups that spread flows by a hash; a change of
	// members moves some of the flows through the others.
	HashGroups
	// ResilientGroups leave the flows of the members that stay where they are.
	ResilientGroups
)

// String is the words of status.
func (k Kind) String() string {
	return [...]string{"multipath", "nexthop groups", "resilient groups"}[k]
}

// Rules say how a plan has routes stand in the kernel.
type Rules struct {
	Kind     Kind
	Protocol uint8 // of what is made; objects and routes with another are former ones
	First    ID    // the lowest number for objects of ours
	// Own is up to how many routes each gets a group of its own. It then
	// changes without any other, and its flows never have to move. Beyond
	// that, routes with the same next hops share a group.
	Own int
}

// maxGroups is from how many groups on a route that leaves a group joins any
// other of the same members, instead of taking a copy with it.
const maxGroups = 1024

// Plan lists the steps that turn have into want. It touches nothing. At no step
// does a prefix that stands and is wanted lose its last next hop.
func Plan(want Table, have *Have, rules Rules) []Step {
	var gone []Key
	for k := range have.Routes {
		if _, wanted := want[k]; !wanted {
			gone = append(gone, k)
		}
	}
	return PlanSome(want, gone, have, rules)
}

// PlanSome is Plan for some keys: those of want, and those gone, which are
// wanted no more. All other routes stay as they are. A prefix with several keys
// must be given with all of them.
func PlanSome(want Table, gone []Key, have *Have, rules Rules) []Step {
	p := newPlanner(have, rules)
	p.sortGone(gone)
	p.sortWanted(want)
	p.decide()
	p.placeFresh()
	p.bury()
	p.changeGroups()
	p.sweep()
	return p.ordered()
}

// phase is when a step of a plan comes.
type phase int

const (
	objects   phase = iota // that are new: first, since all else may need them
	rescue                 // routes and groups that a dead next hop would take along
	burial                 // of dead next hops: everything else can wait
	moves                  // of routes to groups that stay as they are, or are new
	retreat                // of unwanted routes from groups that change
	groups                 // that change
	additions              // of routes to these
	deletions
	disused // groups, and then next hops
	phases
)

// planner holds a plan while it is made.
type planner struct {
	rules Rules
	have  *Have
	fates map[ID]*fate // of groups whose routes the plan is about
	fresh classes      // routes that have no group to stay in
	hops  map[NextHop]ID
	made  map[ID][]NextHop       // new groups
	due   map[netip.Prefix]bool  // that get a route, or another group for one
	moved map[netip.Prefix]*fate // groups of the keys that go
	idle  []ID                   // groups that no route uses
	total int                    // routes, when all is done
	next  ID
	steps [phases][]Step
}

// fate is what becomes of a group.
type fate struct {
	Group
	id      ID
	seen    int // of its routes
	staying int
	leaving classes // by what they want
	gone    []Key
	target  []NextHop // its next hops in the end; none: it goes
	joined  int       // routes that come to it
	rescued bool
}

// class is some routes that want the same.
type class struct {
	hops []NextHop
	keys []Key
}

// classes finds a class by its next hops, mostly by the slice being the same.
type classes struct {
	all     []*class
	bySlice map[*NextHop]*class
}

func (c *classes) add(hops []NextHop, k Key) {
	found := c.bySlice[&hops[0]]
	if found == nil {
		i := slices.IndexFunc(c.all, func(o *class) bool { return sameHops(o.hops, hops) })
		if i < 0 {
			i = len(c.all)
			c.all = append(c.all, &class{hops: hops})
		}
		found = c.all[i]
		if c.bySlice == nil {
			c.bySlice = map[*NextHop]*class{}
		}
		c.bySlice[&hops[0]] = found
	}
	found.keys = append(found.keys, k)
}

// sorted puts the classes in an order that the same input always has: the
// largest first.
func (c *classes) sorted() []*class {
	for _, one := range c.all {
		slices.SortFunc(one.keys, Key.Compare)
	}
	slices.SortFunc(c.all, func(a, b *class) int {
		if n := len(b.keys) - len(a.keys); n != 0 {
			return n
		}
		return a.keys[0].Compare(b.keys[0])
	})
	return c.all
}

func newPlanner(have *Have, rules Rules) *planner {
	p := &planner{
		rules: rules, have: have, fates: map[ID]*fate{}, hops: map[NextHop]ID{}, made: map[ID][]NextHop{},
		due: map[netip.Prefix]bool{}, moved: map[netip.Prefix]*fate{}, total: len(have.Routes), next: rules.First,
	}
	for id, h := range have.Hops {
		if before, known := p.hops[h.NextHop]; h.Protocol == rules.Protocol && (!known || id < before) {
			p.hops[h.NextHop] = id
		}
	}
	for id, g := range have.Groups {
		if g.routes == 0 {
			p.idle = append(p.idle, id)
		}
	}
	slices.Sort(p.idle)
	return p
}

// fate of the group that r uses; nil when that is none of ours.
func (p *planner) fate(r Route) *fate {
	if f := p.fates[r.Group]; f != nil {
		return f
	}
	g, stands := p.have.Groups[r.Group]
	if !stands {
		return nil
	}
	f := &fate{Group: g, id: r.Group}
	p.fates[r.Group] = f
	return f
}

// usable reports whether routes may stay in the group as it is.
func (p *planner) usable(g Group) bool {
	return p.rules.Kind != Multipath && g.Protocol == p.rules.Protocol && g.Resilient == (p.rules.Kind == ResilientGroups)
}

// sortWanted finds out which wanted routes stand, which change together with
// their group, and which need another. One with a new metric or table belongs
// to the group that the prefix has.
func (p *planner) sortWanted(want Table) {
	for k, hops := range want {
		r, stands := p.have.Routes[k]
		if !stands {
			p.total++
		}
		f := p.fate(r)
		if f != nil {
			f.seen++
		}
		ours := stands && r.Protocol == p.rules.Protocol
		if !stands {
			f, ours = p.moved[k.Prefix], true
		}
		switch {
		case len(hops) == 0 || p.rules.Kind == Multipath:
			if !stands || !ours || r.Group != 0 || !sameHops(hops, r.NextHops) {
				p.route(k, 0, hops)
			}
		case !ours || f == nil || !p.usable(f.Group):
			p.fresh.add(hops, k)
		case sameHops(hops, f.hops) && !stands:
			f.staying++
			p.route(k, f.id, hops)
		case sameHops(hops, f.hops):
			f.staying++
		default:
			f.leaving.add(hops, k)
		}
	}
}

func (p *planner) sortGone(gone []Key) {
	for _, k := range gone {
		p.total--
		if f := p.fate(p.have.Routes[k]); f != nil {
			f.seen++
			f.gone = append(f.gone, k)
			p.moved[k.Prefix] = f
			continue
		}
		p.remove(k)
	}
}

// decide says of each group whether it stays as it is, changes, or goes. When
// no route wants it as it is, most of its routes take it along; the others take
// a copy.
func (p *planner) decide() {
	for _, id := range sortedIDs(p.fates) {
		f := p.fates[id]
		f.staying += f.routes - f.seen
		leave := f.leaving.sorted()
		switch {
		case f.staying > 0:
			f.target = f.hops
		case len(leave) > 0:
			f.target = leave[0].hops
			f.staying = len(leave[0].keys)
			for _, k := range leave[0].keys {
				if _, stands := p.have.Routes[k]; !stands {
					p.route(k, id, f.target)
				}
			}
			leave = leave[1:]
		}
		f.leaving.all = leave
	}
}
