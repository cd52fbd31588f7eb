package bgp

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/osrg/gobgp/v3/pkg/packet/bgp"

	"github.com/hawser-lb/hawser/shared/route"
)

// outbound is what one session has told its peer (the Adj-RIB-Out of RFC 4271
// §1.1) and how it says it.
type outbound struct {
	terms terms
	self  Settings
	local netip.Addr // our end of the session
	peer  netip.Addr
	// sibling finds "next hop self" for the family that the session does not
	// run over.
	sibling func(local netip.Addr, f Family) (netip.Addr, error)

	have   map[netip.Prefix]*block
	blocks map[string]*block // those in have, by what they say
	whole  time.Time         // when the whole table was last looked at
}

// block is one set of attributes as this peer gets to see it.
type block struct {
	nextHop    netip.Addr
	attributes []byte // encoded; MP_REACH_NLRI goes in front
}

// plan is what is still to be told.
type plan struct {
	withdraw []netip.Prefix // sorted
	tell     []group        // by first prefix
	// withheld counts the announcements that cannot be told, why gives the
	// first reason.
	withheld int
	why      string
	blocks   map[string]*block
}

// group shares one block.
type group struct {
	block    *block
	prefixes []netip.Prefix // sorted, one family
}

// size is the number of prefixes to tell or withdraw.
func (p plan) size() int {
	n := len(p.withdraw)
	for _, g := range p.tell {
		n += len(g.prefixes)
	}
	return n
}

// plan finds the difference between all and what was told. It changes nothing.
// Prefixes of the families in again count as untold.
func (o *outbound) plan(all []Announcement, again []Family) plan {
	p := plan{blocks: make(map[string]*block)}
	want := o.wanted(all, &p)
	for prefix := range o.have {
		if want[prefix] == nil {
			p.withdraw = append(p.withdraw, prefix)
		}
	}
	slices.SortFunc(p.withdraw, netip.Prefix.Compare)
	var news []netip.Prefix
	for prefix, b := range want {
		if o.have[prefix] != b || slices.Contains(again, familyOf(prefix.Addr())) {
			news = append(news, prefix)
		}
	}
	slices.SortFunc(news, netip.Prefix.Compare)
	p.tell = grouped(news, want)
	return p
}

func grouped(prefixes []netip.Prefix, want map[netip.Prefix]*block) []group {
	type key struct {
		b *block
		f Family
	}
	var out []group
	at := make(map[key]int)
	for _, p := range prefixes {
		k := key{want[p], familyOf(p.Addr())}
		i, ok := at[k]
		if !ok {
			i = len(out)
			at[k] = i
			out = append(out, group{block: k.b})
		}
		out[i].prefixes = append(out[i].prefixes, p)
	}
	return out
}

// isFor reports whether the announcement is for the peer at addr, whose
// settings have that name.
func (a Announcement) isFor(addr netip.Addr, name string) bool {
	return a.To == nil && a.ToNamed == nil || slices.Contains(a.To, addr) || slices.Contains(a.ToNamed, name)
}

// wanted maps each prefix that this peer should know to its block.
func (o *outbound) wanted(all []Announcement, p *plan) map[netip.Prefix]*block {
	want := make(map[netip.Prefix]*block)
	type key struct {
		a *route.Attributes
		f Family
	}
	type answer struct {
		b   *block
		err error
	}
	known := make(map[key]answer)
	for _, a := range all {
		if !a.isFor(o.peer, o.self.Name) || !a.Prefix.IsValid() {
			continue
		}
		k := key{a.Attributes, familyOf(a.Prefix.Addr())}
		ans, ok := known[k]
		if !ok {
			ans.b, ans.err = o.block(k.a, k.f, p.blocks)
			known[k] = ans
		}
		if ans.err != nil {
			p.withheld++
			if p.why == "" {
				p.why = fmt.Sprintf("%s: %v", a.Prefix, ans.err)
			}
			delete(want, a.Prefix.Masked())
			continue
		}
		want[a.Prefix.Masked()] = ans.b
	}
	return want
}

// block encodes attributes for this peer. Equal ones are one block, across
// plans too.
func (o *outbound) block(a *route.Attributes, f Family, blocks map[string]*block) (*block, error) {
	if a == nil {
		a = &route.Attributes{}
	}
	if !slices.Contains(o.terms.families, f) {
		return nil, fmt.Errorf("the peer does not speak %s", f)
	}
	hop, err := o.nextHop(a, f)
	if err != nil {
		return nil, err
	}
	enc, err := o.encode(a, hop)
	if err != nil {
		return nil, err
	}
	if longest := headerLen + 4 + len(enc) + mpOverhead + 17; longest > o.terms.longestSent() {
		return nil, fmt.Errorf("%d bytes of attributes do not fit a message", len(enc))
	}
	key := string(enc) + string(hop.AsSlice())
	b := blocks[key]
	if b == nil {
		if b = o.blocks[key]; b == nil {
			b = &block{nextHop: hop, attributes: enc}
		}
		blocks[key] = b
	}
	return b, nil
}

// nextHop is what the peer is to send packets to (RFC 4271 §5.1.3, RFC 2545).
func (o *outbound) nextHop(a *route.Attributes, f Family) (netip.Addr, error) {
	hop := a.NextHop
	if !hop.IsValid() {
		var err error
		if hop, err = o.selfHop(f); err != nil {
			return hop, err
		}
	}
	hop = hop.Unmap().WithZone("")
	switch {
	case familyOf(hop) != f:
		return hop, fmt.Errorf("the next hop %s is not %s", hop, f)
	case hop == o.peer.WithZone(""):
		return hop, fmt.Errorf("the next hop %s is the peer itself", hop)
	}
	return hop, nil
}

// selfHop is "next hop self": as configured, else our end of the session, else
// another address of the interface that has it.
func (o *outbound) selfHop(f Family) (netip.Addr, error) {
	if set := o.self.NextHop4; f == IPv4 && set.IsValid() {
		return set, nil
	}
	if set := o.self.NextHop6; f == IPv6 && set.IsValid() {
		return set, nil
	}
	if familyOf(o.local) == f && !(o.local.Is6() && o.local.IsLinkLocalUnicast()) {
		return o.local, nil
	}
	return o.sibling(o.local, f)
}

// encode writes the attributes in the order of their types, without
// MP_REACH_NLRI.
func (o *outbound) encode(a *route.Attributes, hop netip.Addr) ([]byte, error) {
	path := a.Path
	if o.terms.external {
		path = prepend(path, o.self.LocalASN)
	}
	attrs := []bgp.PathAttributeInterface{bgp.NewPathAttributeOrigin(uint8(a.Origin)), asPath(path, o.terms.fourOctet)}
	if hop.Is4() {
		attrs = append(attrs, bgp.NewPathAttributeNextHop(hop.String()))
	}
	if a.MED.Set {
		attrs = append(attrs, bgp.NewPathAttributeMultiExitDisc(a.MED.Value))
	}
	if !o.terms.external {
		pref := uint32(100)
		if a.LocalPref.Set {
			pref = a.LocalPref.Value
		}
		attrs = append(attrs, bgp.NewPathAttributeLocalPref(pref))
	}
	if len(a.Communities) > 0 {
		attrs = append(attrs, bgp.NewPathAttributeCommunities(a.Communities))
	}
	if a.LinkBandwidth > 0 {
		attrs = append(attrs, bgp.NewPathAttributeExtendedCommunities([]bgp.ExtendedCommunityInterface{
			bgp.NewLinkBandwidthExtended(shortAS(o.self.LocalASN), a.LinkBandwidth)}))
	}
	if !o.terms.fourOctet && needsAS4(path) {
		attrs = append(attrs, as4Path(path))
	}
	if len(a.LargeCommunities) > 0 {
		attrs = append(attrs, largeCommunities(a.LargeCommunities))
	}
	var out []byte
	for _, p := range attrs {
		b, err := p.Serialize()
		if err != nil {
			return nil, fmt.Errorf("attribute %d: %w", p.GetType(), err)
		}
		out = append(out, b...)
	}
	return out, nil
}

func largeCommunities(all []route.LargeCommunity) bgp.PathAttributeInterface {
	out := make([]*bgp.LargeCommunity, len(all))
	for i, c := range all {
		out[i] = bgp.NewLargeCommunity(c[0], c[1], c[2])
	}
	return bgp.NewPathAttributeLargeCommunities(out)
}

// maxSegment is the number of AS numbers that one segment can count.
const maxSegment = 255

// prepend puts asn in front (RFC 4271 §5.1.2) and leaves path as it is.
func prepend(path []route.Segment, asn uint32) []route.Segment {
	if len(path) > 0 && path[0].Type == route.Sequence && len(path[0].ASNs) < maxSegment {
		first := route.Segment{Type: route.Sequence, ASNs: append([]uint32{asn}, path[0].ASNs...)}
		return append([]route.Segment{first}, path[1:]...)
	}
	return append([]route.Segment{{Type: route.Sequence, ASNs: []uint32{asn}}}, path...)
}

func asPath(path []route.Segment, fourOctet bool) bgp.PathAttributeInterface {
	params := make([]bgp.AsPathParamInterface, 0, len(path))
	for _, s := range path {
		if fourOctet {
			params = append(params, bgp.NewAs4PathParam(uint8(s.Type), s.ASNs))
			continue
		}
		short := make([]uint16, len(s.ASNs))
		for i, asn := range s.ASNs {
			short[i] = shortAS(asn)
		}
		params = append(params, bgp.NewAsPathParam(uint8(s.Type), short))
	}
	return bgp.NewPathAttributeAsPath(params)
}

// shortAS is the AS number for where only two octets are (RFC 6793 §4.2.2).
func shortAS(asn uint32) uint16 {
	if asn > 0xffff {
		return asTrans
	}
	return uint16(asn)
}

func needsAS4(path []route.Segment) bool {
	return slices.ContainsFunc(path, func(s route.Segment) bool {
		return slices.ContainsFunc(s.ASNs, func(asn uint32) bool { return asn > 0xffff })
	})
}

func as4Path(path []route.Segment) bgp.PathAttributeInterface {
	var params []*bgp.As4PathParam
	for _, s := range path {
		if s.Type == route.Sequence || s.Type == route.Set { // RFC 6793 §4.2.2
			params = append(params, bgp.NewAs4PathParam(uint8(s.Type), s.ASNs))
		}
	}
	return bgp.NewPathAttributeAs4Path(params)
}
