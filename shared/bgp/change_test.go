package bgp

import (
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hawser-lb/hawser/shared/route"
)

// aTable is a sorted table in a small world, so that prefixes meet.
func aTable(t *rapid.T, attributes []*route.Attributes) *table {
	var all []Announcement
	for range rapid.IntRange(0, 12).Draw(t, "announcements") {
		bits := rapid.SampledFrom([]int{30, 31, 32}).Draw(t, "bits")
		a := Announcement{Route: route.Route{
			Prefix:     netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(rapid.IntRange(0, 7).Draw(t, "host"))}), bits).Masked(),
			Attributes: rapid.SampledFrom(attributes).Draw(t, "attributes"),
		}}
		switch rapid.IntRange(0, 3).Draw(t, "to") {
		case 0:
			a.To = []netip.Addr{netip.MustParseAddr("10.0.0.2")}
		case 1:
			a.To = []netip.Addr{netip.MustParseAddr("10.0.0.9")}
		case 2:
			a.To = []netip.Addr{}
		}
		all = append(all, a)
	}
	slices.SortStableFunc(all, func(a, b Announcement) int { return a.Prefix.Compare(b.Prefix) })
	return newTable(all)
}

func TestWhateverFollowsATableTheDifferenceSaysWhatTheWholeSays(t *testing.T) {
	attributes := []*route.Attributes{nil, {LocalPref: route.Some(1)}, {Communities: []uint32{7}}}
	rapid.Check(t, func(t *rapid.T) {
		o := teller(false, true)
		var told *table
		for range rapid.IntRange(1, 6).Draw(t, "tables") {
			now := aTable(t, attributes)
			if !now.sorted {
				t.Fatal("it is not sorted")
			}
			p, whole := o.step(told, now), o.plan(now.all, nil)
			if got, want := planText(p), planText(whole); got != want {
				t.Fatalf("%s\nnot\n%s", got, want)
			}
			o.blocks = p.blocks
			carryOut(o, p)
			told = now
			o.whole = time.Now()
		}
	})
}

func carryOut(o *outbound, p plan) {
	maps.DeleteFunc(o.have, func(x netip.Prefix, _ *block) bool { return slices.Contains(p.withdraw, x) })
	for _, g := range p.tell {
		for _, x := range g.prefixes {
			o.have[x] = g.block
		}
	}
}

func BenchmarkOneRouteMoreBeside5000(b *testing.B) {
	var all []Announcement
	for _, p := range many(IPv4, 5001) {
		all = append(all, announce(dressed, p)...)
	}
	slices.SortFunc(all, func(a, b Announcement) int { return a.Prefix.Compare(b.Prefix) })
	o := teller(true, true)
	with, without := newTable(all), newTable(slices.Delete(slices.Clone(all), 2500, 2501))
	first := o.step(nil, without)
	o.blocks = first.blocks
	carryOut(o, first)
	for b.Loop() {
		o.whole = time.Now()
		if p := o.step(without, with); p.size() != 1 {
			b.Fatal(p.size())
		}
	}
}
