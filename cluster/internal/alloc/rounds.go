package alloc

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/hawser-lb/hawser/cluster/internal/model"
)

// New makes the plan for a snapshot.
func New(s model.Snapshot) Plan {
	l := NewLedger(s)
	all := make([]*claim, 0, len(l.claims))
	for _, c := range l.claims {
		all = append(all, c)
	}
	return l.plan(all)
}

// Plan says what should be written of what has been entered. Services that are
// as they should be, and lack nothing, are not in it.
func (l *Ledger) Plan() Plan {
	restive := make([]*claim, 0, len(l.restive))
	for c := range l.restive {
		restive = append(restive, c)
	}
	p := l.plan(restive)
	p.Assignments = slices.DeleteFunc(p.Assignments, Assignment.idle)
	return p
}

// plan makes the later rounds for the claims, all that are not quiet among
// them, and takes them back again.
func (l *Ledger) plan(claims []*claim) Plan {
	slices.SortFunc(claims, byAge)
	slots := make([]slot, 0, 2*len(claims))
	for _, c := range claims {
		slots = append(slots, c.slots...)
	}
	l.begin()
	l.move(claims)
	for _, c := range claims {
		if len(c.Holds) > 0 {
			l.fill(c)
		}
	}
	for _, c := range claims {
		if len(c.Holds) == 0 {
			l.fill(c)
		}
	}
	use := l.use()
	l.await(claims)
	p := Plan{Assignments: l.assignments(claims), Use: use, Problems: problems(l.pools.Overlaps)}
	l.undo()
	for _, c := range claims {
		slots = slots[copy(c.slots, slots):]
	}
	return p
}

func compareKeys(a, b model.Key) int {
	return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
}

// keep is the first round: what c holds and may go on holding.
func (l *Ledger) keep(c *claim) {
	for _, a := range c.Holds {
		s := c.slot(model.FamilyOf(a))
		if s != nil && s.addr == a {
			continue // it stands there twice
		}
		b := l.of(a)
		if why := l.mayNotKeep(c, s, a, b); why != "" {
			c.lost = append(c.lost, loss{a, why})
			continue
		}
		l.hold(c, a, b)
		s.addr, s.book = a, b
	}
}

func (l *Ledger) mayNotKeep(c *claim, s *slot, a netip.Addr, b *book) string {
	switch {
	case s == nil:
		return "the Service has no " + model.FamilyOf(a).String() + " cluster IP"
	case s.addr.IsValid():
		return "a Service has one address of each family"
	case b == nil:
		return "no pool has it"
	case !b.Closed && !l.admits(b, c.Service):
		return "pool " + b.Name + " is " + l.notAdmitted(b, c.Service)
	}
	if with, clash := l.clash(c, a, b); clash {
		return with.String()
	}
	return ""
}

// move is the second round. A move sets an address free that may be what
// another Service wishes for, hence the repetition; each slot moves once at
// most, so it ends.
func (l *Ledger) move(claims []*claim) {
	var restless []*slot
	of := map[*slot]*claim{}
	for _, c := range claims {
		for i := range c.slots {
			if s := &c.slots[i]; s.addr.IsValid() && !c.content(s) {
				restless = append(restless, s)
				of[s] = c
			}
		}
	}
	for moved := true; moved; {
		moved = false
		restless = slices.DeleteFunc(restless, func(s *slot) bool {
			ok := l.moveSlot(of[s], s)
			moved = moved || ok
			return ok
		})
	}
	for _, s := range restless {
		s.unmet = l.explain(of[s], s)
	}
}

func (l *Ledger) moveSlot(c *claim, s *slot) bool {
	a, b, ok := l.find(c, s)
	if !ok {
		return false
	}
	l.hold(c, a, b)
	l.free(c, s.addr, s.book)
	s.addr, s.book = a, b
	return true
}

// fill is the third and fourth round: an address for each empty slot.
func (l *Ledger) fill(c *claim) {
	if c.wrong != "" {
		return
	}
	var given []*slot
	missing := false
	for i := range c.slots {
		s := &c.slots[i]
		if s.addr.IsValid() {
			continue
		}
		a, b, ok := l.find(c, s)
		if !ok {
			s.unmet = l.explain(c, s)
			missing = true
			continue
		}
		l.hold(c, a, b)
		s.addr, s.book = a, b
		if c.whole() {
			given = append(given, s)
		}
	}
	if !missing {
		return
	}
	for _, s := range given { // alone it would not do
		l.free(c, s.addr, s.book)
		s.addr, s.book = netip.Addr{}, nil
	}
}

// find looks for an address for the slot, without holding it.
func (l *Ledger) find(c *claim, s *slot) (netip.Addr, *book, bool) {
	if s.asked.IsValid() {
		b := l.of(s.asked)
		return s.asked, b, l.whyNotAddress(c, s.asked, b) == ""
	}
	if c.WantPool != "" {
		b := l.byName[c.WantPool]
		if b == nil || !b.usable || !l.admits(b, c.Service) {
			return netip.Addr{}, nil, false
		}
		a, ok := l.next(c, b, s.family)
		return a, b, ok
	}
	for _, b := range l.auto {
		if !l.admits(b, c.Service) {
			continue
		}
		if a, ok := l.next(c, b, s.family); ok {
			return a, b, true
		}
	}
	return netip.Addr{}, nil, false
}
