package fib

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// NextHop is one leg of a route. It is comparable; addresses carry no zone,
// Link says the interface.
type NextHop struct {
	Addr   netip.Addr
	Link   int // interface index; 0 lets the kernel find it
	Weight int // 1 to 256
}

// String is "via 192.0.2.1 link 3", with the weight when it is not 1.
func (n NextHop) String() string {
	s := fmt.Sprintf("via %s link %d", n.Addr, n.Link)
	if n.Weight > 1 {
		s += fmt.Sprintf(" weight %d", n.Weight)
	}
	return s
}

// Compare orders next hops by address, link and weight.
func (n NextHop) Compare(o NextHop) int {
	return cmp.Or(n.Addr.Compare(o.Addr), cmp.Compare(n.Link, o.Link), cmp.Compare(n.Weight, o.Weight))
}

// Key names a place in the kernel's tables: two routes to one prefix stand side
// by side when their metrics or their tables differ.
type Key struct {
	Prefix netip.Prefix
	Metric uint32
	Table  uint32
}

// mainTable is RT_TABLE_MAIN of rtnetlink(7), which goes without saying.
const mainTable = 254

// String is "192.0.2.7/32 metric 20", and the table when it is not main.
func (k Key) String() string {
	s := fmt.Sprintf("%s metric %d", k.Prefix, k.Metric)
	if k.Table != mainTable {
		s += fmt.Sprintf(" table %d", k.Table)
	}
	return s
}

// Compare orders keys by family, address, length, metric and table.
func (k Key) Compare(o Key) int {
	return cmp.Or(ComparePrefix(k.Prefix, o.Prefix), cmp.Compare(k.Metric, o.Metric), cmp.Compare(k.Table, o.Table))
}

// ComparePrefix orders prefixes by family, address and length.
func ComparePrefix(a, b netip.Prefix) int {
	return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
}

// Table holds routes: the next hops of each key, sorted by Compare and without
// doubles. The slices are shared and never changed in place. No next hops at
// all is a route that says "unreachable".
type Table map[Key][]NextHop

// Equal reports whether both tables hold the same routes.
func (t Table) Equal(o Table) bool { return maps.EqualFunc(t, o, sameHops) }

// String has one route a line, sorted.
func (t Table) String() string {
	var b strings.Builder
	for _, k := range slices.SortedFunc(maps.Keys(t), Key.Compare) {
		fmt.Fprintf(&b, "%s%s\n", k, legs(t[k]))
	}
	return b.String()
}

// sameHops is cheap for slices that are one and the same, as most are.
func sameHops(a, b []NextHop) bool {
	if len(a) != len(b) {
		return false
	}
	return len(a) == 0 || &a[0] == &b[0] || slices.Equal(a, b)
}

func legs(hops []NextHop) string {
	if len(hops) == 0 {
		return " unreachable"
	}
	words := make([]string, len(hops))
	for i, h := range hops {
		words[i] = h.String()
	}
	return " " + strings.Join(words, ", ")
}
