package rib_test

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hawser-lb/hawser/router/internal/fib"
	"github.com/hawser-lb/hawser/router/internal/rib"
	"github.com/hawser-lb/hawser/shared/route"
)

const ourAS = 65000

var (
	noon  = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	addr  = netip.MustParseAddr
	pfx   = netip.MustParsePrefix
	peer1 = addr("192.168.1.5")
	peer2 = addr("192.168.1.6")
	peer3 = addr("192.168.1.7")
)

func prefixes(all ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(all))
	for i, p := range all {
		out[i] = pfx(p)
	}
	return out
}

// lan is a router with one LAN: 192.168.1.0/24 and 2001:db8:1::/64 on link 3.
func lan() rib.Facts {
	return rib.Facts{
		Own: []netip.Addr{addr("127.0.0.1"), addr("192.168.1.1"), addr("2001:db8:1::1"), addr("fe80::1")},
		Connected: []rib.Connected{
			{Prefix: pfx("192.168.1.0/24"), Link: 3, Name: "br-lan"},
			{Prefix: pfx("2001:db8:1::/64"), Link: 3, Name: "br-lan"},
			{Prefix: pfx("fe80::/64"), Link: 3, Name: "br-lan"},
		},
	}
}

func policy() rib.Policy {
	return rib.Policy{
		Allow:       prefixes("192.168.10.0/24", "2001:db8:10::/64"),
		Sources:     prefixes("192.168.1.0/25", "2001:db8:1::/64"),
		MaxPrefixes: 100,
		LocalASN:    ourAS,
	}
}

// told is a route as a speaker in AS 65001 would tell it.
func told(prefix, nextHop string, change ...func(*route.Attributes)) route.Route {
	a := &route.Attributes{
		NextHop: addr(nextHop),
		Path:    []route.Segment{{Type: route.Sequence, ASNs: []uint32{65001}}},
	}
	for _, c := range change {
		c(a)
	}
	return route.Route{Prefix: pfx(prefix), Attributes: a}
}

// table has peers 1 to 3 up, in AS 65001, with one policy.
func table(p rib.Policy, f rib.Facts) *rib.Table {
	t := rib.New(16)
	t.SetFacts(f)
	for _, a := range []netip.Addr{peer1, peer2, peer3} {
		t.Up(a, 65001, p, noon)
	}
	return t
}

func tell(t *rib.Table, peer netip.Addr, routes ...route.Route) {
	t.Update(peer, nil, routes, noon)
}

func hops(t *rib.Table, prefix string) string {
	words := func(hops []fib.NextHop) string {
		var out []string
		for _, h := range hops {
			out = append(out, h.Addr.String())
		}
		return strings.Join(out, " ")
	}
	staying, leaving := fib.Part(t.NextHops(pfx(prefix)))
	if len(leaving) > 0 {
		return words(staying) + ", leaving " + words(leaving)
	}
	return words(staying)
}

func TestRefusedRoutesSayWhy(t *testing.T) {
	everything := policy()
	everything.Allow = prefixes("0.0.0.0/0", "::/0")
	partOfLAN := policy()
	partOfLAN.Allow = prefixes("192.168.1.240/28")
	nothing := policy()
	nothing.Allow = nil
	alone := policy()
	alone.Sources = nil
	for _, c := range []struct {
		name   string
		policy rib.Policy
		route  route.Route
		reason rib.Reason
		detail string
	}{
		{"a service", policy(), told("192.168.10.1/32", "192.168.1.5"), rib.Accepted, ""},
		{"a service on another node of the cluster", policy(), told("192.168.10.1/32", "192.168.1.6"), rib.Accepted, ""},
		{"an IPv6 service", policy(), told("2001:db8:10::1/128", "2001:db8:1::5"), rib.Accepted, ""},
		{"a whole pool", policy(), told("192.168.10.0/24", "192.168.1.5"), rib.Accepted, ""},
		{"a documentation address that allow names", everything, told("203.0.113.7/32", "192.168.1.5"), rib.Accepted, ""},
		{"a part of the LAN that allow names", partOfLAN, told("192.168.1.241/32", "192.168.1.5"), rib.Accepted, ""},

		{"the default route", everything, told("0.0.0.0/0", "192.168.1.5"), rib.DefaultRoute, "a default route is never accepted"},
		{"the IPv6 default route", everything, told("::/0", "2001:db8:1::5"), rib.DefaultRoute, "a default route is never accepted"},
		{
			"a neighbour's pool", policy(), told("192.168.20.1/32", "192.168.1.5"), rib.NotAllowed,
			"192.168.20.1/32 is outside what the section allows: 192.168.10.0/24, 2001:db8:10::/64",
		},
		{
			"anything, when nothing is allowed", nothing, told("192.168.10.1/32", "192.168.1.5"), rib.NotAllowed,
			"the section allows nothing: name its service addresses with list allow",
		},
		{
			"a supernet of the pool", policy(), told("192.168.0.0/16", "192.168.1.5"), rib.TooShort,
			"192.168.0.0/16 is wider than the allowed 192.168.10.0/24",
		},
		{"loopback", everything, told("127.0.0.53/32", "192.168.1.5"), rib.Martian, "127.0.0.53/32 is loopback"},
		{"multicast", everything, told("ff02::1/128", "2001:db8:1::5"), rib.Martian, "ff02::1/128 is multicast"},
		{"IPv6 link-local", everything, told("fe80::/64", "2001:db8:1::5"), rib.Martian, "fe80::/64 is link-local"},
		{
			"our own address", everything, told("192.168.1.1/32", "192.168.1.5"), rib.Martian,
			"192.168.1.1/32 covers our own address 192.168.1.1",
		},
		{
			"our LAN", everything, told("192.168.1.0/24", "192.168.1.5"), rib.Martian,
			"192.168.1.0/24 would hide its own next hop 192.168.1.5",
		},
		{
			"half the internet", everything, told("128.0.0.0/1", "192.168.1.5"), rib.Martian,
			"128.0.0.0/1 covers 169.254.0.0/16, which is link-local",
		},
		{
			"a host of our LAN", everything, told("192.168.1.99/32", "192.168.1.5"), rib.Martian,
			"192.168.1.99/32 is inside our own subnet 192.168.1.0/24, of which allow names no part",
		},
		{
			"its own next hop", everything, told("192.168.1.5/32", "192.168.1.5"), rib.Martian,
			"192.168.1.5/32 would hide its own next hop 192.168.1.5",
		},
		{
			"a next hop outside source", policy(), told("192.168.10.1/32", "192.168.1.200"), rib.NextHopForeign,
			"next hop 192.168.1.200 is neither the peer 192.168.1.5 nor in the cluster's source: 192.168.1.0/25, 2001:db8:1::/64",
		},
		{
			"a next hop that is not the peer", alone, told("192.168.10.1/32", "192.168.1.6"), rib.NextHopForeign,
			"next hop 192.168.1.6 is not the peer 192.168.1.5",
		},
		{
			"us as next hop", policy(), told("192.168.10.1/32", "192.168.1.1"), rib.NextHopUnreachable,
			"next hop 192.168.1.1 is an address of our own",
		},
		{"a path through us", policy(), told("192.168.10.1/32", "192.168.1.5", func(a *route.Attributes) {
			a.Path[0].ASNs = []uint32{65001, ourAS}
		}), rib.ASLoop, "the AS path holds our own AS 65000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tab := table(c.policy, lan())
			tell(tab, peer1, c.route)
			entries := tab.Entries()
			if len(entries) != 1 || len(entries[0].Paths) != 1 {
				t.Fatalf("entries: %+v", entries)
			}
			p := entries[0].Paths[0]
			if p.Reason != c.reason || p.Detail != c.detail {
				t.Errorf("%s: %q\nwant %s: %q", p.Reason, p.Detail, c.reason, c.detail)
			}
			if accepted := len(entries[0].NextHops) > 0; accepted != (c.reason == rib.Accepted) {
				t.Errorf("next hops %v", entries[0].NextHops)
			}
		})
	}
}

func TestANextHopWithoutAnInterfaceIsUnreachable(t *testing.T) {
	tab := table(policy(), lan())
	tell(tab, peer1, told("192.168.10.1/32", "192.168.1.5"))
	if got := hops(tab, "192.168.10.1/32"); got != "192.168.1.5" {
		t.Fatal(got)
	}
	tab.Take()
	tab.SetFacts(rib.Facts{})
	if got := hops(tab, "192.168.10.1/32"); got != "" {
		t.Error("a route leads out of an interface that is down: ", got)
	}
	p := tab.Entries()[0].Paths[0]
	if p.Reason != rib.NextHopUnreachable || p.Detail != "next hop 192.168.1.5 is in no subnet of an interface that is up" {
		t.Errorf("%s: %s", p.Reason, p.Detail)
	}
	if got := tab.Take(); !slices.Equal(got, prefixes("192.168.10.1/32")) {
		t.Errorf("changed: %v", got)
	}
	tab.SetFacts(lan())
	if got := hops(tab, "192.168.10.1/32"); got != "192.168.1.5" {
		t.Error("the interface came back, the route did not: ", got)
	}
}

func TestLinkLocalNextHopsNeedTheirInterface(t *testing.T) {
	if _, ok := lan().Resolve(addr("fe80::5")); ok {
		t.Error("fe80::5 has no interface")
	}
	hop, ok := lan().Resolve(addr("fe80::5%br-lan"))
	if want := (fib.NextHop{Addr: addr("fe80::5"), Link: 3, Weight: 1}); !ok || hop != want {
		t.Errorf("%v, want %v", hop, want)
	}
	if _, ok := lan().Resolve(addr("fe80::5%wan")); ok {
		t.Error("wan has no link-local subnet")
	}
}

func TestTheNarrowestSubnetLeadsToANextHop(t *testing.T) {
	f := lan()
	f.Connected = append(f.Connected, rib.Connected{Prefix: pfx("192.168.1.4/30"), Link: 4, Name: "dmz"})
	if hop, _ := f.Resolve(peer1); hop.Link != 4 {
		t.Errorf("link %d", hop.Link)
	}
	if hop, _ := f.Resolve(addr("192.168.1.9")); hop.Link != 3 {
		t.Errorf("link %d", hop.Link)
	}
}

func TestChoice(t *testing.T) {
	const svc = "192.168.10.1/32"
	localPref := func(n uint32) func(*route.Attributes) {
		return func(a *route.Attributes) { a.LocalPref = route.Some(n) }
	}
	med := func(n uint32) func(*route.Attributes) {
		return func(a *route.Attributes) { a.MED = route.Some(n) }
	}
	path := func(asns ...uint32) func(*route.Attributes) {
		return func(a *route.Attributes) { a.Path[0].ASNs = asns }
	}
	origin := func(o route.Origin) func(*route.Attributes) { return func(a *route.Attributes) { a.Origin = o } }
	shutdown := func(a *route.Attributes) { a.Communities = []uint32{route.GracefulShutdown} }
	type attrs = []func(*route.Attributes)
	for _, c := range []struct {
		name                string
		first, second, last attrs
		internal            []netip.Addr
		hops                string
	}{
		{"equals are all next hops", nil, nil, nil, nil, "192.168.1.5 192.168.1.6 192.168.1.7"},
		{"a shorter path wins", attrs{path(65001, 65001)}, attrs{path(65001)}, attrs{path(65001, 65002)}, nil, "192.168.1.6"},
		{"paths of equal length through other ASes are equals", attrs{path(65001)}, attrs{path(65002)}, attrs{path(65003, 1)}, nil, "192.168.1.5 192.168.1.6"},
		{"the lower origin wins", attrs{origin(route.Incomplete)}, attrs{origin(route.IGP)}, attrs{origin(route.EGP)}, nil, "192.168.1.6"},
		{"the lower MED wins, none is 0", attrs{med(10)}, attrs{med(5)}, nil, nil, "192.168.1.7"},
		{"MED does not count between different ASes", attrs{med(10)}, attrs{med(5), path(65002)}, attrs{med(5), path(65003)}, nil, "192.168.1.5 192.168.1.6 192.168.1.7"},
		{"MED counts within each AS", attrs{med(10)}, attrs{med(5)}, attrs{med(20), path(65003)}, nil, "192.168.1.6 192.168.1.7"},
		{"LOCAL_PREF from another AS is ignored", attrs{localPref(200)}, nil, nil, nil, "192.168.1.5 192.168.1.6 192.168.1.7"},
		{"LOCAL_PREF counts within our AS", attrs{localPref(200)}, attrs{localPref(100)}, nil, []netip.Addr{peer1, peer2}, "192.168.1.5"},
		{"a low LOCAL_PREF loses to the default", attrs{localPref(99)}, nil, nil, []netip.Addr{peer1}, "192.168.1.6 192.168.1.7"},
		{"eBGP before iBGP", nil, nil, nil, []netip.Addr{peer1, peer3}, "192.168.1.6"},
		{"graceful shutdown is the last resort, and still forwards", attrs{shutdown}, nil, nil, nil, "192.168.1.6 192.168.1.7, leaving 192.168.1.5"},
		{"graceful shutdown of two", nil, attrs{shutdown}, attrs{shutdown}, nil, "192.168.1.5, leaving 192.168.1.6 192.168.1.7"},
		{"graceful shutdown of the best", attrs{shutdown}, attrs{path(65001, 65001)}, attrs{path(65001, 65001)}, nil, "192.168.1.6 192.168.1.7, leaving 192.168.1.5"},
		{"graceful shutdown of one that carried nothing", attrs{shutdown, path(65001, 65001)}, nil, nil, nil, "192.168.1.6 192.168.1.7"},
		{"graceful shutdown of one with a higher MED", attrs{shutdown, med(5)}, nil, nil, nil, "192.168.1.6 192.168.1.7"},
		{"graceful shutdown of one with a higher MED and LOCAL_PREF", attrs{shutdown, localPref(200), med(5)}, nil, nil, []netip.Addr{peer1, peer2, peer3}, "192.168.1.6 192.168.1.7, leaving 192.168.1.5"},
		{"graceful shutdown of all leaves all", attrs{shutdown}, attrs{shutdown}, attrs{shutdown}, nil, "192.168.1.5 192.168.1.6 192.168.1.7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tab := table(policy(), lan())
			for _, p := range c.internal {
				tab.Up(p, ourAS, policy(), noon)
			}
			tell(tab, peer3, told(svc, "192.168.1.7", c.last...))
			tell(tab, peer1, told(svc, "192.168.1.5", c.first...))
			tell(tab, peer2, told(svc, "192.168.1.6", c.second...))
			if got := hops(tab, svc); got != c.hops {
				t.Errorf("next hops %s, want %s", got, c.hops)
			}
			stay, leave, _ := strings.Cut(c.hops, ", leaving ")
			var best, chosen, leaving []string
			for _, p := range tab.Entries()[0].Paths {
				if p.Best {
					best = append(best, p.Peer.String())
				}
				if p.Multipath {
					chosen = append(chosen, p.Peer.String())
				}
				if p.Leaving {
					leaving = append(leaving, p.Peer.String())
				}
			}
			if got := strings.Join(leaving, " "); got != leave {
				t.Errorf("leaving %s, want %s", got, leave)
			}
			if got := strings.Join(chosen, " "); got != stay || len(best) != 1 || best[0] != chosen[0] {
				t.Errorf("best %v, chosen %v", best, chosen)
			}
		})
	}
}

func TestMaxPathsBoundsTheNextHops(t *testing.T) {
	tab := table(policy(), lan())
	tab.SetMaxPaths(2)
	for _, p := range []netip.Addr{peer3, peer1, peer2} {
		tell(tab, p, told("192.168.10.1/32", p.String()))
	}
	if got := hops(tab, "192.168.10.1/32"); got != "192.168.1.5 192.168.1.6" {
		t.Error(got)
	}
	tab.Take()
	tab.SetMaxPaths(1)
	if got := hops(tab, "192.168.10.1/32"); got != "192.168.1.5" || len(tab.Take()) != 1 {
		t.Error(got)
	}
}

func TestTwoPeersWithOneNextHopAreOneLeg(t *testing.T) {
	tab := table(policy(), lan())
	tell(tab, peer1, told("192.168.10.1/32", "192.168.1.5"))
	tell(tab, peer2, told("192.168.10.1/32", "192.168.1.5"))
	if got := hops(tab, "192.168.10.1/32"); got != "192.168.1.5" {
		t.Error(got)
	}
}

func TestOnlyWhatChangedIsTaken(t *testing.T) {
	tab := table(policy(), lan())
	tell(tab, peer1, told("192.168.10.1/32", "192.168.1.5"), told("192.168.10.2/32", "192.168.1.5"))
	if got := tab.Take(); len(got) != 2 {
		t.Fatalf("changed: %v", got)
	}
	version := tab.Version()
	tell(tab, peer1, told("192.168.10.1/32", "192.168.1.5"))
	tell(tab, peer1, told("192.168.10.1/32", "192.168.1.5", func(a *route.Attributes) { a.MED = route.Some(5) }))
	tell(tab, peer2, told("10.0.0.0/8", "192.168.1.6"))
	if got := tab.Take(); len(got) != 0 || tab.Version() != version {
		t.Errorf("the same next hops count as a change: %v", got)
	}
	tell(tab, peer2, told("192.168.10.2/32", "192.168.1.6"))
	if got := tab.Take(); !slices.Equal(got, prefixes("192.168.10.2/32")) || tab.Version() != version+1 {
		t.Errorf("changed: %v", got)
	}
	tab.Update(peer1, prefixes("192.168.10.1/32"), nil, noon)
	if got := tab.Take(); !slices.Equal(got, prefixes("192.168.10.1/32")) || hops(tab, "192.168.10.1/32") != "" {
		t.Errorf("changed: %v", got)
	}
	tab.Down(peer2)
	if got := tab.Take(); !slices.Equal(got, prefixes("192.168.10.2/32")) || hops(tab, "192.168.10.2/32") != "192.168.1.5" {
		t.Errorf("changed: %v", got)
	}
	tab.Down(peer1)
	tab.Take()
	if left := tab.Entries(); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestWithdrawnAndToldAgainInOneGoIsNoChange(t *testing.T) {
	tab := table(policy(), lan())
	tell(tab, peer1, told("192.168.10.1/32", "192.168.1.5"))
	tab.Take()
	tab.Update(peer1, prefixes("192.168.10.1/32"), nil, noon)
	tell(tab, peer1, told("192.168.10.1/32", "192.168.1.5"))
	if got := tab.Take(); len(got) != 0 {
		t.Errorf("changed: %v", got)
	}
	if got := hops(tab, "192.168.10.1/32"); got != "192.168.1.5" {
		t.Error(got)
	}
}

func many(n int, base, nextHop string) []route.Route {
	shared := told("192.0.2.0/32", nextHop).Attributes
	first := addr(base).As4()
	out := make([]route.Route, n)
	for i := range out {
		a := first
		a[2], a[3] = a[2]+byte(i>>8), a[3]+byte(i)
		out[i] = route.Route{Prefix: netip.PrefixFrom(netip.AddrFrom4(a), 32), Attributes: shared}
	}
	return out
}

func TestAcceptedRoutesAreCountedByFamily(t *testing.T) {
	tab := table(policy(), lan())
	count := func(want, want6 int) {
		t.Helper()
		if c := tab.Count(peer1); c.Accepted != want || c.Accepted6 != want6 {
			t.Errorf("%d accepted, %d of them IPv6; want %d and %d", c.Accepted, c.Accepted6, want, want6)
		}
	}
	tell(tab, peer1, told("192.168.10.1/32", "192.168.1.5"), told("2001:db8:10::1/128", "2001:db8:1::5"))
	count(2, 1)
	tell(tab, peer1, told("2001:db8:10::1/128", "2001:db8:1::5", func(a *route.Attributes) { a.MED = route.Some(7) }))
	count(2, 1)
	only4 := policy()
	only4.Allow = prefixes("192.168.10.0/24")
	tab.SetPolicy(peer1, only4)
	count(1, 0)
	tab.SetPolicy(peer1, policy())
	count(2, 1)
	tab.Update(peer1, prefixes("2001:db8:10::1/128"), nil, noon)
	count(1, 0)
}

func TestMaxPrefixesCountsAcceptedRoutesOnly(t *testing.T) {
	p := policy()
	p.MaxPrefixes = 10
	tab := table(p, lan())
	tell(tab, peer1, many(1000, "172.16.0.0", "192.168.1.5")...)
	c := tab.Count(peer1)
	if c.Exceeded || c.Accepted != 0 || c.Refused["notAllowed"] != 10 || c.Dropped != 990 {
		t.Errorf("after 1000 foreign routes: %+v", c)
	}
	tell(tab, peer1, many(10, "192.168.10.0", "192.168.1.5")...)
	if c := tab.Count(peer1); c.Exceeded || c.Accepted != 10 {
		t.Errorf("after 10 good routes: %+v", c)
	}
	tell(tab, peer1, many(10, "192.168.10.0", "192.168.1.5")...)
	if tab.Exceeded(peer1) {
		t.Error("telling the same again counts twice")
	}
	tell(tab, peer1, many(100, "192.168.10.0", "192.168.1.5")...)
	if c := tab.Count(peer1); !c.Exceeded || c.Accepted != 10 {
		t.Errorf("after 100 good routes: %+v", c)
	}
	if n := len(tab.Entries()); n != 20 {
		t.Errorf("%d prefixes are held, for a peer that may have 10", n)
	}
	if tab.Exceeded(peer2) {
		t.Error("another peer suffers")
	}
	tab.Up(peer1, 65001, p, noon)
	if c := tab.Count(peer1); c.Exceeded || c.Dropped != 0 || c.Accepted != 0 || len(tab.Entries()) != 0 {
		t.Errorf("after a new session: %+v", c)
	}
}

func TestANewPolicyLooksAtEverythingAgain(t *testing.T) {
	tab := table(policy(), lan())
	tell(tab, peer1, told("192.168.10.1/32", "192.168.1.5"), told("192.168.20.1/32", "192.168.1.5"))
	tell(tab, peer2, told("192.168.20.1/32", "192.168.1.6"))
	tab.Take()
	p := policy()
	p.Allow = prefixes("192.168.20.0/24")
	tab.SetPolicy(peer1, p)
	changed := tab.Take()
	slices.SortFunc(changed, fib.ComparePrefix)
	if !slices.Equal(changed, prefixes("192.168.10.1/32", "192.168.20.1/32")) {
		t.Errorf("changed: %v", changed)
	}
	if hops(tab, "192.168.10.1/32") != "" || hops(tab, "192.168.20.1/32") != "192.168.1.5" {
		t.Errorf("next hops: %+v", tab.Entries())
	}
	if c := tab.Count(peer1); c.Accepted != 1 || c.Refused["notAllowed"] != 1 {
		t.Errorf("%+v", c)
	}
	p.MaxPrefixes = 0
	tab.SetPolicy(peer1, p)
	if c := tab.Count(peer1); !c.Exceeded || c.Accepted != 0 || c.Refused["maxPrefixes"] != 1 {
		t.Errorf("with a lower limit: %+v", c)
	}
	tab.SetPolicy(peer1, policy())
	if c := tab.Count(peer1); c.Exceeded || c.Accepted != 1 {
		t.Errorf("with the old limit: %+v", c)
	}
}

func TestAnUnknownPeerIsNothingToDo(t *testing.T) {
	tab := rib.New(16)
	tell(tab, peer1, told("192.168.10.1/32", "192.168.1.5"))
	tab.Down(peer1)
	tab.SetPolicy(peer1, policy())
	if len(tab.Entries()) != 0 || len(tab.Peers()) != 0 {
		t.Error("something came of it")
	}
}

// TestHistoryDoesNotMatter says that the table depends on what the peers tell
// now, never on how they came to tell it.
func TestHistoryDoesNotMatter(t *testing.T) {
	peers := []netip.Addr{peer1, peer2, peer3}
	rapid.Check(t, func(t *rapid.T) {
		old := table(policy(), lan())
		now := map[netip.Addr]map[string]route.Route{peer1: {}, peer2: {}, peer3: {}}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			p := rapid.SampledFrom(peers).Draw(t, "peer")
			prefix := fmt.Sprintf("192.168.%d.%d/32", rapid.IntRange(10, 11).Draw(t, "net"), rapid.IntRange(0, 3).Draw(t, "host"))
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0:
				old.Up(p, 65001, policy(), noon)
				clear(now[p])
			case 1, 2, 3:
				old.Update(p, prefixes(prefix), nil, noon)
				delete(now[p], prefix)
			default:
				r := told(prefix, p.String(), func(a *route.Attributes) {
					a.MED = route.Some(uint32(rapid.IntRange(0, 2).Draw(t, "med")))
					a.Path[0].ASNs = []uint32{uint32(rapid.IntRange(65001, 65002).Draw(t, "as"))}
				})
				old.Update(p, nil, []route.Route{r}, noon)
				now[p][prefix] = r
			}
			if rapid.Bool().Draw(t, "look") {
				old.Take()
			}
		}
		fresh := table(policy(), lan())
		for _, p := range peers {
			for _, r := range now[p] {
				tell(fresh, p, r)
			}
			if a, b := fmt.Sprint(old.Count(p)), fmt.Sprint(fresh.Count(p)); a != b {
				t.Fatalf("counts of %s: %s, from scratch %s", p, a, b)
			}
		}
		if a, b := fmt.Sprint(show(old)), fmt.Sprint(show(fresh)); a != b {
			t.Fatalf("table:\n%s\nfrom scratch:\n%s", a, b)
		}
	})
}

func show(t *rib.Table) []string {
	var out []string
	for _, e := range t.Entries() {
		for _, p := range e.Paths {
			out = append(out, fmt.Sprintln(e.Prefix, p.Peer, p.Best, p.Multipath, p.Reason, e.NextHops))
		}
	}
	return out
}

func BenchmarkTenThousandPrefixesFromEightPeers(b *testing.B) {
	p := policy()
	p.Allow, p.MaxPrefixes = prefixes("172.16.0.0/12"), 10000
	var told [8][]route.Route
	for i := range told {
		told[i] = many(10000, "172.16.0.0", fmt.Sprintf("192.168.1.%d", 10+i))
	}
	b.ReportAllocs()
	for b.Loop() {
		tab := rib.New(16)
		tab.SetFacts(lan())
		for i, routes := range told {
			a := addr(fmt.Sprintf("192.168.1.%d", 10+i))
			tab.Up(a, 65001, p, noon)
			tab.Update(a, nil, routes, noon)
			if got := len(tab.Take()); got != 10000 {
				b.Fatal(got)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/80000, "ns/path")
}

func BenchmarkOneOfTenThousandChanges(b *testing.B) {
	p := policy()
	p.Allow, p.MaxPrefixes = prefixes("172.16.0.0/12"), 10000
	tab := table(p, lan())
	tell(tab, peer1, many(10000, "172.16.0.0", "192.168.1.5")...)
	tell(tab, peer2, many(10000, "172.16.0.0", "192.168.1.6")...)
	one := many(1, "172.16.0.0", "192.168.1.6")
	gone := []netip.Prefix{one[0].Prefix}
	tab.Take()
	b.ReportAllocs()
	for b.Loop() {
		tab.Update(peer2, gone, nil, noon)
		tab.Take()
		tab.Update(peer2, nil, one, noon)
		tab.Take()
	}
}

// TestDocumentsListTheReasonsInOrder holds docs/routes.md to the code.
func TestDocumentsListTheReasonsInOrder(t *testing.T) {
	text, err := os.ReadFile("../../../docs/routes.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for line := range strings.Lines(string(text)) {
		if word, ok := strings.CutPrefix(line, "| `"); ok {
			word, _, _ = strings.Cut(word, "`")
			documented = append(documented, word)
		}
	}
	var known []string
	for r := rib.DefaultRoute; r <= rib.MaxPrefixes; r++ {
		known = append(known, r.String())
	}
	if !slices.Equal(documented, known) {
		t.Errorf("docs/routes.md lists %v, the code %v", documented, known)
	}
}

func TestLinkBandwidthMakesWeightsWhenAllHaveSentIt(t *testing.T) {
	for _, c := range []struct {
		name      string
		bandwidth [3]float32
		weights   string
	}{
		{"nobody", [3]float32{}, "1 1 1"},
		{"not all", [3]float32{1e9, 2e9, 0}, "1 1 1"},
		{"all the same", [3]float32{1e9, 1e9, 1e9}, "1 1 1"},
		{"one to two to three", [3]float32{1e8, 2e8, 3e8}, "1 2 3"},
		{"hardly any", [3]float32{1, 1e9, 1e9}, "1 60 60"},
	} {
		tb := table(policy(), lan())
		for i, p := range []netip.Addr{peer1, peer2, peer3} {
			tb.Update(p, nil, []route.Route{told("192.168.10.1/32", p.String(), func(a *route.Attributes) {
				a.LinkBandwidth = c.bandwidth[i]
			})}, noon)
		}
		var words []string
		for _, h := range tb.NextHops(pfx("192.168.10.1/32")) {
			words = append(words, fmt.Sprint(h.Weight))
		}
		if got := strings.Join(words, " "); got != c.weights {
			t.Errorf("%s: %s, want %s", c.name, got, c.weights)
		}
	}
}
