package fib_test

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hawser-lb/hawser/router/internal/fib"
)

// table reads lines such as "192.0.2.7/32 20 10.0.0.1@3 10.0.0.2@3*2".
func table(t testing.TB, text string) fib.Table {
	t.Helper()
	out := fib.Table{}
	for line := range strings.Lines(text) {
		if words := strings.Fields(line); len(words) > 0 {
			out[key(t, words)] = hops(t, words[2:])
		}
	}
	return out
}

func key(t testing.TB, words []string) fib.Key {
	t.Helper()
	metric, table, elsewhere := strings.Cut(words[1], "/")
	k := fib.Key{Prefix: netip.MustParsePrefix(words[0]), Metric: uint32(number(t, metric)), Table: 254}
	if elsewhere {
		k.Table = uint32(number(t, table))
	}
	return k
}

func number(t testing.TB, w string) int {
	t.Helper()
	n, err := strconv.Atoi(w)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func span(t testing.TB, w string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(w)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func hops(t testing.TB, words []string) []fib.NextHop {
	var out []fib.NextHop
	for _, w := range words {
		out = append(out, hop(t, w))
	}
	return out
}

func hop(t testing.TB, w string) fib.NextHop {
	t.Helper()
	h := fib.NextHop{Weight: 1}
	w, weight, weighted := strings.Cut(w, "*")
	if weighted {
		h.Weight = number(t, weight)
	}
	addr, link, _ := strings.Cut(w, "@")
	h.Addr = netip.MustParseAddr(addr)
	h.Link = number(t, link)
	return h
}

const (
	protocol = 73
	former   = 72
)

// have reads lines such as "hop 1 10.0.0.1@3", "group 2 1 3*2", "taken 4",
// "192.0.2.7/32 20 group 2" and those of a table. A line that ends in "former"
// carries another protocol number, "hash" is a group of that kind, and one that
// ends in "idle 5s" has that timer.
func have(t testing.TB, text string) *fib.Have {
	t.Helper()
	out := fib.NewHave()
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		proto, resilient := uint8(protocol), true
		switch words[len(words)-1] {
		case "former":
			proto, words = former, words[:len(words)-1]
		case "hash":
			resilient, words = false, words[:len(words)-1]
		}
		switch words[0] {
		case "hop":
			h := hop(t, words[2])
			h.Weight = 0
			out.Hops[fib.ID(number(t, words[1]))] = fib.Hop{NextHop: h, Protocol: proto}
		case "taken":
			out.Taken[fib.ID(number(t, words[1]))] = true
		case "group":
			g := fib.Group{Resilient: resilient, Protocol: proto}
			if resilient {
				g.Idle = 2 * time.Minute
			}
			for i, w := range words[2:] {
				if w == "idle" {
					g.Idle = span(t, words[2+i+1])
					break
				}
				id, weight, weighted := strings.Cut(w, "*")
				m := fib.Member{ID: fib.ID(number(t, id)), Weight: 1}
				if weighted {
					m.Weight = number(t, weight)
				}
				g.Members = append(g.Members, m)
			}
			out.PutGroup(fib.ID(number(t, words[1])), g)
		default:
			r := fib.Route{Protocol: proto}
			if len(words) == 4 && words[2] == "group" {
				r.Group = fib.ID(number(t, words[3]))
			} else {
				r.NextHops = hops(t, words[2:])
			}
			out.PutRoute(key(t, words), r)
		}
	}
	return out
}

// shared has routes with the same next hops share a group, own gives each one.
var (
	shared = fib.Rules{Kind: fib.ResilientGroups, Protocol: protocol, First: 1}
	own    = fib.Rules{Kind: fib.ResilientGroups, Protocol: protocol, First: 1, Own: 100}
	hash   = fib.Rules{Kind: fib.HashGroups, Protocol: protocol, First: 1}
	plain  = fib.Rules{Protocol: protocol, First: 1}
)

// three routes share a group of three, one is in another with two of these.
const three = `
hop 1 10.0.0.1@3
hop 2 10.0.0.2@3
hop 3 10.0.0.3@3
group 4 1 2 3
group 5 1 2
192.0.2.1/32 20 group 4
192.0.2.2/32 20 group 4
192.0.2.3/32 20 group 4
192.0.2.4/32 20 group 5
`

func TestPlans(t *testing.T) {
	for _, c := range []struct {
		name       string
		rules      fib.Rules
		want, have string
		plan       string
	}{
		{
			"a next hop begins to leave", own, "192.0.2.1/32 20 10.0.0.1@3*256 10.0.0.2@3*2 10.0.0.3@3*256",
			"hop 1 10.0.0.1@3\nhop 2 10.0.0.2@3\nhop 3 10.0.0.3@3\ngroup 4 1 2 3\n192.0.2.1/32 20 group 4",
			"replace group 4 of 1*256, 2*2, 3*256 idle 5s\n",
		},
		{
			"a next hop has nearly left", own, "192.0.2.1/32 20 10.0.0.1@3*256 10.0.0.2@3*1 10.0.0.3@3*256",
			"hop 1 10.0.0.1@3\nhop 2 10.0.0.2@3\nhop 3 10.0.0.3@3\ngroup 4 1*256 2*2 3*256 idle 5s\n192.0.2.1/32 20 group 4",
			"replace group 4 of 1*256, 2, 3*256 idle 200ms\n",
		},
		{
			"a next hop that was leaving is gone, and nobody hurries any more", own, "192.0.2.1/32 20 10.0.0.1@3 10.0.0.3@3",
			"hop 1 10.0.0.1@3\nhop 2 10.0.0.2@3\nhop 3 10.0.0.3@3\ngroup 4 1*256 2 3*256 idle 200ms\n192.0.2.1/32 20 group 4",
			"replace group 4 of 1, 3\ndelete  next hop 2\n",
		},
		{
			"a timer that somebody else set is mended", own, "192.0.2.1/32 20 10.0.0.1@3 10.0.0.3@3",
			"hop 1 10.0.0.1@3\nhop 3 10.0.0.3@3\ngroup 4 1 3 idle 1s\n192.0.2.1/32 20 group 4",
			"replace group 4 of 1, 3\n",
		},
		{
			"a timer that the kernel has rounded is left alone", own, "192.0.2.1/32 20 10.0.0.1@3 10.0.0.3@3",
			"hop 1 10.0.0.1@3\nhop 3 10.0.0.3@3\ngroup 4 1 3 idle 1m59.99s\n192.0.2.1/32 20 group 4",
			"",
		},
		{"nothing to do, multipath", plain, "192.0.2.7/32 20 10.0.0.1@3", "192.0.2.7/32 20 10.0.0.1@3", ""},
		{
			"a first route is added, multipath", plain, "192.0.2.7/32 20 10.0.0.1@3 10.0.0.2@3*2", "",
			"add     192.0.2.7/32 metric 20 via 10.0.0.1 link 3, via 10.0.0.2 link 3 weight 2\n",
		},
		{
			"a leg that goes is a replacement, multipath", plain, "192.0.2.7/32 20 10.0.0.1@3", "192.0.2.7/32 20 10.0.0.1@3 10.0.0.2@3",
			"replace 192.0.2.7/32 metric 20 via 10.0.0.1 link 3\n",
		},
		{
			"a withdrawn service leaves no route behind, multipath", plain, "", "192.0.2.7/32 20 10.0.0.1@3",
			"delete  192.0.2.7/32 metric 20\n",
		},
		{
			"additions and replacements come before deletions, multipath", plain,
			"192.0.2.9/32 20 10.0.0.1@3\n192.0.2.8/32 20 10.0.0.1@3\n2001:db8::7/128 20 2001:db8:1::1@3",
			"192.0.2.7/32 20 10.0.0.1@3\n192.0.2.9/32 20 10.0.0.2@3",
			`add     192.0.2.8/32 metric 20 via 10.0.0.1 link 3
replace 192.0.2.9/32 metric 20 via 10.0.0.1 link 3
add     2001:db8::7/128 metric 20 via 2001:db8:1::1 link 3
delete  192.0.2.7/32 metric 20
`,
		},
		{
			"a new metric is added before the old one is deleted, multipath", plain, "192.0.2.7/32 30 10.0.0.1@3", "192.0.2.7/32 20 10.0.0.1@3",
			"add     192.0.2.7/32 metric 30 via 10.0.0.1 link 3\ndelete  192.0.2.7/32 metric 20\n",
		},
		{
			"no next hops is an unreachable route", shared, "192.0.2.0/24 4278190080", "",
			"add     192.0.2.0/24 metric 4278190080 unreachable\n",
		},
		{
			"first routes make their objects, and share a group", shared,
			"192.0.2.1/32 20 10.0.0.1@3 10.0.0.2@3*2\n192.0.2.2/32 20 10.0.0.1@3 10.0.0.2@3*2", "taken 2",
			`add     next hop 1 via 10.0.0.1 link 3
add     next hop 3 via 10.0.0.2 link 3
add     group 4 of 1, 3*2
add     192.0.2.1/32 metric 20 group 4
add     192.0.2.2/32 metric 20 group 4
`,
		},
		{
			"or have one each", own, "192.0.2.1/32 20 10.0.0.1@3\n192.0.2.2/32 20 10.0.0.1@3", "",
			`add     next hop 1 via 10.0.0.1 link 3
add     group 2 of 1
add     group 3 of 1
add     192.0.2.1/32 metric 20 group 2
add     192.0.2.2/32 metric 20 group 3
`,
		},
		{
			"a next hop that dies is one message, whatever it was in", shared, `
192.0.2.1/32 20 10.0.0.2@3 10.0.0.3@3
192.0.2.2/32 20 10.0.0.2@3 10.0.0.3@3
192.0.2.3/32 20 10.0.0.2@3 10.0.0.3@3
192.0.2.4/32 20 10.0.0.2@3`, three,
			"delete  next hop 1\n",
		},
		{
			"when the last one dies, what only it served goes by itself", shared, "192.0.2.4/32 20 10.0.0.1@3 10.0.0.2@3", `
hop 1 10.0.0.1@3
hop 2 10.0.0.2@3
hop 3 10.0.0.3@3
group 4 3
group 5 1 2
192.0.2.1/32 20 group 4
192.0.2.2/32 20 group 4
192.0.2.4/32 20 group 5`,
			"delete  next hop 3\n",
		},
		{
			"what it would take along wrongly is brought away first", shared,
			"192.0.2.1/32 20 10.0.0.1@3\n192.0.2.2/32 20 10.0.0.1@3\n192.0.2.3/32 20 10.0.0.2@3\n192.0.2.4/32 20 10.0.0.1@3 10.0.0.2@3", `
hop 1 10.0.0.1@3
hop 2 10.0.0.2@3
hop 3 10.0.0.3@3
group 4 3
group 5 1 2
192.0.2.1/32 20 group 4
192.0.2.2/32 20 group 4
192.0.2.3/32 20 group 4
192.0.2.4/32 20 group 5`,
			`add     group 6 of 2
replace 192.0.2.3/32 metric 20 group 6
replace group 4 of 1
delete  next hop 3
`,
		},
		{
			"routes that agree change together", shared, `
192.0.2.1/32 20 10.0.0.2@3 10.0.0.3@3
192.0.2.2/32 20 10.0.0.2@3 10.0.0.3@3
192.0.2.3/32 20 10.0.0.2@3 10.0.0.3@3
192.0.2.4/32 20 10.0.0.1@3 10.0.0.2@3`, three,
			"replace group 4 of 2, 3\n",
		},
		{
			"a next hop that joins is one message too", shared, `
192.0.2.1/32 20 10.0.0.1@3 10.0.0.2@3 10.0.0.3@3 10.0.0.4@3
192.0.2.2/32 20 10.0.0.1@3 10.0.0.2@3 10.0.0.3@3 10.0.0.4@3
192.0.2.3/32 20 10.0.0.1@3 10.0.0.2@3 10.0.0.3@3 10.0.0.4@3
192.0.2.4/32 20 10.0.0.1@3 10.0.0.2@3`, three,
			"add     next hop 6 via 10.0.0.4 link 3\nreplace group 4 of 1, 2, 3, 6\n",
		},
		{
			"a route that leaves takes a copy of the group along", shared, `
192.0.2.1/32 20 10.0.0.1@3 10.0.0.2@3 10.0.0.3@3
192.0.2.2/32 20 10.0.0.1@3 10.0.0.3@3
192.0.2.3/32 20 10.0.0.1@3 10.0.0.2@3 10.0.0.3@3
192.0.2.4/32 20 10.0.0.1@3 10.0.0.2@3`, three,
			`add     group 6 of 1, 2, 3
replace group 6 of 1, 3
replace 192.0.2.2/32 metric 20 group 6
`,
		},
		{
			"of those that part the more keep the group", shared, `
192.0.2.1/32 20 10.0.0.1@3 10.0.0.2@3
192.0.2.2/32 20 10.0.0.1@3 10.0.0.3@3
192.0.2.3/32 20 10.0.0.1@3 10.0.0.3@3
192.0.2.4/32 20 10.0.0.1@3 10.0.0.2@3`, three,
			`add     group 6 of 1, 2, 3
replace group 6 of 1, 2
replace 192.0.2.1/32 metric 20 group 6
replace group 4 of 1, 3
`,
		},
		{
			"a new route joins a group", shared, `
192.0.2.1/32 20 10.0.0.1@3 10.0.0.2@3 10.0.0.3@3
192.0.2.2/32 20 10.0.0.1@3 10.0.0.2@3 10.0.0.3@3
192.0.2.3/32 20 10.0.0.1@3 10.0.0.2@3 10.0.0.3@3
192.0.2.4/32 20 10.0.0.1@3 10.0.0.2@3
192.0.2.5/32 20 10.0.0.1@3 10.0.0.2@3`, three,
			"add     192.0.2.5/32 metric 20 group 5\n",
		},
		{
			"a withdrawn service leaves neither route nor object behind", shared, `
192.0.2.4/32 20 10.0.0.1@3 10.0.0.2@3`, three,
			`delete  next hop 3
delete  192.0.2.1/32 metric 20
delete  192.0.2.2/32 metric 20
delete  192.0.2.3/32 metric 20
delete  group 4
`,
		},
		{"everything goes with its next hops", shared, "", three, "delete  next hop 1\ndelete  next hop 2\ndelete  next hop 3\n"},
		{
			"a new metric keeps the group", shared, "192.0.2.1/32 30 10.0.0.1@3 10.0.0.2@3", `
hop 1 10.0.0.1@3
hop 2 10.0.0.2@3
group 3 1 2
192.0.2.1/32 20 group 3`,
			"add     192.0.2.1/32 metric 30 group 3\ndelete  192.0.2.1/32 metric 20\n",
		},
		{
			"a new table as well, with another leg", own, "192.0.2.1/32 20/100 10.0.0.1@3", `
hop 1 10.0.0.1@3
hop 2 10.0.0.2@3
group 3 1 2
192.0.2.1/32 20 group 3`,
			"delete  next hop 2\nadd     192.0.2.1/32 metric 20 table 100 group 3\ndelete  192.0.2.1/32 metric 20\n",
		},
		{
			"a new protocol number: everything is made anew, then the old goes", own, "192.0.2.1/32 20 10.0.0.1@3\n192.0.2.2/32 20 10.0.0.1@3", `
hop 1 10.0.0.1@3 former
group 3 1 former
192.0.2.1/32 20 group 3 former
192.0.2.2/32 20 group 3 former`,
			`add     next hop 2 via 10.0.0.1 link 3
add     group 4 of 2
add     group 5 of 2
replace 192.0.2.1/32 metric 20 group 4
replace 192.0.2.2/32 metric 20 group 5
delete  next hop 1
`,
		},
		{
			"a group of another kind is left", hash, "192.0.2.4/32 20 10.0.0.1@3", `
hop 1 10.0.0.1@3
group 3 1
192.0.2.4/32 20 group 3`,
			"add     group 2 of 1\nreplace 192.0.2.4/32 metric 20 group 2\ndelete  group 3\n",
		},
		{
			"a kernel without groups gets plain legs", plain, "192.0.2.4/32 20 10.0.0.1@3", `
hop 1 10.0.0.1@3
group 3 1
192.0.2.4/32 20 group 3`,
			"replace 192.0.2.4/32 metric 20 via 10.0.0.1 link 3\ndelete  next hop 1\n",
		},
		{
			"plain legs of an earlier version are adopted by a group", own, "192.0.2.4/32 20 10.0.0.1@3", "192.0.2.4/32 20 10.0.0.1@3",
			"add     next hop 1 via 10.0.0.1 link 3\nadd     group 2 of 1\nreplace 192.0.2.4/32 metric 20 group 2\n",
		},
		{
			"what a crash left half done is used", own, "192.0.2.4/32 20 10.0.0.1@3", "hop 7 10.0.0.1@3\ngroup 8 7",
			"add     192.0.2.4/32 metric 20 group 8\n",
		},
		{
			"or removed", own, "192.0.2.4/32 20 10.0.0.1@3", "hop 7 10.0.0.1@3\nhop 9 10.0.0.2@3\ngroup 8 7\ngroup 6 9\ngroup 5 7 9\n192.0.2.4/32 20 group 8",
			"delete  next hop 9\ndelete  group 5\n",
		},
		{
			"other weights are other members", own, "192.0.2.4/32 20 10.0.0.1@3 10.0.0.2@3*3", "hop 1 10.0.0.1@3\nhop 2 10.0.0.2@3\ngroup 3 1 2\n192.0.2.4/32 20 group 3",
			"replace group 3 of 1, 2*3\n",
		},
		{
			"a route that somebody pointed at an object of his own is taken back", own, "192.0.2.4/32 20 10.0.0.1@3", "taken 9\nhop 1 10.0.0.1@3\n192.0.2.4/32 20 group 9",
			"add     group 2 of 1\nreplace 192.0.2.4/32 metric 20 group 2\n",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			want, have := table(t, c.want), have(t, c.have)
			steps := fib.Plan(want, have, c.rules)
			if got := fib.Text(steps); got != c.plan {
				t.Errorf("plan:\n%swant:\n%s", got, c.plan)
			}
			have.Apply(steps)
			if got := have.Table(); !got.Equal(want) {
				t.Errorf("afterwards:\n%s", got)
			}
			if again := fib.Plan(want, have, c.rules); len(again) != 0 {
				t.Errorf("the second time does something:\n%s", fib.Text(again))
			}
		})
	}
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
			"a node was leaving: it is one of those that are silent", "192.0.2.7/32 20 10.0.0.1@3",
			"192.0.2.7/32 20 10.0.0.1@3*256 10.0.0.2@3*1", adopted, fib.Gate{Announced: announced},
		},
		{
			"a node leaves, and another is silent", "192.0.2.7/32 20 10.0.0.1@3*1 10.0.0.3@3*256",
			adopted, "192.0.2.7/32 20 10.0.0.1@3*2 10.0.0.2@3*256 10.0.0.3@3*256", fib.Gate{Announced: announced},
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
		{
			"nobody spoke, and one's host is gone: its leg goes", "", adopted, "192.0.2.7/32 20 10.0.0.2@3",
			fib.Gate{Gone: map[netip.Addr]bool{a: true}},
		},
		{
			"one announces, and the silent one's host is gone", "192.0.2.7/32 20 10.0.0.1@3", adopted, "192.0.2.7/32 20 10.0.0.1@3",
			fib.Gate{Announced: announced, Gone: map[netip.Addr]bool{b: true}},
		},
		{"no host is there any more: the route goes", "", adopted, "", fib.Gate{Gone: map[netip.Addr]bool{a: true, b: true}}},
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
		Step: fib.Step{Key: fib.Key{Prefix: netip.MustParsePrefix("192.0.2.7/32"), Metric: 20, Table: 254}, Verb: fib.Add},
		Err:  fmt.Errorf("no such device"),
	}
	if got := err.Error(); got != "fib: route 192.0.2.7/32: no such device" {
		t.Error(got)
	}
}

func BenchmarkPlanOf10000RoutesThatStand(b *testing.B) {
	want, have := fib.Table{}, have(b, "hop 1 10.0.0.1@3\ngroup 2 1")
	hops := hops(b, []string{"10.0.0.1@3"})
	for i := range 10000 {
		k := fib.Key{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, byte(i >> 8), byte(i)}), 32), Metric: 20}
		want[k] = hops
		have.PutRoute(k, fib.Route{Group: 2, Protocol: protocol})
	}
	for b.Loop() {
		if steps := fib.Plan(want, have, shared); len(steps) > 0 {
			b.Fatal(fib.Text(steps))
		}
	}
}

func BenchmarkPlanOf10000NewRoutes(b *testing.B) {
	want, have := fib.Table{}, have(b, "hop 1 10.0.0.1@3\ngroup 2 1")
	hops := hops(b, []string{"10.0.0.1@3"})
	for i := range 10000 {
		k := fib.Key{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, byte(i >> 8), byte(i)}), 32), Metric: 20}
		want[k] = hops
	}
	b.ReportAllocs()
	for b.Loop() {
		if steps := fib.Plan(want, have, shared); len(steps) != 10000 {
			b.Fatal(len(steps))
		}
	}
}
