package rib

import (
	"cmp"
	"encoding/binary"
	"math"
	"net/netip"
	"slices"

	"github.com/hawser-lb/hawser/router/internal/fib"
	"github.com/hawser-lb/hawser/shared/route"
)

// Take returns the prefixes whose next hops changed since the last Take, in no
// order.
func (t *Table) Take() []netip.Prefix {
	t.settle()
	for _, prefix := range t.changed {
		if e := t.entries[prefix]; e != nil {
			e.changed = false
		}
	}
	changed := t.changed
	t.changed = nil
	return changed
}

// Version goes up with each change of a prefix's next hops.
func (t *Table) Version() uint64 {
	t.settle()
	return t.version
}

// NextHops are the chosen ones for prefix, sorted; none when it has no accepted
// route.
func (t *Table) NextHops(prefix netip.Prefix) []fib.NextHop {
	t.settle()
	if e := t.entries[prefix]; e != nil {
		return e.hops
	}
	return nil
}

// Want calls yield for each prefix that has next hops.
func (t *Table) Want(yield func(netip.Prefix, []fib.NextHop) bool) {
	t.settle()
	for prefix, e := range t.entries {
		if len(e.hops) > 0 && !yield(prefix, e.hops) {
			return
		}
	}
}

// settle chooses what has to be chosen again.
func (t *Table) settle() {
	for _, e := range t.dirty {
		e.dirty = false
		hops := t.choose(e)
		if !slices.Equal(hops, e.hops) {
			e.hops = hops
			t.version++
			if !e.changed {
				e.changed = true
				t.changed = append(t.changed, e.prefix)
			}
		}
		if len(e.paths) == 0 {
			delete(t.entries, e.prefix)
		}
	}
	t.dirty = t.dirty[:0]
}

// choose marks the best path and its equals (RFC 4271 §9.1.2.2 up to step d)
// and returns their next hops. Which of the equals is called the best, and
// which next hops are left out beyond max_paths, goes by the peers' addresses.
func (t *Table) choose(e *entry) []fib.NextHop {
	field := t.field[:0]
	for i := range e.paths {
		e.paths[i].marks = 0
		if e.paths[i].reason == Accepted {
			field = append(field, i)
		}
	}
	field = e.keepLowest(field, byPreference)
	field = e.keepLowestMED(field)
	field = e.keepLowest(field, byDistance)
	t.field = field
	if len(field) == 0 {
		return nil
	}
	var room [16]fib.NextHop
	hops := room[:0]
	shares := e.shares(field)
	for n, i := range field {
		p := &e.paths[i]
		if n == 0 {
			p.marks = best
		}
		hop := t.resolve(p.attrs.NextHop)
		hop.Weight = shares.weight(p)
		switch {
		case slices.ContainsFunc(hops, func(o fib.NextHop) bool { return o.Addr == hop.Addr && o.Link == hop.Link }):
			p.marks |= multipath
		case len(hops) < t.maxPaths:
			p.marks |= multipath
			hops = append(hops, hop)
		}
	}
	if leaving := t.leaving(e, &e.paths[field[0]], hops); len(leaving) > 0 {
		hops = fib.Leaving(hops, leaving, fib.Parting)
	}
	slices.SortFunc(hops, fib.NextHop.Compare)
	return t.shared.of(hops)
}

// leaving are the next hops of paths that lose by their graceful shutdown alone,
// as far as there is room beside the chosen ones: they still forward what they
// have.
func (t *Table) leaving(e *entry, best *path, chosen []fib.NextHop) []fib.NextHop {
	if best.attrs.Has(route.GracefulShutdown) {
		return nil
	}
	var out []fib.NextHop
	for i := range e.paths {
		p := &e.paths[i]
		if p.reason != Accepted || !p.attrs.Has(route.GracefulShutdown) || !p.wouldDo(best) {
			continue
		}
		hop := t.resolve(p.attrs.NextHop)
		hop.Weight = 1
		same := func(o fib.NextHop) bool { return o.Addr == hop.Addr && o.Link == hop.Link }
		if slices.ContainsFunc(chosen, same) {
			continue
		}
		if !slices.ContainsFunc(out, same) {
			if len(chosen)+len(out) >= t.maxPaths {
				break
			}
			out = append(out, hop)
		}
		p.marks |= leaves
	}
	return out
}

// wouldDo reports whether a path in graceful shutdown would not lose against the
// best one without that.
func (p *path) wouldDo(best *path) bool {
	before := cmp.Or(
		cmp.Compare(best.localPref(), p.statedPref()),
		cmp.Compare(p.attrs.PathLen(), best.attrs.PathLen()),
		cmp.Compare(p.attrs.Origin, best.attrs.Origin),
	)
	if before == 0 && p.attrs.FirstAS() == best.attrs.FirstAS() {
		before = cmp.Compare(p.attrs.MED.Value, best.attrs.MED.Value)
	}
	return cmp.Or(before, byDistance(p, best)) <= 0
}

// fullWeight has many divisors, so that simple ratios stay exact.
const fullWeight = 60

// share says how packets are to be divided among paths.
type share struct {
	most    float32 // the highest link bandwidth; 0: evenly
	divisor int     // of all weights
}

// shares go by the link bandwidth when all of the paths have sent it
// (draft-ietf-idr-link-bandwidth §3).
func (e *entry) shares(field []int) share {
	var s share
	for _, i := range field {
		bandwidth := e.paths[i].attrs.LinkBandwidth
		if bandwidth <= 0 {
			return share{}
		}
		s.most = max(s.most, bandwidth)
	}
	for _, i := range field {
		s.divisor = gcd(s.divisor, s.raw(&e.paths[i]))
	}
	return s
}

func (s share) raw(p *path) int {
	return max(1, int(math.Round(float64(fullWeight*(p.attrs.LinkBandwidth/s.most)))))
}

// weight of one path, 1 when all are the same.
func (s share) weight(p *path) int {
	if s.most == 0 {
		return 1
	}
	return s.raw(p) / s.divisor
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// keepLowest leaves those paths of field that none of it is below.
func (e *entry) keepLowest(field []int, compare func(a, b *path) int) []int {
	if len(field) < 2 {
		return field
	}
	lowest := field[0]
	for _, i := range field[1:] {
		if compare(&e.paths[i], &e.paths[lowest]) < 0 {
			lowest = i
		}
	}
	return slices.DeleteFunc(field, func(i int) bool { return compare(&e.paths[i], &e.paths[lowest]) > 0 })
}

// keepLowestMED leaves out each path that loses by MED against another of the
// same neighbouring AS. The result does not depend on the order of arrival.
func (e *entry) keepLowestMED(field []int) []int {
	if len(field) < 2 || !slices.ContainsFunc(field, func(i int) bool { return e.paths[i].attrs.MED.Value > 0 }) {
		return field
	}
	out := make([]int, 0, len(field))
	for _, i := range field {
		a := e.paths[i].attrs
		if !slices.ContainsFunc(field, func(j int) bool {
			b := e.paths[j].attrs
			return b.MED.Value < a.MED.Value && b.FirstAS() == a.FirstAS()
		}) {
			out = append(out, i)
		}
	}
	return out
}

// byPreference orders by LOCAL_PREF, AS-path length and ORIGIN.
func byPreference(a, b *path) int {
	if a.attrs == b.attrs && a.peer.external == b.peer.external {
		return 0
	}
	return cmp.Or(
		cmp.Compare(b.localPref(), a.localPref()),
		cmp.Compare(a.attrs.PathLen(), b.attrs.PathLen()),
		cmp.Compare(a.attrs.Origin, b.attrs.Origin),
	)
}

// byDistance puts eBGP before iBGP.
func byDistance(a, b *path) int {
	switch {
	case a.peer.external == b.peer.external:
		return 0
	case a.peer.external:
		return -1
	}
	return 1
}

const defaultLocalPref = 100

// localPref is what decides here: LOCAL_PREF counts between peers of one AS
// only (RFC 4271 §5.1.5), and a graceful shutdown is the last resort (RFC 8326
// §4.2).
func (p *path) localPref() uint32 {
	if p.attrs.Has(route.GracefulShutdown) {
		return 0
	}
	return p.statedPref()
}

// statedPref is what it would be without a graceful shutdown.
func (p *path) statedPref() uint32 {
	if p.peer.external || !p.attrs.LocalPref.Set {
		return defaultLocalPref
	}
	return p.attrs.LocalPref.Value
}

// sharing keeps one slice for each set of next hops, since thousands of
// prefixes have the same.
type sharing struct {
	sets map[string][]fib.NextHop
	key  []byte
}

// maxShared sets are remembered; beyond that, remembering begins anew.
const maxShared = 1024

// of returns a lasting slice with these next hops.
func (s *sharing) of(hops []fib.NextHop) []fib.NextHop {
	s.key = s.key[:0]
	for _, h := range hops {
		a := h.Addr.As16()
		s.key = append(s.key, byte(h.Addr.BitLen()))
		s.key = append(s.key, a[:]...)
		s.key = binary.BigEndian.AppendUint32(s.key, uint32(h.Link))
		s.key = binary.BigEndian.AppendUint16(s.key, uint16(h.Weight))
	}
	if set, known := s.sets[string(s.key)]; known {
		return set
	}
	if s.sets == nil || len(s.sets) >= maxShared {
		s.sets = map[string][]fib.NextHop{}
	}
	set := slices.Clone(hops)
	s.sets[string(s.key)] = set
	return set
}
