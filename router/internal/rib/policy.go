package rib

import (
	"net/netip"
	"slices"

	"github.com/hawser-lb/hawser/router/internal/fib"
	"github.com/hawser-lb/hawser/shared/route"
)

// Policy says what one peer may tell.
type Policy struct {
	// Allow are the prefixes that routes must lie in; none accepts nothing.
	Allow []netip.Prefix
	// Sources may be next hops besides the peer itself.
	Sources []netip.Prefix
	// MaxPrefixes that may be accepted at a time.
	MaxPrefixes int
	// LocalASN is our AS towards this peer.
	LocalASN uint32
}

// Equal reports whether both say the same.
func (p Policy) Equal(o Policy) bool {
	return p.MaxPrefixes == o.MaxPrefixes && p.LocalASN == o.LocalASN &&
		slices.Equal(p.Allow, o.Allow) && slices.Equal(p.Sources, o.Sources)
}

// Reason is why a route is not accepted.
type Reason uint8

// The order is the order of the checks.
const (
	Accepted Reason = iota
	DefaultRoute
	NotAllowed
	TooShort
	Martian
	NextHopForeign
	NextHopUnreachable
	ASLoop
	MaxPrefixes
	reasons // how many there are
)

var reasonWords = [reasons]string{
	"accepted", "defaultRoute", "notAllowed", "tooShort", "martian",
	"nextHopForeign", "nextHopUnreachable", "asLoop", "maxPrefixes",
}

// String is the fixed word that status, logs and documents use.
func (r Reason) String() string { return reasonWords[r] }

// martians are never a service's address (RFC 6890 and RFC 5735's heirs).
// Private and documentation prefixes are not among them: allow names them.
var martians = []struct {
	prefix netip.Prefix
	what   string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "\"this network\""},
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local"},
	{netip.MustParsePrefix("192.0.0.0/24"), "reserved for protocols"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved"},
	{netip.MustParsePrefix("::/127"), "loopback"},
	{netip.MustParsePrefix("::ffff:0:0/96"), "IPv4-mapped"},
	{netip.MustParsePrefix("100::/64"), "discard-only"},
	{netip.MustParsePrefix("fe80::/10"), "link-local"},
	{netip.MustParsePrefix("ff00::/8"), "multicast"},
}

// judge says whether peer p may tell this route, MaxPrefixes apart.
func (t *Table) judge(p *peer, prefix netip.Prefix, a *route.Attributes) Reason {
	switch {
	case prefix.Bits() == 0:
		return DefaultRoute
	case !p.allow.covers(prefix):
		if p.allow.within(prefix).IsValid() {
			return TooShort
		}
		return NotAllowed
	case t.martian(p, prefix, a.NextHop) != "":
		return Martian
	}
	if a != p.judged {
		p.judged, p.verdict = a, t.judgeAttributes(p, a)
	}
	return p.verdict
}

// judgeAttributes is the part of judge that is the same for every prefix of an
// UPDATE.
func (t *Table) judgeAttributes(p *peer, a *route.Attributes) Reason {
	switch {
	case !p.mayBeNextHop(a.NextHop):
		return NextHopForeign
	case !t.resolve(a.NextHop).Addr.IsValid():
		return NextHopUnreachable
	case a.Contains(p.policy.LocalASN):
		return ASLoop
	}
	return Accepted
}

func (p *peer) mayBeNextHop(a netip.Addr) bool {
	return a.WithZone("") == p.addr.WithZone("") ||
		slices.ContainsFunc(p.policy.Sources, func(s netip.Prefix) bool { return s.Contains(a) })
}

// maxResolved next hops are remembered; beyond that, remembering begins anew.
const maxResolved = 4096

// resolve finds the interface behind a next hop, once for each.
func (t *Table) resolve(a netip.Addr) fib.NextHop {
	hop, known := t.resolved[a]
	if !known {
		if len(t.resolved) >= maxResolved {
			clear(t.resolved)
		}
		hop, _ = t.facts.Resolve(a)
		t.resolved[a] = hop
	}
	return hop
}

// martian says what makes prefix one, or nothing.
func (t *Table) martian(p *peer, prefix netip.Prefix, nextHop netip.Addr) string {
	for _, m := range martians {
		switch {
		case !m.prefix.Overlaps(prefix):
		case m.prefix.Bits() <= prefix.Bits():
			return "is " + m.what
		default:
			return "covers " + m.prefix.String() + ", which is " + m.what
		}
	}
	if prefix.Contains(nextHop.WithZone("")) {
		return "would hide its own next hop " + nextHop.String()
	}
	for _, own := range t.facts.Own {
		if prefix.Contains(own) {
			return "covers our own address " + own.String()
		}
	}
	for _, c := range t.facts.Connected {
		if !c.Prefix.Overlaps(prefix) {
			continue
		}
		if prefix.Bits() <= c.Prefix.Bits() {
			return "covers our own subnet " + c.Prefix.String()
		}
		if !p.namesPartOf(c.Prefix, prefix) {
			return "is inside our own subnet " + c.Prefix.String() + ", of which allow names no part"
		}
	}
	return ""
}

// namesPartOf reports whether allow has a prefix around this one that is
// narrower than the subnet: then somebody meant it.
func (p *peer) namesPartOf(subnet, prefix netip.Prefix) bool {
	return slices.ContainsFunc(p.policy.Allow, func(a netip.Prefix) bool {
		return a.Bits() > subnet.Bits() && a.Bits() <= prefix.Bits() && a.Contains(prefix.Addr())
	})
}

// prefixSet is sorted and has no member inside another.
type prefixSet []netip.Prefix

func newPrefixSet(all []netip.Prefix) prefixSet {
	sorted := slices.Clone(all)
	slices.SortFunc(sorted, fib.ComparePrefix)
	var out prefixSet
	for _, p := range sorted {
		if n := len(out); n == 0 || !out[n-1].Contains(p.Addr()) {
			out = append(out, p)
		}
	}
	return out
}

// covers reports whether a member holds the whole of p.
func (s prefixSet) covers(p netip.Prefix) bool {
	i, found := slices.BinarySearchFunc(s, p, fib.ComparePrefix)
	if found {
		return true
	}
	return i > 0 && s[i-1].Bits() <= p.Bits() && s[i-1].Contains(p.Addr())
}

// within returns the first member that lies inside p, else the zero Prefix.
func (s prefixSet) within(p netip.Prefix) netip.Prefix {
	i, _ := slices.BinarySearchFunc(s, p, fib.ComparePrefix)
	if i < len(s) && p.Contains(s[i].Addr()) {
		return s[i]
	}
	return netip.Prefix{}
}
