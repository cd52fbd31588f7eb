package bgp

import (
	"net/netip"
	"slices"
	"time"
)

// everyWhole is how long differences may follow one another before the whole
// table is looked at again: what an announcement means to a peer can change
// without it, as when an address of ours comes that can be a next hop.
const everyWhole = searchEvery

// newTable keeps the announcements of one call of Announce.
func newTable(all []Announcement) *table {
	return &table{all: slices.Clone(all), sorted: sorted(all)}
}

// sorted reports whether the prefixes ascend and have no host bits, so that all
// that is said of one prefix stands together.
func sorted(all []Announcement) bool {
	for i, a := range all {
		if a.Prefix != a.Prefix.Masked() || i > 0 && all[i-1].Prefix.Compare(a.Prefix) > 0 {
			return false
		}
	}
	return true
}

// same reports whether two announcements say the same in the same words. It
// may overlook that they do, but not that they do not.
func (a Announcement) same(b Announcement) bool {
	return a.Prefix == b.Prefix && a.Attributes == b.Attributes && sameList(a.To, b.To) && sameList(a.ToNamed, b.ToNamed)
}

func sameList[T comparable](a, b []T) bool {
	if len(a) != len(b) || (a == nil) != (b == nil) {
		return false
	}
	return len(a) == 0 || &a[0] == &b[0] || slices.Equal(a, b)
}

// step is plan where the whole of the table told is what the peer knows. It
// looks only at the part of the two tables that differs; when that cannot be
// told apart it is plan.
func (o *outbound) step(told, t *table) plan {
	if told == nil || !told.sorted || !t.sorted || time.Since(o.whole) >= everyWhole {
		o.whole = time.Now()
		return o.plan(t.all, nil)
	}
	before, now := differing(told.all, t.all)
	p := plan{blocks: o.blocks}
	if p.blocks == nil {
		p.blocks = map[string]*block{}
	}
	want := o.wanted(now, &p)
	var news []netip.Prefix
	for prefix, b := range want {
		if o.have[prefix] != b {
			news = append(news, prefix)
		}
	}
	for _, a := range before {
		if o.have[a.Prefix] != nil && want[a.Prefix] == nil {
			p.withdraw = append(p.withdraw, a.Prefix)
		}
	}
	slices.SortFunc(news, netip.Prefix.Compare)
	p.withdraw = slices.Compact(p.withdraw) // it ascends already
	p.tell = grouped(news, want)
	return p
}

// differing cuts away what two sorted lists have in common at their beginnings
// and ends, but never through the announcements of one prefix.
func differing(a, b []Announcement) (_, _ []Announcement) {
	i := 0
	for i < len(a) && i < len(b) && a[i].same(b[i]) {
		i++
	}
	for i > 0 && (i < len(a) && a[i].Prefix == a[i-1].Prefix || i < len(b) && b[i].Prefix == b[i-1].Prefix) {
		i--
	}
	a, b = a[i:], b[i:]
	j := 0
	for j < len(a) && j < len(b) && a[len(a)-1-j].same(b[len(b)-1-j]) {
		j++
	}
	m, n := len(a)-j, len(b)-j
	for j > 0 && (m > 0 && a[m].Prefix == a[m-1].Prefix || n > 0 && b[n].Prefix == b[n-1].Prefix) {
		j, m, n = j-1, m+1, n+1
	}
	return a[:m], b[:n]
}
