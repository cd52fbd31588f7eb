package bgp

import (
	"sync"
	"time"

	"github.com/hawser-lb/hawser/shared/order"
)

// Total of all types.
func (m MsgCount) Total() uint64 {
	return m.Open + m.Update + m.Notification + m.Keepalive + m.RouteRefresh
}

// String is the state's name as the RFC and Quagga write it.
func (s State) String() string {
	names := [...]string{"Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Established"}
	if int(s) < len(names) {
		return names[s]
	}
	return "Unknown"
}

// Status returns every known peer, dynamic ones included, sorted by address.
// It never blocks on a peer.
func (s *Speaker) Status() []PeerStatus {
	s.mu.Lock()
	running, began, drops := s.running, s.began, s.newDrops()
	var all []*peer
	for _, p := range s.peers {
		all = append(all, p)
	}
	s.mu.Unlock()
	out, now := make([]PeerStatus, 0, len(all)), time.Now()
	for _, p := range all {
		st, ok := p.status(running)
		if !ok {
			continue
		}
		if st.Obstacle == "" && running && st.State < OpenSent && !st.Dynamic && now.Sub(latest(st.Since, began)) >= silence {
			st.Hint = drops().suspicion(st.Password)
		}
		out = append(out, st)
	}
	order.Slice(out, func(a, b PeerStatus) int { return a.Address.Compare(b.Address) })
	return out
}

// newDrops are those since Run began, looked up when they are asked for; s.mu
// is held.
func (s *Speaker) newDrops() func() drops {
	before := s.drops
	return sync.OnceValue(func() drops {
		now, err := s.net.dropped()
		if err != nil {
			return drops{} // said when Run began
		}
		return now.since(before)
	})
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Ranges returns every range with what is to be known of it, in the order of
// the longest prefix.
func (s *Speaker) Ranges() []RangeStatus {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	drops := s.newDrops()
	out := make([]RangeStatus, 0, len(s.ranges))
	for _, r := range s.ranges {
		st := RangeStatus{Name: r.Name, Prefix: r.Prefix}
		if err := s.obstacles[r.Prefix]; err != nil {
			st.Obstacle = err.Error()
		} else if s.running && s.members(r.Name) == 0 && now.Sub(s.began) >= silence {
			st.Hint = drops().suspicion(r.Password.IsSet())
		}
		out = append(out, st)
	}
	return out
}

// status is false for a peer that is no longer configured.
func (p *peer) status(running bool) (PeerStatus, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	st := PeerStatus{
		PeerID: PeerID{p.conf.Name, p.addr}, Dynamic: p.dynamic, Passive: p.conf.Passive,
		Since: p.since, LocalASN: p.conf.LocalASN, LocalID: p.conf.RouterID,
		ASN: p.conf.PeerASN.Exactly, Sent: p.lastSentCap, Received: p.lastCaps,
		MsgRcvd: p.rcvd.load(), MsgSent: p.sent.load(),
		Established: p.ups, Dropped: p.downs,
		LastError: p.lastError, LastErrorAt: p.lastErrorAt, LastSent: p.lastSent, LastRcvd: p.lastRcvd,
		Malformed: p.malformedN, MalformedWhy: p.malformedWhy,
	}
	if p.lastASN != 0 {
		st.ASN, st.RouterID = p.lastASN, p.lastID
	}
	st.Password, st.TTLSecurity, st.Multihop = p.conf.Password.IsSet(), p.conf.TTLSecurity, p.conf.Multihop
	if p.obstacle != nil {
		st.Obstacle = p.obstacle.Error()
	}
	st.State = p.idleState(running)
	c := p.foremost()
	if c != nil {
		c.status(&st)
	}
	st.Restart = p.restartStatus(c)
	return st, p.wanted
}

// foremost is the connection that has come furthest; p.mu is held.
func (p *peer) foremost() *conn {
	if p.up != nil {
		return p.up
	}
	var best *conn
	for c := range p.conns {
		if !c.ending() && (best == nil || c.state > best.state) {
			best = c
		}
	}
	return best
}

// idleState is the state while there is no connection; p.mu is held.
func (p *peer) idleState(running bool) State {
	switch {
	case !running || p.obstacle != nil || time.Now().Before(p.idleUntil):
		return Idle
	case p.dialling:
		return Connect
	}
	return Active
}

// status fills in what the connection knows; peer.mu is held.
func (c *conn) status(st *PeerStatus) {
	st.State, st.LocalAddress, st.RemotePort = c.state, c.local, c.remote.Port()
	st.Sent, st.Received = c.sent, c.received
	if c.terms.peerASN != 0 {
		st.ASN, st.RouterID = c.terms.peerASN, c.terms.peerID
		st.HoldTime, st.Keepalive, st.Families = c.terms.hold, c.terms.keepalive, c.terms.families
		st.CanRefresh, st.MaxMessage = c.terms.refresh, c.terms.longest()
	}
	if c.out != nil {
		c.out.mu.Lock()
		defer c.out.mu.Unlock()
		st.Announced, st.OutQueue, st.Withheld, st.WithheldWhy = c.out.announced, c.out.queued, c.out.withheld, c.out.why
	}
}
