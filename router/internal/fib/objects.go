package fib

import (
	"maps"
	"slices"
	"time"
)

// This file is the part of planning that deals with the kernel's objects.

func sortedIDs[V any](m map[ID]V) []ID { return slices.Sorted(maps.Keys(m)) }

// id returns a number that no object has.
func (p *planner) id() ID {
	for {
		id := p.next
		p.next++
		_, hop := p.have.Hops[id]
		_, group := p.have.Groups[id]
		if !hop && !group && !p.have.Taken[id] {
			return id
		}
	}
}

// members are the objects behind hops; those that are missing are made.
func (p *planner) members(hops []NextHop) []Member {
	out := make([]Member, len(hops))
	for i, h := range hops {
		bare := h
		bare.Weight = 0
		id, known := p.hops[bare]
		if !known {
			id = p.id()
			p.hops[bare] = id
			p.emit(objects, Step{Verb: AddHop, ID: id, NextHops: []NextHop{bare}, Protocol: p.rules.Protocol})
		}
		out[i] = Member{id, h.Weight}
	}
	return out
}

// group makes a new one.
func (p *planner) group(hops []NextHop) ID {
	members := p.members(hops)
	id := p.id()
	p.made[id] = hops
	p.emit(objects, p.groupStep(AddGroup, id, members, hops))
	return id
}

// copyOf makes a group of hops for routes that leave f. A resilient one begins
// with the members of f: their flows are where a group without a history has
// them, and stay there when it then changes.
func (p *planner) copyOf(f *fate, hops []NextHop) ID {
	kept := slices.ContainsFunc(hops, func(h NextHop) bool { return slices.Contains(f.hops, h) })
	if p.rules.Kind != ResilientGroups || !kept {
		return p.group(hops)
	}
	members := p.members(hops)
	id := p.id()
	p.made[id] = hops
	p.emit(objects, p.groupStep(AddGroup, id, f.Members, f.hops))
	p.emit(objects, p.groupStep(ReplaceGroup, id, members, hops))
	return id
}

func (p *planner) groupStep(v Verb, id ID, members []Member, hops []NextHop) Step {
	return Step{
		Verb: v, ID: id, Members: members, Protocol: p.rules.Protocol,
		Resilient: p.rules.Kind == ResilientGroups, Idle: p.timer(hops),
	}
}

// timer that a group of hops is to have.
func (p *planner) timer(hops []NextHop) time.Duration {
	if p.rules.Kind != ResilientGroups {
		return 0
	}
	return timer(hops)
}

// bury deletes the next hops that no group is to have any more. Those whose
// deletion would take away a route that has to stand until another is made go
// last, as do those of groups that somebody was leaving.
func (p *planner) bury() {
	used := map[ID]bool{}
	for _, hops := range p.made {
		p.use(used, hops)
	}
	for id, g := range p.have.Groups {
		f := p.fates[id]
		switch {
		case f == nil && g.routes == 0, f != nil && f.ends():
		case f == nil || sameHops(f.target, g.hops):
			for _, m := range g.Members {
				used[m.ID] = true
			}
		default:
			p.use(used, f.target)
		}
	}
	late := map[ID]bool{}
	for _, f := range p.fates {
		switch {
		case !f.ends() && !sameTimer(f.Idle, p.timer(f.target)):
			// The kernel would deal the buckets out by the hasty timer.
			for _, m := range f.Members {
				late[m.ID] = true
			}
		case f.ends() && slices.ContainsFunc(f.gone, func(k Key) bool { return p.due[k.Prefix] }):
			for _, m := range f.Members {
				late[m.ID] = true
			}
		}
	}
	for _, id := range sortedIDs(p.have.Hops) {
		switch {
		case used[id]:
		case late[id]:
			p.emit(disused, Step{Verb: DeleteHop, ID: id})
		default:
			p.emit(burial, Step{Verb: DeleteHop, ID: id})
		}
	}
}

// buried are the next hops that die before anything else happens to groups.
func (p *planner) buried() map[ID]bool {
	out := map[ID]bool{}
	for _, s := range p.steps[burial] {
		out[s.ID] = true
	}
	return out
}

func (p *planner) use(used map[ID]bool, hops []NextHop) {
	for _, m := range p.members(hops) {
		used[m.ID] = true
	}
}

// ends reports whether no route is left to the group.
func (f *fate) ends() bool { return f.staying+f.joined == 0 }

// changeGroups has each group end up with its target, once the dead are out of
// it.
func (p *planner) changeGroups() {
	buried := p.buried()
	for _, id := range sortedIDs(p.fates) {
		f := p.fates[id]
		left := slices.DeleteFunc(slices.Clone(f.Members), func(m Member) bool { return buried[m.ID] })
		if f.ends() {
			p.end(f, len(left) == 0)
			continue
		}
		for _, k := range f.gone {
			p.remove(k)
		}
		if sameHops(f.target, f.hops) {
			if !sameTimer(f.Idle, p.timer(f.hops)) {
				p.emit(groups, p.groupStep(ReplaceGroup, f.id, f.Members, f.hops))
			}
			continue
		}
		switch members := p.members(f.target); {
		case len(left) == 0:
			f.rescued = true
			p.emit(rescue, p.groupStep(ReplaceGroup, f.id, members, f.target))
		case !sameTimer(f.Idle, p.timer(f.target)), !sameMembers(left, members):
			p.emit(groups, p.groupStep(ReplaceGroup, f.id, members, f.target))
		}
	}
}

// end takes away a group that no route is left to. One whose last next hop is
// buried goes by itself, with those of its routes that are unwanted.
func (p *planner) end(f *fate, buried bool) {
	if buried {
		f.rescued = true
		return
	}
	for _, k := range f.gone {
		p.remove(k)
	}
	p.emit(disused, Step{Verb: DeleteGroup, ID: f.id})
}

func sameMembers(a, b []Member) bool {
	return slices.Equal(slices.SortedFunc(slices.Values(a), Member.compare), slices.SortedFunc(slices.Values(b), Member.compare))
}

// sweep deletes the groups that nobody used before and nobody uses now, unless
// the burial of their last next hop does.
func (p *planner) sweep() {
	buried := p.buried()
	for _, id := range sortedIDs(p.have.Groups) {
		g := p.have.Groups[id]
		dies := !slices.ContainsFunc(g.Members, func(m Member) bool { return !buried[m.ID] })
		if p.fates[id] == nil && g.routes == 0 && !dies {
			p.emit(disused, Step{Verb: DeleteGroup, ID: id})
		}
	}
}

func (p *planner) emit(at phase, s Step) { p.steps[at] = append(p.steps[at], s) }

// route has the route k use the group, or the legs when that is 0.
func (p *planner) route(k Key, group ID, hops []NextHop) {
	s := Step{Verb: Add, Key: k, ID: group, NextHops: hops, Protocol: p.rules.Protocol}
	p.due[k.Prefix] = true
	if _, stands := p.have.Routes[k]; !stands {
		p.emit(additions, s)
		return
	}
	s.Verb = Replace
	p.emit(moves, s)
}

func (p *planner) remove(k Key) {
	p.emit(deletions, Step{Verb: Delete, Key: k, Protocol: p.have.Routes[k].Protocol})
}
