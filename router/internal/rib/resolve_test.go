package rib

import (
	"net/netip"
	"testing"
	"time"

	"github.com/hawser-lb/hawser/shared/route"
)

func TestAPeerThatKeepsChangingItsNextHopCostsBoundedMemory(t *testing.T) {
	lan, peer := netip.MustParsePrefix("2001:db8::/64"), netip.MustParseAddr("2001:db8::5")
	tab := New(4)
	tab.SetFacts(Facts{Connected: []Connected{{Prefix: lan, Link: 3, Name: "br-lan"}}})
	service := netip.MustParsePrefix("2001:db8:1::1/128")
	tab.Up(peer, 65001, Policy{Allow: []netip.Prefix{service}, Sources: []netip.Prefix{lan}, MaxPrefixes: 1, LocalASN: 65000}, time.Now())
	hop := lan.Addr()
	for range 20000 {
		hop = hop.Next()
		tab.Update(peer, nil, []route.Route{{Prefix: service, Attributes: &route.Attributes{NextHop: hop}}}, time.Now())
		tab.Take()
	}
	if got := tab.NextHops(service); len(got) != 1 || got[0].Addr != hop {
		t.Errorf("next hops %v, want %s", got, hop)
	}
	if n := len(tab.resolved); n > maxResolved {
		t.Errorf("%d next hops are remembered", n)
	}
}
