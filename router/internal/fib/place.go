package fib

import "slices"

// This file is the part of planning that finds a group for each route that
// cannot stay in its own.

// placeFresh gives the routes that have no group one.
func (p *planner) placeFresh() {
	for _, c := range p.fresh.sorted() {
		p.settle(c)
	}
	for _, id := range sortedIDs(p.fates) {
		f := p.fates[id]
		for _, c := range f.leaving.all {
			p.leave(f, c)
		}
	}
}

// settle has the routes of c use a group that there is, or a new one.
func (p *planner) settle(c *class) {
	if p.own() {
		for _, k := range c.keys {
			p.route(k, p.join(class{c.hops, []Key{k}}, true), c.hops)
		}
		return
	}
	id := p.join(*c, false)
	p.steps[additions] = slices.Grow(p.steps[additions], len(c.keys))
	for _, k := range c.keys {
		p.route(k, id, c.hops)
	}
}

// own reports whether each route gets a group of its own.
func (p *planner) own() bool { return p.total <= p.rules.Own }

// leave gives the routes of c a copy of their group, which then changes.
func (p *planner) leave(f *fate, c *class) {
	if len(p.have.Groups)+len(p.made) >= maxGroups {
		p.settle(c)
		return
	}
	var id ID
	for _, k := range c.keys {
		if id == 0 || p.own() {
			id = p.copyOf(f, c.hops)
		}
		p.route(k, id, c.hops)
	}
}

// join returns a group for the routes of c, if possible one that there is:
// disused ones only, when it is to be nobody else's. One that is about to change
// is joined by new routes only, which can come after.
func (p *planner) join(c class, alone bool) ID {
	standing := slices.ContainsFunc(c.keys, func(k Key) bool { _, stands := p.have.Routes[k]; return stands })
	candidates := p.idle
	if !alone {
		candidates = sortedIDs(p.have.Groups)
	}
	for _, id := range candidates {
		g := p.have.Groups[id]
		f := p.fates[id]
		switch {
		case !p.usable(g), alone && (g.routes > 0 || f != nil && f.joined > 0):
			continue
		case f == nil && sameHops(g.hops, c.hops):
			f = p.fate(Route{Group: id})
			f.target, f.staying = g.hops, g.routes
		case f == nil || !sameHops(f.target, c.hops), standing && !sameHops(f.target, g.hops):
			continue
		}
		f.joined += len(c.keys)
		return id
	}
	if !alone {
		for _, id := range sortedIDs(p.made) {
			if sameHops(p.made[id], c.hops) {
				return id
			}
		}
	}
	return p.group(c.hops)
}
