package bfd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"
)

// door is a port in one family. It opens when the first session needs it.
type door struct {
	multihop, v6 bool
	wanted       bool
	receiver
	again time.Time // when a port that could not be had is tried again
	said  string    // what was wrong with it
	bare  bool      // it has no fence, and that was said
	kept  uint64    // packets that it did not let in, of receivers that are closed
}

func doors() (all [4]door) {
	for i := range all {
		all[i].multihop, all[i].v6 = i&1 != 0, i&2 != 0
	}
	return all
}

// door is where the packets of a session come in.
func (s *Speaker) door(k Key) *door {
	i := 0
	if k.Multihop {
		i = 1
	}
	if k.Remote.Is6() {
		i += 2
	}
	return &s.doors[i]
}

// watch is the one goroutine that hears, sends and keeps the time: whatever else
// the program does, nothing is handed from one to another before a packet goes
// out.
func (s *Speaker) watch(ctx context.Context) error {
	st, err := s.net.open()
	if err != nil {
		return fmt.Errorf("bfd: %w", err)
	}
	if err := st.hurry(); err != nil {
		s.log.Info("bfd waits its turn like every other program", "error", err)
	}
	s.setStation(st)
	defer context.AfterFunc(ctx, st.ring)()
	for ctx.Err() == nil {
		next, hear := s.round()
		if err = st.wait(next, hear); err != nil {
			break
		}
	}
	s.setStation(nil)
	if err = errors.Join(err, st.Close()); err != nil {
		return fmt.Errorf("bfd: %w", err)
	}
	return nil
}

func (s *Speaker) setStation(st station) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.station = st
	for i := range s.doors {
		if d := &s.doors[i]; st == nil && d.receiver != nil {
			d.kept += d.dropped()
			d.receiver = nil // the station closes it
		}
	}
}

// breath is how long nothing is read after more came than there is to expect:
// what a flood can cost is bounded.
const breath = 5 * time.Millisecond

// round hears, then does what is due. It returns when there is more to do, and
// whether packets are to be heard before.
func (s *Speaker) round() (next time.Time, hear bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if !s.asked.IsZero() && now.Sub(s.asked) > late {
		s.deaf = now
	}
	again := s.openDoors(now)
	full := false
	if !now.Before(s.flood.breathe) {
		full = s.hear()
		now = time.Now()
	}
	if full {
		s.deaf, s.flood.breathe = now, now.Add(breath)
	}
	next = s.work(now)
	hear = !now.Before(s.flood.breathe)
	if !hear {
		again = earlier(again, s.flood.breathe)
	}
	s.asked = earlier(next, earlier(again, s.fence(now, full)))
	return s.asked, hear
}

// late is how much later than asked for a clock may come on a machine that has
// time for us.
const late = 10 * time.Millisecond

// earlier of two times, of which zero is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// retry is the pause before a socket that cannot be had is tried again: another
// program may have the port.
const retry = 5 * time.Second

// openDoors opens what is wanted and returns when to try again.
func (s *Speaker) openDoors(now time.Time) (again time.Time) {
	for i := range s.doors {
		d := &s.doors[i]
		if !d.wanted || d.receiver != nil {
			continue
		}
		if !now.Before(d.again) {
			s.openDoor(d, now)
		}
		if d.receiver == nil {
			again = earlier(again, d.again)
		}
	}
	return again
}

func (s *Speaker) openDoor(d *door, now time.Time) {
	r, err := s.station.listen(d.multihop, d.v6)
	if err == nil {
		d.receiver, d.said, s.flood.stale = r, "", true
		return
	}
	d.again = now.Add(retry)
	s.mute(d, err)
}

// mute says once what is wrong with a port.
func (s *Speaker) mute(d *door, err error) {
	if d.said != err.Error() {
		d.said = err.Error()
		s.remark(slog.LevelWarn, "bfd hears nothing, it is tried again", "multihop", d.multihop, "ipv6", d.v6, "error", err)
	}
}

// hear takes what lies in the sockets, and reports whether it left something.
func (s *Speaker) hear() (full bool) {
	most := 32 + 2*len(s.byKey)
	for i := range s.doors {
		d := &s.doors[i]
		if d.receiver == nil {
			continue
		}
		n := 0
		for ; n < most && d.receiver != nil; n++ {
			if !s.hearOne(d) {
				break
			}
		}
		full = full || n == most
	}
	return full
}

func (s *Speaker) hearOne(d *door) bool {
	from, err := d.receive(s.letter[:])
	switch {
	case errors.Is(err, errEmpty):
		return false
	case err != nil:
		now := time.Now()
		d.kept += d.dropped()
		s.mute(d, errors.Join(err, d.Close()))
		d.receiver, d.again = nil, now.Add(retry)
		return false
	}
	s.take(s.letter[:from.n], from, d.multihop, time.Now())
	return true
}

// take gives a packet to its session.
func (s *Speaker) take(b []byte, from arrival, multihop bool, now time.Time) {
	var p packet
	if why := p.read(b); why != taken {
		s.ignore(why)
		return
	}
	w, why := s.find(&p, from, multihop)
	if w == nil {
		s.ignore(why)
		return
	}
	w.rcvd++
	before, theirs := w.state, w.remote.discriminator
	if w.receive(&p, now) {
		s.send(w, true)
	}
	if w.state != before {
		s.changed(w, before, now)
		s.flush(w, now)
	}
	if w.state != before || w.remote.discriminator != theirs {
		s.flood.stale = true
	}
	s.schedule(w)
}

func (s *Speaker) ignore(why reason) {
	s.ignored[why]++
	s.flood.strays++
}

// find says whose packet it is (RFC 5880 §6.3, RFC 5881 §5, RFC 5883 §4).
func (s *Speaker) find(p *packet, from arrival, multihop bool) (*watched, reason) {
	if !multihop && from.ttl != hops {
		return nil, farTTL
	}
	if p.yours != 0 {
		w := s.byMine[p.yours]
		switch {
		case w == nil:
			return nil, otherDiscriminator
		case w.want.Multihop != multihop || w.want.Remote != from.from:
			return nil, otherAddress
		case w.state == AdminDown:
			return nil, closed
		}
		return w, taken
	}
	w := s.byAddress(from.from, from.to, multihop)
	switch {
	case w == nil:
		return nil, unwatched
	case w.state == AdminDown:
		return nil, closed
	case w.state == Up && w.remote.discriminator != p.mine:
		// A neighbour that began anew: it will say so with our discriminator,
		// or fall silent. Whoever forges its address must not end the session.
		return nil, otherNeighbor
	}
	return w, taken
}

// byAddress is the session of a packet that does not know our discriminator.
func (s *Speaker) byAddress(from, to netip.Addr, multihop bool) *watched {
	if w := s.byKey[Key{Remote: from, Local: to, Multihop: multihop}]; w != nil {
		return w
	}
	return s.byKey[Key{Remote: from, Multihop: multihop}]
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
		switch {
		case w.diagnostic != NeighborDown:
		case w.remote.state == AdminDown:
			event.State, event.Reason = AdminDown, "closed by the neighbor"
		case w.remote.diagnostic != NoDiagnostic:
			event.Reason += ": " + w.remote.diagnostic.String()
		}
	}
	s.pending = append(s.pending, event)
	s.call()
}

// send sends one packet. What the socket says is kept for Status: a neighbour
// that cannot be reached is the session's own business.
func (s *Speaker) send(w *watched, final bool) {
	if w.out == nil {
		out, err := s.station.dial(w.want.Key)
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

// work does all that is due and returns when more will be.
func (s *Speaker) work(now time.Time) time.Time {
	for len(s.agenda) > 0 && !now.Before(s.agenda[0].due) {
		w := s.agenda[0].w
		before := w.state
		w.doubt(s.deaf, now)
		send, over := w.tick(now)
		if over {
			if send {
				s.send(w, false)
			}
			s.drop(w)
			continue
		}
		if w.state != before {
			s.changed(w, before, now)
			s.flood.stale = true
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
