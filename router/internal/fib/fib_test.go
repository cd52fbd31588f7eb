package fib_test

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hawser-lb/hawser/router/internal/fib"
)

// table reads lines such as "192.0.2.7/32 20 10.0.0.1@3 10.0.0.2@3*2".
func table(t testing.TB, text string) fib.Table {
	t.Helper()
	out := fib.Table{}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		metric, err := strconv.Atoi(words[1])
		if err != nil {
			t.Fatal(err)
		}
		key := fib.Key{Prefix: netip.MustParsePrefix(words[0]), Metric: uint32(metric)}
		out[key] = nil
		for _, w := range words[2:] {
			out[key] = append(out[key], hop(t, w))
		}
	}
	return out
}

func hop(t testing.TB, w string) fib.NextHop {
	t.Helper()
	h := fib.NextHop{Weight: 1}
	w, weight, weighted := strings.Cut(w, "*")
	if weighted {
		h.Weight, _ = strconv.Atoi(weight)
	}
	addr, link, _ := strings.Cut(w, "@")
	h.Addr = netip.MustParseAddr(addr)
	h.Link, _ = strconv.Atoi(link)
	return h
}

func TestPlans(t *testing.T) {
	for _, c := range []struct{ name, want, have, plan string }{
		{"nothing to do", "192.0.2.7/32 20 10.0.0.1@3", "192.0.2.7/32 20 10.0.0.1@3", ""},
		{
			"a first route is added", "192.0.2.7/32 20 10.0.0.1@3 10.0.0.2@3*2", "",
			"add     192.0.2.7/32 metric 20 via 10.0.0.1 link 3, via 10.0.0.2 link 3 weight 2\n",
		},
		{
			"a leg that goes is a replacement", "192.0.2.7/32 20 10.0.0.1@3", "192.0.2.7/32 20 10.0.0.1@3 10.0.0.2@3",
			"replace 192.0.2.7/32 metric 20 via 10.0.0.1 link 3\n",
		},
		{
			"the same leg by another interface is a replacement", "192.0.2.7/32 20 10.0.0.1@4", "192.0.2.7/32 20 10.0.0.1@3",
			"replace 192.0.2.7/32 metric 20 via 10.0.0.1 link 4\n",
		},
		{
			"a withdrawn service leaves no route behind", "", "192.0.2.7/32 20 10.0.0.1@3",
			"delete  192.0.2.7/32 metric 20\n",
		},
		{
			"additions and replacements come before deletions",
			"192.0.2.9/32 20 10.0.0.1@3\n192.0.2.8/32 20 10.0.0.1@3\n2001:db8::7/128 20 2001:db8:1::1@3",
			"192.0.2.7/32 20 10.0.0.1@3\n192.0.2.9/32 20 10.0.0.2@3",
			`add     192.0.2.8/32 metric 20 via 10.0.0.1 link 3
replace 192.0.2.9/32 metric 20 via 10.0.0.1 link 3
add     2001:db8::7/128 metric 20 via 2001:db8:1::1 link 3
delete  192.0.2.7/32 metric 20
`,
		},
		{
			"a new metric is added before the old one is deleted", "192.0.2.7/32 30 10.0.0.1@3", "192.0.2.7/32 20 10.0.0.1@3",
			"add     192.0.2.7/32 metric 30 via 10.0.0.1 link 3\ndelete  192.0.2.7/32 metric 20\n",
		},
		{
			"no next hops is an unreachable route", "192.0.2.0/24 20", "",
			"add     192.0.2.0/24 metric 20 unreachable\n",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			want, have := table(t, c.want), table(t, c.have)
			steps := fib.Plan(want, have)
			if got := fib.Text(steps); got != c.plan {
				t.Errorf("plan:\n%swant:\n%s", got, c.plan)
			}
			have.Apply(steps)
			if again := fib.Plan(want, have); len(again) != 0 {
				t.Errorf("the second time does something:\n%s", fib.Text(again))
			}
		})
	}
}

// tables draws small tables that overlap often.
func tables() *rapid.Generator[fib.Table] {
	hops := rapid.Custom(func(t *rapid.T) []fib.NextHop {
		var out []fib.NextHop
		for i := range 3 {
			if rapid.Bool().Draw(t, "leg") {
				addr := netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)})
				out = append(out, fib.NextHop{Addr: addr, Link: rapid.IntRange(1, 2).Draw(t, "link"), Weight: 1})
			}
		}
		return out
	})
	keys := rapid.Custom(func(t *rapid.T) fib.Key {
		addr := netip.AddrFrom4([4]byte{192, 0, 2, byte(rapid.IntRange(0, 7).Draw(t, "host"))})
		return fib.Key{Prefix: netip.PrefixFrom(addr, 32), Metric: uint32(rapid.IntRange(20, 21).Draw(t, "metric"))}
	})
	return rapid.Custom(func(t *rapid.T) fib.Table { return rapid.MapOf(keys, hops).Draw(t, "table") })
}

func TestAPlanTurnsHaveIntoWantAndThenRests(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want, have := tables().Draw(t, "want"), tables().Draw(t, "have")
		steps := fib.Plan(want, have)
		deleting := false
		for _, s := range steps {
			deleting = deleting || s.Verb == fib.Delete
			if deleting && s.Verb != fib.Delete {
				t.Fatalf("%s after a deletion", s)
			}
		}
		have.Apply(steps)
		if !have.Equal(want) {
			t.Fatalf("have:\n%swant:\n%s", have, want)
		}
		if again := fib.Plan(want, have); len(again) != 0 {
			t.Fatalf("the second plan:\n%s", fib.Text(again))
		}
	})
}

func TestTheGateHoldsWhatAnEarlierRunLeft(t *testing.T) {
	adopted := "192.0.2.7/32 20 10.0.0.1@3 10.0.0.2@3"
	a, b := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	announced := map[netip.Prefix]bool{netip.MustParsePrefix("192.0.2.7/32"): true}
	for _, c := range []struct {
		name, want, have, held string
		gate                   fib.Gate
	}{
		{"nobody spoke: the route stays as it is", "", adopted, adopted, fib.Gate{}},
		{
			"one heard without the prefix: its route waits for the others", "", adopted, adopted,
			fib.Gate{Heard: map[netip.Addr]bool{a: true}},
		},
		{
			"one announces, the other is silent: both legs", "192.0.2.7/32 20 10.0.0.1@3", adopted, adopted,
			fib.Gate{Announced: announced},
		},
		{
			"the other was heard without it: its leg goes", "192.0.2.7/32 20 10.0.0.1@3", adopted, "192.0.2.7/32 20 10.0.0.1@3",
			fib.Gate{Announced: announced, Heard: map[netip.Addr]bool{b: true}},
		},
		{
			"announced and withdrawn again: only the silent leg stays", "", adopted, "192.0.2.7/32 20 10.0.0.2@3",
			fib.Gate{Announced: announced, Heard: map[netip.Addr]bool{a: true}},
		},
		{
			"announced, withdrawn, nobody silent: the route goes", "", adopted, "",
			fib.Gate{Announced: announced, Heard: map[netip.Addr]bool{a: true, b: true}},
		},
		{
			"a leg that the kernel lost is not brought back", "192.0.2.7/32 20 10.0.0.1@3", "192.0.2.7/32 20 10.0.0.1@3", "192.0.2.7/32 20 10.0.0.1@3",
			fib.Gate{Announced: announced},
		},
		{
			"a new leg joins the silent ones", "192.0.2.7/32 20 10.0.0.9@3", adopted, "192.0.2.7/32 20 10.0.0.1@3 10.0.0.2@3 10.0.0.9@3",
			fib.Gate{Announced: announced},
		},
		{
			"an adopted leg by a new interface is not kept twice", "192.0.2.7/32 20 10.0.0.1@4", adopted, "192.0.2.7/32 20 10.0.0.1@4 10.0.0.2@3",
			fib.Gate{Announced: announced},
		},
		{"what was not adopted is not held", "", "192.0.2.8/32 20 10.0.0.1@3", "", fib.Gate{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.gate.Adopted = table(t, adopted)
			held := c.gate.Hold(table(t, c.want), table(t, c.have))
			if want := table(t, c.held); !held.Equal(want) {
				t.Errorf("held:\n%swant:\n%s", held, want)
			}
		})
	}
	if want := table(t, ""); !(fib.Gate{}).Hold(want, table(t, adopted)).Equal(want) {
		t.Error("an open gate holds something")
	}
}

func TestWhatAStartWaitsFor(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	silent := []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")}
	for _, c := range []struct {
		name  string
		start fib.Start
		words string
	}{
		{"nothing was read", fib.Start{Until: now, Now: now}, "waiting for the first read of the kernel's routes"},
		{"an empty table", fib.Start{Read: true, Silent: silent, Until: now.Add(time.Hour), Now: now}, ""},
		{
			"two peers are silent", fib.Start{Read: true, Adopted: 1, Silent: silent, Until: now.Add(time.Minute), Now: now},
			"waiting for End-of-RIB from 192.0.2.1, 192.0.2.2, until 03:05:05 UTC at most",
		},
		{
			"peers that nobody can list", fib.Start{Read: true, Adopted: 1, Ranges: true, Until: now.Add(time.Minute), Now: now},
			"waiting for End-of-RIB from speakers known by their source prefix only, until 03:05:05 UTC at most",
		},
		{"everybody was heard", fib.Start{Read: true, Adopted: 1, Until: now.Add(time.Minute), Now: now}, ""},
		{"the time has passed", fib.Start{Read: true, Adopted: 1, Silent: silent, Ranges: true, Until: now, Now: now}, ""},
	} {
		if got := c.start.Waiting(); got != c.words {
			t.Errorf("%s: %q, want %q", c.name, got, c.words)
		}
	}
}

func TestAPrefixChangesAtMostTenTimesASecond(t *testing.T) {
	var pace fib.Pace
	p := netip.MustParsePrefix("192.0.2.7/32")
	now := time.Unix(1000, 0)
	var taken []time.Time
	for range 5000 {
		if ok, again := pace.Take(p, now); ok {
			taken = append(taken, now)
		} else if !again.After(now) {
			t.Fatalf("told at %v to ask again at %v", now, again)
		}
		now = now.Add(time.Millisecond)
	}
	if !taken[0].Equal(time.Unix(1000, 0)) {
		t.Error("the first change had to wait")
	}
	if len(taken) < 30 {
		t.Errorf("only %d changes in 5 s", len(taken))
	}
	for i := 10; i < len(taken); i++ {
		if taken[i].Sub(taken[i-10]) < time.Second {
			t.Fatalf("eleven changes within %v", taken[i].Sub(taken[i-10]))
		}
	}
	if ok, _ := pace.Take(netip.MustParsePrefix("192.0.2.8/32"), now); !ok {
		t.Error("another prefix has to wait as well")
	}
	pace.Forget(now.Add(time.Minute))
	if ok, _ := pace.Take(p, now.Add(time.Minute)); !ok {
		t.Error("a quiet prefix has to wait")
	}
}

func TestAFailedStepNamesItsRoute(t *testing.T) {
	err := &fib.StepError{
		Step: fib.Step{Key: fib.Key{Prefix: netip.MustParsePrefix("192.0.2.7/32"), Metric: 20}},
		Err:  fmt.Errorf("no such device"),
	}
	if got := err.Error(); got != "fib: route 192.0.2.7/32: no such device" {
		t.Error(got)
	}
}

func BenchmarkPlanOf10000RoutesThatStand(b *testing.B) {
	want, have := fib.Table{}, fib.Table{}
	hops := []fib.NextHop{{Addr: netip.MustParseAddr("10.0.0.1"), Link: 3, Weight: 1}}
	for i := range 10000 {
		k := fib.Key{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, byte(i >> 8), byte(i)}), 32), Metric: 20}
		want[k], have[k] = hops, hops
	}
	for b.Loop() {
		fib.Plan(want, have)
	}
}
