package rib

import (
	"net/netip"
	"time"
)

// Families says which of the two are meant.
type Families struct{ IPv4, IPv6 bool }

func (f Families) hold(p netip.Prefix) bool {
	if p.Addr().Is4() {
		return f.IPv4
	}
	return f.IPv6
}

// Away says that the session with the peer is over but that its routes of the
// kept families stay in force, stale (RFC 4724 §4.2). What was stale before, and
// what is refused, is forgotten.
func (t *Table) Away(addr netip.Addr, kept Families) {
	p := t.peers[addr]
	if p == nil {
		return
	}
	p.away, p.dropped, p.exceeded, p.judged = true, 0, false, nil
	t.ofPeer(p, func(e *entry, i int) {
		if a := &e.paths[i]; a.stale || a.reason != Accepted || !kept.hold(e.prefix) {
			t.remove(e, i)
		} else {
			a.stale = true
			p.stale++
		}
	})
	t.bury(p)
}

// Sweep forgets what is still stale of these families, and counts it.
func (t *Table) Sweep(addr netip.Addr, families Families) (gone int) {
	p := t.peers[addr]
	if p == nil {
		return 0
	}
	t.ofPeer(p, func(e *entry, i int) {
		if e.paths[i].stale && families.hold(e.prefix) {
			gone++
			t.remove(e, i)
		}
	})
	t.bury(p)
	return gone
}

// again is Up for a peer that was away.
func (t *Table) again(p *peer, asn uint32, policy Policy, now time.Time) {
	p.away, p.since, p.dropped = false, now, 0
	external := asn != policy.LocalASN
	if p.policy.Equal(policy) && p.external == external {
		return
	}
	p.policy, p.allow, p.external = policy, newPrefixSet(policy.Allow), external
	t.rejudge(p)
	t.ofPeer(p, func(e *entry, _ int) { t.touch(e) })
}

// bury forgets a peer that is away and has left nothing.
func (t *Table) bury(p *peer) {
	if p.away && p.stale == 0 {
		t.Down(p.addr)
	}
}

// ofPeer calls do for each path of p, which do may remove.
func (t *Table) ofPeer(p *peer, do func(e *entry, i int)) {
	for _, e := range t.entries {
		if i, told := e.find(p.addr); told {
			do(e, i)
		}
	}
}

// fresh says that a path is stale no longer.
func (p *peer) fresh(a *path) {
	if a.stale {
		a.stale = false
		if a.reason == Accepted {
			p.stale--
		}
	}
}

// room reports whether the peer may tell one more acceptable prefix. What an
// earlier session told does not count.
func (p *peer) room() bool { return p.held[Accepted]-p.stale < p.policy.MaxPrefixes }

// full reports whether a stale path has no room any more.
func (p *peer) full(a *path) bool { return a.stale && a.reason == Accepted && !p.room() }
