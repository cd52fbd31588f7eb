package bfd

import (
	"container/heap"
	"context"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Speaker watches neighbours. Its methods may be called from any goroutine.
type Speaker struct {
	log    *slog.Logger
	net    network
	events chan Event
	wake   chan struct{} // the first deadline is another one
	news   chan struct{} // pending is not empty
	needed chan struct{} // closed when there is a session

	mu      sync.Mutex
	byKey   map[Key]*watched
	byMine  map[uint32]*watched
	agenda  agenda
	inboxes []receiver
	ignored Ignored
	pending []Event // not yet told
	buffer  [packetLength]byte
}

// watched is a session with its socket.
type watched struct {
	*session
	out     io.WriteCloser
	at      int // in the agenda; -1 when nothing is due
	sent    uint64
	rcvd    uint64
	ups     uint64
	downs   uint64
	failure string
}

// New returns a Speaker that has started nothing.
func New(c Config) *Speaker { return newSpeaker(c, udp{}) }

func newSpeaker(c Config, n network) *Speaker {
	return &Speaker{
		log: c.Log, net: n,
		events: make(chan Event), wake: make(chan struct{}, 1), news: make(chan struct{}, 1), needed: make(chan struct{}),
		byKey: map[Key]*watched{}, byMine: map[uint32]*watched{}, ignored: Ignored{},
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
	w := &watched{session: newSession(want, s.discriminator(), now), at: -1}
	s.byKey[want.Key], s.byMine[w.mine] = w, w
	s.need()
	s.schedule(w)
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
}

// ring wakes the goroutine that waits for the first deadline.
func (s *Speaker) ring() {
	select {
	case s.wake <- struct{}{}:
	default: // it rings already
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
	return Status{
		Session: w.want, State: w.state, Since: w.since, RemoteState: w.remote.state,
		Diagnostic: w.diagnostic, RemoteDiagnostic: w.remote.diagnostic,
		Transmit: w.interval(), Detect: w.detection(),
		Sent: w.sent, Received: w.rcvd, Ups: w.ups, Downs: w.downs, LastError: w.failure,
	}
}

// Ignored are the packets that were for no session.
func (s *Speaker) Ignored() Ignored {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.ignored)
}

// Run speaks until ctx ends, which is no error; the sessions are closed then
// without a word, as for a restart. No socket is opened before there is a
// session: another program on the machine may speak BFD.
func (s *Speaker) Run(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-s.needed:
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, multihop := range []bool{false, true} {
		for _, v6 := range []bool{false, true} {
			group.Go(func() error { return s.hear(ctx, multihop, v6) })
		}
	}
	group.Go(func() error { return s.keepTime(ctx) })
	group.Go(func() error { return s.tell(ctx) })
	err := group.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.byKey {
		s.drop(w)
	}
	return err
}

// retry is the pause before a socket that cannot be had is tried again: another
// program may have the port.
const retry = 5 * time.Second

// hear takes packets from one port in one family until ctx ends.
func (s *Speaker) hear(ctx context.Context, multihop, v6 bool) error {
	said := ""
	for {
		err := s.read(ctx, multihop, v6)
		if ctx.Err() != nil {
			return nil
		}
		if said != err.Error() {
			said = err.Error()
			s.log.Warn("bfd hears nothing, it is tried again", "multihop", multihop, "ipv6", v6, "error", err)
		}
		timer := time.NewTimer(retry)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

// read takes packets from a socket of its own until that fails or ctx ends.
func (s *Speaker) read(ctx context.Context, multihop, v6 bool) error {
	r, err := s.net.listen(multihop, v6)
	if err != nil {
		return err
	}
	s.setInboxes(func(all []receiver) []receiver { return append(all, r) })
	defer s.setInboxes(func(all []receiver) []receiver {
		return slices.DeleteFunc(all, func(o receiver) bool { return o == r })
	})
	defer r.Close()
	stop := context.AfterFunc(ctx, func() { r.Close() })
	defer stop()
	b := make([]byte, 256)
	for {
		from, err := r.receive(b)
		if err != nil {
			return err
		}
		s.take(b[:from.n], from, multihop)
	}
}

func (s *Speaker) setInboxes(change func([]receiver) []receiver) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inboxes = change(s.inboxes)
}

// take gives a packet to its session.
func (s *Speaker) take(b []byte, from arrival, multihop bool) {
	var p packet
	err := p.read(b)
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.ignored[err.Error()]++
		return
	}
	w, why := s.find(&p, from, multihop)
	if w == nil {
		s.ignored[why]++
		return
	}
	w.rcvd++
	before := w.state
	if w.receive(&p, now) {
		s.send(w, true)
	}
	if w.state != before {
		s.changed(w, before, now)
		s.flush(w, now)
	}
	first := len(s.agenda) > 0 && w.at == 0
	s.schedule(w)
	if first || w.at == 0 {
		s.ring()
	}
}

// find says whose packet it is (RFC 5880 §6.3, RFC 5881 §5).
func (s *Speaker) find(p *packet, from arrival, multihop bool) (*watched, string) {
	if !multihop && from.ttl != 255 {
		return nil, "TTL below 255: not from a neighbour on the same network"
	}
	if p.yours != 0 {
		w := s.byMine[p.yours]
		switch {
		case w == nil:
			return nil, "discriminator of no session"
		case w.want.Multihop != multihop || w.want.Remote != from.from.Addr():
			return nil, "from another address than the session's neighbour"
		case w.state == AdminDown:
			return nil, "session closed"
		}
		return w, ""
	}
	w := s.byKey[Key{Remote: from.from.Addr(), Local: from.to, Multihop: multihop}]
	if w == nil {
		w = s.byKey[Key{Remote: from.from.Addr(), Multihop: multihop}]
	}
	switch {
	case w == nil:
		return nil, "from nobody who is watched"
	case w.state == AdminDown:
		return nil, "session closed"
	case w.state == Up && w.remote.discriminator != p.mine:
		// A neighbour that began anew: it will say so with our discriminator,
		// or fall silent. Whoever forges its address must not end the session.
		return nil, "another discriminator than the session's neighbour has"
	}
	return w, ""
}

// changed counts and tells a change of state.
func (s *Speaker) changed(w *watched, before State, now time.Time) {
	event := Event{Key: w.want.Key, State: w.state, At: now}
	switch {
	case w.state == Up:
		w.ups++
	case before != Up:
		return
	default:
		w.downs++
		event.Reason = w.diagnostic.String()
		if w.diagnostic == NeighborDown && w.remote.state == AdminDown {
			event.State, event.Reason = AdminDown, "closed by the neighbor"
		}
	}
	s.log.Info("bfd", "peer", w.want.Remote, "state", event.State.String(), "reason", event.Reason)
	s.pending = append(s.pending, event)
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// send sends one packet. What the socket says is kept for Status: a neighbour
// that cannot be reached is the session's own business.
func (s *Speaker) send(w *watched, final bool) {
	if w.out == nil {
		out, err := s.net.dial(w.want.Key)
		if err != nil {
			w.failure = err.Error()
			return
		}
		w.out = out
	}
	p := w.packet(final)
	p.write(s.buffer[:])
	if _, err := w.out.Write(s.buffer[:]); err != nil {
		w.failure = err.Error()
		return
	}
	w.failure = ""
	w.sent++
}

// flush sends what a change of state made due.
func (s *Speaker) flush(w *watched, now time.Time) {
	if send, _ := w.tick(now); send {
		s.send(w, false)
	}
}

// keepTime does what is due, when it is due.
func (s *Speaker) keepTime(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.wake:
		case <-timer.C:
		}
		if next := s.work(); next.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(time.Until(next))
		}
	}
}

// work does all that is due and returns when more will be.
func (s *Speaker) work() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for len(s.agenda) > 0 && !now.Before(s.agenda[0].due) {
		w := s.agenda[0].w
		before := w.state
		if due, deaf := w.overdue(now); due && (deaf || s.unread()) {
			w.doubt(now)
		}
		send, over := w.tick(now)
		if over {
			s.drop(w)
			continue
		}
		if w.state != before {
			s.changed(w, before, now)
		}
		if send {
			s.send(w, false)
		}
		s.schedule(w)
	}
	if len(s.agenda) == 0 {
		return time.Time{}
	}
	return s.agenda[0].due
}

// unread reports whether a packet lies in a socket.
func (s *Speaker) unread() bool {
	for _, r := range s.inboxes {
		if r.waiting() {
			return true
		}
	}
	return false
}

// tell hands over the events, in order. Nobody waits for a slow reader but the
// events themselves.
func (s *Speaker) tell(ctx context.Context) error {
	for {
		event, ok := s.next()
		if !ok {
			select {
			case <-ctx.Done():
				return nil
			case <-s.news:
			}
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case s.events <- event:
		}
	}
}

func (s *Speaker) next() (Event, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pending) == 0 {
		return Event{}, false
	}
	event := s.pending[0]
	s.pending = s.pending[1:]
	return event, true
}
