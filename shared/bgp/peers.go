package bgp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/hawser-lb/hawser/shared/order"
)

const (
	// remembered dynamic peers without a session are shown for rememberFor.
	remembered  = 64
	rememberFor = 10 * time.Minute
	// longestPassword is TCP_MD5SIG_MAXKEYLEN (linux/tcp.h).
	longestPassword = 80
)

// SetPeers says which peers and ranges there are: all of them. Sessions whose
// settings did not change are left alone; those that lost their Peer or Range
// end with Cease/Peer De-configured (RFC 4486), those whose name, ASN,
// addresses, timers, identifier, password or hops changed with Cease/Other
// Configuration Change and are opened anew. A second call with the same
// arguments does nothing. It does not wait for sessions to end.
//
// It refuses, whole and before anything changes, what it could never run: an
// invalid address or router identifier, ASN 0, a hold time of 1 or 2 s.
func (s *Speaker) SetPeers(peers []Peer, ranges []Range) error {
	if err := check(peers, ranges); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.static = make(map[netip.Addr]Peer, len(peers))
	for _, p := range peers {
		s.static[p.Address] = p
	}
	s.ranges = nil
	for _, r := range ranges {
		r.Prefix = r.Prefix.Masked()
		s.ranges = append(s.ranges, r)
	}
	order.Stable(s.ranges, func(a, b Range) int { return cmp.Compare(b.Prefix.Bits(), a.Prefix.Bits()) })
	if s.stopped {
		return nil
	}
	s.ward = wardOf(peers, s.ranges)
	s.guardAll() // before a session ends that would come back at once
	for addr, p := range s.peers {
		s.reconfigure(addr, p)
	}
	for addr, conf := range s.static {
		if s.peers[addr] == nil {
			p := newPeer(s, conf, false)
			p.obstacle = s.obstacles[single(addr)]
			s.peers[addr] = p
			s.redial(p)
		}
	}
	return nil
}

// currentWard is what listeners have to ask for.
func (s *Speaker) currentWard() ward {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ward
}

// guardWith makes l the i-th listener, nil for none.
func (s *Speaker) guardWith(i int, l listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.guards[i] = l
	s.guardAll()
	for _, p := range s.peers {
		if s.hinder(p) {
			s.redial(p)
		}
	}
}

// guardAll has every listener ask for what the configuration says, and finds
// out who can have no session; s.mu is held.
func (s *Speaker) guardAll() {
	failed := map[netip.Prefix]error{}
	for _, l := range s.guards {
		if l != nil {
			maps.Copy(failed, l.guard(s.ward))
		}
	}
	before := s.obstacles
	s.obstacles = obstacles(slices.Collect(maps.Values(s.static)), s.ranges, s.net.signing(), failed)
	for p, err := range s.obstacles {
		if old := before[p]; old == nil || old.Error() != err.Error() {
			s.log.Warn("no session can be had", "peers", p, "reason", err)
		}
	}
}

// hinder tells a peer what stands between it and a session, and reports whether
// that is news; s.mu is held.
func (s *Speaker) hinder(p *peer) bool {
	var now error
	if _, ok := s.static[p.addr]; ok {
		now = s.obstacles[single(p.addr)]
	} else if r, ok := s.rangeOf(p.addr); ok {
		now = s.obstacles[r.Prefix]
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	news := (p.obstacle == nil) != (now == nil)
	p.obstacle = now
	return news
}

// reconfigure brings a known peer in line with the new configuration; s.mu is
// held.
func (s *Speaker) reconfigure(addr netip.Addr, p *peer) {
	hindered := s.hinder(p)
	if conf, ok := s.static[addr]; ok {
		if p.configure(conf, false) || hindered {
			s.redial(p)
		}
		return
	}
	if r, ok := s.rangeOf(addr); ok {
		if p.configure(r.peer(addr), true) || hindered {
			s.redial(p)
		}
		return
	}
	p.deconfigure()
	s.redial(p)
	s.drop(p)
}

// busy reports whether there is any connection, or a place kept for one.
func (p *peer) busy() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns) > 0 || p.kept != nil
}

// redial starts the dialler of a peer anew, or only stops it; s.mu is held.
func (s *Speaker) redial(p *peer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopDialler != nil {
		p.stopDialler()
		p.stopDialler = nil
	}
	if !s.running || !p.wanted || p.dynamic || p.conf.Passive || p.obstacle != nil {
		return
	}
	ctx, cancel := context.WithCancel(s.ctx)
	p.stopDialler = cancel
	conf := p.conf
	s.start(func() { p.dial(ctx, conf) })
}

// forget drops a peer that nothing speaks for any more.
func (s *Speaker) forget(p *peer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(p)
	s.expire(time.Now())
}

// drop removes a peer that is gone from the configuration and has no
// connection left; s.mu is held.
func (s *Speaker) drop(p *peer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.wanted && len(p.conns) == 0 {
		delete(s.peers, p.addr)
	}
}

// expire removes dynamic peers that ended long ago, and the oldest ones when
// there are too many; s.mu is held.
func (s *Speaker) expire(now time.Time) {
	type ended struct {
		p  *peer
		at time.Time
	}
	var idle []ended
	for _, p := range s.peers {
		p.mu.Lock()
		if p.dynamic && len(p.conns) == 0 && p.kept == nil && !now.Before(p.idleUntil) {
			idle = append(idle, ended{p, p.lastErrorAt})
		}
		p.mu.Unlock()
	}
	order.Slice(idle, func(a, b ended) int { return b.at.Compare(a.at) })
	for i, e := range idle {
		if i >= remembered || now.Sub(e.at) >= rememberFor {
			delete(s.peers, e.p.addr)
		}
	}
}

// rangeOf finds the longest prefix that holds addr; s.mu is held.
func (s *Speaker) rangeOf(addr netip.Addr) (Range, bool) {
	for _, r := range s.ranges {
		if r.Prefix.Contains(addr.WithZone("")) {
			return r, true
		}
	}
	return Range{}, false
}

// peer is the passive neighbour that a range makes of one address.
func (r Range) peer(addr netip.Addr) Peer {
	return Peer{Settings: r.Settings, Address: addr, Passive: true}
}

// claim finds or makes the peer that a connection from addr belongs to. It
// refuses with a reason.
func (s *Speaker) claim(addr netip.Addr) (*peer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return nil, errNotRunning
	}
	p := s.peers[addr]
	if _, ok := s.static[addr]; ok && p != nil {
		return p, nil
	}
	r, ok := s.rangeOf(addr)
	if !ok {
		return nil, errors.New("no peer has this address")
	}
	if err := s.obstacles[r.Prefix]; err != nil {
		return nil, err
	}
	if p != nil && p.busy() {
		return p, nil
	}
	if r.MaxPeers > 0 && s.members(r.Name) >= r.MaxPeers && !s.makeRoom(r.Name) {
		return nil, fmt.Errorf("%s has its %d peers", r.Name, r.MaxPeers)
	}
	if p == nil {
		s.expire(time.Now())
		p = newPeer(s, r.peer(addr), true)
		s.peers[addr] = p
	} else {
		p.configure(r.peer(addr), true)
	}
	return p, nil
}

// members counts the dynamic peers of one name that have a connection or
// routes that are kept; s.mu is held.
func (s *Speaker) members(name string) int {
	n := 0
	for _, p := range s.peers {
		p.mu.Lock()
		if p.dynamic && p.conf.Name == name && (len(p.conns) > 0 || p.kept != nil) {
			n++
		}
		p.mu.Unlock()
	}
	return n
}

// check finds everything that SetPeers refuses.
func check(peers []Peer, ranges []Range) error {
	var errs []error
	seen := make(map[netip.Addr]bool)
	for _, p := range peers {
		if err := p.check(); err != nil {
			errs = append(errs, fmt.Errorf("peer %s: %w", p.Address, err))
		}
		if seen[p.Address] {
			errs = append(errs, fmt.Errorf("peer %s: there are two", p.Address))
		}
		seen[p.Address] = true
	}
	prefixes := make(map[netip.Prefix]bool)
	for _, r := range ranges {
		if err := r.check(); err != nil {
			errs = append(errs, fmt.Errorf("range %s: %w", r.Prefix, err))
		}
		if prefixes[r.Prefix.Masked()] {
			errs = append(errs, fmt.Errorf("range %s: there are two", r.Prefix))
		}
		prefixes[r.Prefix.Masked()] = true
	}
	return errors.Join(errs...)
}

func (p Peer) check() error {
	if !p.Address.IsValid() || p.Address.Is4In6() || p.Address.IsUnspecified() || p.Address.IsMulticast() {
		return errors.New("the address is none that a peer can have")
	}
	if p.LocalAddress.IsValid() && p.LocalAddress.Is4() != p.Address.Is4() {
		return fmt.Errorf("the local address %s is of the other family", p.LocalAddress)
	}
	return p.Settings.check()
}

func (r Range) check() error {
	if !r.Prefix.IsValid() || r.Prefix.Addr().Is4In6() {
		return errors.New("no valid prefix")
	}
	if r.MaxPeers < 0 {
		return fmt.Errorf("at most %d peers", r.MaxPeers)
	}
	return r.Settings.check()
}

func (s Settings) check() error {
	switch {
	case s.LocalASN == 0:
		return errors.New("the local AS number is 0")
	case !s.RouterID.Is4() || s.RouterID.IsUnspecified():
		return fmt.Errorf("the router identifier %s is no IPv4 address", s.RouterID)
	case s.HoldTime < 0 || s.HoldTime > 65535*time.Second || s.HoldTime%time.Second != 0:
		return fmt.Errorf("a hold time of %s: whole seconds up to 65535", s.HoldTime)
	case s.HoldTime != 0 && s.HoldTime < 3*time.Second:
		return fmt.Errorf("a hold time of %s: 0 or at least 3s", s.HoldTime)
	case s.Keepalive < 0 || s.ConnectRetry < 0:
		return errors.New("a negative time")
	case s.NextHop4.IsValid() && !s.NextHop4.Is4():
		return fmt.Errorf("the next hop %s is not IPv4", s.NextHop4)
	case s.NextHop6.IsValid() && !s.NextHop6.Is6():
		return fmt.Errorf("the next hop %s is not IPv6", s.NextHop6)
	}
	if err := s.checkRestart(); err != nil {
		return err
	}
	return s.checkSocket()
}

// checkSocket is check for what the kernel is asked to do.
func (s Settings) checkSocket() error {
	switch {
	case len(s.Password.Reveal()) > longestPassword:
		return fmt.Errorf("a password of %d bytes: at most %d", len(s.Password.Reveal()), longestPassword)
	case s.TTLSecurity == 255:
		return errors.New("a TTL security of 255 hops: at most 254")
	case s.TTLSecurity != 0 && s.Multihop != 0:
		return errors.New("TTL security and multihop exclude one another")
	}
	return nil
}
