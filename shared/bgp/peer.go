package bgp

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/osrg/gobgp/v3/pkg/packet/bgp"
)

const (
	// stable is how long a session must have been up for its end to be no
	// failure of the peer's.
	stable = 30 * time.Second
	// maxConns is the number of connections with one peer, dying ones
	// included: one each way, and their successors.
	maxConns = 4
)

// peer is the other end by its address: at most one session at a time, any
// number of tries to have one.
type peer struct {
	s    *Speaker
	addr netip.Addr
	log  *slog.Logger
	// dynamic peers come and go by themselves and are never dialled.
	dynamic bool

	rcvd, sent counters
	wake       chan struct{} // for the dialler: something below changed

	mu          sync.Mutex
	conf        Peer
	wanted      bool  // false: gone from the configuration
	obstacle    error // why it can have no session
	accepts     bucket
	stopDialler context.CancelFunc
	conns       map[*conn]struct{}
	up          *conn // Established until its Down event is out
	idleUntil   time.Time
	dialling    bool // a TCP connection is being opened
	failures    int  // since the last stable session
	away        bool // at the last attempt nobody was there

	since                 time.Time // of the last change to or from Established
	ups, downs            uint64
	lastError             string
	lastErrorAt           time.Time
	lastSent, lastRcvd    Notification
	malformedN            uint64
	malformedWhy          string
	complaint             string // last logged
	complainedAt          time.Time
	lastCaps, lastSentCap []Capability
	lastASN               uint32
	lastID                netip.Addr

	kept     *kept // routes that outlived their session
	keptN    uint64
	sweeping chan struct{} // a Swept event is on its way
	tally    tally
}

// counters is MsgCount while it counts.
type counters [bgp.BGP_MSG_ROUTE_REFRESH + 1]atomic.Uint64

func (n *counters) count(kind byte) { n[kind].Add(1) }

func (n *counters) load() MsgCount {
	return MsgCount{
		Open: n[bgp.BGP_MSG_OPEN].Load(), Update: n[bgp.BGP_MSG_UPDATE].Load(),
		Notification: n[bgp.BGP_MSG_NOTIFICATION].Load(), Keepalive: n[bgp.BGP_MSG_KEEPALIVE].Load(),
		RouteRefresh: n[bgp.BGP_MSG_ROUTE_REFRESH].Load(),
	}
}

func newPeer(s *Speaker, conf Peer, dynamic bool) *peer {
	return &peer{
		s: s, addr: conf.Address, conf: conf, wanted: true, dynamic: dynamic,
		log:   s.log.With("peer", conf.Address, "name", conf.Name),
		wake:  make(chan struct{}, 1),
		conns: make(map[*conn]struct{}),
	}
}

// nudge makes the dialler look again. It never blocks.
func (p *peer) nudge() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// attach registers a new connection and starts it, or says why there is no room
// for it.
func (p *peer) attach(c *conn) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	switch {
	case p.obstacle != nil:
		return p.obstacle
	case !p.wanted || len(p.conns) >= maxConns || now.Before(p.idleUntil):
		return errNoRoom
	case !c.dialled && !p.accepts.take(now):
		return errTooFast
	}
	c.peer, c.conf, c.state = p, p.conf, OpenSent
	c.began, c.wait, c.grace = now, openWait, p.offer(now)
	if p.dynamic {
		c.wait = rangeOpenWait
	}
	if !c.dialled {
		if err := p.s.net.secure(c.nc, c.conf.protection()); err != nil {
			return err
		}
	}
	for o := range p.conns {
		if !c.dialled && !o.dialled && o.state == OpenSent {
			// The peer gave its older attempt up, or it would not make a new one.
			o.end(&fault{n: Notification{Code: codeCease, Subcode: ceaseCollision}})
		}
	}
	if p.up != nil && p.up.out != nil {
		p.up.out.probe()
	}
	if !p.s.start(c.run) {
		return errNotRunning
	}
	p.conns[c] = struct{}{}
	return nil
}

func (p *peer) isDynamic() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dynamic
}

// admit decides whether c, whose OPEN was accepted, goes on to OpenConfirm:
// collision detection of RFC 4271 §6.8.
func (p *peer) admit(c *conn) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.up != nil && !p.up.ending() {
		if !p.up.outlived(c, time.Now()) {
			return collision("there is a session already")
		}
		p.up.end(errRestarted)
	}
	for o := range p.conns {
		if o == c || o.state != OpenConfirm || o.ending() {
			continue
		}
		if o.dialled != c.dialled && c.dialled != c.ourDialWins() {
			return collision("the connection from the other side stays")
		}
		o.end(collision("the connection from the other side stays"))
	}
	c.state = OpenConfirm
	return nil
}

func collision(why string) error {
	return faultf(codeCease, ceaseCollision, nil, "%s", why)
}

// ourDialWins reports whether the connection that we opened survives a
// collision: the higher identifier's does, between equal ones the higher AS's
// (RFC 6286 §2.3).
func (c *conn) ourDialWins() bool {
	if d := c.conf.RouterID.Compare(c.terms.peerID); d != 0 {
		return d > 0
	}
	return c.conf.LocalASN > c.terms.peerASN
}

// promote makes c the peer's session and ends all its other connections. It
// waits for the Down event of the session before, should that be ending.
func (p *peer) promote(c *conn) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for (p.up != nil && p.up.ending() || p.sweeping != nil) && !c.ending() {
		p.waitFor(c)
	}
	if p.up != nil {
		return collision("there is a session already")
	}
	if c.ending() {
		return c.cause
	}
	c.settle()
	p.up, c.state, c.upSince, p.since = c, StateEstablished, time.Now(), time.Now()
	p.ups++
	c.lost = p.resume(c, c.upSince)
	for o := range p.conns {
		if o != c {
			o.end(collision("there is a session already"))
		}
	}
	p.say("session established", "asn", c.terms.peerASN, "id", c.terms.peerID, "hold", c.terms.hold)
	return nil
}

// waitFor lets go of p.mu until the old session is told to be over, or the new
// one is to end.
func (p *peer) waitFor(c *conn) {
	told := p.sweeping
	if p.up != nil {
		told = p.up.over
	}
	p.mu.Unlock()
	defer p.mu.Lock()
	select {
	case <-told:
	case <-c.dead:
	}
}

// lost is the end of a session, or of a try to have one; the connection itself
// may take a little longer.
func (p *peer) lost(c *conn) {
	now, reason := time.Now(), c.cause.Error()
	wasUp := p.note(c, now, reason)
	if c.tellUp {
		families, until := p.keep(c, now)
		p.s.emit(Down{Peer: c.id(), Reason: reason, At: now, Kept: families, Until: until}, nil)
		p.retain(families, until, c.terms.peerASN)
	}
	if !wasUp {
		return
	}
	p.mu.Lock()
	p.up = nil
	p.mu.Unlock()
	close(c.over)
	p.nudge()
}

// note takes down how the session ended and whether it was Established.
func (p *peer) note(c *conn, now time.Time, reason string) (wasUp bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.settle()
	wasUp = p.up == c
	c.state = Idle
	if !wasUp {
		p.complain("no session", reason, now)
	}
	p.record(c.cause, now)
	p.lastSentCap, p.lastCaps = c.sent, c.received
	if c.terms.peerASN != 0 {
		p.lastASN, p.lastID = c.terms.peerASN, c.terms.peerID
	}
	switch {
	case wasUp:
		p.downs++
		p.since = now
		p.say("session down", "reason", reason)
		if now.Sub(c.upSince) >= stable {
			p.failures = 0
		} else {
			p.failures++
		}
	case c.dialled:
		p.failures++
	}
	return wasUp
}

// left is the end of the connection.
func (p *peer) left(c *conn) {
	p.mu.Lock()
	delete(p.conns, c)
	p.mu.Unlock()
	p.nudge()
	p.s.forget(p)
}

// record keeps what went wrong; p.mu is held.
func (p *peer) record(cause error, at time.Time) {
	var t *told
	if errors.As(cause, &t) {
		p.lastRcvd = t.n
	}
	p.lastError, p.lastErrorAt = cause.Error(), at
}

// complain logs what a peer can bring about at will: what is new once a second
// at most, what is not once an hour. p.mu is held.
func (p *peer) complain(what, reason string, now time.Time) {
	quiet := time.Second
	if what+reason == p.complaint {
		quiet = time.Hour
	}
	if p.complaint != "" && now.Sub(p.complainedAt) < quiet {
		return
	}
	p.complaint, p.complainedAt = what+reason, now
	p.log.Info(what, "reason", reason)
}

// chatty changes of a session are logged in a minute.
const chatty = 20

// tally counts what is logged of a session, and what is not.
type tally struct {
	minute       time.Time
	said, unsaid int
}

// say logs a change of the session. A peer that flaps cannot fill the log: what
// is left out is counted and said with the next minute's first. p.mu is held.
func (p *peer) say(what string, facts ...any) {
	t, now := &p.tally, time.Now()
	if now.Sub(t.minute) >= time.Minute {
		if t.unsaid > 0 {
			p.log.Info("session flapped", "changesNotLogged", t.unsaid)
		}
		*t = tally{minute: now}
	}
	if t.said >= chatty {
		t.unsaid++
		return
	}
	t.said++
	p.log.Info(what, facts...)
}

func (p *peer) notified(n Notification) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lastSent = n
}

func (p *peer) malformed(why string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.complain("routes treated as withdrawn", why, time.Now())
	p.malformedN++
	p.malformedWhy = why
}

// configure sets what the peer should be and ends what contradicts it; p.mu is
// not held. The caller starts and stops the dialler by its result.
func (p *peer) configure(conf Peer, dynamic bool) (redial bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	old, was := p.conf, p.wanted
	redial = !was || p.dynamic != dynamic || conf.Passive != old.Passive || conf.Port != old.Port || conf.Settings != old.Settings
	p.conf, p.wanted, p.dynamic = conf, true, dynamic
	if was && !sameSession(old, conf) {
		p.restartFor(old, conf)
	}
	p.log = p.s.log.With("peer", conf.Address, "name", conf.Name)
	return redial
}

// restartFor ends what contradicts conf; p.mu is held. Other timers are no
// reason to stop forwarding: where graceful restart was negotiated the session
// ends as in a restart, and what was told is kept until it is back.
func (p *peer) restartFor(old, conf Peer) {
	old.HoldTime, old.Keepalive = conf.HoldTime, conf.Keepalive
	if sameSession(old, conf) && (p.up == nil || p.up.terms.restart.negotiated()) {
		if p.up != nil {
			p.up.end(errRenewed)
		}
	} else {
		p.giveUp("the configuration changed")
	}
	p.endAll(ceaseChange) // an end that has begun stays what it is
}

// sameSession reports whether a session opened under a may go on under b.
func sameSession(a, b Peer) bool {
	a.ConnectRetry, b.ConnectRetry = 0, 0
	a.RestartTime, b.RestartTime = 0, 0
	return a.Settings == b.Settings && a.Port == b.Port
}

// deconfigure ends everything with the peer.
func (p *peer) deconfigure() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wanted = false
	p.giveUp("the peer is configured no more")
	p.idleUntil = time.Time{}
	p.endAll(ceaseDeconfigured)
}

// endAll ends every connection with a Cease; p.mu is held.
func (p *peer) endAll(subcode uint8) {
	for c := range p.conns {
		c.end(&fault{n: Notification{Code: codeCease, Subcode: subcode}})
	}
}

// reset is Speaker.Reset for this peer.
func (p *peer) reset(n Notification, idle time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.giveUp("the session was reset")
	if p.up == nil {
		return
	}
	if until := time.Now().Add(idle); idle > 0 && until.After(p.idleUntil) {
		p.idleUntil = until
		time.AfterFunc(idle, p.nudge)
	}
	for c := range p.conns {
		c.end(&fault{n: n})
	}
}
