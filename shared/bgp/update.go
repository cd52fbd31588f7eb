package bgp

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/osrg/gobgp/v3/pkg/packet/bgp"

	"github.com/hawser-lb/hawser/shared/route"
)

// update is one UPDATE message taken apart, prefixes still as bytes.
type update struct {
	withdrawn, nlri []byte // IPv4, the classic fields
	unreach, reach  mpField
	attributes      *route.Attributes // for nlri
	mpAttributes    *route.Attributes // for reach
	// malformed says why the routes are treated as withdrawn (RFC 7606 §2);
	// empty when they are not.
	malformed string
	endOfRIB  Family // 0: it is none
}

// mpField is an MP_REACH_NLRI or MP_UNREACH_NLRI attribute (RFC 4760 §3, §4).
type mpField struct {
	present bool
	family  Family // 0: not in use on this session
	nextHop []byte
	nlri    []byte
}

// decoder reads the UPDATEs of one session.
type decoder struct {
	terms terms
	self  Settings
	local netip.Addr // our end of the session, never a next hop (RFC 4271 §6.3)
	cache map[string]*route.Attributes
	held  int         // bytes in cache, about
	key   []byte      // scratch
	used  []attribute // scratch
}

// cacheBytes bounds what a session remembers of attribute sets. One set costs
// about setBytes and twice its length in the message.
const (
	cacheBytes = 256 << 10
	setBytes   = 256
)

// decode takes one UPDATE body apart. An error ends the session; what only
// spoils the routes is in update.malformed.
func (d *decoder) decode(body []byte) (update, error) {
	var u update
	withdrawn, rest, ok := counted(body)
	if !ok {
		return u, faultf(codeUpdate, updateMalformed, nil, "withdrawn routes run past the end of the UPDATE")
	}
	attributes, nlri, ok := counted(rest)
	if !ok {
		return u, faultf(codeUpdate, updateMalformed, nil, "path attributes run past the end of the UPDATE")
	}
	u.withdrawn, u.nlri = withdrawn, nlri
	if len(withdrawn) == 0 && len(attributes) == 0 && len(nlri) == 0 {
		u.endOfRIB = IPv4
		return u, nil
	}
	w := &walk{d: d, u: &u, used: d.used[:0]}
	err := w.run(attributes)
	d.used = w.used
	if err != nil {
		return u, err
	}
	if u.malformed != "" && len(nlri) == 0 && len(u.reach.nlri) == 0 {
		// RFC 7606 §5.2: with no route to withdraw there is no telling what
		// the message meant.
		return u, faultf(codeUpdate, updateMalformed, nil, "%s", u.malformed)
	}
	if u.unreach.present && len(u.unreach.nlri) == 0 && w.count == 1 && len(withdrawn) == 0 && len(nlri) == 0 {
		u.endOfRIB = u.unreach.family
	}
	return u, nil
}

// counted splits off a field that is preceded by its length in two octets.
func counted(b []byte) (field, rest []byte, ok bool) {
	if len(b) < 2 {
		return nil, nil, false
	}
	n := int(binary.BigEndian.Uint16(b))
	if len(b) < 2+n {
		return nil, nil, false
	}
	return b[2 : 2+n], b[2+n:], true
}

// withdraws reports whether the message takes routes back.
func (u *update) withdraws() bool {
	return len(u.withdrawn) > 0 || len(u.unreach.nlri) > 0 || u.malformed != ""
}

// addTo appends what the message says to an event.
func (u *update) addTo(ev *Update) error {
	gone := func(p netip.Prefix) { ev.Withdrawn = append(ev.Withdrawn, p) }
	if err := eachPrefix(u.withdrawn, IPv4, updateNetwork, gone); err != nil {
		return err
	}
	if u.unreach.family != 0 {
		if err := eachPrefix(u.unreach.nlri, u.unreach.family, updateOptional, gone); err != nil {
			return err
		}
	}
	take := func(a *route.Attributes) func(netip.Prefix) {
		if u.malformed != "" {
			return gone
		}
		return func(p netip.Prefix) { ev.Reachable = append(ev.Reachable, route.Route{Prefix: p, Attributes: a}) }
	}
	if u.reach.family != 0 {
		if err := eachPrefix(u.reach.nlri, u.reach.family, updateOptional, take(u.mpAttributes)); err != nil {
			return err
		}
	}
	if err := eachPrefix(u.nlri, IPv4, updateNetwork, take(u.attributes)); err != nil {
		return err
	}
	if u.endOfRIB != 0 {
		ev.EndOfRIB = append(ev.EndOfRIB, u.endOfRIB)
	}
	return nil
}

// eachPrefix calls yield for each prefix of an NLRI field (RFC 4271 §4.3). A
// length that cannot be ends the session, since what follows it cannot be
// found (RFC 7606 §5.3).
func eachPrefix(b []byte, f Family, subcode uint8, yield func(netip.Prefix)) error {
	width := 32
	if f == IPv6 {
		width = 128
	}
	for len(b) > 0 {
		bits := int(b[0])
		size := (bits + 7) / 8
		if bits > width {
			return faultf(codeUpdate, subcode, nil, "an %s prefix of %d bits", f, bits)
		}
		if len(b) < 1+size {
			return faultf(codeUpdate, subcode, nil, "an %s prefix runs past the end of its field", f)
		}
		yield(prefixOf(b[1:1+size], bits, f))
		b = b[1+size:]
	}
	return nil
}

// prefixOf drops host bits: their value is irrelevant (RFC 4271 §4.3).
func prefixOf(b []byte, bits int, f Family) netip.Prefix {
	var a netip.Addr
	if f == IPv6 {
		var x [16]byte
		copy(x[:], b)
		a = netip.AddrFrom16(x)
	} else {
		var x [4]byte
		copy(x[:], b)
		a = netip.AddrFrom4(x)
	}
	return netip.PrefixFrom(a, bits).Masked()
}

// walk is one pass over the path attributes of an UPDATE.
type walk struct {
	d     *decoder
	u     *update
	seen  [256]bool
	count int
	used  []attribute // those that make a route.Attributes
}

// attribute is one path attribute as it stands in the message.
type attribute struct {
	flags, kind byte
	raw, value  []byte
}

// run sorts the attributes and builds the routes' Attributes from them.
func (w *walk) run(b []byte) error {
	w.d.key = w.d.key[:0]
	for len(b) > 0 {
		a, rest, ok := nextAttribute(b)
		if !ok {
			w.spoil("a path attribute runs past the end of the others") // RFC 7606 §4
			break
		}
		b = rest
		w.count++
		if err := w.take(a); err != nil {
			return err
		}
	}
	w.finish()
	return nil
}

func nextAttribute(b []byte) (a attribute, rest []byte, ok bool) {
	if len(b) < 3 {
		return a, nil, false
	}
	a.flags, a.kind = b[0], b[1]
	head, length := 3, int(b[2])
	if a.flags&byte(bgp.BGP_ATTR_FLAG_EXTENDED_LENGTH) != 0 {
		if len(b) < 4 {
			return a, nil, false
		}
		head, length = 4, int(binary.BigEndian.Uint16(b[2:]))
	}
	if len(b) < head+length {
		return a, nil, false
	}
	a.raw, a.value = b[:head+length], b[head:head+length]
	return a, b[head+length:], true
}

// spoil makes the message's routes withdrawn ones; the first reason is kept.
func (w *walk) spoil(format string, args ...any) {
	if w.u.malformed == "" {
		w.u.malformed = fmt.Sprintf(format, args...)
	}
}

func (w *walk) take(a attribute) error {
	kind := bgp.BGPAttrType(a.kind)
	if w.seen[a.kind] {
		if kind == bgp.BGP_ATTR_TYPE_MP_REACH_NLRI || kind == bgp.BGP_ATTR_TYPE_MP_UNREACH_NLRI {
			return faultf(codeUpdate, updateMalformed, nil, "attribute %d stands there twice", a.kind)
		}
		return nil // RFC 7606 §3(g): all but the first are discarded
	}
	w.seen[a.kind] = true
	switch kind {
	case bgp.BGP_ATTR_TYPE_MP_REACH_NLRI:
		return w.takeReach(a)
	case bgp.BGP_ATTR_TYPE_MP_UNREACH_NLRI:
		return w.takeUnreach(a)
	}
	use, ok := usedAttributes[kind]
	if !ok {
		if a.flags&byte(bgp.BGP_ATTR_FLAG_OPTIONAL) == 0 {
			return faultf(codeUpdate, updateUnknown, clone(a.raw), "well-known attribute %d is unknown", a.kind)
		}
		return nil
	}
	if use.internalOnly && w.d.terms.external || use.shortOnly && w.d.terms.fourOctet {
		return nil // RFC 7606 §7.5, §7.9, §7.10, RFC 6793 §4.1
	}
	const decided = byte(bgp.BGP_ATTR_FLAG_OPTIONAL | bgp.BGP_ATTR_FLAG_TRANSITIVE)
	if !use.ignored && a.flags&decided != byte(bgp.PathAttrFlags[kind])&decided {
		w.spoil("attribute %d has flags 0x%02x", a.kind, a.flags) // RFC 7606 §3(c)
		return nil
	}
	w.used = append(w.used, a)
	w.d.key = append(w.d.key, a.raw...)
	return nil
}

func clone(b []byte) []byte { return append([]byte(nil), b...) }

// attributeUse says what becomes of a known attribute.
type attributeUse struct {
	internalOnly bool // means nothing from an external peer
	shortOnly    bool // means something from a two-octet speaker only
	ignored      bool // known, but nothing in it can matter
}

// usedAttributes are the only ones that ever reach the codec. MP_REACH_NLRI
// and MP_UNREACH_NLRI are read here.
var usedAttributes = map[bgp.BGPAttrType]attributeUse{
	bgp.BGP_ATTR_TYPE_ORIGIN:               {},
	bgp.BGP_ATTR_TYPE_AS_PATH:              {},
	bgp.BGP_ATTR_TYPE_NEXT_HOP:             {},
	bgp.BGP_ATTR_TYPE_MULTI_EXIT_DISC:      {},
	bgp.BGP_ATTR_TYPE_LOCAL_PREF:           {internalOnly: true},
	bgp.BGP_ATTR_TYPE_ATOMIC_AGGREGATE:     {ignored: true},
	bgp.BGP_ATTR_TYPE_AGGREGATOR:           {ignored: true},
	bgp.BGP_ATTR_TYPE_COMMUNITIES:          {},
	bgp.BGP_ATTR_TYPE_ORIGINATOR_ID:        {internalOnly: true},
	bgp.BGP_ATTR_TYPE_CLUSTER_LIST:         {internalOnly: true},
	bgp.BGP_ATTR_TYPE_EXTENDED_COMMUNITIES: {},
	bgp.BGP_ATTR_TYPE_AS4_PATH:             {shortOnly: true, ignored: true},
	bgp.BGP_ATTR_TYPE_AS4_AGGREGATOR:       {shortOnly: true, ignored: true},
	bgp.BGP_ATTR_TYPE_LARGE_COMMUNITY:      {},
}

// takeReach reads MP_REACH_NLRI up to its prefixes (RFC 4760 §3). One whose
// prefixes cannot be found ends the session (RFC 7606 §7.11).
func (w *walk) takeReach(a attribute) error {
	v := a.value
	if len(v) < 5 || len(v) < 5+int(v[3]) {
		return faultf(codeUpdate, updateOptional, clone(a.raw), "MP_REACH_NLRI is cut short")
	}
	f := w.family(v)
	w.u.reach = mpField{present: true, family: f}
	if f == 0 {
		return nil
	}
	hop := v[4 : 4+int(v[3])]
	if f == IPv4 && len(hop) != 4 || f == IPv6 && len(hop) != 16 && len(hop) != 32 {
		return faultf(codeUpdate, updateOptional, clone(a.raw), "MP_REACH_NLRI has an %s next hop of %d bytes", f, len(hop))
	}
	w.u.reach.nextHop, w.u.reach.nlri = hop, v[5+len(hop):]
	return nil
}

func (w *walk) takeUnreach(a attribute) error {
	if len(a.value) < 3 {
		return faultf(codeUpdate, updateOptional, clone(a.raw), "MP_UNREACH_NLRI is cut short")
	}
	w.u.unreach = mpField{present: true, family: w.family(a.value)}
	if w.u.unreach.family != 0 {
		w.u.unreach.nlri = a.value[3:]
	}
	return nil
}

// family returns the family that AFI and SAFI name, 0 when this session does
// not use it: then the attribute is ignored, unread.
func (w *walk) family(b []byte) Family {
	rf := bgp.AfiSafiToRouteFamily(binary.BigEndian.Uint16(b), b[2])
	for _, f := range w.d.terms.families {
		if f.codec() == rf {
			return f
		}
	}
	return 0
}

// finish turns the attributes into the value that all routes of the message
// share, or spoils them. Where nothing is reachable no attribute can matter.
func (w *walk) finish() {
	u := w.u
	if u.malformed != "" {
		return
	}
	if len(u.nlri) > 0 {
		u.attributes = w.share(nil)
	}
	if len(u.reach.nlri) > 0 {
		u.mpAttributes = w.share(u.reach.nextHop)
	}
}

// share finds or builds the Attributes; nextHop is nil when the NEXT_HOP
// attribute has it.
func (w *walk) share(nextHop []byte) *route.Attributes {
	key := append(append(w.d.key, nextHop...), byte(len(nextHop)))
	w.d.key = key[:len(w.d.key)]
	if a := w.d.cache[string(key)]; a != nil {
		return a
	}
	a := w.build(nextHop)
	if w.u.malformed != "" {
		return nil
	}
	cost := setBytes + 2*len(key)
	if w.d.cache == nil || w.d.held+cost > cacheBytes {
		w.d.cache, w.d.held = make(map[string]*route.Attributes), 0
	}
	w.d.held += cost
	w.d.cache[string(key)] = a
	return a
}
