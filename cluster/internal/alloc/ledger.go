package alloc

import (
	"cmp"
	"math"
	"net/netip"
	"slices"
	"strings"

	"github.com/hawser-lb/hawser/cluster/internal/model"
)

// Ledger keeps a plan up to date while Services come, change and go, at a cost
// that grows with what changed and with who waits, and not with who is content.
// Its Plan is always that which New would make of the whole. For other pools or
// other namespaces there is another Ledger.
//
// Between two plans it holds the first round only: who keeps what. The later
// rounds are made on top of it and taken back again, so that nothing of a plan
// counts before somebody has written it and said so with Set.
type Ledger struct {
	pools      *model.Pools
	namespaces map[string]model.Labels
	books      map[*model.Pool]*book
	byName     map[string]*book
	auto       []*book // those that give without being asked, best first

	claims  map[model.Key]*claim
	leaving map[model.Key]*model.Service // not wanted, with something to lose
	// rivals are all that hold an address in the snapshot, legally or not.
	rivals map[netip.Addr][]*claim
	// holders are those that may, oldest first; while a plan is made also those
	// that are given it.
	holders map[netip.Addr][]*claim
	// restive are the claims that are not quiet.
	restive map[*claim]bool
	// journal has what a plan has done so far to holders; nil between plans.
	journal []stroke
}

// stroke is one change of holders.
type stroke struct {
	c    *claim
	addr netip.Addr
	book *book
	at   int // the place among the holders that was given up; -1: taken
}

// NewLedger enters everything that is in the snapshot.
func NewLedger(s model.Snapshot) *Ledger {
	n := len(s.Services)
	l := &Ledger{
		pools:      model.NewPools(s.Pools),
		namespaces: s.Namespaces,
		books:      map[*model.Pool]*book{},
		byName:     map[string]*book{},
		claims:     make(map[model.Key]*claim, n),
		leaving:    map[model.Key]*model.Service{},
		rivals:     make(map[netip.Addr][]*claim, n),
		holders:    make(map[netip.Addr][]*claim, n),
		restive:    map[*claim]bool{},
	}
	for _, p := range l.pools.All {
		b := newBook(p, l.pools.Usable(p.Name))
		l.books[p], l.byName[p.Name] = b, b
		if b.usable && p.AutoAssign {
			l.auto = append(l.auto, b)
		}
	}
	slices.SortFunc(l.auto, func(a, b *book) int {
		return cmp.Or(a.rank()-b.rank(), strings.Compare(a.Name, b.Name))
	})
	all := make([]*claim, 0, n)
	for _, s := range s.Services {
		if c := l.enter(s); c != nil {
			all = append(all, c)
		}
	}
	l.settle(all)
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

// Set enters a Service that is new, or has changed.
func (l *Ledger) Set(s *model.Service) {
	touched := l.strike(s.Key)
	for _, a := range s.Holds {
		if s.Wanted {
			touched = append(touched, l.rivals[a]...)
		}
	}
	touched = l.unsettle(touched)
	if c := l.enter(s); c != nil {
		touched = append(touched, c)
	}
	l.settle(touched)
}

// Drop strikes out a Service that is gone.
func (l *Ledger) Drop(k model.Key) { l.settle(l.unsettle(l.strike(k))) }

// strike takes a Service out and returns those that it was a rival of.
func (l *Ledger) strike(k model.Key) (touched []*claim) {
	delete(l.leaving, k)
	c := l.claims[k]
	if c == nil {
		return nil
	}
	l.letGo(c)
	delete(l.claims, k)
	delete(l.restive, c)
	for _, a := range c.Holds {
		others := slices.DeleteFunc(l.rivals[a], func(o *claim) bool { return o == c })
		if len(others) == 0 {
			delete(l.rivals, a)
			continue
		}
		l.rivals[a] = others
		touched = append(touched, others...)
	}
	return touched
}

// enter puts a Service in, unsettled; it answers with its claim when it has
// one.
func (l *Ledger) enter(s *model.Service) *claim {
	if !s.Wanted {
		if len(s.Holds) > 0 || s.HoldsFrom != "" {
			l.leaving[s.Key] = s
		}
		return nil
	}
	c := newClaim(s)
	l.claims[s.Key] = c
	for _, a := range s.Holds {
		if !slices.Contains(l.rivals[a], c) {
			l.rivals[a] = append(l.rivals[a], c)
		}
	}
	return c
}

// unsettle takes back the first round for the claims and for all that it hangs
// together with, which it returns: who may keep an address depends on who else
// holds it.
func (l *Ledger) unsettle(claims []*claim) []*claim {
	if len(claims) == 0 {
		return nil
	}
	seen := map[*claim]bool{}
	var all []*claim
	for len(claims) > 0 {
		c := claims[len(claims)-1]
		claims = claims[:len(claims)-1]
		if seen[c] {
			continue
		}
		seen[c] = true
		all = append(all, c)
		for _, a := range c.Holds {
			claims = append(claims, l.rivals[a]...)
		}
	}
	for _, c := range all {
		l.letGo(c)
		*c = *newClaim(c.Service)
	}
	return all
}

// settle makes the first round for claims that hang together with no others.
func (l *Ledger) settle(claims []*claim) {
	slices.SortFunc(claims, byAge)
	for _, c := range claims {
		l.keep(c)
		if c.quiet() {
			delete(l.restive, c)
		} else {
			l.restive[c] = true
		}
	}
}

func byAge(a, b *claim) int {
	return cmp.Or(a.Created.Compare(b.Created), compareKeys(a.Key, b.Key))
}

// letGo takes the holder's place of c away everywhere.
func (l *Ledger) letGo(c *claim) {
	for i := range c.slots {
		if s := &c.slots[i]; s.addr.IsValid() {
			l.free(c, s.addr, s.book)
		}
	}
}

// of returns the page of the pool that has a, or nil.
func (l *Ledger) of(a netip.Addr) *book { return l.books[l.pools.Of(a)] }

func (l *Ledger) admits(b *book, s *model.Service) bool {
	in, known := b.admitted[s.Namespace]
	if !known {
		in = b.AdmitsNamespace(s.Namespace, l.namespaces[s.Namespace])
		b.admitted[s.Namespace] = in
	}
	return in && model.AnyMatches(b.ServiceSelectors, s.Labels)
}

// hold writes down that c holds a, which is in b.
func (l *Ledger) hold(c *claim, a netip.Addr, b *book) {
	l.put(c, a, b, len(l.holders[a]))
	if l.journal != nil {
		l.journal = append(l.journal, stroke{c, a, b, -1})
	}
}

// free writes down that c holds a no longer.
func (l *Ledger) free(c *claim, a netip.Addr, b *book) {
	at := l.take(c, a, b)
	if l.journal != nil {
		l.journal = append(l.journal, stroke{c, a, b, at})
	}
}

// put makes c a holder of a, at that place among the others.
func (l *Ledger) put(c *claim, a netip.Addr, b *book, at int) {
	others := l.holders[a]
	if len(others) == 0 {
		b.taken(a, c.SharingKey)
	}
	l.holders[a] = slices.Insert(others, at, c)
}

// take undoes put and says at which place c was.
func (l *Ledger) take(c *claim, a netip.Addr, b *book) (at int) {
	others := l.holders[a]
	at = slices.Index(others, c)
	if len(others) > 1 {
		l.holders[a] = slices.Delete(others, at, at+1)
		return at
	}
	delete(l.holders, a)
	b.given(a, c.SharingKey)
	return at
}

// begin makes the journal; undo takes back all that is in it.
func (l *Ledger) begin() { l.journal = []stroke{} }

func (l *Ledger) undo() {
	for _, s := range slices.Backward(l.journal) {
		if s.at < 0 {
			l.take(s.c, s.addr, s.book)
		} else {
			l.put(s.c, s.addr, s.book, s.at)
		}
	}
	l.journal = nil
}

// next is the address that c would get out of b: the lowest that it may share,
// else the lowest free one. The caller holds it.
func (l *Ledger) next(c *claim, b *book, f model.Family) (netip.Addr, bool) {
	h := b.family(f)
	for _, a := range h.shared[c.SharingKey] {
		if _, clash := l.clash(c, a, b); !clash {
			return a, true
		}
	}
	if len(h.ranges) == 0 {
		return netip.Addr{}, false
	}
	if h.gaps == nil {
		l.openGaps()
	}
	return h.gaps.lowest()
}

// openGaps makes the gaps of all pools, in one go.
func (l *Ledger) openGaps() {
	used := map[*half][]netip.Addr{}
	for a := range l.holders {
		h := l.of(a).half(a)
		used[h] = append(used[h], a)
	}
	for _, b := range l.books {
		for _, h := range []*half{&b.v4, &b.v6} {
			slices.SortFunc(used[h], netip.Addr.Compare)
			h.gaps = newGaps(h.ranges, used[h], b.skips())
		}
	}
}
