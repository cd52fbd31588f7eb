package bgp

import (
	"net/netip"
	"slices"

	"github.com/osrg/gobgp/v3/pkg/packet/bgp"
)

// Refresh asks the peer to tell all its routes again, in every family of the
// session (RFC 2918). It does not wait. It reports false when there is no
// session with the peer, or when the peer did not say that it can.
func (s *Speaker) Refresh(addr netip.Addr) bool {
	s.mu.Lock()
	p := s.peers[addr]
	s.mu.Unlock()
	if p == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.up
	if c == nil || c.ending() || !c.canRefresh() {
		return false
	}
	return s.start(func() {
		if err := c.askAgain(); err != nil {
			c.end(err)
		}
	})
}

// canRefresh reports whether both ends have the capability; we always offer it.
func (c *conn) canRefresh() bool {
	return slices.ContainsFunc(c.received, func(k Capability) bool { return k.Code == uint8(bgp.BGP_CAP_ROUTE_REFRESH) })
}

// askAgain sends a ROUTE-REFRESH for each family.
func (c *conn) askAgain() error {
	var b []byte
	var kinds []byte
	for _, f := range c.terms.families {
		afi, safi := bgp.RouteFamilyToAfiSafi(f.codec())
		b = append(b, frame(bgp.BGP_MSG_ROUTE_REFRESH, []byte{byte(afi >> 8), byte(afi), 0, safi})...)
		kinds = append(kinds, bgp.BGP_MSG_ROUTE_REFRESH)
	}
	return c.write(b, kinds...)
}
