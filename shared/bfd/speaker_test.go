package bfd

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var (
	west = netip.MustParseAddr("192.0.2.1")
	east = netip.MustParseAddr("192.0.2.2")
)

// cable joins two Speakers. What is sent on it can be watched, and lost.
type cable struct {
	mu     sync.Mutex
	cut    bool
	boxes  map[netip.Addr]*mailbox
	passed []letter
}

type letter struct {
	from netip.Addr
	at   time.Time
	ttl  int
	packet
	raw [packetLength]byte
}

func newCable() *cable {
	c := &cable{}
	c.boxes = map[netip.Addr]*mailbox{west: {cable: c, own: west}, east: {cable: c, own: east}}
	for _, m := range c.boxes {
		m.bell = make(chan struct{}, 1)
	}
	return c
}

// plug is one end.
type plug struct {
	*cable
	own netip.Addr
}

func (p plug) open() (station, error) { return p.boxes[p.own], nil }

// mailbox is an end's station and what lies there, of one hop and IPv4.
type mailbox struct {
	*cable
	own     netip.Addr
	bell    chan struct{}
	letters []letter
	rules   []rule
	kept    uint64
	stalled time.Time // until when its owner gets no time
	endless bool      // somebody floods it
}

type silent struct{ *mailbox }

func (silent) receive([]byte) (arrival, error) { return arrival{}, errEmpty }

// listen serves one hop of IPv4; the other sockets stay silent.
func (m *mailbox) listen(multihop, v6 bool) (receiver, error) {
	if multihop || v6 {
		return silent{m}, nil
	}
	return m, nil
}

func (m *mailbox) dial(k Key) (io.WriteCloser, error) {
	return pen{plug{m.cable, m.own}, k.Remote}, nil
}
func (m *mailbox) hurry() error { return nil }
func (m *mailbox) Close() error { return nil }

func (m *mailbox) wait(until time.Time, hear bool) error {
	var timer <-chan time.Time
	if !until.IsZero() {
		timer = time.After(time.Until(until))
	}
	select {
	case <-m.bell:
	case <-timer:
	}
	m.mu.Lock()
	stalled := m.stalled
	m.mu.Unlock()
	time.Sleep(time.Until(stalled))
	return nil
}

func (m *mailbox) ring() {
	select {
	case m.bell <- struct{}{}:
	default:
	}
}

func (m *mailbox) receive(b []byte) (arrival, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.endless {
		return arrival{n: 1, from: west, to: m.own, ttl: hops}, nil
	}
	if len(m.letters) == 0 {
		return arrival{}, errEmpty
	}
	l := m.letters[0]
	m.letters = m.letters[1:]
	return arrival{n: copy(b, l.raw[:]), from: l.from, to: m.own, ttl: l.ttl}, nil
}

func (m *mailbox) guard(fence []rule) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rules = fence
	return nil
}

func (m *mailbox) dropped() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.kept
}

// passes is what the kernel does with a fence, roughly.
func (m *mailbox) passes(l letter) bool {
	if m.rules == nil {
		return true
	}
	return slices.ContainsFunc(m.rules, func(r rule) bool { return r.remote == l.from && r.mine == l.yours && l.ttl == hops })
}

type pen struct {
	plug
	to netip.Addr
}

func (p pen) Write(b []byte) (int, error) { return len(b), p.post(p.own, p.to, b, hops) }
func (p pen) Close() error                { return nil }

func (c *cable) post(from, to netip.Addr, b []byte, ttl int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := letter{from: from, at: time.Now(), ttl: ttl}
	copy(l.raw[:], b)
	if why := l.read(b); why != taken {
		return errors.New(reasons[why])
	}
	c.passed = append(c.passed, l)
	m := c.boxes[to]
	switch {
	case c.cut:
	case !m.passes(l):
		m.kept++
	default:
		m.letters = append(m.letters, l)
		m.ring()
	}
	return nil
}

// stall gives the owner of an end no time for a while.
func (c *cable) stall(own netip.Addr, d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.boxes[own].stalled = time.Now().Add(d)
}

// deluge has an end's socket never run empty.
func (c *cable) deluge(own netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.boxes[own].endless = true
}

// since are the letters of one side after a moment.
func (c *cable) since(from netip.Addr, at time.Time) (all []letter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.passed {
		if l.from == from && !l.at.Before(at) {
			all = append(all, l)
		}
	}
	return all
}

func (c *cable) setCut(cut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = cut
}

// side is a running Speaker and what it told.
type side struct {
	*Speaker
	mu   sync.Mutex
	told []Event
}

// listen notes what is told until ctx ends.
func (s *side) listen(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-s.Events():
			s.mu.Lock()
			s.told = append(s.told, e)
			s.mu.Unlock()
		}
	}
}

func (s *side) events() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var words []string
	for _, e := range s.told {
		words = append(words, e.State.String())
	}
	return strings.Join(words, " ")
}

func (s *side) last() Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.told[len(s.told)-1]
}

// pair runs two Speakers on a cable until the bubble's test returns.
func pair(t *testing.T) (c *cable, w, e *side, stop func()) {
	c = newCable()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	make := func(own netip.Addr) *side {
		s := &side{Speaker: newSpeaker(Config{Log: slog.New(slog.DiscardHandler)}, plug{c, own})}
		all.Go(func() {
			if err := s.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		all.Go(func() { s.listen(ctx) })
		return s
	}
	return c, make(west), make(east), func() { cancel(); all.Wait() }
}

func watch(remote netip.Addr, interval time.Duration, multiplier uint8) []Session {
	return []Session{{Key: Key{Remote: remote}, Transmit: interval, Receive: interval, Multiplier: multiplier}}
}

// pass lets fake time go by.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// joined is a pair whose sessions are up.
func joined(t *testing.T, interval time.Duration) (c *cable, w, e *side, stop func()) {
	t.Helper()
	c, w, e, stop = pair(t)
	w.Set(watch(east, interval, 3))
	e.Set(watch(west, interval, 3))
	pass(10 * time.Second)
	if w.events() != "Up" || e.events() != "Up" {
		t.Fatalf("%q and %q", w.events(), e.events())
	}
	return c, w, e, stop
}

func TestTwoNeighboursComeUpSlowlyAndThenSpeakFast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		c, w, _, stop := joined(t, 50*time.Millisecond)
		defer stop()
		for _, l := range c.since(west, start) {
			if l.state != Up && l.desiredTx < time.Second {
				t.Errorf("%v after the start it sends %+v", l.at.Sub(start), l.packet)
			}
		}
		now := time.Now()
		pass(10 * time.Second)
		all := c.since(west, now)
		if n := len(all); n < 200 || n > 267 { // 75 % to 100 % of 50 ms
			t.Errorf("%d packets in 10 s", n)
		}
		for i := range all[1:] {
			if gap := all[i+1].at.Sub(all[i].at); gap < 37500*time.Microsecond || gap > 50*time.Millisecond {
				t.Errorf("a gap of %v", gap)
			}
			if all[i].poll || all[i].final {
				t.Errorf("it still polls: %+v", all[i].packet)
			}
		}
		if s := w.Status()[0]; s.Detect != 150*time.Millisecond || s.Transmit != 50*time.Millisecond || s.Theirs.State != Up || s.Ups != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// TestATallyOutlivesItsSession: each failure ends one, by way of BGP's.
func TestATallyOutlivesItsSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, w, e, stop := joined(t, 50*time.Millisecond)
		defer stop()
		c.setCut(true)
		pass(time.Second)
		w.Set(nil)
		e.Set(nil)
		c.setCut(false)
		pass(10 * time.Second)
		w.Set(watch(east, 50*time.Millisecond, 3))
		e.Set(watch(west, 50*time.Millisecond, 3))
		pass(10 * time.Second)
		if s := w.Status()[0]; s.State != Up || s.Ups != 2 || s.Downs != 1 {
			t.Errorf("%v, up %d times, down %d times", s.State, s.Ups, s.Downs)
		}
	})
}

func TestTalliesAreBounded(t *testing.T) {
	s := newSpeaker(Config{}, nil)
	keep := s.tallyOf(east)
	s.byKey[Key{Remote: east}] = &watched{session: &session{want: Session{Key: Key{Remote: east}}}, tally: keep}
	for i := range 3 * mostTallies {
		s.tallyOf(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}))
	}
	if len(s.tallies) > mostTallies || s.tallyOf(east) != keep {
		t.Errorf("%d tallies, and that of a session is another one", len(s.tallies))
	}
}

func TestSilenceIsNoticedAfterTheDetectionTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, w, e, stop := joined(t, 50*time.Millisecond)
		defer stop()
		c.setCut(true)
		cut := time.Now()
		pass(time.Second)
		for _, s := range []*side{w, e} {
			if got := s.last(); got.State != Down || got.Reason != "control detection time expired" || got.At.Sub(cut) > 150*time.Millisecond {
				t.Errorf("%v after the cut: %+v", got.At.Sub(cut), got)
			}
		}
		c.setCut(false)
		pass(10 * time.Second)
		if w.events() != "Up Down Up" {
			t.Errorf("then %q", w.events())
		}
	})
}

// alarms are the neighbours that a side called dead.
func (s *side) alarms() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.told {
		if e.Reason == DetectionExpired.String() {
			n++
		}
	}
	return n
}

func TestWhatLiesUnreadIsHeardBeforeANeighbourIsCalledDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, w, e, stop := joined(t, 50*time.Millisecond)
		defer stop()
		for range 10 {
			c.stall(west, 90*time.Millisecond) // any longer, and the east would miss us
			pass(time.Second)
		}
		if w.events() != "Up" || e.events() != "Up" {
			t.Errorf("%q and %q", w.events(), e.events())
		}
		c.stall(west, 10*time.Second)
		pass(20 * time.Second)
		if w.alarms() != 0 || e.alarms() != 1 {
			t.Errorf("the one who did not listen gave %d alarms, the other one %d", w.alarms(), e.alarms())
		}
	})
}

func TestAMachineThatWasHaltedListensBeforeItJudges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, w, e, stop := joined(t, 50*time.Millisecond)
		defer stop()
		for halt := 60 * time.Millisecond; halt < 400*time.Millisecond; halt += 7 * time.Millisecond {
			c.setCut(true) // what is under way is lost
			c.stall(west, halt)
			c.stall(east, halt)
			pass(halt)
			c.setCut(false)
			pass(time.Second)
		}
		if w.events() != "Up" || e.events() != "Up" {
			t.Errorf("%q and %q", w.events(), e.events())
		}
	})
}

func TestAFloodKeepsNoDeadNeighbourAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, w, _, stop := joined(t, 50*time.Millisecond)
		defer stop()
		c.deluge(west)
		begin := time.Now()
		pass(time.Second)
		if got := w.last(); got.State != Down || got.At.Sub(begin) > 210*time.Millisecond {
			t.Errorf("%+v after %v", got, got.At.Sub(begin))
		}
		if n := w.Ignored()["short"]; n < 1000 || n > 40*200 {
			t.Errorf("%d packets were looked at in a second", n)
		}
	})
}

func TestAFloodIsKeptOutAndTheSessionStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, w, e, stop := joined(t, 50*time.Millisecond)
		defer stop()
		var b [packetLength]byte
		forged := packet{state: Down, multiplier: 3, mine: 5, yours: 6}
		forged.write(b[:])
		for range 30_000 { // ten a millisecond
			for range 10 {
				if err := c.post(east, west, b[:], hops); err != nil {
					t.Fatal(err)
				}
			}
			pass(time.Millisecond)
		}
		seen := w.Ignored()
		if seen["discriminator"] > 2*tolerable || seen["discriminator"]+seen["flood"] != 300_000 {
			t.Errorf("%v", seen)
		}
		pass(5 * time.Second)
		if c.boxes[west].rules != nil {
			t.Error("the fence stands still")
		}
		if w.events() != "Up" || e.events() != "Up" {
			t.Errorf("%q and %q", w.events(), e.events())
		}
	})
}

func TestANeighbourThatClosesItsSessionHasNotFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, w, e, stop := joined(t, 50*time.Millisecond)
		defer stop()
		e.Set(nil)
		pass(10 * time.Second)
		if got := w.last(); got.State != AdminDown || w.events() != "Up AdminDown" {
			t.Errorf("%+v, %q", got, w.events())
		}
		if n := len(e.Status()); n != 0 {
			t.Errorf("%d sessions are left", n)
		}
		e.Set(watch(west, 50*time.Millisecond, 3))
		pass(10 * time.Second)
		if w.events() != "Up AdminDown Up" {
			t.Errorf("then %q", w.events())
		}
	})
}

func TestNewIntervalsAreAgreedWithoutAnAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, w, e, stop := joined(t, 50*time.Millisecond)
		defer stop()
		for _, interval := range []time.Duration{400 * time.Millisecond, 20 * time.Millisecond} {
			w.Set(watch(east, interval, 3))
			now := time.Now()
			pass(5 * time.Second)
			var polls, finals int
			for _, l := range c.since(west, now) {
				if l.poll {
					polls++
				}
			}
			for _, l := range c.since(east, now) {
				if l.final {
					finals++
				}
			}
			if polls == 0 || finals != polls {
				t.Errorf("%v: %d polls, %d answers", interval, polls, finals)
			}
			if s := w.Status()[0]; s.Transmit != max(interval, 50*time.Millisecond) || s.Detect != 3*max(interval, 50*time.Millisecond) {
				t.Errorf("%v: %+v", interval, s)
			}
		}
		if w.events() != "Up" || e.events() != "Up" {
			t.Errorf("%q and %q", w.events(), e.events())
		}
	})
}

func TestTheSameSessionsTwiceChangeNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, w, _, stop := joined(t, 50*time.Millisecond)
		defer stop()
		now := time.Now()
		for range 100 {
			w.Set(watch(east, 50*time.Millisecond, 3))
		}
		pass(time.Second)
		if n := len(c.since(west, now)); n > 27 {
			t.Errorf("%d packets in a second", n)
		}
	})
}

func TestForgedPacketsAreIgnoredAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, w, _, stop := joined(t, 50*time.Millisecond)
		defer stop()
		mine := c.since(west, time.Time{})[0].mine
		forge := func(from netip.Addr, p packet, ttl int) {
			var b [packetLength]byte
			p.multiplier = 3
			p.write(b[:])
			if err := c.post(from, west, b[:], ttl); err != nil {
				t.Fatal(err)
			}
		}
		for range 1000 {
			forge(east, packet{state: Down, mine: 5, yours: mine}, 64)
			forge(east, packet{state: Down, mine: 5, yours: mine + 1}, 255)
			forge(east, packet{state: Down, mine: 5}, 255)
			forge(netip.MustParseAddr("192.0.2.66"), packet{state: Down, mine: 5, yours: mine}, 255)
			forge(netip.MustParseAddr("192.0.2.66"), packet{state: Down, mine: 5}, 255)
			pass(10 * time.Millisecond)
		}
		pass(time.Second)
		if w.events() != "Up" {
			t.Errorf("%q", w.events())
		}
		ignored := w.Ignored()
		if len(ignored) != 5 {
			t.Errorf("%v", ignored)
		}
		for why, n := range ignored {
			if n != 1000 {
				t.Errorf("%d times %s", n, why)
			}
		}
	})
}

func TestAPacketCostsNoAllocation(t *testing.T) {
	s := newSpeaker(Config{Log: slog.New(slog.DiscardHandler)}, plug{newCable(), west})
	s.Set(watch(east, 50*time.Millisecond, 3))
	w := s.byKey[Key{Remote: east}]
	w.out = pen{plug{newCable(), west}, east}
	p := packet{state: Up, multiplier: 3, mine: 7, yours: w.mine, desiredTx: 50 * time.Millisecond, requiredRx: 50 * time.Millisecond}
	w.state = Up
	w.remote.discriminator = 7
	var b [packetLength]byte
	p.write(b[:])
	from := arrival{n: packetLength, from: east, to: west, ttl: hops}
	if n := testing.AllocsPerRun(1000, func() { s.take(b[:], from, false, time.Now()) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if w.rcvd < 1000 || w.state != Up {
		t.Errorf("%d taken, %v", w.rcvd, w.state)
	}
}

// broken is a network without sockets.
type broken struct{ plug }

func (b broken) open() (station, error) { return brokenStation{b.boxes[b.own]}, nil }

type brokenStation struct{ *mailbox }

func (brokenStation) dial(Key) (io.WriteCloser, error) { return nil, errors.New("no such device") }

func TestANeighbourThatCannotBeReachedSaysWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := newSpeaker(Config{Log: slog.New(slog.DiscardHandler)}, broken{plug{newCable(), west}})
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		s.Set(watch(east, 50*time.Millisecond, 3))
		pass(3 * time.Second)
		if got := s.Status()[0]; got.LastError != "no such device" || got.State != Down {
			t.Errorf("%+v", got)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// occupied is a network whose port another program has at first.
type occupied struct {
	plug
	tries *atomic.Int32
}

func (n occupied) open() (station, error) { return occupiedStation{n.boxes[n.own], n.tries}, nil }

type occupiedStation struct {
	*mailbox
	tries *atomic.Int32
}

func (n occupiedStation) listen(multihop, v6 bool) (receiver, error) {
	if n.tries.Add(1) < 3 {
		return nil, errors.New("address already in use")
	}
	return n.mailbox.listen(multihop, v6)
}

func TestAPortThatAnotherProgramHasIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, e, stop := pair(t)
		defer stop()
		ctx, cancel := context.WithCancel(t.Context())
		s := newSpeaker(Config{Log: slog.New(slog.DiscardHandler)}, occupied{plug{c, west}, new(atomic.Int32)})
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		go func() {
			for {
				select {
				case <-ctx.Done():
					return
				case <-s.Events():
				}
			}
		}()
		s.Set(watch(east, 50*time.Millisecond, 3))
		e.Set(watch(west, 50*time.Millisecond, 3))
		pass(30 * time.Second)
		if got := s.Status()[0]; got.State != Up {
			t.Errorf("%+v", got)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
