package bgp

import (
	"net/netip"

	"github.com/osrg/gobgp/v3/pkg/packet/bgp"
)

// Refresh asks the peer to tell all of its routes again (RFC 2918). It reports
// whether that can be asked for: the session is up and the peer has said that
// it understands. It does not wait.
func (s *Speaker) Refresh(peer netip.Addr) bool {
	return s.withWriter(peer, func(w *writer) bool {
		if !w.c.terms.refresh {
			return false
		}
		w.mu.Lock()
		w.request = true
		w.mu.Unlock()
		w.nudge()
		return true
	})
}

// Retell tells the peer everything once more, as if it had asked. It reports
// whether the session is up, and does not wait.
func (s *Speaker) Retell(peer netip.Addr) bool {
	return s.withWriter(peer, func(w *writer) bool {
		for _, f := range w.c.terms.families {
			w.again(f)
		}
		return true
	})
}

// withWriter calls do with the writer of an established session.
func (s *Speaker) withWriter(peer netip.Addr, do func(*writer) bool) bool {
	s.mu.Lock()
	p := s.peers[peer]
	s.mu.Unlock()
	if p == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.up != nil && !p.up.ending() && p.up.out != nil && do(p.up.out)
}

// askAgain sends a ROUTE-REFRESH for each family of the session.
func (w *writer) askAgain() error {
	for _, f := range w.c.terms.families {
		afi, safi := bgp.RouteFamilyToAfiSafi(f.codec())
		msg := frame(bgp.BGP_MSG_ROUTE_REFRESH, []byte{byte(afi >> 8), byte(afi), 0, safi})
		if err := w.c.write(msg, bgp.BGP_MSG_ROUTE_REFRESH); err != nil {
			return err
		}
	}
	return nil
}

// refresh tells a family once more (RFC 2918 §4). Families that are not in use
// and the demarcations of RFC 7313, which we do not offer, are ignored.
func (c *conn) refresh(body []byte) {
	rf := bgp.AfiSafiToRouteFamily(uint16(body[0])<<8|uint16(body[1]), body[3])
	for _, f := range c.terms.families {
		if f.codec() == rf && body[2] == 0 {
			c.out.again(f)
		}
	}
}
