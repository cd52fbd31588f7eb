package bgp

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/osrg/gobgp/v3/pkg/packet/bgp"
)

const (
	asTrans = bgp.AS_TRANS // RFC 6793 §9
	// extendedParameters in the length and type octets of the optional
	// parameters says that lengths have two octets (RFC 9072).
	extendedParameters = 255
)

// families that Hawser speaks, in the order in which it offers them.
var families = []Family{IPv4, IPv6}

func (f Family) codec() bgp.RouteFamily {
	if f == IPv6 {
		return bgp.RF_IPv6_UC
	}
	return bgp.RF_IPv4_UC
}

// String is "IPv4" or "IPv6".
func (f Family) String() string { return fmt.Sprintf("IPv%d", uint8(f)) }

func familyOf(a netip.Addr) Family {
	if a.Is4() {
		return IPv4
	}
	return IPv6
}

// open is what an OPEN message says.
type open struct {
	version      byte
	asn          uint32 // with the 4-octet AS capability taken in
	hold         time.Duration
	id           netip.Addr
	fourOctet    bool
	multi        bool // any multiprotocol capability at all
	families     []Family
	refresh      bool
	extended     bool
	restart      restart
	capabilities []Capability
}

// offered are the capabilities of our OPEN.
func offered(asn uint32, g grace) []bgp.ParameterCapabilityInterface {
	var caps []bgp.ParameterCapabilityInterface
	for _, f := range families {
		caps = append(caps, bgp.NewCapMultiProtocol(f.codec()))
	}
	caps = append(caps, bgp.NewCapRouteRefresh(), bgp.NewCapFourOctetASNumber(asn),
		bgp.NewCapUnknown(capExtendedMessage, nil))
	if g.time > 0 {
		caps = append(caps, g.capability())
	}
	return caps
}

// capExtendedMessage is RFC 8654's.
const capExtendedMessage = bgp.BGPCapabilityCode(6)

// openMessage is our OPEN, and its capabilities in words.
func openMessage(s Settings, g grace) ([]byte, []Capability, error) {
	short := s.LocalASN
	if short > 0xffff {
		short = asTrans
	}
	caps := offered(s.LocalASN, g)
	m := bgp.NewBGPOpenMessage(uint16(short), uint16(s.HoldTime/time.Second), s.RouterID.String(),
		[]bgp.OptionParameterInterface{bgp.NewOptionParameterCapability(caps)})
	text := make([]Capability, len(caps))
	for i, c := range caps {
		text[i] = Capability{uint8(c.Code()), capabilityText(c)}
	}
	b, err := m.Serialize()
	return b, text, err
}

// parseOpen reads the body of an OPEN, at least ten bytes (RFC 4271 §4.2).
func parseOpen(body []byte) (open, error) {
	o := open{
		version: body[0],
		asn:     uint32(binary.BigEndian.Uint16(body[1:])),
		hold:    time.Duration(binary.BigEndian.Uint16(body[3:])) * time.Second,
		id:      netip.AddrFrom4([4]byte(body[5:9])),
	}
	if o.version != 4 {
		return o, faultf(codeOpen, openVersion, []byte{0, 4}, "the peer speaks BGP version %d, not 4", o.version)
	}
	params, wide, err := parameters(body)
	if err != nil {
		return o, err
	}
	for len(params) > 0 {
		kind, value, rest, ok := parameter(params, wide)
		if !ok {
			return o, faultf(codeOpen, 0, nil, "an optional parameter runs past the end of the OPEN")
		}
		if kind != bgp.BGP_OPT_CAPABILITY {
			return o, faultf(codeOpen, openParameter, nil, "optional parameter %d is unknown", kind)
		}
		if err := o.takeCapabilities(value); err != nil {
			return o, err
		}
		params = rest
	}
	return o, nil
}

// parameters returns the optional parameters and whether their lengths are
// wide (RFC 9072 §2).
func parameters(body []byte) (params []byte, wide bool, err error) {
	length, rest := int(body[9]), body[10:]
	if len(rest) >= 3 && body[9] != 0 && rest[0] == extendedParameters {
		length, rest, wide = int(binary.BigEndian.Uint16(rest[1:])), rest[3:], true
	}
	if length != len(rest) {
		return nil, false, faultf(codeOpen, 0, nil, "%d bytes of optional parameters where %d are announced", len(rest), length)
	}
	return rest, wide, nil
}

func parameter(b []byte, wide bool) (kind byte, value, rest []byte, ok bool) {
	head := 2
	if wide {
		head = 3
	}
	if len(b) < head {
		return 0, nil, nil, false
	}
	length := int(b[1])
	if wide {
		length = int(binary.BigEndian.Uint16(b[1:]))
	}
	if len(b) < head+length {
		return 0, nil, nil, false
	}
	return b[0], b[head : head+length], b[head+length:], true
}

// takeCapabilities reads one parameter full of capabilities (RFC 5492 §4). A
// capability that is malformed counts as unknown.
func (o *open) takeCapabilities(b []byte) error {
	for len(b) > 0 {
		if len(b) < 2 || len(b) < 2+int(b[1]) {
			return faultf(codeOpen, 0, nil, "a capability runs past the end of its parameter")
		}
		raw := b[:2+int(b[1])]
		b = b[len(raw):]
		o.takeCapability(raw)
	}
	return nil
}

// takeCapability hands the codec those capabilities alone that we use.
func (o *open) takeCapability(raw []byte) {
	code := bgp.BGPCapabilityCode(raw[0])
	switch code {
	case bgp.BGP_CAP_MULTIPROTOCOL, bgp.BGP_CAP_FOUR_OCTET_AS_NUMBER, bgp.BGP_CAP_GRACEFUL_RESTART:
	default:
		o.refresh = o.refresh || code == bgp.BGP_CAP_ROUTE_REFRESH
		o.extended = o.extended || code == capExtendedMessage
		o.remember(Capability{raw[0], capabilityName(code)})
		return
	}
	c, err := bgp.DecodeCapability(raw)
	if err != nil {
		o.remember(Capability{raw[0], fmt.Sprintf("malformed capability %d", raw[0])})
		return
	}
	switch c := c.(type) {
	case *bgp.CapMultiProtocol:
		o.multi = true
		for _, f := range families {
			if c.CapValue == f.codec() && !slices.Contains(o.families, f) {
				o.families = append(o.families, f)
			}
		}
	case *bgp.CapFourOctetASNumber:
		o.fourOctet, o.asn = true, c.CapValue
	case *bgp.CapGracefulRestart:
		o.restart.take(c)
	}
	o.remember(Capability{raw[0], capabilityText(c)})
}

// maxCapabilities bounds what a peer can make us remember.
const maxCapabilities = 64

func (o *open) remember(c Capability) {
	if len(o.capabilities) < maxCapabilities && !slices.Contains(o.capabilities, c) {
		o.capabilities = append(o.capabilities, c)
	}
}

func capabilityText(c bgp.ParameterCapabilityInterface) string {
	switch c := c.(type) {
	case *bgp.CapMultiProtocol:
		switch c.CapValue {
		case bgp.RF_IPv4_UC:
			return "multiprotocol IPv4 unicast"
		case bgp.RF_IPv6_UC:
			return "multiprotocol IPv6 unicast"
		}
		afi, safi := bgp.RouteFamilyToAfiSafi(c.CapValue)
		return fmt.Sprintf("multiprotocol AFI %d SAFI %d", afi, safi)
	case *bgp.CapFourOctetASNumber:
		return fmt.Sprintf("4-octet AS %d", c.CapValue)
	case *bgp.CapGracefulRestart:
		return restartText(c)
	}
	return capabilityName(c.Code())
}

func restartText(c *bgp.CapGracefulRestart) string {
	var r restart
	r.take(c)
	text := fmt.Sprintf("graceful restart, %d s", c.Time)
	if r.again {
		text += ", restarted"
	}
	for _, f := range r.able {
		text += ", " + f.String()
		if slices.Contains(r.intact, f) {
			text += " forwarding"
		}
	}
	return text
}

func capabilityName(code bgp.BGPCapabilityCode) string {
	if name, ok := capabilityNames[code]; ok {
		return name
	}
	return fmt.Sprintf("capability %d", code)
}

var capabilityNames = map[bgp.BGPCapabilityCode]string{
	bgp.BGP_CAP_ROUTE_REFRESH:               "route refresh",
	bgp.BGP_CAP_EXTENDED_NEXTHOP:            "extended next hop",
	capExtendedMessage:                      "extended message",
	9:                                       "role",
	bgp.BGP_CAP_ADD_PATH:                    "additional paths",
	bgp.BGP_CAP_ENHANCED_ROUTE_REFRESH:      "enhanced route refresh",
	bgp.BGP_CAP_LONG_LIVED_GRACEFUL_RESTART: "long-lived graceful restart",
	bgp.BGP_CAP_FQDN:                        "host name",
	bgp.BGP_CAP_SOFT_VERSION:                "software version",
	bgp.BGP_CAP_ROUTE_REFRESH_CISCO:         "route refresh (old)",
}

// terms are what both OPENs together agree on.
type terms struct {
	peerASN   uint32
	peerID    netip.Addr
	external  bool
	fourOctet bool
	hold      time.Duration
	keepalive time.Duration
	families  []Family
	refresh   bool // the peer understands ROUTE-REFRESH
	extended  bool // messages of up to 65535 bytes (RFC 8654)
	restart   restart
}

// negotiate checks the peer's OPEN against our settings (RFC 4271 §6.2) and
// returns what the session will run on.
func negotiate(s Settings, o open) (terms, error) {
	t := terms{
		peerASN: o.asn, peerID: o.id, external: o.asn != s.LocalASN, fourOctet: o.fourOctet,
		hold: min(s.HoldTime, o.hold), families: o.families,
		refresh: o.refresh, extended: o.extended, restart: o.restart,
	}
	switch {
	case o.asn == 0 || !s.PeerASN.Accepts(s.LocalASN, o.asn):
		return t, faultf(codeOpen, openPeerAS, nil, "the peer is in AS %d, expected %s", o.asn, s.PeerASN)
	case o.id.IsUnspecified(), !t.external && o.id == s.RouterID: // RFC 6286 §2.2
		return t, faultf(codeOpen, openIdentifier, nil, "the peer's BGP identifier %s is zero or our own", o.id)
	case o.hold == time.Second || o.hold == 2*time.Second:
		return t, faultf(codeOpen, openHoldTime, nil, "the peer offers a hold time of %s", o.hold)
	}
	if !o.multi { // RFC 4271 alone means IPv4
		t.families = []Family{IPv4}
	}
	slices.Sort(t.families)
	if len(t.families) == 0 {
		return t, faultf(codeOpen, openCapability, wantedFamilies(), "the peer speaks neither IPv4 nor IPv6 unicast")
	}
	t.keepalive = t.hold / 3
	if s.Keepalive > 0 && s.Keepalive < t.keepalive {
		t.keepalive = s.Keepalive
	}
	return t, nil
}

// wantedFamilies is the data of 2/7: the capabilities that are missed
// (RFC 5492 §5).
func wantedFamilies() []byte {
	var b []byte
	for _, f := range families {
		afi, safi := bgp.RouteFamilyToAfiSafi(f.codec())
		b = append(b, byte(bgp.BGP_CAP_MULTIPROTOCOL), 4, byte(afi>>8), byte(afi), 0, safi)
	}
	return b
}

// Accepts reports whether a peer in asn may have a session with local.
func (r ASNRule) Accepts(local, asn uint32) bool {
	return r.Any || r.External && asn != local || r.Exactly != 0 && asn == r.Exactly
}

// String is "any", "external", the number, or "none".
func (r ASNRule) String() string {
	switch {
	case r.Any:
		return "any"
	case r.External:
		return "external"
	case r.Exactly != 0:
		return fmt.Sprint(r.Exactly)
	}
	return "none"
}
