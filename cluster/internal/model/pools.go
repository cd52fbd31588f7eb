package model

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/hawser-lb/hawser/shared/addr"
)

// Pools answers which pool an address lies in. Two pools never own one
// address: of pools that overlap only the oldest is usable, and the younger is
// asked only for addresses that no usable pool has, so that a slip in one pool
// takes nobody's address away.
type Pools struct {
	All      []*Pool // by name
	Overlaps []Overlap
	spans    []span // of usable pools, sorted by first address
	spare    []span // of the others, by name
	shut     map[string]bool
}

// Overlap says why a pool is not used.
type Overlap struct {
	Pool, Older       string
	Range, OlderRange addr.Range
}

type span struct {
	addr.Range
	pool *Pool
}

// NewPools sorts the pools out. A tie of age goes to the first name.
func NewPools(pools []Pool) *Pools {
	p := &Pools{shut: map[string]bool{}}
	for i := range pools {
		p.All = append(p.All, &pools[i])
	}
	slices.SortFunc(p.All, func(a, b *Pool) int {
		return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.Name, b.Name))
	})
	for _, pool := range p.All {
		p.add(pool)
	}
	slices.SortFunc(p.All, func(a, b *Pool) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(p.spare, func(a, b span) int { return strings.Compare(a.pool.Name, b.pool.Name) })
	slices.SortFunc(p.Overlaps, func(a, b Overlap) int { return strings.Compare(a.Pool, b.Pool) })
	return p
}

func (p *Pools) add(pool *Pool) {
	own := make([]span, 0, len(pool.Ranges))
	for _, r := range addr.Merge(pool.Ranges) {
		own = append(own, span{r, pool})
	}
	for _, s := range own {
		i := p.after(s.Last)
		if i > 0 && p.spans[i-1].Overlaps(s.Range) {
			with := p.spans[i-1]
			p.Overlaps = append(p.Overlaps, Overlap{pool.Name, with.pool.Name, s.Range, with.Range})
			p.spare = append(p.spare, own...)
			p.shut[pool.Name] = true
			return
		}
	}
	for _, s := range own {
		p.spans = slices.Insert(p.spans, p.after(s.First), s)
	}
}

// after is the index of the first span that begins above a.
func (p *Pools) after(a netip.Addr) int {
	i, _ := slices.BinarySearchFunc(p.spans, a, func(s span, a netip.Addr) int {
		if s.First.Compare(a) <= 0 {
			return -1
		}
		return 1
	})
	return i
}

// Of returns the pool that has a, or nil.
func (p *Pools) Of(a netip.Addr) *Pool {
	if i := p.after(a); i > 0 && p.spans[i-1].Contains(a) {
		return p.spans[i-1].pool
	}
	for _, s := range p.spare {
		if s.Contains(a) {
			return s.pool
		}
	}
	return nil
}

// Usable reports whether new addresses may come out of the pool of that name.
func (p *Pools) Usable(name string) bool { return !p.shut[name] }

// Admits reports whether a Service with these labels in this namespace may
// have an address of the pool: the namespace set and the Service selectors
// must both let it in.
func (p *Pool) Admits(namespace string, namespaceLabels, service Labels) bool {
	return p.AdmitsNamespace(namespace, namespaceLabels) && AnyMatches(p.ServiceSelectors, service)
}

// AdmitsNamespace is the first half of Admits: no set at all lets everyone in,
// else a name or a selector must.
func (p *Pool) AdmitsNamespace(namespace string, l Labels) bool {
	if len(p.Namespaces) == 0 && len(p.NamespaceSelectors) == 0 {
		return true
	}
	if slices.Contains(p.Namespaces, namespace) {
		return true
	}
	return slices.ContainsFunc(p.NamespaceSelectors, func(s Selector) bool { return s.Matches(l) })
}
