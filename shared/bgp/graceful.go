package bgp

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"github.com/osrg/gobgp/v3/pkg/packet/bgp"
)

const (
	// longestRestart is what twelve bits of seconds hold (RFC 4724 §3).
	longestRestart = 4095 * time.Second
	// lookEvery is the pause between two looks at a host whose routes are kept.
	lookEvery = 500 * time.Millisecond
	// settledAfter is how old a session must be for a new connection to be no
	// collision but the peer's next life.
	settledAfter = 10 * time.Second
)

var (
	// errLeaving ends a session so that the peer takes it for a restart.
	errLeaving = errors.New("closed without a word: this end restarts")
	// errRenewed ends a session that begins anew with other timers: both ends
	// keep what they were told.
	errRenewed = errors.New("closed without a word: the timers changed")
	// errRestarted ends a session whose peer opens another after a restart.
	errRestarted = errors.New("the peer has restarted")
)

// grace is what an OPEN of ours says about restarts (RFC 4724 §3).
type grace struct {
	time       time.Duration // 0: nothing
	restarted  bool          // the R bit
	forwarding bool          // the F bit, of every family
}

func (g grace) capability() bgp.ParameterCapabilityInterface {
	tuples := make([]*bgp.CapGracefulRestartTuple, len(families))
	for i, f := range families {
		tuples[i] = bgp.NewCapGracefulRestartTuple(f.codec(), g.forwarding)
	}
	return bgp.NewCapGracefulRestart(g.restarted, false, uint16(g.time/time.Second), tuples)
}

// restart is what both OPENs say about restarts.
type restart struct {
	ours   time.Duration // offered by us; 0: not
	heard  bool          // the peer sent the capability
	theirs time.Duration // until the peer is back
	again  bool          // the peer has restarted: its R bit
	able   []Family      // the peer forwards these while it restarts
	intact []Family      // the peer's forwarding of these went on: its F bits
}

func (r *restart) take(c *bgp.CapGracefulRestart) {
	r.heard, r.again, r.theirs = true, c.Flags&0x08 != 0, time.Duration(c.Time)*time.Second
	r.able, r.intact = nil, nil
	for _, t := range c.Tuples {
		for _, f := range families {
			if f.codec() != bgp.AfiSafiToRouteFamily(t.AFI, t.SAFI) || slices.Contains(r.able, f) {
				continue
			}
			r.able = append(r.able, f)
			if t.Flags&0x80 != 0 {
				r.intact = append(r.intact, f)
			}
		}
	}
}

// negotiated reports whether the peer keeps what we told when we go without a
// word.
func (r restart) negotiated() bool { return r.ours > 0 && r.heard }

// keeps are the families of t whose routes outlive the session, and for how
// long: for what the peer asks for, but no longer than we offer ourselves.
func (t terms) keeps() ([]Family, time.Duration) {
	r := t.restart
	if !r.negotiated() || r.theirs == 0 {
		return nil, 0
	}
	var out []Family
	for _, f := range t.families {
		if slices.Contains(r.able, f) {
			out = append(out, f)
		}
	}
	return out, min(r.theirs, r.ours)
}

// quiet reports whether the end of a session looks like a restart, or is one of
// ours for new timers: the peer's host is there and closed the connection, and
// nobody said goodbye. Silence is none: whoever answers nothing any more
// forwards nothing either.
func quiet(cause error) bool {
	return errors.Is(cause, errClosed) || errors.Is(cause, errRestarted) || errors.Is(cause, errRenewed) ||
		errors.Is(cause, syscall.ECONNRESET) || errors.Is(cause, syscall.EPIPE)
}

// gone reports whether an attempt to connect found that the host is not there.
// That it refuses, or does not answer through a firewall, proves nothing.
func gone(err error) bool {
	return errors.Is(err, syscall.EHOSTUNREACH) || errors.Is(err, syscall.EHOSTDOWN)
}

// kept are routes of a session that is over, until the peer has told them
// again.
type kept struct {
	families []Family
	until    time.Time
	asn      uint32
	over     chan struct{} // closed when there are none any more
}

// offer is what the next OPEN says; p.mu is held. The R bit is for the first
// session after our start alone, and so is the question whether forwarding
// went on (RFC 4724 §4.1).
func (p *peer) offer(now time.Time) grace {
	first := p.ups == 0
	return grace{
		time:       p.conf.RestartTime,
		restarted:  p.s.cfg.Restarting && first && now.Before(p.s.began.Add(p.conf.RestartTime)),
		forwarding: p.s.cfg.Restarting || !first,
	}
}

// keep says which families outlive the session c and until when.
func (p *peer) keep(c *conn, now time.Time) ([]Family, time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.up != c || !p.wanted || !quiet(c.cause) {
		return nil, time.Time{}
	}
	families, wait := c.terms.keeps()
	if len(families) == 0 {
		return nil, time.Time{}
	}
	return families, now.Add(wait)
}

// retain takes the place of what was kept before.
func (p *peer) retain(families []Family, until time.Time, asn uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.release()
	if len(families) == 0 {
		return
	}
	k := &kept{families: slices.Clone(families), until: until, asn: asn, over: make(chan struct{})}
	p.kept = k
	p.keptN++
	p.log.Info("routes kept", "until", until, "families", fmt.Sprint(families))
	p.s.start(func() { p.watch(k) })
}

// release ends the watch over what is kept; p.mu is held.
func (p *peer) release() {
	if p.kept != nil {
		close(p.kept.over)
		p.kept = nil
	}
}

// watch gives kept routes up when their time is over or the peer's host is. It
// looks at once: how the host is now decides what its silence will mean later.
func (p *peer) watch(k *kept) {
	for {
		why, wait := p.overdue(k, time.Now())
		if why == "" && p.hostGone(k) {
			why = "the peer's host does not answer"
		}
		if why != "" {
			p.sweep(k, why)
			return
		}
		select {
		case <-p.s.done:
			return
		case <-k.over:
			return
		case <-time.After(wait):
		}
	}
}

// overdue says why k is to be given up, else how long to wait before the next
// look.
func (p *peer) overdue(k *kept, now time.Time) (why string, wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	left := k.until.Sub(now)
	switch {
	case left > 0:
		return "", min(left, lookEvery)
	case p.up != nil:
		return "the peer has not told them again in time", 0
	}
	return "the peer did not come back in time", 0
}

// hostGone looks whether the peer's host is there. Where that cannot be seen it
// knocks at its port, unless a dialler does anyway.
func (p *peer) hostGone(k *kept) bool {
	p.mu.Lock()
	conf, idle := p.conf, (p.up == nil || p.up.ending()) && p.kept == k
	p.mu.Unlock()
	if !idle {
		return false
	}
	if look := p.s.cfg.Gone; look != nil {
		if gone, sure := look(conf.Address); sure {
			return gone
		}
	}
	return conf.Passive && p.knock(conf)
}

// knock reports whether the network says that the peer's host is not there.
func (p *peer) knock(conf Peer) bool {
	port := conf.Port
	if port == 0 {
		port = bgp.BGP_PORT
	}
	ctx, cancel := context.WithTimeout(p.s.ctx, dialWait)
	defer cancel()
	nc, err := p.s.net.dial(ctx, conf.LocalAddress, netip.AddrPortFrom(conf.Address, port), conf.protection())
	if err != nil {
		return gone(err)
	}
	nc.Close()
	return false
}

// missed is hostGone for a dialler's attempt.
func (p *peer) missed(err error) {
	p.mu.Lock()
	k := p.kept
	p.mu.Unlock()
	if k != nil && gone(err) {
		p.sweep(k, "the peer's host does not answer")
	}
}

// sweep gives up what is kept. Until that is told no session comes up, so that
// events are in order.
func (p *peer) sweep(k *kept, why string) {
	p.mu.Lock()
	if p.kept != k {
		p.mu.Unlock()
		return
	}
	families, told := k.families, make(chan struct{})
	p.release()
	p.sweeping = told
	p.log.Info("kept routes given up", "reason", why)
	id := p.id()
	p.mu.Unlock()
	p.s.emit(Swept{Peer: id, Families: families, Reason: why, At: time.Now()}, nil)
	p.mu.Lock()
	p.sweeping = nil
	p.mu.Unlock()
	close(told)
	p.nudge()
}

// giveUp is sweep for callers that hold a lock.
func (p *peer) giveUp(why string) {
	if k := p.kept; k != nil {
		p.s.start(func() { p.sweep(k, why) })
	}
}

// id of the peer; p.mu is held.
func (p *peer) id() PeerID { return PeerID{p.conf.Name, p.addr} }

// resume says what of the kept routes cannot be believed any more now that c
// is up: families whose forwarding did not go on (RFC 4724 §4.2). The others
// have our restart time to be told again. p.mu is held.
func (p *peer) resume(c *conn, now time.Time) (lost []Family) {
	k := p.kept
	if k == nil {
		return nil
	}
	var stay []Family
	for _, f := range k.families {
		if c.terms.restart.negotiated() && slices.Contains(c.terms.families, f) &&
			slices.Contains(c.terms.restart.intact, f) && k.asn == c.terms.peerASN {
			stay = append(stay, f)
		} else {
			lost = append(lost, f)
		}
	}
	k.families, k.until = stay, now.Add(c.terms.restart.ours)
	if len(stay) == 0 {
		p.release()
	}
	return lost
}

// fresh notes that a family was told whole, and reports whether routes of it
// were kept.
func (p *peer) fresh(f Family) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	k := p.kept
	if k == nil || !slices.Contains(k.families, f) {
		return false
	}
	k.families = slices.DeleteFunc(slices.Clone(k.families), func(o Family) bool { return o == f })
	if len(k.families) == 0 {
		p.release()
	}
	return true
}

// restartStatus is what there is to see of RFC 4724; p.mu is held.
func (p *peer) restartStatus(c *conn) RestartStatus {
	st := RestartStatus{Offered: p.conf.RestartTime, Kept: p.keptN}
	if c != nil {
		st.Offered = c.grace.time
		st.Negotiated = c.terms.restart.negotiated()
		st.Peer, st.PeerRestarted = c.terms.restart.theirs, c.terms.restart.again
		st.Families, _ = c.terms.keeps()
	}
	if p.kept != nil {
		st.Stale, st.StaleUntil = slices.Clone(p.kept.families), p.kept.until
	}
	return st
}

func (s Settings) checkRestart() error {
	if s.RestartTime < 0 || s.RestartTime > longestRestart || s.RestartTime%time.Second != 0 {
		return fmt.Errorf("a restart time of %s: whole seconds up to 4095", s.RestartTime)
	}
	return nil
}

// outlived reports whether c is the next life of a peer whose old session c
// nobody has closed yet (RFC 4724 §4.2).
func (old *conn) outlived(c *conn, now time.Time) bool {
	families, _ := old.terms.keeps()
	return len(families) > 0 && c.terms.restart.again && now.Sub(old.upSince) >= settledAfter
}
