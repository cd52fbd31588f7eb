package alloc

import (
	"net/netip"
	"slices"

	"github.com/hawser-lb/hawser/cluster/internal/model"
	"github.com/hawser-lb/hawser/shared/addr"
)

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
	// gaps is made when the first new address is asked for: a plan that keeps
	// everything needs none.
	gaps *gaps
	// shared has, for each sharing key, the addresses held under it, sorted.
	shared map[string][]netip.Addr
	held   int
}

func newBook(p *model.Pool, usable bool) *book {
	b := &book{Pool: p, usable: usable && !p.Closed, admitted: map[string]bool{}, alone: []string{p.Name}}
	for _, r := range addr.Merge(p.Ranges) {
		h := b.half(r.First)
		h.ranges = append(h.ranges, r)
	}
	return b
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

// skips says which addresses are not given out unasked; nil for none.
func (b *book) skips() func(netip.Addr) bool {
	if b.AvoidBuggyIPs {
		return buggy
	}
	return nil
}

// taken writes down that a has its first holder, who shares it under key.
func (b *book) taken(a netip.Addr, key string) {
	h := b.half(a)
	h.held++
	if h.gaps != nil {
		h.gaps.take(a)
	}
	h.share(key, a)
	b.countBuggy(a, 1)
}

// given writes down that a has no holder any more.
func (b *book) given(a netip.Addr, key string) {
	h := b.half(a)
	h.held--
	if h.gaps != nil {
		h.gaps.give(a)
	}
	h.unshare(key, a)
	b.countBuggy(a, -1)
}

func (b *book) countBuggy(a netip.Addr, by int64) {
	if b.AvoidBuggyIPs && buggy(a) {
		b.buggy += by
	}
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
	i, ok := slices.BinarySearchFunc(h.shared[key], a, netip.Addr.Compare)
	switch {
	case !ok:
	case len(h.shared[key]) == 1:
		delete(h.shared, key)
	default:
		h.shared[key] = slices.Delete(h.shared[key], i, i+1)
	}
}
