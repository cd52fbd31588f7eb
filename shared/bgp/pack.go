package bgp

import (
	"encoding/binary"
	"net/netip"

	"github.com/osrg/gobgp/v3/pkg/packet/bgp"
)

// mpOverhead is MP_REACH_NLRI for IPv6 without its prefixes: attribute header,
// AFI, SAFI, next hop with its length, reserved octet.
const mpOverhead = 4 + 3 + 1 + 16 + 1

// packWithdraw builds one UPDATE that takes back as many of the sorted
// prefixes as fit, all of the family of the first, and says how many.
func packWithdraw(prefixes []netip.Prefix, longest int) (msg []byte, n int) {
	if prefixes[0].Addr().Is4() {
		fields, n := packPrefixes(prefixes, longest-headerLen-4)
		return updateMessage(fields, nil, nil), n
	}
	fields, n := packPrefixes(prefixes, longest-headerLen-4-7)
	return updateMessage(nil, unreachAttribute(IPv6, fields), nil), n
}

// packTell is packWithdraw for routes.
func packTell(g group, longest int) (msg []byte, n int) {
	b := g.block
	if g.prefixes[0].Addr().Is4() {
		fields, n := packPrefixes(g.prefixes, longest-headerLen-4-len(b.attributes))
		return updateMessage(nil, b.attributes, fields), n
	}
	fields, n := packPrefixes(g.prefixes, longest-headerLen-4-len(b.attributes)-mpOverhead)
	value := []byte{0, bgp.AFI_IP6, bgp.SAFI_UNICAST, 16}
	value = append(value, b.nextHop.AsSlice()...)
	value = append(append(value, 0), fields...)
	// First of all attributes, so that a reader who stumbles over another one
	// knows which routes it spoils (RFC 7606 §5.1).
	mp := mpAttribute(bgp.BGP_ATTR_TYPE_MP_REACH_NLRI, value)
	return updateMessage(nil, append(mp, b.attributes...), nil), n
}

// packPrefixes encodes prefixes of one family up to room bytes.
func packPrefixes(prefixes []netip.Prefix, room int) (out []byte, n int) {
	is4 := prefixes[0].Addr().Is4()
	for _, p := range prefixes {
		size := (p.Bits() + 7) / 8
		if p.Addr().Is4() != is4 || len(out)+1+size > room {
			break
		}
		out = append(out, byte(p.Bits()))
		if is4 {
			a := p.Addr().As4()
			out = append(out, a[:size]...)
		} else {
			a := p.Addr().As16()
			out = append(out, a[:size]...)
		}
		n++
	}
	return out, n
}

func unreachAttribute(f Family, fields []byte) []byte {
	afi, safi := bgp.RouteFamilyToAfiSafi(f.codec())
	return mpAttribute(bgp.BGP_ATTR_TYPE_MP_UNREACH_NLRI, append([]byte{byte(afi >> 8), byte(afi), safi}, fields...))
}

// mpAttribute always takes the long form of the length.
func mpAttribute(kind bgp.BGPAttrType, value []byte) []byte {
	head := []byte{byte(bgp.BGP_ATTR_FLAG_OPTIONAL | bgp.BGP_ATTR_FLAG_EXTENDED_LENGTH), byte(kind), 0, 0}
	binary.BigEndian.PutUint16(head[2:], uint16(len(value)))
	return append(head, value...)
}

// longest message that may come on the session.
func (t terms) longest() int {
	if t.extended {
		return maxExtended
	}
	return maxMessage
}

// longestSent is the longest message that we send: no longer than the buffer
// that it goes through.
func (t terms) longestSent() int { return min(t.longest(), writeBuffer) }

func updateMessage(withdrawn, attributes, nlri []byte) []byte {
	size := headerLen + 4 + len(withdrawn) + len(attributes) + len(nlri)
	msg := make([]byte, headerLen, size)
	putHeader(msg, bgp.BGP_MSG_UPDATE, size)
	msg = binary.BigEndian.AppendUint16(msg, uint16(len(withdrawn)))
	msg = append(msg, withdrawn...)
	msg = binary.BigEndian.AppendUint16(msg, uint16(len(attributes)))
	msg = append(msg, attributes...)
	return append(msg, nlri...)
}

// endOfRIB is the marker of RFC 4724 §2.
func endOfRIB(f Family) []byte {
	if f == IPv4 {
		return updateMessage(nil, nil, nil)
	}
	return updateMessage(nil, unreachAttribute(f, nil), nil)
}
