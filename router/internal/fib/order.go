package fib

import (
	"cmp"
	"net/netip"
	"slices"
)

// ordered is the plan, once all of its steps are known. A route never sees its
// group change for others: it leaves before, or comes after.
func (p *planner) ordered() []Step {
	changing := map[ID]bool{}
	for _, s := range slices.Concat(p.steps[rescue], p.steps[groups]) {
		changing[s.ID] = true
	}
	if len(changing) == 0 && len(p.steps[burial]) == 0 {
		// Nothing can come in between, as in most plans and all large ones.
		p.steps[additions] = append(p.steps[additions], p.steps[moves]...)
		p.steps[moves] = nil
		return p.joined(nil)
	}
	routes := slices.Concat(p.steps[moves], p.steps[additions], p.steps[deletions])
	replacement := map[netip.Prefix]ID{} // of keys that go
	for _, s := range p.steps[additions] {
		if p.moved[s.Key.Prefix] != nil {
			replacement[s.Key.Prefix] = s.ID
		}
	}
	p.steps[moves], p.steps[additions], p.steps[deletions] = nil, nil, nil
	var early []Step
	for _, s := range routes {
		at := p.when(s, changing, replacement)
		if at == rescue {
			early = append(early, s)
			continue
		}
		p.emit(at, s)
	}
	return p.joined(early)
}

// joined puts the phases together; the early steps begin the rescue.
func (p *planner) joined(early []Step) []Step {
	for _, some := range [][]Step{early, p.steps[moves], p.steps[retreat], p.steps[additions], p.steps[deletions]} {
		slices.SortFunc(some, Step.compare)
	}
	p.steps[rescue] = append(early, p.steps[rescue]...)
	// Next hops come before groups, and groups go before next hops.
	slices.SortStableFunc(p.steps[objects], func(a, b Step) int { return cmp.Compare(a.Verb, b.Verb) })
	slices.SortStableFunc(p.steps[disused], func(a, b Step) int { return cmp.Compare(b.Verb, a.Verb) })
	return slices.Concat(p.steps[:]...)
}

// when is the phase of a route's step.
func (p *planner) when(s Step, changing map[ID]bool, replacement map[netip.Prefix]ID) phase {
	f, moved := p.fates[p.have.Routes[s.Key].Group], p.moved[s.Key.Prefix]
	switch {
	case s.Verb != Delete && changing[s.ID]:
		return additions
	case s.Verb != Delete && (f != nil && f.rescued || moved != nil && moved.rescued):
		return rescue
	case s.Verb != Delete:
		return moves
	case f == nil || !changing[f.id] || replacement[s.Key.Prefix] == f.id:
		return deletions
	case f.rescued:
		return rescue
	}
	return retreat
}

// compare orders the route steps of a phase: what takes away comes last.
func (s Step) compare(o Step) int {
	return cmp.Or(cmp.Compare(s.Verb/Delete, o.Verb/Delete), s.Key.Compare(o.Key))
}
