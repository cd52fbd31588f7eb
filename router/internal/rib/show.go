package rib

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/hawser-lb/hawser/router/internal/fib"
	"github.com/hawser-lb/hawser/shared/route"
)

// Entry is one prefix with everything that was told of it.
type Entry struct {
	Prefix   netip.Prefix
	Paths    []Path // in the order of the peers' addresses
	NextHops []fib.NextHop
}

// Path is what one peer told of a prefix.
type Path struct {
	Peer  netip.Addr
	Attrs *route.Attributes
	Since time.Time
	// Best is the first among the chosen equals.
	Best bool
	// Multipath is a chosen one, the best included.
	Multipath bool
	// Leaving is one in graceful shutdown that is not chosen any more, and whose
	// next hop keeps its connections where the kernel can do that.
	Leaving bool
	Reason  Reason
	// Stale: told in a session that is over, and not again yet.
	Stale bool
	// Detail is the reason in a sentence, with the facts.
	Detail string
}

// Count is one peer's paths by what became of them.
type Count struct {
	Accepted  int
	Accepted6 int            // those of Accepted that are IPv6
	Stale     int            // those of Accepted that an earlier session told
	Refused   map[string]int // by reason's word, those held
	// Dropped routes were refused and not kept, since too many were; another
	// policy might accept them.
	Dropped int
	// Exceeded is true once the peer told more acceptable prefixes than it
	// may; it stays until the session ends or the policy changes.
	Exceeded bool
}

// Count returns the figures of a peer; of one that is not up all are zero.
func (t *Table) Count(addr netip.Addr) Count {
	p := t.peers[addr]
	if p == nil {
		return Count{}
	}
	c := Count{
		Accepted: p.held[Accepted], Accepted6: p.held6, Stale: p.stale, Refused: map[string]int{},
		Dropped: p.dropped, Exceeded: p.exceeded,
	}
	for r := Accepted + 1; r < reasons; r++ {
		if p.held[r] > 0 {
			c.Refused[r.String()] = p.held[r]
		}
	}
	return c
}

// Exceeded reports whether the peer told more acceptable prefixes than it may.
func (t *Table) Exceeded(addr netip.Addr) bool {
	p := t.peers[addr]
	return p != nil && p.exceeded
}

// Peers that are up, or away with routes left, sorted.
func (t *Table) Peers() []netip.Addr {
	return slices.SortedFunc(maps.Keys(t.peers), netip.Addr.Compare)
}

// Entries returns the whole table sorted by prefix.
func (t *Table) Entries() []Entry {
	t.settle()
	out := make([]Entry, 0, len(t.entries))
	for _, prefix := range slices.SortedFunc(maps.Keys(t.entries), fib.ComparePrefix) {
		e := t.entries[prefix]
		shown := Entry{Prefix: prefix, NextHops: e.hops, Paths: make([]Path, len(e.paths))}
		for i := range e.paths {
			p := &e.paths[i]
			shown.Paths[i] = Path{
				Peer: p.peer.addr, Attrs: p.attrs, Since: time.Unix(0, p.since),
				Best: p.marks&best != 0, Multipath: p.marks&multipath != 0, Leaving: p.marks&leaves != 0,
				Reason: p.reason, Stale: p.stale, Detail: t.explain(p, prefix),
			}
		}
		out = append(out, shown)
	}
	return out
}

// explain says why a path was refused.
func (t *Table) explain(p *path, prefix netip.Prefix) string {
	switch p.reason {
	case DefaultRoute:
		return "a default route is never accepted"
	case NotAllowed:
		if len(p.peer.policy.Allow) == 0 {
			return "the section allows nothing: name its service addresses with list allow"
		}
		return fmt.Sprintf("%s is outside what the section allows: %s", prefix, join(p.peer.policy.Allow))
	case TooShort:
		return fmt.Sprintf("%s is wider than the allowed %s", prefix, p.peer.allow.within(prefix))
	case Martian:
		return fmt.Sprintf("%s %s", prefix, t.martian(p.peer, prefix, p.attrs.NextHop))
	case NextHopForeign:
		if len(p.peer.policy.Sources) == 0 {
			return fmt.Sprintf("next hop %s is not the peer %s", p.attrs.NextHop, p.peer.addr)
		}
		return fmt.Sprintf("next hop %s is neither the peer %s nor in the cluster's source: %s",
			p.attrs.NextHop, p.peer.addr, join(p.peer.policy.Sources))
	case NextHopUnreachable:
		if slices.Contains(t.facts.Own, p.attrs.NextHop.WithZone("")) {
			return fmt.Sprintf("next hop %s is an address of our own", p.attrs.NextHop)
		}
		return fmt.Sprintf("next hop %s is in no subnet of an interface that is up", p.attrs.NextHop)
	case ASLoop:
		return fmt.Sprintf("the AS path holds our own AS %d", p.peer.policy.LocalASN)
	case MaxPrefixes:
		return fmt.Sprintf("the peer told more than the %d prefixes that max_prefixes lets it", p.peer.policy.MaxPrefixes)
	}
	return ""
}

// join names a few prefixes and counts the rest.
func join(all []netip.Prefix) string {
	const few = 4
	words := make([]string, 0, few+1)
	for i, p := range all {
		if i == few {
			words = append(words, fmt.Sprintf("and %d more", len(all)-few))
			break
		}
		words = append(words, p.String())
	}
	return strings.Join(words, ", ")
}
