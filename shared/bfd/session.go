package bfd

import (
	"time"
)

// slow is the least interval while a session is not up (RFC 5880 §6.8.3).
const slow = time.Second

// session is the state machine of one neighbour (RFC 5880 §6.8). It sends
// nothing and reads no clock: due says what to do at which time, receive takes
// a packet, and packet makes the next one.
type session struct {
	want Session
	mine uint32 // our discriminator

	chance func() float64 // for jitter

	state      State
	diagnostic Diagnostic
	since      time.Time // of state
	// What the other end said last; multiplier is 0 until it said anything.
	remote struct {
		discriminator uint32
		state         State
		diagnostic    Diagnostic
		multiplier    uint8
		desiredTx     time.Duration
		requiredRx    time.Duration
		demand        bool
	}
	polling bool // a Poll Sequence of ours is under way
	// heldRx is the longer requiredRx that detection keeps to until the Poll that
	// announces a shorter one has been answered (§6.8.3).
	heldRx time.Duration
	// heldTx is likewise the shorter interval that is kept until a longer one
	// has been announced; 0 for none.
	heldTx time.Duration

	sendAt   time.Time // zero: never
	detectAt time.Time // zero: nothing to miss
	leaveAt  time.Time // zero: it stays
	// doubtTo is how long a verdict may still be put off; zero while there is
	// no doubt.
	doubtTo time.Time

	left  time.Time // when it was up last
	flaps int       // how often it ceased to be, without a calm between
}

func newSession(want Session, mine uint32, chance func() float64, now time.Time) *session {
	s := &session{want: want, mine: mine, chance: chance, state: Down, since: now, sendAt: now}
	s.remote.requiredRx = time.Microsecond // §6.8.1: until it says otherwise
	return s
}

// desiredTx is what we tell: never faster than slow unless up.
func (s *session) desiredTx() time.Duration {
	if s.state == Up {
		return s.want.Transmit
	}
	return max(s.want.Transmit, slow)
}

// interval between packets of ours, before jitter; 0 when the other end wants
// none (§6.8.7), or none while all is well (demand mode, §6.6). What it asks is
// answered all the same, and a Poll Sequence of ours goes on.
func (s *session) interval() time.Duration {
	if s.remote.requiredRx == 0 || s.remote.demand && s.state == Up && s.remote.state == Up && !s.polling {
		return 0
	}
	desired := s.desiredTx()
	if s.heldTx > 0 {
		desired = min(desired, s.heldTx)
	}
	return max(desired, s.remote.requiredRx)
}

// jittered takes up to a quarter off, so that neighbours do not fall into
// step; with a multiplier of 1 at least a tenth (§6.8.7).
func (s *session) jittered() time.Duration {
	least, span := 0.75, 0.25
	if s.want.Multiplier == 1 {
		span = 0.15
	}
	return time.Duration(float64(s.interval()) * (least + span*s.chance()))
}

// detection is how long nothing may come before the session is down (§6.8.4);
// 0 until the other end said how fast it sends.
func (s *session) detection() time.Duration {
	return time.Duration(s.remote.multiplier) * max(s.requiredRx(), s.remote.desiredTx)
}

func (s *session) requiredRx() time.Duration { return max(s.want.Receive, s.heldRx) }

// packet is what is to be sent now.
func (s *session) packet(final bool) packet {
	return packet{
		diagnostic: s.diagnostic, state: s.state, poll: s.polling && !final, final: final,
		multiplier: s.want.Multiplier, mine: s.mine, yours: s.remote.discriminator,
		desiredTx: s.desiredTx(), requiredRx: s.want.Receive,
	}
}

// receive takes a packet that is for this session, and reports whether it asks
// for an answer at once.
func (s *session) receive(p *packet, now time.Time) (answer bool) {
	before := s.interval()
	s.remote.discriminator, s.remote.state, s.remote.diagnostic = p.mine, p.state, p.diagnostic
	s.remote.multiplier, s.remote.desiredTx = p.multiplier, p.desiredTx
	s.remote.requiredRx, s.remote.demand = p.requiredRx, p.demand
	if p.final && s.polling {
		s.polling, s.heldRx, s.heldTx = false, 0, 0
	}
	s.step(p.state, now)
	s.detectAt, s.doubtTo = now.Add(s.detection()), time.Time{}
	if s.state == AdminDown {
		s.detectAt = time.Time{}
	}
	switch after := s.interval(); {
	case after == 0:
		s.sendAt = time.Time{}
	case after != before || s.sendAt.IsZero():
		s.sooner(now.Add(s.jittered()))
	}
	return p.poll
}

// sooner moves the next packet to at, if that is earlier.
func (s *session) sooner(at time.Time) {
	if s.sendAt.IsZero() || at.Before(s.sendAt) {
		s.sendAt = at
	}
}

// A session that has ceased to be up quickFlaps times, and never stayed so for
// calm, waits before it is up again: each time is news for whoever listens.
const (
	quickFlaps = 3
	calm       = 10 * time.Second
)

// step is the table of §6.8.6, but for a neighbour that flaps (RFC 5882 §3.1
// leaves damping to us).
func (s *session) step(theirs State, now time.Time) {
	switch {
	case s.state == AdminDown:
	case theirs == AdminDown:
		if s.state != Down {
			s.become(Down, NeighborDown, now)
		}
	case s.state == Down && s.flaps > quickFlaps && now.Sub(s.left) < slow:
	case s.state == Down && theirs == Down:
		s.become(Init, s.diagnostic, now)
	case s.state == Down && theirs == Init, s.state == Init && theirs >= Init:
		s.become(Up, NoDiagnostic, now)
	case s.state == Up && theirs == Down:
		s.become(Down, NeighborDown, now)
	}
}

// become changes state and says so at once. Going up changes our interval,
// which a Poll Sequence announces (§6.8.3).
func (s *session) become(state State, why Diagnostic, now time.Time) {
	if s.state == Up {
		if now.Sub(s.left) >= calm {
			s.flaps = 0
		}
		s.left = now
		s.flaps++
	}
	s.state, s.diagnostic, s.since = state, why, now
	s.polling = state == Up && s.want.Transmit != slow
	s.heldRx, s.heldTx = 0, 0
	s.sendAt = now
}

// change gives a session new intervals without losing it.
func (s *session) change(want Session, now time.Time) {
	before := s.want
	s.want = want
	if s.state == Up && (want.Transmit != before.Transmit || want.Receive != before.Receive) {
		// What the other end believes is from before a Poll that it has not answered.
		if s.heldTx == 0 {
			s.heldTx = before.Transmit
		}
		s.heldTx, s.heldRx = min(s.heldTx, before.Transmit), max(s.heldRx, before.Receive)
		s.polling = true
	}
	s.sooner(now)
}

// leave closes the session: the other end is told AdminDown for as long as it
// would take to miss us (§6.8.16).
func (s *session) leave(now time.Time) {
	s.state, s.diagnostic, s.since = AdminDown, AdministrativeEnd, now
	s.polling, s.sendAt, s.detectAt = false, now, time.Time{}
	s.leaveAt = now.Add(max(s.detection(), slow))
}

// due is the next moment at which tick has something to do; zero for none.
func (s *session) due() time.Time {
	at := s.sendAt
	for _, other := range []time.Time{s.detectAt, s.leaveAt} {
		if !other.IsZero() && (at.IsZero() || other.Before(at)) {
			at = other
		}
	}
	return at
}

// tick does what is due: whether a packet is to be sent, and whether the
// session is over.
func (s *session) tick(now time.Time) (send, over bool) {
	if !s.leaveAt.IsZero() && !now.Before(s.leaveAt) {
		return s.sendAt.Equal(s.since), true // who had no time to say that it leaves does so now
	}
	if !s.detectAt.IsZero() && !now.Before(s.detectAt) {
		s.expire(now)
	}
	if s.sendAt.IsZero() || now.Before(s.sendAt) {
		return false, false
	}
	s.sendAt = s.next(now)
	return true, false
}

// next is when to send again, counted from when it was due: one packet that was
// sent late is followed by one that is early, as far as jitter goes.
func (s *session) next(now time.Time) time.Time {
	interval := s.interval()
	if interval == 0 {
		return time.Time{}
	}
	at, least := s.sendAt.Add(s.jittered()), now.Add(interval*3/4)
	if at.Before(least) {
		return least
	}
	return at
}

// again is when a verdict that was put off is looked at again.
const again = time.Millisecond

// doubt puts off what is due to be declared dead: a packet may lie unread, or we
// did not listen until lately, since the whole machine was halted. For no longer
// than one interval from then, or whoever floods the socket keeps the dead
// alive.
func (s *session) doubt(lately, now time.Time) {
	if s.detectAt.IsZero() || now.Before(s.detectAt) || s.state == AdminDown {
		return
	}
	if s.doubtTo.IsZero() {
		s.doubtTo = lately.Add(max(s.requiredRx(), s.remote.desiredTx))
	}
	if now.Before(s.doubtTo) {
		s.detectAt = now.Add(again)
	}
}

// expire is a neighbour that has gone silent (§6.8.4). What it said counts no
// more (§6.8.1: its discriminator is forgotten after a detection time).
func (s *session) expire(now time.Time) {
	s.detectAt, s.doubtTo = time.Time{}, time.Time{}
	s.remote.discriminator, s.remote.multiplier = 0, 0
	s.remote.requiredRx, s.remote.demand = time.Microsecond, false
	if s.state == Init || s.state == Up {
		s.become(Down, DetectionExpired, now)
	}
}
