package fib_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hawser-lb/hawser/router/internal/fib"
)

// The kernel's table in these tests may hold anything: objects left half made,
// doubles, those of a former protocol number, groups of either kind, routes
// through objects that are not ours. All of it is small, so that it meets often.

// guard is the metric of unreachable routes, and of these only.
const guard = 4278190080

// weights of 256 are in groups that somebody is leaving.
var weights = rapid.SampledFrom([]int{1, 1, 1, 2, 256})

func drawHops(t *rapid.T, k fib.Key) []fib.NextHop {
	var out []fib.NextHop
	for i := range 4 {
		if k.Metric != guard && (rapid.Bool().Draw(t, "leg") || i == 3 && len(out) == 0) {
			addr := netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)})
			weight := weights.Draw(t, "weight")
			out = append(out, fib.NextHop{Addr: addr, Link: 3, Weight: weight})
		}
	}
	return out
}

func drawKey(t *rapid.T) fib.Key {
	addr := netip.AddrFrom4([4]byte{192, 0, 2, byte(rapid.IntRange(0, 5).Draw(t, "host"))})
	return fib.Key{
		Prefix: netip.PrefixFrom(addr, 32), Metric: rapid.SampledFrom([]uint32{20, 20, 20, 30, guard}).Draw(t, "metric"),
		Table: rapid.SampledFrom([]uint32{254, 254, 254, 100}).Draw(t, "table"),
	}
}

func drawWant(t *rapid.T) fib.Table {
	want := fib.Table{}
	for range rapid.IntRange(0, 8).Draw(t, "wanted") {
		k := drawKey(t)
		want[k] = drawHops(t, k)
	}
	return want
}

func drawHave(t *rapid.T) *fib.Have {
	have := fib.NewHave()
	numbers := rapid.SampledFrom([]uint8{protocol, protocol, protocol, former})
	have.Taken[fib.ID(rapid.IntRange(1, 30).Draw(t, "taken"))] = true
	var hops, groups []fib.ID
	for range rapid.IntRange(0, 6).Draw(t, "hops") {
		id := fib.ID(rapid.IntRange(1, 15).Draw(t, "hop"))
		if have.Taken[id] {
			continue
		}
		addr := netip.AddrFrom4([4]byte{10, 0, 0, byte(rapid.IntRange(1, 4).Draw(t, "addr"))})
		have.Hops[id] = fib.Hop{NextHop: fib.NextHop{Addr: addr, Link: 3}, Protocol: numbers.Draw(t, "protocol")}
		hops = append(hops, id)
	}
	for range rapid.IntRange(0, 5).Draw(t, "groups") {
		id := fib.ID(rapid.IntRange(16, 30).Draw(t, "group"))
		if have.Taken[id] || len(hops) == 0 {
			continue
		}
		members := rapid.SliceOfNDistinct(rapid.SampledFrom(hops), 1, 4, rapid.ID).Draw(t, "members")
		g := fib.Group{Resilient: rapid.Bool().Draw(t, "resilient"), Protocol: numbers.Draw(t, "protocol")}
		if g.Resilient {
			g.Idle = rapid.SampledFrom([]time.Duration{200 * time.Millisecond, 5 * time.Second, 2 * time.Minute}).Draw(t, "idle")
		}
		for _, m := range members {
			g.Members = append(g.Members, fib.Member{ID: m, Weight: weights.Draw(t, "weight")})
		}
		have.PutGroup(id, g)
		groups = append(groups, id)
	}
	for range rapid.IntRange(0, 8).Draw(t, "routes") {
		r, k := fib.Route{Protocol: numbers.Draw(t, "protocol")}, drawKey(t)
		switch through := rapid.IntRange(0, 5).Draw(t, "kind"); {
		case through == 0 || k.Metric == guard || len(groups) == 0:
			r.NextHops = drawHops(t, k)
		case through == 1:
			r.Group = 99 // not ours
		default:
			r.Group = rapid.SampledFrom(groups).Draw(t, "through")
		}
		have.PutRoute(k, r)
	}
	return have
}

func drawRules(t *rapid.T) fib.Rules {
	r := rapid.SampledFrom([]fib.Rules{shared, own, hash, plain}).Draw(t, "rules")
	if r.Own > 0 {
		r.Own = rapid.IntRange(1, 8).Draw(t, "own")
	}
	return r
}

// possible fails when the kernel would refuse the step, or would let it touch
// what is not ours.
func possible(t *rapid.T, s fib.Step, h *fib.Have) {
	_, route := h.Routes[s.Key]
	_, hop := h.Hops[s.ID]
	_, group := h.Groups[s.ID]
	ok := true
	switch s.Verb {
	case fib.AddHop, fib.AddGroup:
		ok = !hop && !group
	case fib.DeleteHop:
		ok = hop
	case fib.ReplaceGroup, fib.DeleteGroup:
		ok = group
	case fib.Add:
		ok = !route && (s.ID == 0 || group)
	case fib.Replace:
		ok = route && (s.ID == 0 || group)
	case fib.Delete:
		ok = route && h.Routes[s.Key].Protocol == s.Protocol
	}
	for _, m := range s.Members {
		_, stands := h.Hops[m.ID]
		ok = ok && stands
	}
	if !ok || !s.Verb.OfRoute() && h.Taken[s.ID] {
		t.Fatalf("%s is impossible:\n%s", s, h)
	}
}

// legsOf has the next hops of a prefix, by all of its routes.
func legsOf(h *fib.Have, p netip.Prefix) []fib.NextHop {
	var out []fib.NextHop
	for k := range h.Routes {
		if k.Prefix == p {
			out = append(out, h.NextHops(k)...)
		}
	}
	return out
}

// walk applies the steps one by one. At each one every prefix that stood and is
// wanted has a next hop, and none is served by a next hop that it neither had
// nor is to have.
func walk(t *rapid.T, steps []fib.Step, want fib.Table, have *fib.Have) {
	before := have.Clone()
	had, due := map[netip.Prefix]map[netip.Addr]bool{}, map[netip.Prefix]bool{}
	note := func(p netip.Prefix, hops []fib.NextHop) {
		if had[p] == nil {
			had[p] = map[netip.Addr]bool{}
		}
		for _, h := range hops {
			had[p][h.Addr] = true
		}
	}
	for k, hops := range want {
		if len(hops) > 0 && len(legsOf(have, k.Prefix)) > 0 {
			due[k.Prefix] = true
		}
		note(k.Prefix, hops)
	}
	for k := range have.Routes {
		note(k.Prefix, have.NextHops(k))
	}
	for _, s := range steps {
		possible(t, s, have)
		have.Apply([]fib.Step{s})
		for p := range had {
			legs := legsOf(have, p)
			if due[p] && len(legs) == 0 {
				t.Fatalf("after %s, %s has no next hop\nat first\n%swant\n%splan\n%s", s, p, before, want, fib.Text(steps))
			}
			for _, l := range legs {
				if !had[p][l.Addr] {
					t.Fatalf("after %s, %s goes to %s\nat first\n%swant\n%splan\n%s", s, p, l, before, want, fib.Text(steps))
				}
			}
		}
	}
}

func TestAPlanTurnsHaveIntoWantAndHarmsNothingOnTheWay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want, have, rules := drawWant(t), drawHave(t), drawRules(t)
		before := have.String()
		steps := fib.Plan(want, have, rules)
		if have.String() != before {
			t.Fatal("planning changed the table")
		}
		walk(t, steps, want, have)
		if got := have.Table(); !got.Equal(want) {
			t.Fatalf("have:\n%swant:\n%splan:\n%s", got, want, fib.Text(steps))
		}
		if again := fib.Plan(want, have, rules); len(again) != 0 {
			t.Fatalf("the second plan:\n%s", fib.Text(again))
		}
		for id, g := range have.Groups {
			if g.Protocol != protocol || rules.Kind == fib.Multipath || g.Resilient != (rules.Kind == fib.ResilientGroups) {
				t.Fatalf("group %d of another kind is left:\n%s", id, have)
			}
		}
	})
}

// A crash may come between any two steps; whoever reads the kernel then plans
// the rest.
func TestWhatACrashLeftIsFinished(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want, have, rules := drawWant(t), drawHave(t), drawRules(t)
		steps := fib.Plan(want, have, rules)
		done := rapid.IntRange(0, len(steps)).Draw(t, "done")
		walk(t, steps[:done], want, have)
		walk(t, fib.Plan(want, have, rules), want, have)
		if got := have.Table(); !got.Equal(want) {
			t.Fatalf("have:\n%swant:\n%s", got, want)
		}
		if again := fib.Plan(want, have, rules); len(again) != 0 {
			t.Fatalf("the third plan:\n%s", fib.Text(again))
		}
	})
}

// What is planned for some prefixes concerns no other.
func TestAPlanForSomePrefixesLeavesTheOthersAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all, have, rules := drawWant(t), drawHave(t), drawRules(t)
		have.Apply(fib.Plan(drawWant(t), have, rules))
		some := func(k fib.Key) bool { return k.Prefix.Addr().As4()[3]%2 == 0 }
		want := have.Table()
		var gone []fib.Key
		for k := range have.Routes {
			if some(k) {
				delete(want, k)
				if _, wanted := all[k]; !wanted {
					gone = append(gone, k)
				}
			}
		}
		part := fib.Table{}
		for k, hops := range all {
			if some(k) {
				part[k], want[k] = hops, hops
			}
		}
		slices.SortFunc(gone, fib.Key.Compare)
		steps := fib.PlanSome(part, gone, have, rules)
		for _, s := range steps {
			if s.Verb.OfRoute() && !some(s.Key) {
				t.Fatalf("%s was not asked for", s)
			}
		}
		walk(t, steps, want, have)
		if got := have.Table(); !got.Equal(want) {
			t.Fatalf("have:\n%swant:\n%splan:\n%s", got, want, fib.Text(steps))
		}
	})
}
