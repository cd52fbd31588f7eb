package daemon

import (
	"errors"
	"maps"
	"net/netip"
	"slices"
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
	have  *fib.Have
	// places are the metrics and tables that have holds routes at, as keys
	// without a prefix; seldom more than two.
	places map[fib.Key]bool
	former []uint8               // protocol numbers that ours had before
	since  map[fib.Key]time.Time // of the newest change
	grown  map[fib.ID]time.Time  // of the newest change of a group
	cover  map[netip.Prefix]string

	errors  map[netip.Prefix]trouble // of routes
	refused map[fib.NextHop]trouble  // next hops that the kernel does not take
	dead    map[netip.Addr]bool      // next hops that are known not to answer
	leaving map[netip.Prefix]parting // that next hops are leaving

	stale    bool      // have is not what the kernel holds
	read     bool      // once at least
	busy     bool      // the hands have a job
	rereadAt time.Time // zero: nobody asked
	lastRead time.Time
	backoff  time.Duration
	noMove   time.Time // until then another table is not tried again

	pending map[netip.Prefix]bool // to be planned
	wantAll bool                  // plan for every prefix there is
	hurry   bool                  // without pacing
	pace    fib.Pace

	steps, failures uint64
	lastError       string
	lastErrorAt     time.Time
	failure         error // ends the daemon
}

func newTable() table {
	return table{
		have: fib.NewHave(), places: map[fib.Key]bool{},
		since: map[fib.Key]time.Time{}, grown: map[fib.ID]time.Time{},
		errors: map[netip.Prefix]trouble{}, refused: map[fib.NextHop]trouble{}, dead: map[netip.Addr]bool{}, leaving: map[netip.Prefix]parting{},
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
	case t.read && !t.stale:
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

// reading is what one reading brought.
type reading struct {
	facts kernel.Facts
	have  *fib.Have
	cover map[netip.Prefix]string
}

// readBack has the hands read the facts and what is ours.
func (l *line) readBack() job {
	l.table.rereadAt = time.Time{}
	changes := kernel.Change(l.dirty.changes.Swap(0))
	l.log.Debug("reading back", "links", changes&kernel.LinksChanged != 0, "routes", changes&kernel.RoutesChanged != 0)
	k, former, guards := l.kernel.Kernel, slices.Clone(l.table.former), l.guardable()
	return func() func() {
		var r reading
		var err error
		if r.facts, err = k.Facts(); err == nil {
			r.have, err = k.Have(former...)
		}
		if err == nil && len(guards) > 0 {
			r.cover, err = k.Cover(guards)
		}
		if err != nil {
			return func() { l.failed(err) }
		}
		return func() {
			if changes != 0 {
				l.table.hope()
			}
			l.readDone(r, time.Now())
		}
	}
}

func (l *line) readDone(r reading, now time.Time) {
	t := &l.table
	first := !t.read
	t.facts, t.cover, t.read, t.stale, t.lastRead = r.facts, r.cover, true, false, now
	t.wantAll = true
	t.pace.Forget(now)
	t.holds(r.have, now)
	if l.rib.SetFacts(ribFacts(r.facts)) {
		for _, addr := range l.rib.Peers() {
			l.askAgain(addr)
		}
	}
	if first {
		l.log.Info("routes adopted", "routes", len(r.have.Routes), "nextHops", l.nextHopKind())
		for _, a := range l.advice() {
			l.log.Warn(a)
		}
		l.shut(r.have.Table(), now)
		if err := l.converse(); err != nil {
			t.failure = err
		}
		return
	}
	l.stands(r.have.Table())
	if !l.routerID.IsValid() {
		if err := l.setPeers(); err != nil {
			l.log.Error("peers refused", "error", err)
		}
	}
}

// holds takes in what the kernel was found to hold.
func (t *table) holds(have *fib.Have, now time.Time) {
	t.have = have
	clear(t.places)
	former := false
	for k, r := range have.Routes {
		t.places[fib.Key{Metric: k.Metric, Table: k.Table}] = true
		former = former || slices.Contains(t.former, r.Protocol)
		if _, known := t.since[k]; !known {
			t.since[k] = now
		}
	}
	for _, h := range have.Hops {
		delete(t.refused, h.NextHop)
		former = former || slices.Contains(t.former, h.Protocol)
	}
	if !former {
		t.former = nil
	}
	maps.DeleteFunc(t.since, func(k fib.Key, _ time.Time) bool { _, stands := have.Routes[k]; return !stands })
	maps.DeleteFunc(t.grown, func(id fib.ID, _ time.Time) bool { _, stands := have.Groups[id]; return !stands })
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
