package rib_test

import (
	"testing"

	"github.com/hawser-lb/hawser/router/internal/rib"
)

var both = rib.Families{IPv4: true, IPv6: true}

func TestStaleRoutesStayUntilTheyAreToldAgainOrSwept(t *testing.T) {
	tb := table(policy(), lan())
	tell(tb, peer1, told("192.168.10.1/32", "192.168.1.5"), told("192.168.10.2/32", "192.168.1.5"), told("10.0.0.1/32", "192.168.1.5"),
		told("2001:db8:10::1/128", "2001:db8:1::5"))
	tb.Take()
	before := tb.Version()
	tb.Away(peer1, both)
	if c := tb.Count(peer1); c.Stale != 3 || c.Accepted != 3 || len(c.Refused) != 0 {
		t.Errorf("away: %+v", c)
	}
	tb.Up(peer1, 65001, policy(), noon)
	tell(tb, peer1, told("192.168.10.1/32", "192.168.1.5"), told("2001:db8:10::1/128", "2001:db8:1::5"))
	if c := tb.Count(peer1); c.Stale != 1 || tb.Version() != before || len(tb.Take()) != 0 {
		t.Errorf("told again, something changed: %+v", c)
	}
	tb.Sweep(peer1, both)
	if got := hops(tb, "192.168.10.1/32"); got != "192.168.1.5" {
		t.Errorf("told again and gone: %q", got)
	}
	if got := hops(tb, "192.168.10.2/32"); got != "" {
		t.Errorf("not told again and there: %q", got)
	}
}

func TestOnlyTheKeptFamilyStays(t *testing.T) {
	tb := table(policy(), lan())
	tell(tb, peer1, told("192.168.10.1/32", "192.168.1.5"), told("2001:db8:10::1/128", "2001:db8:1::5"))
	tb.Away(peer1, rib.Families{IPv4: true})
	if hops(tb, "192.168.10.1/32") == "" || hops(tb, "2001:db8:10::1/128") != "" {
		t.Error("the wrong family stayed")
	}
	tb.Sweep(peer1, rib.Families{IPv4: true})
	if len(tb.Peers()) != 2 || hops(tb, "192.168.10.1/32") != "" {
		t.Errorf("swept, and left: %v", tb.Peers())
	}
}

func TestWhatWasStaleInTheLastSessionGoesWithIt(t *testing.T) {
	tb := table(policy(), lan())
	tell(tb, peer1, told("192.168.10.1/32", "192.168.1.5"), told("192.168.10.2/32", "192.168.1.5"))
	tb.Away(peer1, both)
	tb.Up(peer1, 65001, policy(), noon)
	tell(tb, peer1, told("192.168.10.1/32", "192.168.1.5"))
	tb.Away(peer1, both)
	if hops(tb, "192.168.10.1/32") == "" || hops(tb, "192.168.10.2/32") != "" {
		t.Error("what was told once in two sessions stayed, or what was told again went")
	}
}

func TestStaleRoutesDoNotCountAgainstTheLimit(t *testing.T) {
	p := policy()
	p.MaxPrefixes = 2
	tb := table(p, lan())
	tell(tb, peer1, told("192.168.10.1/32", "192.168.1.5"), told("192.168.10.2/32", "192.168.1.5"))
	tb.Away(peer1, both)
	tb.Up(peer1, 65001, p, noon)
	tell(tb, peer1, told("192.168.10.3/32", "192.168.1.5"), told("192.168.10.4/32", "192.168.1.5"))
	if tb.Exceeded(peer1) {
		t.Error("two routes are too many beside two stale ones")
	}
	tell(tb, peer1, told("192.168.10.1/32", "192.168.1.5"))
	if !tb.Exceeded(peer1) {
		t.Error("three routes are not too many")
	}
	if c := tb.Count(peer1); c.Accepted != 3 || c.Stale != 1 {
		t.Errorf("%+v", c)
	}
}

func TestAPolicyThatChangedMeanwhileCountsForStaleRoutes(t *testing.T) {
	tb := table(policy(), lan())
	tell(tb, peer1, told("192.168.10.1/32", "192.168.1.5"))
	tb.Away(peer1, both)
	narrow := policy()
	narrow.Allow = prefixes("192.168.10.128/25")
	if !tb.SetPolicy(peer1, narrow) || hops(tb, "192.168.10.1/32") != "" {
		t.Error("what is no longer allowed stays since it is stale")
	}
	tb.Up(peer1, 65001, policy(), noon)
	if hops(tb, "192.168.10.1/32") == "" {
		t.Error("what is allowed again does not count")
	}
}
