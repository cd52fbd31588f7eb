package bgp

import (
	"encoding/binary"
	"math"
	"net/netip"

	"github.com/osrg/gobgp/v3/pkg/packet/bgp"

	"github.com/hawser-lb/hawser/shared/route"
)

// build reads the used attributes into a route.Attributes; what RFC 7606 §7
// treats as withdraw spoils the walk.
func (w *walk) build(nextHop []byte) *route.Attributes {
	out := &route.Attributes{}
	var as4 []route.Segment
	var as4Void bool
	for _, a := range w.used {
		var err error
		switch kind := bgp.BGPAttrType(a.kind); kind {
		case bgp.BGP_ATTR_TYPE_AS_PATH:
			out.Path, err = w.d.path(a.value)
		case bgp.BGP_ATTR_TYPE_NEXT_HOP:
			if nextHop == nil {
				err = takeNextHop(out, a)
			}
		case bgp.BGP_ATTR_TYPE_AS4_PATH:
			if as4, err = segments(a.value, true); err != nil {
				as4, err = nil, nil // RFC 6793 §6: discarded
			}
		case bgp.BGP_ATTR_TYPE_AGGREGATOR:
			as4Void = len(a.value) == 6 && binary.BigEndian.Uint16(a.value) != asTrans
		case bgp.BGP_ATTR_TYPE_ORIGINATOR_ID, bgp.BGP_ATTR_TYPE_CLUSTER_LIST:
			err = w.d.reflected(a)
		default:
			err = takeValue(out, a)
		}
		if err != nil {
			w.spoil("attribute %d: %v", a.kind, err)
			return nil
		}
	}
	if nextHop != nil {
		out.NextHop = mpNextHop(nextHop)
	}
	if as4Void && w.seen[bgp.BGP_ATTR_TYPE_AS4_AGGREGATOR] {
		as4 = nil // RFC 6793 §4.2.3
	}
	out.Path = mergePaths(out.Path, as4)
	w.judge(out)
	return out
}

// judge holds the attributes against what an UPDATE from this peer must have
// (RFC 4271 §6.3 as RFC 7606 §3 softens it).
func (w *walk) judge(a *route.Attributes) {
	switch {
	case !w.seen[bgp.BGP_ATTR_TYPE_ORIGIN]:
		w.spoil("ORIGIN is missing")
	case !w.seen[bgp.BGP_ATTR_TYPE_AS_PATH]:
		w.spoil("AS_PATH is missing")
	case !a.NextHop.IsValid():
		w.spoil("NEXT_HOP is missing")
	case a.NextHop.IsUnspecified() || a.NextHop.IsMulticast() || a.NextHop == w.d.local:
		w.spoil("the next hop %s is no other router's address", a.NextHop)
	case w.d.terms.external && a.FirstAS() != w.d.terms.peerASN:
		w.spoil("AS_PATH does not begin with the peer's AS %d", w.d.terms.peerASN)
	}
}

type attributeError string

func (e attributeError) Error() string { return string(e) }

// path reads AS_PATH. The codec guesses the width of AS numbers from the
// bytes; the session knows it, so segments are handed over one by one.
func (d *decoder) path(b []byte) ([]route.Segment, error) {
	path, err := segments(b, d.terms.fourOctet)
	if err != nil {
		return nil, err
	}
	for _, s := range path {
		if s.Type == route.ConfedSequence || s.Type == route.ConfedSet {
			return nil, attributeError("a confederation segment from outside (RFC 5065 §4)")
		}
	}
	return path, nil
}

// segments reads the value of AS_PATH or AS4_PATH (RFC 7606 §7.2, RFC 7607).
func segments(b []byte, fourOctet bool) ([]route.Segment, error) {
	width := 2
	if fourOctet {
		width = 4
	}
	var out []route.Segment
	for len(b) > 0 {
		if len(b) < 2 || b[1] == 0 || len(b) < 2+int(b[1])*width || b[0] < 1 || b[0] > 4 {
			return nil, attributeError("malformed segment")
		}
		size := 2 + int(b[1])*width
		asns, err := segment(b[:size], fourOctet)
		if err != nil {
			return nil, err
		}
		for _, asn := range asns {
			if asn == 0 {
				return nil, attributeError("AS 0 in the path")
			}
		}
		out = append(out, route.Segment{Type: route.SegmentType(b[0]), ASNs: asns})
		b = b[size:]
	}
	return out, nil
}

// segment hands one segment to the codec. Its length has been checked: the
// codec's own check overflows above 127 AS numbers of two octets.
func segment(b []byte, fourOctet bool) ([]uint32, error) {
	if fourOctet {
		var p bgp.As4PathParam
		err := p.DecodeFromBytes(b)
		return p.AS, err
	}
	var p bgp.AsPathParam
	err := p.DecodeFromBytes(b)
	return p.GetAS(), err
}

// mergePaths puts AS4_PATH in place of the end of AS_PATH, as far as it
// reaches (RFC 6793 §4.2.3).
func mergePaths(path, as4 []route.Segment) []route.Segment {
	have, replace := hops(path), hops(as4)
	if replace == 0 || have < replace {
		return path
	}
	var out []route.Segment
	keep := have - replace
	for _, s := range path {
		if keep == 0 {
			break
		}
		if s.Type == route.Sequence && len(s.ASNs) > keep {
			s.ASNs = s.ASNs[:keep:keep]
		}
		if s.Type == route.Sequence {
			keep -= len(s.ASNs)
		} else {
			keep--
		}
		out = append(out, s)
	}
	for i, s := range as4 {
		if n := len(out); i == 0 && n > 0 && s.Type == route.Sequence && out[n-1].Type == route.Sequence {
			out[n-1].ASNs = append(out[n-1].ASNs, s.ASNs...)
			continue
		}
		if s.Type == route.Sequence || s.Type == route.Set {
			out = append(out, s)
		}
	}
	return out
}

// hops counts as the merge does.
func hops(path []route.Segment) int { return (&route.Attributes{Path: path}).PathLen() }

func takeNextHop(out *route.Attributes, a attribute) error {
	var p bgp.PathAttributeNextHop
	if err := p.DecodeFromBytes(a.raw); err != nil {
		return err
	}
	if len(p.Value) != 4 { // the codec lets 16 pass
		return attributeError("not four bytes")
	}
	out.NextHop = netip.AddrFrom4([4]byte(p.Value))
	return nil
}

// mpNextHop is the global address of a next hop field; the link-local one
// that may follow it (RFC 2545 §3) counts only when the first says nothing.
func mpNextHop(b []byte) netip.Addr {
	if len(b) == 4 {
		return netip.AddrFrom4([4]byte(b))
	}
	a := netip.AddrFrom16([16]byte(b[:16]))
	if a.IsUnspecified() && len(b) == 32 {
		a = netip.AddrFrom16([16]byte(b[16:]))
	}
	return a
}

// reflected checks what route reflectors add (RFC 4456 §8): a route of our own
// that comes back is no route.
func (d *decoder) reflected(a attribute) error {
	switch kind := bgp.BGPAttrType(a.kind); {
	case kind == bgp.BGP_ATTR_TYPE_ORIGINATOR_ID && len(a.value) != 4,
		kind == bgp.BGP_ATTR_TYPE_CLUSTER_LIST && (len(a.value) == 0 || len(a.value)%4 != 0):
		return attributeError("wrong length")
	case kind == bgp.BGP_ATTR_TYPE_ORIGINATOR_ID && netip.AddrFrom4([4]byte(a.value)) == d.self.RouterID:
		return attributeError("the route is our own, reflected")
	}
	return nil
}

// takeValue has the codec read an attribute that stands alone.
func takeValue(out *route.Attributes, a attribute) error {
	switch bgp.BGPAttrType(a.kind) {
	case bgp.BGP_ATTR_TYPE_ORIGIN:
		var p bgp.PathAttributeOrigin
		if err := p.DecodeFromBytes(a.raw); err != nil {
			return err
		}
		if p.Value > uint8(route.Incomplete) {
			return attributeError("undefined ORIGIN")
		}
		out.Origin = route.Origin(p.Value)
	case bgp.BGP_ATTR_TYPE_MULTI_EXIT_DISC:
		var p bgp.PathAttributeMultiExitDisc
		err := p.DecodeFromBytes(a.raw)
		out.MED = route.Some(p.Value)
		return err
	case bgp.BGP_ATTR_TYPE_LOCAL_PREF:
		var p bgp.PathAttributeLocalPref
		err := p.DecodeFromBytes(a.raw)
		out.LocalPref = route.Some(p.Value)
		return err
	case bgp.BGP_ATTR_TYPE_COMMUNITIES, bgp.BGP_ATTR_TYPE_LARGE_COMMUNITY, bgp.BGP_ATTR_TYPE_EXTENDED_COMMUNITIES:
		return takeCommunities(out, a)
	}
	return nil
}

func takeCommunities(out *route.Attributes, a attribute) error {
	if len(a.value) == 0 { // RFC 7606 §7.8, §7.14, RFC 8092 §5
		return attributeError("empty")
	}
	switch bgp.BGPAttrType(a.kind) {
	case bgp.BGP_ATTR_TYPE_COMMUNITIES:
		var p bgp.PathAttributeCommunities
		err := p.DecodeFromBytes(a.raw)
		out.Communities = p.Value
		return err
	case bgp.BGP_ATTR_TYPE_LARGE_COMMUNITY:
		var p bgp.PathAttributeLargeCommunities
		if err := p.DecodeFromBytes(a.raw); err != nil {
			return err
		}
		for _, c := range p.Values {
			out.LargeCommunities = append(out.LargeCommunities, route.LargeCommunity{c.ASN, c.LocalData1, c.LocalData2})
		}
	case bgp.BGP_ATTR_TYPE_EXTENDED_COMMUNITIES:
		if len(a.value)%8 != 0 {
			return attributeError("not a multiple of eight bytes")
		}
		out.LinkBandwidth = linkBandwidth(a.value)
	}
	return nil
}

// linkBandwidth hands the codec only the extended communities of that one
// type, transitive or not.
func linkBandwidth(b []byte) float32 {
	for ; len(b) >= 8; b = b[8:] {
		if b[0]&^0x40 != 0 || b[1] != byte(bgp.EC_SUBTYPE_LINK_BANDWIDTH) {
			continue
		}
		c, err := bgp.ParseExtended(b[:8])
		if err != nil {
			continue
		}
		if l, ok := c.(*bgp.LinkBandwidthExtended); ok && l.Bandwidth > 0 && !math.IsInf(float64(l.Bandwidth), 0) {
			return l.Bandwidth
		}
	}
	return 0
}
