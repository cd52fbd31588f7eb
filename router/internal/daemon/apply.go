package daemon

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/hawser-lb/hawser/router/internal/fib"
	"github.com/hawser-lb/hawser/router/internal/journal"
)

// ownGroups is up to how many routes each has a group of its own: a few hundred
// services, for some 2 MiB of the kernel's memory at the most.
const ownGroups = 256

// rules say how our routes are to stand.
func (l *line) rules() fib.Rules {
	g := l.config.Globals
	r := fib.Rules{
		Kind: l.kernel.Kind(), Protocol: l.kernel.config.Protocol,
		First: fib.ID(l.kernel.config.Protocol) << 24, Own: ownGroups,
	}
	if !g.Resilient {
		r.Kind = min(r.Kind, fib.HashGroups)
	}
	if r.Kind != fib.ResilientGroups {
		r.Own = 0 // nothing to be gained
	}
	return r
}

// plan lists the steps that may be made now and says when to ask for those that
// must wait.
func (l *line) plan(now time.Time) (steps []fib.Step, again time.Time) {
	l.gather()
	due := earlier(l.due(now), l.table.part(now))
	if !l.table.wantAll && len(l.table.pending) == 0 {
		return nil, due
	}
	want, have := l.slice(now)
	want = l.start.gate.Hold(want, l.allowed(have))
	again = earlier(l.paced(want, have, now), l.table.part(now))
	again = earlier(again, due)
	var gone []fib.Key
	for k := range have {
		if _, wanted := want[k]; !wanted {
			gone = append(gone, k)
		}
	}
	return fib.PlanSome(want, gone, l.table.have, l.rules()), again
}

// earlier of two moments; zero is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// paced takes out of want and have what must not change yet, and says when it
// may. Routes that are as they should be have no error any more.
func (l *line) paced(want, have fib.Table, now time.Time) (again time.Time) {
	t := &l.table
	ok := map[netip.Prefix]bool{}
	differs := func(k fib.Key) {
		if _, asked := ok[k.Prefix]; asked || t.hurry {
			return
		}
		may, at := t.pace.Take(k.Prefix, now)
		ok[k.Prefix] = may
		if !may {
			t.pending[k.Prefix] = true
			if again.IsZero() || at.Before(again) {
				again = at
			}
		}
	}
	for k, hops := range want {
		stands, there := have[k]
		if !there || !slices.Equal(hops, stands) {
			differs(k)
		} else if len(t.errors) > 0 {
			delete(t.errors, k.Prefix)
		}
	}
	for k := range have {
		if _, wanted := want[k]; !wanted {
			differs(k)
		}
	}
	t.hurry = false
	waits := func(k fib.Key, _ []fib.NextHop) bool { may, asked := ok[k.Prefix]; return asked && !may }
	maps.DeleteFunc(want, waits)
	maps.DeleteFunc(have, waits)
	return again
}

// gather notes the prefixes whose choice changed.
func (l *line) gather() {
	for _, prefix := range l.rib.Take() {
		l.table.pending[prefix] = true
		wanted := len(l.rib.NextHops(prefix)) > 0
		if wanted && l.start.waiting() {
			l.start.gate.Announced[prefix] = true
		}
		if !wanted {
			delete(l.table.errors, prefix)
			delete(l.table.leaving, prefix)
		}
	}
}

// slice is the part of want and have that the pending prefixes are, which then
// are pending no more. Those that failed a moment ago wait.
func (l *line) slice(now time.Time) (want, have fib.Table) {
	t := &l.table
	want, have = make(fib.Table, len(t.pending)), fib.Table{}
	all, pending := t.wantAll, t.pending
	t.wantAll, t.pending = false, map[netip.Prefix]bool{}
	for prefix := range pending {
		if t.errors[prefix].until.After(now) {
			t.pending[prefix] = true
		}
	}
	waits := func(p netip.Prefix) bool { return len(t.errors) > 0 && t.errors[p].until.After(now) }
	if all {
		for prefix, hops := range l.rib.Want {
			if !waits(prefix) {
				l.wish(want, prefix, hops, now)
			}
		}
		l.guard(want)
		for k := range t.have.Routes {
			if !waits(k.Prefix) {
				have[k] = t.have.NextHops(k)
			}
		}
		return want, have
	}
	guards := fib.Table{}
	l.guard(guards)
	for prefix := range pending {
		if waits(prefix) {
			continue
		}
		l.wish(want, prefix, l.rib.NextHops(prefix), now)
		for place := range t.places {
			k := fib.Key{Prefix: prefix, Metric: place.Metric, Table: place.Table}
			if _, stands := t.have.Routes[k]; stands {
				have[k] = t.have.NextHops(k)
			}
			if _, guard := guards[k]; guard {
				want[k] = nil
			}
		}
	}
	return want, have
}

// wish puts the prefix into want, with those of its next hops that can be had.
func (l *line) wish(want fib.Table, prefix netip.Prefix, hops []fib.NextHop, now time.Time) {
	t, g := &l.table, l.config.Globals
	if len(t.refused)+len(t.dead) > 0 {
		hops = slices.DeleteFunc(slices.Clone(hops), func(h fib.NextHop) bool {
			return t.dead[h.Addr] || t.refused[bare(h)].until.After(now)
		})
	}
	hops = t.remain(prefix, hops, l.rules().Kind, now)
	if len(hops) > 0 {
		want[fib.Key{Prefix: prefix, Metric: g.Metric, Table: g.Table}] = hops
	}
}

// bare is a next hop without a weight, as its object is.
func bare(h fib.NextHop) fib.NextHop {
	h.Weight = 0
	return h
}

// apply has the hands carry the steps out.
func (l *line) apply(steps []fib.Step) job {
	k := l.kernel.Kernel
	return func() func() {
		err := k.Apply(steps)
		return func() { l.applied(steps, err, time.Now()) }
	}
}

// applied brings have in line with what the kernel said of each step. After a
// failure only another reading can tell what stands.
func (l *line) applied(steps []fib.Step, err error, now time.Time) {
	t := &l.table
	failed, broken := sortErrors(err)
	t.steps += uint64(len(steps) - min(len(failed), len(steps)))
	switch {
	case broken != nil:
		t.stale = true
		l.failed(broken)
	case len(failed) > 0:
		t.stale = true
		l.stepsFailed(failed, now)
	default:
		t.backoff = retryFirst
		l.sayDone(steps)
		t.changed(steps, now)
	}
}

// changed does to have what the kernel did.
func (t *table) changed(steps []fib.Step, now time.Time) {
	for _, s := range steps {
		switch s.Verb {
		case fib.ReplaceGroup:
			t.grown[s.ID] = now
		case fib.DeleteHop:
			for id, g := range t.have.Groups {
				if slices.ContainsFunc(g.Members, func(m fib.Member) bool { return m.ID == s.ID }) {
					t.grown[id] = now
				}
			}
		case fib.AddHop:
			delete(t.refused, s.NextHops[0])
		case fib.Add, fib.Replace:
			delete(t.errors, s.Key.Prefix)
			t.since[s.Key] = now
			t.places[fib.Key{Metric: s.Key.Metric, Table: s.Key.Table}] = true
		case fib.Delete:
			delete(t.errors, s.Key.Prefix)
			delete(t.since, s.Key)
		}
		t.have.Apply([]fib.Step{s})
	}
}

// sortErrors tells the failures of single steps from the failure of the whole
// conversation.
func sortErrors(err error) (steps []*fib.StepError, broken error) {
	all := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		all = joined.Unwrap()
	}
	for _, e := range all {
		var step *fib.StepError
		if errors.As(e, &step) {
			steps = append(steps, step)
		} else if e != nil {
			broken = errors.Join(broken, e)
		}
	}
	return steps, broken
}

// sayDone logs a few changes one by one, and many as a sum. It comes before
// have changes.
func (l *line) sayDone(steps []fib.Step) {
	const few = 5
	routes := 0
	var count [fib.Delete + 1]int
	for _, s := range steps {
		count[s.Verb]++
		if s.Verb.OfRoute() {
			routes++
		}
	}
	words := [...]string{fib.Add: "route added", fib.Replace: "route changed", fib.Delete: "route removed"}
	for _, s := range steps {
		switch {
		case s.Verb == fib.DeleteHop:
			l.log.Info("next hop removed from all routes", "nextHop", l.table.have.Hops[s.ID].Addr)
		case s.Verb == fib.ReplaceGroup && count[s.Verb] <= few:
			l.log.Info("next hops changed", "group", s.ID, "members", len(s.Members))
		case s.Verb.OfRoute() && routes <= few:
			l.log.Info(words[s.Verb], "prefix", s.Key.Prefix, "nextHops", addresses(s.NextHops))
			l.noteRoute(s)
		}
	}
	if routes > few || count[fib.ReplaceGroup] > few {
		l.journal.Tell(journal.Event{Kind: journal.RouteChanged, Text: fmt.Sprintf("many routes changed: %d added, %d changed, %d removed, %d groups",
			count[fib.Add], count[fib.Replace], count[fib.Delete], count[fib.ReplaceGroup])})
		l.log.Info("routes changed", "added", count[fib.Add], "changed", count[fib.Replace],
			"removed", count[fib.Delete], "groupsChanged", count[fib.ReplaceGroup])
	}
}

func addresses(hops []fib.NextHop) []netip.Addr {
	out := make([]netip.Addr, len(hops))
	for i, h := range hops {
		out[i] = h.Addr
	}
	return out
}
