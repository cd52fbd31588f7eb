package daemon

import (
	"errors"
	"net/netip"
	"time"

	"github.com/hawser-lb/hawser/router/internal/fib"
	"github.com/hawser-lb/hawser/router/internal/kernel"
	"github.com/hawser-lb/hawser/router/internal/rib"
)

const (
	// auditEvery is how often the kernel is read back for no reason.
	auditEvery = time.Minute
	// readPause lies between two readings that changes ask for.
	readPause = 250 * time.Millisecond
	// retryFirst doubles up to auditEvery while steps keep failing.
	retryFirst = time.Second
)

// errDisabled ends the daemon when the configuration says so; Run turns it into
// no error.
var errDisabled = errors.New("not enabled")

// table is what is known of the kernel's table.
type table struct {
	facts kernel.Facts
	have  fib.Table
	// metrics that have holds; seldom more than one.
	metrics map[uint32]bool
	since   map[fib.Key]time.Time // of the newest change
	errors  map[netip.Prefix]string

	read     bool      // once at least
	busy     bool      // the hands have a job
	rereadAt time.Time // zero: nobody asked
	lastRead time.Time
	backoff  time.Duration
	noMove   time.Time // until then another table is not tried again

	pending map[netip.Prefix]bool // to be planned
	wantAll bool                  // plan for every prefix there is
	pace    fib.Pace

	steps, failures uint64
	lastError       string
	lastErrorAt     time.Time
	failure         error // ends the daemon
}

func newTable() table {
	return table{
		since: map[fib.Key]time.Time{}, errors: map[netip.Prefix]string{},
		pending: map[netip.Prefix]bool{}, backoff: retryFirst,
	}
}

// reread asks for a reading, now or as soon as the pause since the last one is
// over.
func (l *line) reread(now time.Time) {
	at := l.table.lastRead.Add(readPause)
	if at.Before(now) {
		at = now
	}
	if l.table.rereadAt.IsZero() || at.Before(l.table.rereadAt) {
		l.table.rereadAt = at
	}
}

// advance gives the hands what is to be done and returns when to look again.
func (l *line) advance(now time.Time) time.Time {
	t := &l.table
	l.look(now)
	if t.busy {
		return now.Add(auditEvery) // the hands wake us
	}
	if t.rereadAt.IsZero() && !now.Before(t.lastRead.Add(auditEvery)) {
		t.rereadAt = now
	}
	next := t.rereadAt
	if next.IsZero() {
		next = t.lastRead.Add(auditEvery)
	}
	if l.start.waiting() && l.start.until.Before(next) {
		next = l.start.until
	}
	if t.noMove.After(now) && t.noMove.Before(next) {
		next = t.noMove
	}
	switch {
	case t.read && ours(l.config.Globals) != l.kernel.config && !now.Before(t.noMove):
		l.do(l.move(ours(l.config.Globals)))
	case !t.rereadAt.IsZero() && !t.rereadAt.After(now):
		l.do(l.readBack())
	case t.read:
		steps, again := l.plan(now)
		if len(steps) > 0 {
			l.do(l.apply(steps))
		}
		if !again.IsZero() && again.Before(next) {
			next = again
		}
	}
	return next
}

func (l *line) do(j job) {
	l.table.busy = true
	l.hands.jobs <- j
}

// readBack has the hands read the facts and our routes.
func (l *line) readBack() job {
	l.table.rereadAt = time.Time{}
	changes := kernel.Change(l.dirty.changes.Swap(0))
	l.log.Debug("reading back", "links", changes&kernel.LinksChanged != 0, "routes", changes&kernel.RoutesChanged != 0)
	k := l.kernel.Kernel
	return func() func() {
		facts, err := k.Facts()
		if err != nil {
			return func() { l.failed(err) }
		}
		have, err := k.Routes()
		if err != nil {
			return func() { l.failed(err) }
		}
		return func() { l.readDone(facts, have, time.Now()) }
	}
}

func (l *line) readDone(facts kernel.Facts, have fib.Table, now time.Time) {
	t := &l.table
	first := !t.read
	t.facts, t.have, t.read, t.lastRead = facts, have, true, now
	t.wantAll = true
	t.pace.Forget(now)
	t.metrics = map[uint32]bool{}
	for k := range have {
		t.metrics[k.Metric] = true
		if _, known := t.since[k]; !known {
			t.since[k] = now
		}
	}
	for k := range t.since {
		if _, stands := have[k]; !stands {
			delete(t.since, k)
		}
	}
	l.rib.SetFacts(ribFacts(facts))
	if first {
		l.log.Info("routes adopted", "routes", len(have))
		l.start.begin(copyOf(have), now.Add(l.patience()))
		if err := l.converse(); err != nil {
			t.failure = err
		}
		return
	}
	if !l.routerID.IsValid() {
		if err := l.setPeers(); err != nil {
			l.log.Error("peers refused", "error", err)
		}
	}
}

func copyOf(t fib.Table) fib.Table {
	out := make(fib.Table, len(t))
	for k, hops := range t {
		out[k] = hops
	}
	return out
}

// ribFacts are the machine's facts as far as routes depend on them: a subnet is
// reached while its link is up.
func ribFacts(f kernel.Facts) rib.Facts {
	var out rib.Facts
	for _, a := range f.Addresses {
		out.Own = append(out.Own, a.Own)
		if link, known := f.Link(a.Link); known && link.Up && !link.Loopback {
			out.Connected = append(out.Connected, rib.Connected{Prefix: a.Subnet, Link: a.Link, Name: link.Name})
		}
	}
	return out
}
