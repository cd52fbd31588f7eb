package rib

import (
	"net/netip"
	"slices"

	"github.com/hawser-lb/hawser/router/internal/fib"
)

// Facts are what the table must know of the machine.
type Facts struct {
	Own       []netip.Addr // our addresses, without zone
	Connected []Connected  // the subnets that our interfaces are in
}

// Connected is a subnet that an interface of ours reaches directly. One subnet
// may be reached by several.
type Connected struct {
	Prefix netip.Prefix
	Link   int    // interface index
	Name   string // interface name: the zone of link-local addresses
}

// Equal reports whether both say the same.
func (f Facts) Equal(o Facts) bool {
	return slices.Equal(f.Own, o.Own) && slices.Equal(f.Connected, o.Connected)
}

// Resolve finds the leg that leads to a: the interface with the narrowest
// subnet around it. Our own addresses lead nowhere, nor does a link-local
// address without its interface.
func (f Facts) Resolve(a netip.Addr) (fib.NextHop, bool) {
	zone, a := a.Zone(), a.WithZone("")
	if slices.Contains(f.Own, a) || a.IsLinkLocalUnicast() && a.Is6() && zone == "" {
		return fib.NextHop{}, false
	}
	var best Connected
	for _, c := range f.Connected {
		if c.Prefix.Contains(a) && (zone == "" || c.Name == zone) && (!best.Prefix.IsValid() || c.Prefix.Bits() > best.Prefix.Bits()) {
			best = c
		}
	}
	if !best.Prefix.IsValid() {
		return fib.NextHop{}, false
	}
	return fib.NextHop{Addr: a, Link: best.Link, Weight: 1}, true
}
