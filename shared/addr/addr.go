// Package addr is the noun "range of addresses": what a pool is made of and
// what users write as CIDR or as first-last.
package addr

import (
	"fmt"
	"math/big"
	"net/netip"
	"slices"
	"strings"
)

// Range is First to Last, both included, of one family, First <= Last.
type Range struct{ First, Last netip.Addr }

// Parse reads "192.0.2.0/24", "2001:db8::/64" or "192.0.2.1-192.0.2.9". Host
// bits of a CIDR are an error, since they are nearly always a slip.
func Parse(text string) (Range, error) {
	text = strings.TrimSpace(text)
	if strings.Contains(text, "/") {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return Range{}, fmt.Errorf("%q is no CIDR such as 192.0.2.0/24: %s", text, reason(err))
		}
		if p != p.Masked() {
			return Range{}, fmt.Errorf("%q has host bits set: write %s, or a range such as %s-%s", text, p.Masked(), p.Addr(), Of(p).Last)
		}
		if p.Addr().Is4In6() {
			return Range{}, fmt.Errorf("%q: write the IPv4 form", text)
		}
		return Of(p), nil
	}
	first, last, ok := strings.Cut(text, "-")
	if !ok {
		return Range{}, neither(text)
	}
	a, err := netip.ParseAddr(strings.TrimSpace(first))
	if err != nil {
		return Range{}, fmt.Errorf("%q: first address: %s", text, reason(err))
	}
	b, err := netip.ParseAddr(strings.TrimSpace(last))
	if err != nil {
		return Range{}, fmt.Errorf("%q: last address: %s", text, reason(err))
	}
	if a.Zone() != "" || b.Zone() != "" || a.Is4In6() || b.Is4In6() {
		return Range{}, fmt.Errorf("%q: plain addresses only, without zone or IPv4-mapped form", text)
	}
	if a.Is4() != b.Is4() {
		return Range{}, fmt.Errorf("%q: both ends must be of one family", text)
	}
	if b.Less(a) {
		return Range{}, fmt.Errorf("%q: the first address is above the last", text)
	}
	return Range{a, b}, nil
}

func neither(text string) error {
	if a, err := netip.ParseAddr(text); err == nil {
		return fmt.Errorf("%q is neither a CIDR nor first-last: write %s/%d or %s-%s", text, a, a.BitLen(), a, a)
	}
	return fmt.Errorf("%q is neither a CIDR nor first-last: write one such as 192.0.2.0/24 or 192.0.2.1-192.0.2.9", text)
}

// reason is what netip says without what it was given, which is said already.
func reason(err error) string {
	text := err.Error()
	return text[strings.LastIndex(text, ": ")+len(": "):]
}

// Of is the range that a prefix covers, network and broadcast included.
func Of(p netip.Prefix) Range {
	p = p.Masked()
	last := p.Addr().AsSlice()
	for i := p.Bits(); i < len(last)*8; i++ {
		last[i/8] |= 1 << (7 - i%8)
	}
	l, _ := netip.AddrFromSlice(last)
	return Range{p.Addr(), l}
}

// Contains reports whether a is in r.
func (r Range) Contains(a netip.Addr) bool {
	return a.Is4() == r.First.Is4() && r.First.Compare(a) <= 0 && a.Compare(r.Last) <= 0
}

// Overlaps reports whether r and o have an address in common.
func (r Range) Overlaps(o Range) bool {
	return r.First.Is4() == o.First.Is4() && r.First.Compare(o.Last) <= 0 && o.First.Compare(r.Last) <= 0
}

// Size is the number of addresses.
func (r Range) Size() *big.Int {
	n := new(big.Int).Sub(number(r.Last), number(r.First))
	return n.Add(n, big.NewInt(1))
}

// String is the CIDR when r is one, else first-last.
func (r Range) String() string {
	for bits := 0; bits <= r.First.BitLen(); bits++ {
		if p, err := r.First.Prefix(bits); err == nil && Of(p) == r {
			return p.String()
		}
	}
	return r.First.String() + "-" + r.Last.String()
}

func number(a netip.Addr) *big.Int { return new(big.Int).SetBytes(a.AsSlice()) }

// Merge sorts ranges and joins those that overlap or touch.
func Merge(ranges []Range) []Range {
	sorted := slices.Clone(ranges)
	slices.SortFunc(sorted, func(a, b Range) int { return a.First.Compare(b.First) })
	out := sorted[:0]
	for _, r := range sorted {
		if n := len(out); n > 0 && joins(out[n-1], r) {
			if out[n-1].Last.Less(r.Last) {
				out[n-1].Last = r.Last
			}
			continue
		}
		out = append(out, r)
	}
	return out
}

// joins reports whether b, which does not begin below a, leaves no gap to it.
func joins(a, b Range) bool {
	return a.First.Is4() == b.First.Is4() && (b.First.Compare(a.Last) <= 0 || a.Last.Next() == b.First)
}
