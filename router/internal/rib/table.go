package rib

import (
	"net/netip"
	"slices"
	"time"

	"github.com/hawser-lb/hawser/router/internal/fib"
	"github.com/hawser-lb/hawser/shared/route"
)

// Table holds every peer's routes. It is not safe for concurrent use.
type Table struct {
	facts    Facts
	maxPaths int
	peers    map[netip.Addr]*peer
	entries  map[netip.Prefix]*entry
	dirty    []*entry       // to be chosen again
	changed  []netip.Prefix // chosen otherwise since the last Take
	version  uint64
	resolved map[netip.Addr]fib.NextHop
	shared   sharing
	field    []int // scratch of choose
}

// peer is one established session, or what it left.
type peer struct {
	addr     netip.Addr
	policy   Policy
	allow    prefixSet
	external bool
	since    time.Time
	held     [reasons]int // paths in the table, by reason
	held6    int          // those of held[Accepted] that are IPv6
	stale    int          // those of held[Accepted] that an earlier session told
	away     bool         // its session is over, stale routes are left
	dropped  int          // refused and forgotten
	exceeded bool
	judged   *route.Attributes // the last ones, with their verdict
	verdict  Reason
}

// entry is one prefix. Its paths are in the order of their peers' addresses.
type entry struct {
	prefix  netip.Prefix
	paths   []path
	hops    []fib.NextHop
	dirty   bool
	changed bool // is in Table.changed
}

// path is what one peer told of one prefix.
type path struct {
	peer   *peer
	attrs  *route.Attributes
	since  int64 // Unix nanoseconds
	reason Reason
	marks  mark
	stale  bool // told in a session that is over
}

// mark is a set of facts about a path.
type mark uint8

const (
	best mark = 1 << iota
	multipath
	leaves // not chosen, but forwards the connections that it has
)

// New returns an empty table that chooses up to maxPaths next hops a prefix.
func New(maxPaths int) *Table {
	return &Table{
		maxPaths: maxPaths,
		peers:    map[netip.Addr]*peer{},
		entries:  map[netip.Prefix]*entry{},
		resolved: map[netip.Addr]fib.NextHop{},
	}
}

// Up says that a session with the peer at addr, in AS asn, is established. What
// an earlier session told is gone, unless Away has kept it.
func (t *Table) Up(addr netip.Addr, asn uint32, p Policy, now time.Time) {
	if known := t.peers[addr]; known != nil && known.away {
		t.again(known, asn, p, now)
		return
	}
	t.Down(addr)
	t.peers[addr] = &peer{
		addr: addr, policy: p, allow: newPrefixSet(p.Allow),
		external: asn != p.LocalASN, since: now,
	}
}

// Down forgets the peer and its routes.
func (t *Table) Down(addr netip.Addr) {
	p := t.peers[addr]
	if p == nil {
		return
	}
	delete(t.peers, addr)
	for _, e := range t.entries {
		if i, told := e.find(p.addr); told {
			t.remove(e, i)
		}
	}
}

// Update takes in what the peer told: withdrawals first. A peer that is not up
// is nothing to do.
func (t *Table) Update(addr netip.Addr, withdrawn []netip.Prefix, reachable []route.Route, now time.Time) {
	p := t.peers[addr]
	if p == nil {
		return
	}
	for _, prefix := range withdrawn {
		if e := t.entries[prefix]; e != nil {
			if i, told := e.find(addr); told {
				t.remove(e, i)
			}
		}
	}
	nanos := now.UnixNano()
	for _, r := range reachable {
		t.put(p, r, nanos)
	}
}

// put takes in one route.
func (t *Table) put(p *peer, r route.Route, now int64) {
	e := t.entries[r.Prefix]
	var i int
	var told bool
	if e != nil {
		if i, told = e.find(p.addr); told && same(e.paths[i].attrs, r.Attributes) && !p.full(&e.paths[i]) {
			p.fresh(&e.paths[i])
			return
		}
	}
	was := MaxPrefixes
	if told {
		p.fresh(&e.paths[i])
		was = e.paths[i].reason
		p.hold(was, r.Prefix, -1)
	}
	reason := t.admit(p, t.judge(p, r.Prefix, r.Attributes))
	if reason != Accepted && p.refusedHeld() >= p.policy.MaxPrefixes {
		p.dropped++
		if told {
			p.hold(was, r.Prefix, 1)
			t.remove(e, i)
		}
		return
	}
	p.hold(reason, r.Prefix, 1)
	if e == nil {
		e = &entry{prefix: r.Prefix}
		t.entries[r.Prefix] = e
	}
	fresh := path{peer: p, attrs: r.Attributes, since: now, reason: reason}
	if told {
		e.paths[i] = fresh
	} else {
		e.paths = slices.Insert(e.paths, i, fresh)
	}
	if reason == Accepted || was == Accepted {
		t.touch(e)
	}
}

// admit turns an acceptable route into a refused one when the peer has too many
// of them. The route itself is not counted among the held ones yet.
func (t *Table) admit(p *peer, reason Reason) Reason {
	if reason != Accepted || p.room() {
		return reason
	}
	p.exceeded = true
	return MaxPrefixes
}

// hold counts n paths to prefix more, or less.
func (p *peer) hold(reason Reason, prefix netip.Prefix, n int) {
	p.held[reason] += n
	if reason == Accepted && prefix.Addr().Is6() {
		p.held6 += n
	}
}

func (p *peer) refusedHeld() int {
	n := 0
	for _, held := range p.held[Accepted+1:] {
		n += held
	}
	return n
}

// remove takes path i out of e.
func (t *Table) remove(e *entry, i int) {
	p := e.paths[i]
	p.peer.fresh(&p)
	p.peer.hold(p.reason, e.prefix, -1)
	e.paths = slices.Delete(e.paths, i, i+1)
	if p.reason == Accepted {
		t.touch(e)
	} else if len(e.paths) == 0 && !e.dirty {
		delete(t.entries, e.prefix)
	}
}

// touch has e chosen again before anybody looks.
func (t *Table) touch(e *entry) {
	if !e.dirty {
		e.dirty = true
		t.dirty = append(t.dirty, e)
	}
}

// find returns where the path of the peer at addr is, or would be.
func (e *entry) find(addr netip.Addr) (int, bool) {
	for i := range e.paths {
		switch c := e.paths[i].peer.addr.Compare(addr); {
		case c == 0:
			return i, true
		case c > 0:
			return i, false
		}
	}
	return len(e.paths), false
}

// SetFacts has every route judged again when the facts are new ones, which it
// reports.
func (t *Table) SetFacts(f Facts) (changed bool) {
	if t.facts.Equal(f) {
		return false
	}
	t.facts = f
	clear(t.resolved)
	for _, p := range t.peers {
		t.rejudge(p)
	}
	for _, e := range t.entries {
		t.touch(e)
	}
	return true
}

// AskedAgain notes that the peer tells everything anew: what it told before and
// was forgotten is counted no more.
func (t *Table) AskedAgain(addr netip.Addr) {
	if p := t.peers[addr]; p != nil {
		p.dropped = 0
	}
}

// SetPolicy has the peer's routes judged again when the policy is a new one,
// which it reports.
func (t *Table) SetPolicy(addr netip.Addr, policy Policy) (changed bool) {
	p := t.peers[addr]
	if p == nil || p.policy.Equal(policy) {
		return false
	}
	p.policy, p.allow = policy, newPrefixSet(policy.Allow)
	t.rejudge(p)
	return true
}

// SetMaxPaths changes the number of next hops a prefix may have.
func (t *Table) SetMaxPaths(n int) {
	if t.maxPaths == n {
		return
	}
	t.maxPaths = n
	for _, e := range t.entries {
		t.touch(e)
	}
}

func (t *Table) rejudge(p *peer) {
	p.judged, p.exceeded = nil, false
	clear(p.held[:])
	p.held6, p.stale = 0, 0
	for _, e := range t.entries {
		i, told := e.find(p.addr)
		if !told {
			continue
		}
		was := e.paths[i].reason
		reason := t.admit(p, t.judge(p, e.prefix, e.paths[i].attrs))
		p.hold(reason, e.prefix, 1)
		e.paths[i].reason = reason
		if e.paths[i].stale && reason == Accepted {
			p.stale++
		}
		if reason == Accepted || was == Accepted {
			t.touch(e)
		}
	}
}

// same reports whether two sets of attributes say the same.
func same(a, b *route.Attributes) bool {
	if a == b {
		return true
	}
	return a.NextHop == b.NextHop && a.Origin == b.Origin && a.LocalPref == b.LocalPref && a.MED == b.MED &&
		a.LinkBandwidth == b.LinkBandwidth &&
		slices.Equal(a.Communities, b.Communities) && slices.Equal(a.LargeCommunities, b.LargeCommunities) &&
		slices.EqualFunc(a.Path, b.Path, func(x, y route.Segment) bool {
			return x.Type == y.Type && slices.Equal(x.ASNs, y.ASNs)
		})
}
