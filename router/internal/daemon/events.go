package daemon

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/hawser-lb/hawser/router/internal/journal"
	"github.com/hawser-lb/hawser/router/internal/rib"
	"github.com/hawser-lb/hawser/shared/bgp"
)

// configurationChange is Cease/Other Configuration Change (RFC 4486 §4).
var configurationChange = bgp.Notification{Code: 6, Subcode: 6}

// overLimit is how long a session stays down after too many prefixes.
const overLimit = 60 * time.Second

// event takes in what a session did. That it came up or went down is logged
// where it happened, in shared/bgp.
func (l *line) event(e bgp.Event) {
	switch e := e.(type) {
	case bgp.Established:
		l.established(e)
	case bgp.Update:
		l.update(e)
	case bgp.Down:
		l.down(e)
	case bgp.Swept:
		l.swept(e)
	case bgp.ListenChanged:
		l.noteListening(e)
	case bgp.Refused:
		l.noteCaller(e)
	}
}

func (l *line) established(e bgp.Established) {
	addr := e.Peer.Address
	delete(l.reset, addr)
	delete(l.said, addr)
	l.rib.Up(addr, e.ASN, l.policy(addr), e.At)
	l.noteUp(e)
	l.live.local[addr] = e.LocalAddress
	l.nextHopAlive(addr)
	l.watchPeers()
}

func (l *line) update(e bgp.Update) {
	addr := e.Peer.Address
	l.totals.Updates++
	l.totals.Announced += uint64(len(e.Reachable))
	l.totals.Withdrawn += uint64(len(e.Withdrawn))
	l.rib.Update(addr, e.Withdrawn, e.Reachable, time.Now())
	l.start.told(addr, e.Reachable)
	for _, f := range e.EndOfRIB {
		l.start.endOfRIB(addr, f)
	}
	if len(e.EndOfRIB) > 0 && l.start.waiting() {
		l.start.finish(addr, l.families(addr))
	}
	l.limit(addr)
	l.sayRefused(addr)
}

func (l *line) down(e bgp.Down) {
	addr := e.Peer.Address
	delete(l.reset, addr)
	delete(l.said, addr)
	l.noteDown(e)
	delete(l.live.local, addr)
	l.watchPeers()
	if len(e.Kept) > 0 {
		l.rib.Away(addr, ribFamilies(e.Kept))
		return
	}
	l.rib.Down(addr)
	l.start.down(addr)
}

// swept is the end of routes that outlived their session.
func (l *line) swept(e bgp.Swept) {
	addr := e.Peer.Address
	l.noteSwept(e, l.rib.Sweep(addr, ribFamilies(e.Families)))
	if !slices.Contains(l.rib.Peers(), addr) {
		l.start.down(addr)
	}
}

func ribFamilies(all []bgp.Family) rib.Families {
	return rib.Families{IPv4: slices.Contains(all, bgp.IPv4), IPv6: slices.Contains(all, bgp.IPv6)}
}

// limit closes a session whose peer told more than it may.
func (l *line) limit(addr netip.Addr) {
	if !l.rib.Exceeded(addr) || l.reset[addr] {
		return
	}
	l.reset[addr] = true
	l.log.Warn("too many prefixes, session closed", "peer", addr, "reason", rib.MaxPrefixes.String(),
		"max", l.policy(addr).MaxPrefixes, "idle", overLimit)
	l.journal.Add(journal.Event{
		Kind: journal.TooManyPrefixes, Peer: addr, Reason: rib.MaxPrefixes.String(),
		Text: fmt.Sprintf("%s: told more than the %d prefixes that it may: session closed for %v", addr, l.policy(addr).MaxPrefixes, overLimit),
	})
	l.sessions.Reset(addr, bgp.CeaseMaxPrefixes, overLimit)
}

// sayRefused logs each kind of refusal once a session; status has them all.
func (l *line) sayRefused(addr netip.Addr) {
	for reason, n := range l.rib.Count(addr).Refused {
		if l.said[addr][reason] {
			continue
		}
		if l.said[addr] == nil {
			l.said[addr] = map[string]bool{}
		}
		l.said[addr][reason] = true
		l.log.Info("routes refused", "peer", addr, "reason", reason, "prefixes", n)
		l.noteRefused(addr, reason, n)
	}
}

// families that the session with addr carries.
func (l *line) families(addr netip.Addr) []bgp.Family {
	all := l.sessions.Status()
	i := slices.IndexFunc(all, func(s bgp.PeerStatus) bool { return s.Address == addr })
	if i < 0 {
		return nil
	}
	return all[i].Families
}
