package bfd

import (
	"container/heap"
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Speaker watches neighbours. Its methods may be called from any goroutine.
type Speaker struct {
	log    *slog.Logger
	net    network
	chance func() float64
	events chan Event
	news   chan struct{} // pending is not empty
	needed chan struct{} // closed when there is a session

	mu      sync.Mutex
	station station // nil while nothing runs
	doors   [4]door
	byKey   map[Key]*watched
	byMine  map[uint32]*watched
	tallies map[netip.Addr]*tally // of those who have no session now, too
	agenda  agenda
	ignored [reasonCount]uint64
	flood   flood
	asked   time.Time // when the next round is due
	deaf    time.Time // until when not all was heard that came
	pending []Event   // not yet told
	remarks []remark  // not yet logged
	buffer  [packetLength]byte
	letter  [256]byte // what was read last
}

// watched is a session with its socket.
type watched struct {
	*session
	out     io.WriteCloser
	at      int // in the agenda; -1 when nothing is due
	sent    uint64
	rcvd    uint64
	failure string
	*tally
}

// tally is how often a neighbour came and went. It outlives its sessions: each
// failure ends one.
type tally struct{ ups, downs uint64 }

// mostTallies is how many are kept; beyond it those without a session go.
const mostTallies = 1024

// New returns a Speaker that has started nothing.
func New(c Config) *Speaker {
	if c.Network != nil {
		return newSpeaker(c, elsewhere{c.Network})
	}
	return newSpeaker(c, udp{})
}

func newSpeaker(c Config, n network) *Speaker {
	if c.Chance == nil {
		c.Chance = rand.Float64
	}
	return &Speaker{
		log: c.Log, net: n, chance: c.Chance,
		events: make(chan Event), news: make(chan struct{}, 1), needed: make(chan struct{}),
		doors: doors(), byKey: map[Key]*watched{}, byMine: map[uint32]*watched{},
		tallies: map[netip.Addr]*tally{},
	}
}

// Events are told in order. Whoever runs a Speaker must read them.
func (s *Speaker) Events() <-chan Event { return s.events }

// Set says which sessions there are from now on. A session that is in all
// again stays up, with new intervals if they differ; one that is missing is
// closed in order.
func (s *Speaker) Set(all []Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	wanted := map[Key]bool{}
	for _, want := range all {
		wanted[want.Key] = true
		w := s.byKey[want.Key]
		switch {
		case w == nil:
			s.add(want, now)
		case !w.leaveAt.IsZero(): // it was on its way out
			s.drop(w)
			s.add(want, now)
		case w.want != want:
			w.change(want, now)
			s.schedule(w)
		}
	}
	for key, w := range s.byKey {
		if !wanted[key] && w.leaveAt.IsZero() {
			w.leave(now)
			s.schedule(w)
		}
	}
	s.ring()
}

func (s *Speaker) add(want Session, now time.Time) {
	w := &watched{session: newSession(want, s.discriminator(), s.chance, now), at: -1, tally: s.tallyOf(want.Remote)}
	s.byKey[want.Key], s.byMine[w.mine] = w, w
	s.door(want.Key).wanted = true
	s.flood.stale = true
	s.need()
	s.schedule(w)
}

func (s *Speaker) tallyOf(remote netip.Addr) *tally {
	if len(s.tallies) >= mostTallies {
		s.tallies = map[netip.Addr]*tally{}
		for _, w := range s.byKey {
			s.tallies[w.want.Remote] = w.tally
		}
	}
	t := s.tallies[remote]
	if t == nil {
		t = &tally{}
		s.tallies[remote] = t
	}
	return t
}

// need opens the sockets, the first time; s.mu is held.
func (s *Speaker) need() {
	select {
	case <-s.needed:
	default:
		close(s.needed)
	}
}

// discriminator is a number that nobody can guess and no session has.
func (s *Speaker) discriminator() uint32 {
	for {
		if n := rand.Uint32(); n != 0 && s.byMine[n] == nil {
			return n
		}
	}
}

func (s *Speaker) drop(w *watched) {
	delete(s.byKey, w.want.Key)
	delete(s.byMine, w.mine)
	if w.at >= 0 {
		heap.Remove(&s.agenda, w.at)
	}
	if w.out != nil {
		w.out.Close() // nothing is in flight that matters
	}
	s.flood.stale = true
}

// ring wakes the goroutine that waits for packets and deadlines; s.mu is held.
func (s *Speaker) ring() {
	if s.station != nil {
		s.station.ring()
	}
}

// schedule puts w where its next deadline belongs.
func (s *Speaker) schedule(w *watched) {
	due := w.due()
	switch {
	case due.IsZero() && w.at >= 0:
		heap.Remove(&s.agenda, w.at)
	case due.IsZero():
	case w.at < 0:
		heap.Push(&s.agenda, entry{due, w})
	default:
		s.agenda[w.at].due = due
		heap.Fix(&s.agenda, w.at)
	}
}

// Status of every session, in no order.
func (s *Speaker) Status() []Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Status, 0, len(s.byKey))
	for _, w := range s.byKey {
		if w.leaveAt.IsZero() {
			all = append(all, w.status())
		}
	}
	return all
}

func (w *watched) status() Status {
	r := &w.remote
	return Status{
		Session: w.want, State: w.state, Since: w.since, Diagnostic: w.diagnostic, Discriminator: w.mine,
		Theirs: Theirs{
			State: r.state, Diagnostic: r.diagnostic, Discriminator: r.discriminator,
			Multiplier: r.multiplier, Transmit: r.desiredTx, Receive: r.requiredRx,
		},
		Transmit: w.interval(), Detect: w.detection(),
		Sent: w.sent, Received: w.rcvd, Ups: w.ups, Downs: w.downs, LastError: w.failure,
	}
}

// Ignored are the packets that were for no session.
func (s *Speaker) Ignored() Ignored {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := Ignored{}
	for i, n := range s.ignored {
		if reason(i) == flooded {
			n += s.kept()
		}
		if n > 0 {
			all[reasons[i]] = n
		}
	}
	return all
}

// Run speaks until ctx ends, which is no error; the sessions are closed then
// without a word, as for a restart. No socket is opened before there is a
// session for it: another program on the machine may speak BFD.
func (s *Speaker) Run(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-s.needed:
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.watch(ctx) })
	group.Go(func() error { return s.tell(ctx) })
	err := group.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.byKey {
		s.drop(w)
	}
	return err
}

// tell writes down and hands over the events, in order. Nobody waits for a slow
// log or reader but the events themselves.
func (s *Speaker) tell(ctx context.Context) error {
	for {
		event, ok, remarks := s.next()
		for _, r := range remarks {
			s.log.Log(ctx, r.level, r.text, r.args...)
		}
		if !ok {
			select {
			case <-ctx.Done():
				return nil
			case <-s.news:
			}
			continue
		}
		s.log.Info("bfd", "peer", event.Remote, "state", event.State.String(), "reason", event.Reason)
		select {
		case <-ctx.Done():
			return nil
		case s.events <- event:
		}
	}
}

// call has tell look.
func (s *Speaker) call() {
	select {
	case s.news <- struct{}{}:
	default: // it will
	}
}

// remark is a line for the log.
type remark struct {
	level slog.Level
	text  string
	args  []any
}

// remark has tell log a line; s.mu is held. Whoever calls it does so seldom: once
// for each thing that is wrong, or begins.
func (s *Speaker) remark(level slog.Level, text string, args ...any) {
	s.remarks = append(s.remarks, remark{level, text, args})
	s.call()
}

// next event, if there is one, and what is to be logged before it.
func (s *Speaker) next() (_ Event, ok bool, remarks []remark) {
	s.mu.Lock()
	defer s.mu.Unlock()
	remarks, s.remarks = s.remarks, nil
	if len(s.pending) == 0 {
		return Event{}, false, remarks
	}
	event := s.pending[0]
	s.pending = s.pending[1:]
	return event, true, remarks
}
