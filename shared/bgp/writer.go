package bgp

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/osrg/gobgp/v3/pkg/packet/bgp"
)

// writeBuffer bounds what is encoded ahead of the socket.
const writeBuffer = 16 << 10

// writer is the sending half of a session from OpenConfirm on: keepalives, and
// once it is Established, routes. It works from the newest table only, so that
// a slow peer has no queue behind it, just a difference.
type writer struct {
	c    *conn
	wake chan struct{} // something below changed
	rib  outbound

	mu      sync.Mutex
	up      bool
	ask     bool     // send a keepalive now
	refresh []Family // to be told once more
	request bool     // ask the peer to tell everything again
	// For the status.
	announced, queued, withheld int
	why                         string
}

func newWriter(c *conn) *writer {
	return &writer{
		c:    c,
		wake: make(chan struct{}, 1),
		rib: outbound{
			terms: c.terms, self: c.conf.Settings, local: c.local.Addr(), peer: c.conf.Address,
			sibling: c.peer.s.net.sibling,
			have:    make(map[netip.Prefix]*block),
		},
	}
}

// start lets routes flow.
func (w *writer) start() {
	w.mu.Lock()
	w.up = true
	w.mu.Unlock()
	w.nudge()
}

// probe sends a keepalive out of turn: when the peer's host was restarted and
// knows the connection no more, its answer ends the session at once.
func (w *writer) probe() {
	w.mu.Lock()
	w.ask = true
	w.mu.Unlock()
	w.nudge()
}

// again asks for a family to be told once more.
func (w *writer) again(f Family) {
	w.mu.Lock()
	if !slices.Contains(w.refresh, f) {
		w.refresh = append(w.refresh, f)
	}
	w.mu.Unlock()
	w.nudge()
}

// nudge makes the writer look at the table again. It never blocks.
func (w *writer) nudge() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *writer) run() {
	err := w.loop()
	if quiet(err) {
		// The reader meets the same end, and before it perhaps a NOTIFICATION.
		sleepUntil(w.c.dead, farewell)
	}
	if err != nil {
		w.c.end(err)
	}
}

func sleepUntil(done <-chan struct{}, most time.Duration) {
	t := time.NewTimer(most)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	}
}

func (w *writer) loop() error {
	var told *table // whose difference was sent last
	first := true   // End-of-RIB is still to come
	timer := time.NewTimer(never)
	defer timer.Stop()
	w.rearm(timer)
	search := time.NewTimer(never) // for a next hop that is missing
	defer search.Stop()
	for {
		due := false
		select {
		case <-w.c.dead:
			return nil
		case <-timer.C:
			due = true
		case <-search.C:
			told = nil // the next hop that was missing may be there now
		case <-w.wake:
		}
		up, ask, refresh, request := w.taken()
		if due || ask {
			if err := w.c.write(keepaliveMessage, bgp.BGP_MSG_KEEPALIVE); err != nil {
				return err
			}
		}
		if t := w.c.peer.s.table.Load(); up && t != nil && (t != told || len(refresh) > 0) {
			if err := w.tell(told, t, refresh); err != nil {
				return err
			}
			if first {
				if err := w.finish(); err != nil {
					return err
				}
			}
			told, first = t, false
			if w.missing() {
				search.Reset(searchEvery)
			}
		}
		if request {
			if err := w.askAgain(); err != nil {
				return err
			}
		}
		if due || ask {
			w.rearm(timer)
		}
	}
}

// searchEvery is the pause before a next hop that is missing is looked for
// again.
const searchEvery = 10 * time.Second

// never is a keepalive interval for a session without keepalives.
const never = 1 << 62

// rearm restarts the keepalive timer (RFC 4271 §4.4), jittered as §10 wants.
func (w *writer) rearm(t *time.Timer) {
	if w.c.terms.keepalive == 0 {
		t.Reset(never)
		return
	}
	t.Reset(w.c.peer.s.jitter(w.c.terms.keepalive))
}

// taken takes over what others asked for.
func (w *writer) taken() (up, ask bool, refresh []Family, request bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	up, ask, w.ask = w.up, w.ask, false
	if up {
		refresh, w.refresh = w.refresh, nil
		request, w.request = w.request, false
	}
	return up, ask, refresh, request
}

func (w *writer) missing() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.withheld > 0
}

// tell sends the difference between the table and what was told; told is the
// table that was told last, if nothing of it was withheld.
func (w *writer) tell(told, t *table, again []Family) error {
	var p plan
	if len(again) > 0 || w.missing() {
		p = w.rib.plan(t.all, again)
	} else {
		p = w.rib.step(told, t)
	}
	w.rib.blocks = p.blocks
	s := &sender{w: w, left: p.size()}
	w.show(s.left, p.withheld, p.why)
	for rest := p.withdraw; len(rest) > 0; {
		msg, n := packWithdraw(rest, w.c.terms.longestSent())
		if err := s.add(msg, n); err != nil {
			return err
		}
		for _, prefix := range rest[:n] {
			delete(w.rib.have, prefix)
		}
		rest = rest[n:]
	}
	for _, g := range p.tell {
		for len(g.prefixes) > 0 {
			msg, n := packTell(g, w.c.terms.longestSent())
			if err := s.add(msg, n); err != nil {
				return err
			}
			for _, prefix := range g.prefixes[:n] {
				w.rib.have[prefix] = g.block
			}
			g.prefixes = g.prefixes[n:]
		}
	}
	return s.flush()
}

// finish sends End-of-RIB for every family after the first full table
// (RFC 4724 §2).
func (w *writer) finish() error {
	for _, f := range w.c.terms.families {
		if err := w.c.write(endOfRIB(f), bgp.BGP_MSG_UPDATE); err != nil {
			return err
		}
	}
	return nil
}

// show leaves numbers for the status.
func (w *writer) show(queued, withheld int, why string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.announced, w.queued, w.withheld, w.why = len(w.rib.have), queued, withheld, why
}

// sender joins messages into few writes.
type sender struct {
	w     *writer
	buf   []byte
	kinds []byte
	left  int // prefixes
	n     int // prefixes in buf
}

func (s *sender) add(msg []byte, n int) error {
	if len(s.buf)+len(msg) > writeBuffer {
		if err := s.flush(); err != nil {
			return err
		}
	}
	s.buf, s.kinds, s.n = append(s.buf, msg...), append(s.kinds, bgp.BGP_MSG_UPDATE), s.n+n
	return nil
}

func (s *sender) flush() error {
	if len(s.buf) > 0 {
		if err := s.w.c.write(s.buf, s.kinds...); err != nil {
			return err
		}
	}
	s.left -= s.n
	s.buf, s.kinds, s.n = s.buf[:0], s.kinds[:0], 0
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	s.w.announced, s.w.queued = len(s.w.rib.have), s.left
	return nil
}
