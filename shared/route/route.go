// Package route holds the plain noun that both programs pass around: one BGP
// route, a prefix with its path attributes. It knows no protocol library and
// no kernel; shared/bgp fills it in, rib and announce decide by it.
package route

import (
	"net/netip"
)

// Origin is the ORIGIN attribute (RFC 4271 §5.1.1). Lower is preferred.
type Origin uint8

const (
	IGP        Origin = 0
	EGP        Origin = 1
	Incomplete Origin = 2
)

// Route is one path to one prefix. Routes that came in one UPDATE share one
// Attributes value, which nobody changes afterwards.
type Route struct {
	Prefix netip.Prefix // masked, IPv4 or IPv6, never 4-in-6
	*Attributes
}

// Attributes are the path attributes that Hawser uses. The zero value is what
// a speaker originates: IGP, empty path, no MED, no communities.
type Attributes struct {
	// NextHop is where packets go. When announcing, the zero Addr stands for
	// the session's own local address ("next hop self").
	NextHop netip.Addr
	Origin  Origin
	// Path is the AS_PATH after AS4_PATH has been merged (RFC 6793 §4.2.3).
	// When announcing, the own ASN is prepended by the session, not here.
	Path []Segment
	// LocalPref (RFC 4271 §5.1.5) is meaningful on iBGP sessions only.
	LocalPref Optional
	// MED is the MULTI_EXIT_DISC (RFC 4271 §5.1.4).
	MED              Optional
	Communities      []uint32         // RFC 1997, as sent: AS<<16 | value
	LargeCommunities []LargeCommunity // RFC 8092
	// LinkBandwidth is the link-bandwidth extended community in bytes a
	// second (draft-ietf-idr-link-bandwidth); 0 means not sent.
	LinkBandwidth float32
}

// Optional is a 32-bit attribute that may be absent.
type Optional struct {
	Value uint32
	Set   bool
}

// Some returns a present Optional.
func Some(v uint32) Optional { return Optional{Value: v, Set: true} }

// Segment is one AS_PATH segment (RFC 4271 §4.3, RFC 5065).
type Segment struct {
	Type SegmentType
	ASNs []uint32
}

// SegmentType is the type octet of an AS_PATH segment.
type SegmentType uint8

const (
	Set            SegmentType = 1
	Sequence       SegmentType = 2
	ConfedSequence SegmentType = 3
	ConfedSet      SegmentType = 4
)

// LargeCommunity is one community of RFC 8092: global, local 1, local 2.
type LargeCommunity [3]uint32

// Well-known communities.
const (
	GracefulShutdown  uint32 = 0xffff0000 // RFC 8326
	NoExport          uint32 = 0xffffff01 // RFC 1997
	NoAdvertise       uint32 = 0xffffff02
	NoExportSubconfed uint32 = 0xffffff03
	NoPeer            uint32 = 0xffffff04 // RFC 3765
	Blackhole         uint32 = 0xffff029a // RFC 7999
)

// PathLen is the AS-path length that route choice compares: a set counts as
// one, confederation segments as none (RFC 4271 §9.1.2.2, RFC 5065 §5.3).
func (a *Attributes) PathLen() int {
	n := 0
	for _, s := range a.Path {
		switch s.Type {
		case Sequence:
			n += len(s.ASNs)
		case Set:
			n++
		}
	}
	return n
}

// FirstAS is the neighbouring AS, 0 when the path is empty or begins with a
// set.
func (a *Attributes) FirstAS() uint32 {
	if len(a.Path) > 0 && a.Path[0].Type == Sequence && len(a.Path[0].ASNs) > 0 {
		return a.Path[0].ASNs[0]
	}
	return 0
}

// Contains reports whether the path names asn anywhere.
func (a *Attributes) Contains(asn uint32) bool {
	for _, s := range a.Path {
		for _, x := range s.ASNs {
			if x == asn {
				return true
			}
		}
	}
	return false
}

// Has reports whether community c is attached.
func (a *Attributes) Has(c uint32) bool {
	for _, x := range a.Communities {
		if x == c {
			return true
		}
	}
	return false
}
