package bfd

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
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
	late   bool // what comes to the west lies unread
	unread []letter
	boxes  map[netip.Addr]chan letter
	passed []letter
}

type letter struct {
	from netip.Addr
	to   netip.Addr
	at   time.Time
	ttl  int
	packet
	raw [packetLength]byte
}

func newCable() *cable {
	return &cable{boxes: map[netip.Addr]chan letter{west: make(chan letter, 1000), east: make(chan letter, 1000)}}
}

// plug is one end.
type plug struct {
	*cable
	own netip.Addr
}

// listen serves one hop of IPv4; the other sockets stay silent.
func (p plug) listen(multihop, v6 bool) (receiver, error) {
	box := make(chan letter)
	if !multihop && !v6 {
		box = p.boxes[p.own]
	}
	return &mailbox{box: box, own: p.own, full: p.full, closed: make(chan struct{})}, nil
}

func (p plug) dial(k Key) (io.WriteCloser, error) { return pen{p, k.Remote}, nil }

type pen struct {
	plug
	to netip.Addr
}

func (p pen) Write(b []byte) (int, error) { return len(b), p.post(p.own, p.to, b, 255) }
func (p pen) Close() error                { return nil }

func (c *cable) post(from, to netip.Addr, b []byte, ttl int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := letter{from: from, at: time.Now(), ttl: ttl}
	copy(l.raw[:], b)
	if err := l.read(b); err != nil {
		return err
	}
	c.passed = append(c.passed, l)
	l.to = to
	switch {
	case c.late && to == west:
		c.unread = append(c.unread, l)
	case !c.cut:
		c.boxes[to] <- l
	}
	return nil
}

// busy has what comes to the west lie unread, or be read at last.
func (c *cable) busy(late bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.late = late
	for _, l := range c.unread {
		if !late {
			c.boxes[l.to] <- l
		}
	}
}

func (c *cable) full() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.late && len(c.unread) > 0
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

type mailbox struct {
	box    chan letter
	own    netip.Addr
	once   sync.Once
	closed chan struct{}
	full   func() bool // says that something lies unread
}

func (m *mailbox) receive(b []byte) (arrival, error) {
	select {
	case l := <-m.box:
		return arrival{n: copy(b, l.raw[:]), from: netip.AddrPortFrom(l.from, 50000), to: m.own, ttl: l.ttl}, nil
	case <-m.closed:
		return arrival{}, net.ErrClosed
	}
}

func (m *mailbox) waiting() bool { return m.full != nil && m.full() }

func (m *mailbox) Close() error {
	m.once.Do(func() { close(m.closed) })
	return nil
}

// side is a running Speaker and what it told.
type side struct {
	*Speaker
	mu   sync.Mutex
	told []Event
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
		all.Go(func() {
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
		})
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
		if s := w.Status()[0]; s.Detect != 150*time.Millisecond || s.Transmit != 50*time.Millisecond || s.RemoteState != Up || s.Ups != 1 {
			t.Errorf("%+v", s)
		}
	})
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

// deadline is when the one session of s is declared dead.
func deadline(s *side) time.Time {
	s.Speaker.mu.Lock()
	defer s.Speaker.mu.Unlock()
	for _, w := range s.byKey {
		return w.detectAt
	}
	return time.Time{}
}

func TestAPacketThatLiesUnreadIsNoSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, w, e, stop := joined(t, 50*time.Millisecond)
		defer stop()
		c.busy(true)
		pass(time.Until(deadline(w)) + 20*time.Millisecond)
		c.busy(false)
		pass(time.Second)
		if w.events() != "Up" || e.events() != "Up" {
			t.Errorf("%q and %q", w.events(), e.events())
		}
		c.busy(true)
		busy := time.Now()
		pass(time.Second)
		if got := w.last(); got.State != Down || got.At.Sub(busy) > 200*time.Millisecond {
			t.Errorf("somebody who floods the socket keeps it up: %+v after %v", got, got.At.Sub(busy))
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
			synctest.Wait()
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
	from := arrival{n: packetLength, from: netip.AddrPortFrom(east, 50000), to: west, ttl: 255}
	if n := testing.AllocsPerRun(1000, func() { s.take(b[:], from, false) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if w.rcvd < 1000 || w.state != Up {
		t.Errorf("%d taken, %v", w.rcvd, w.state)
	}
}

// broken is a network without sockets.
type broken struct{ plug }

func (broken) dial(Key) (io.WriteCloser, error) { return nil, errors.New("no such device") }

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

// taken is a network whose port another program has at first.
type taken struct {
	plug
	tries *atomic.Int32
}

func (n taken) listen(multihop, v6 bool) (receiver, error) {
	if !multihop && !v6 && n.tries.Add(1) < 3 {
		return nil, errors.New("address already in use")
	}
	return n.plug.listen(multihop, v6)
}

func TestAPortThatAnotherProgramHasIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, e, stop := pair(t)
		defer stop()
		ctx, cancel := context.WithCancel(t.Context())
		s := newSpeaker(Config{Log: slog.New(slog.DiscardHandler)}, taken{plug{c, west}, new(atomic.Int32)})
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
