package alloc

import (
	"cmp"
	"math"
	"net/netip"
	"slices"
	"strings"

	"github.com/hawser-lb/hawser/cluster/internal/model"
	"github.com/hawser-lb/hawser/shared/addr"
)

// ledger knows who holds which address while a plan is being made.
type ledger struct {
	pools      *model.Pools
	namespaces map[string]model.Labels
	books      map[*model.Pool]*book
	byName     map[string]*book
	auto       []*book // those that give without being asked, best first
	holders    map[netip.Addr][]*claim
	// sole is room for the holders of addresses that have but one.
	sole []*claim
}

// book is the ledger's page for one pool.
type book struct {
	*model.Pool
	usable bool
	v4, v6 half
	// admitted remembers the namespace half of Admits.
	admitted map[string]bool
	// buggy counts the addresses in use that the pool now avoids.
	buggy int64
	// alone is the name by itself, as Assignment.Pools has it for one address.
	alone []string
}

// half is one family of a pool.
type half struct {
	ranges []addr.Range
	// used are the addresses taken before gaps was made.
	used []netip.Addr
	// gaps is made when the first new address is asked for: a plan that keeps
	// everything needs none.
	gaps *gaps
	// shared has, for each sharing key, the addresses held under it, sorted.
	shared map[string][]netip.Addr
	held   int
}

func newLedger(s model.Snapshot) *ledger {
	l := &ledger{
		pools:      model.NewPools(s.Pools),
		namespaces: s.Namespaces,
		books:      map[*model.Pool]*book{},
		byName:     map[string]*book{},
		holders:    make(map[netip.Addr][]*claim, len(s.Services)),
		sole:       make([]*claim, 0, len(s.Services)),
	}
	for _, p := range l.pools.All {
		b := &book{Pool: p, usable: l.pools.Usable(p.Name) && !p.Closed, admitted: map[string]bool{}, alone: []string{p.Name}}
		for _, r := range addr.Merge(p.Ranges) {
			h := b.half(r.First)
			h.ranges = append(h.ranges, r)
		}
		l.books[p], l.byName[p.Name] = b, b
		if b.usable && p.AutoAssign {
			l.auto = append(l.auto, b)
		}
	}
	slices.SortFunc(l.auto, func(a, b *book) int {
		return cmp.Or(a.rank()-b.rank(), strings.Compare(a.Name, b.Name))
	})
	return l
}

// rank orders the pools that give unasked: those with a serviceAllocation by
// priority, where 0 is last, then the others.
func (b *book) rank() int {
	switch {
	case !b.Pinned:
		return math.MaxInt32
	case b.Priority == 0:
		return math.MaxInt32 - 1
	}
	return min(b.Priority, math.MaxInt32-2)
}

func (b *book) half(a netip.Addr) *half {
	if a.Is4() {
		return &b.v4
	}
	return &b.v6
}

func (b *book) family(f model.Family) *half {
	if f == model.IPv4 {
		return &b.v4
	}
	return &b.v6
}

// of returns the page of the pool that has a, or nil.
func (l *ledger) of(a netip.Addr) *book { return l.books[l.pools.Of(a)] }

func (l *ledger) admits(b *book, s *model.Service) bool {
	in, known := b.admitted[s.Namespace]
	if !known {
		in = b.AdmitsNamespace(s.Namespace, l.namespaces[s.Namespace])
		b.admitted[s.Namespace] = in
	}
	return in && model.AnyMatches(b.ServiceSelectors, s.Labels)
}

// hold writes down that c holds a, which is in b.
func (l *ledger) hold(c *claim, a netip.Addr, b *book) {
	h := b.half(a)
	others := l.holders[a]
	if len(others) == 0 {
		h.held++
		if h.gaps == nil {
			h.used = append(h.used, a)
		} else {
			h.gaps.take(a)
		}
		h.share(c.SharingKey, a)
		b.countBuggy(a, 1)
		n := len(l.sole)
		l.sole = append(l.sole, c)
		l.holders[a] = l.sole[n : n+1 : n+1]
		return
	}
	l.holders[a] = append(others, c)
}

// free writes down that c holds a no longer.
func (l *ledger) free(c *claim, a netip.Addr, b *book) {
	others := slices.DeleteFunc(l.holders[a], func(o *claim) bool { return o == c })
	if len(others) > 0 {
		l.holders[a] = others
		return
	}
	delete(l.holders, a)
	h := b.half(a)
	h.held--
	h.unshare(c.SharingKey, a)
	b.countBuggy(a, -1)
	if h.gaps != nil {
		h.gaps.give(a)
	}
}

func (b *book) countBuggy(a netip.Addr, by int64) {
	if b.AvoidBuggyIPs && buggy(a) {
		b.buggy += by
	}
}

// next is the address that c would get out of b: the lowest that it may share,
// else the lowest free one. The caller holds it or frees it.
func (l *ledger) next(c *claim, b *book, f model.Family) (netip.Addr, bool) {
	h := b.family(f)
	for _, a := range h.shared[c.SharingKey] {
		if _, clash := l.clash(c, a, b); !clash {
			return a, true
		}
	}
	if h.gaps == nil {
		h.gaps = l.gapsOf(b, h)
	}
	return h.gaps.lowest()
}

func (l *ledger) gapsOf(b *book, h *half) *gaps {
	used := slices.DeleteFunc(h.used, func(a netip.Addr) bool { return len(l.holders[a]) == 0 })
	slices.SortFunc(used, netip.Addr.Compare)
	h.used = nil
	var skip func(netip.Addr) bool
	if b.AvoidBuggyIPs {
		skip = buggy
	}
	return newGaps(h.ranges, slices.Compact(used), skip)
}

func (h *half) share(key string, a netip.Addr) {
	if key == "" {
		return
	}
	if h.shared == nil {
		h.shared = map[string][]netip.Addr{}
	}
	i, _ := slices.BinarySearchFunc(h.shared[key], a, netip.Addr.Compare)
	h.shared[key] = slices.Insert(h.shared[key], i, a)
}

func (h *half) unshare(key string, a netip.Addr) {
	if i, ok := slices.BinarySearchFunc(h.shared[key], a, netip.Addr.Compare); ok {
		h.shared[key] = slices.Delete(h.shared[key], i, i+1)
	}
}
