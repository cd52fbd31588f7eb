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

	read     bool // once at least
	busy     bool // the hands have a job
	moveTo   kernel.Config
	rereadAt time.Time // zero: nobody asked
	lastRead time.Time
	backoff  time.Duration

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
	switch {
	case t.read && t.moveTo.Table != 0:
		l.do(l.move(t.moveTo))
		t.moveTo = kernel.Config{}
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

// plan lists the steps that may be made now and says when to ask for those that
// must wait.
func (l *line) plan(now time.Time) (steps []fib.Step, again time.Time) {
	l.gather()
	want, have := l.slice()
	for _, s := range fib.Plan(l.start.gate.Hold(want, have), have) {
		ok, at := l.table.pace.Take(s.Key.Prefix, now)
		switch {
		case ok:
			steps = append(steps, s)
		case again.IsZero() || at.Before(again):
			again = at
		}
		if !ok {
			l.table.pending[s.Key.Prefix] = true
		}
	}
	return steps, again
}

// gather notes the prefixes whose choice changed.
func (l *line) gather() {
	for _, prefix := range l.rib.Take() {
		l.table.pending[prefix] = true
		wanted := len(l.rib.NextHops(prefix)) > 0
		if wanted && l.start.waiting() {
			l.start.gate.Announced[prefix] = true
		}
		if !wanted {
			delete(l.table.errors, prefix)
		}
	}
}

// slice is the part of want and have that the pending prefixes are, which then
// are pending no more.
func (l *line) slice() (want, have fib.Table) {
	t, metric := &l.table, l.config.Globals.Metric
	if t.wantAll {
		t.wantAll = false
		clear(t.pending)
		want = fib.Table{}
		for prefix, hops := range l.rib.Want {
			want[fib.Key{Prefix: prefix, Metric: metric}] = hops
		}
		return want, t.have
	}
	want, have = fib.Table{}, fib.Table{}
	for prefix := range t.pending {
		if hops := l.rib.NextHops(prefix); len(hops) > 0 {
			want[fib.Key{Prefix: prefix, Metric: metric}] = hops
		}
		for m := range t.metrics {
			k := fib.Key{Prefix: prefix, Metric: m}
			if hops, stands := t.have[k]; stands {
				have[k] = hops
			}
		}
	}
	clear(t.pending)
	return want, have
}

// apply has the hands carry the steps out.
func (l *line) apply(steps []fib.Step) job {
	k := l.kernel.Kernel
	return func() func() {
		err := k.Apply(steps)
		return func() { l.applied(steps, err, time.Now()) }
	}
}

// applied brings have in line with what the kernel said of each step.
func (l *line) applied(steps []fib.Step, err error, now time.Time) {
	t := &l.table
	failed, broken := sortErrors(err)
	done := make([]fib.Step, 0, len(steps))
	for _, s := range steps {
		if e := failed[s.Key]; e != nil {
			l.stepFailed(e, now)
			continue
		}
		delete(t.errors, s.Key.Prefix)
		done = append(done, s)
	}
	t.steps += uint64(len(done))
	if broken == nil {
		t.have.Apply(done)
		for _, s := range done {
			t.metrics[s.Key.Metric] = true
			if s.Verb == fib.Delete {
				delete(t.since, s.Key)
			} else {
				t.since[s.Key] = now
			}
		}
		l.sayDone(done)
	}
	switch {
	case broken != nil:
		l.failed(broken)
	case len(failed) > 0:
		l.retry(now)
	default:
		t.backoff = retryFirst
	}
}

// sortErrors tells the failures of single steps from the failure of the whole
// conversation.
func sortErrors(err error) (steps map[fib.Key]*fib.StepError, broken error) {
	all := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		all = joined.Unwrap()
	}
	steps = map[fib.Key]*fib.StepError{}
	for _, e := range all {
		var step *fib.StepError
		if errors.As(e, &step) {
			steps[step.Step.Key] = step
		} else if e != nil {
			broken = errors.Join(broken, e)
		}
	}
	return steps, broken
}

// stepFailed notes the error of one route; the same one again is no news.
func (l *line) stepFailed(e *fib.StepError, now time.Time) {
	t := &l.table
	t.failures++
	t.lastError, t.lastErrorAt = e.Error(), now
	if text := e.Err.Error(); t.errors[e.Step.Key.Prefix] != text {
		t.errors[e.Step.Key.Prefix] = text
		l.log.Warn("route not changed", "prefix", e.Step.Key.Prefix, "error", e)
	}
}

// failed notes that the kernel could not be talked to; what stands is unknown
// until it is read.
func (l *line) failed(err error) {
	now := time.Now()
	l.table.failures++
	l.table.lastError, l.table.lastErrorAt = err.Error(), now
	l.log.Error("kernel", "error", err, "retry", l.table.backoff)
	l.retry(now)
}

func (l *line) retry(now time.Time) {
	t := &l.table
	if at := now.Add(t.backoff); t.rereadAt.IsZero() || at.Before(t.rereadAt) {
		t.rereadAt = at
	}
	t.backoff = min(2*t.backoff, auditEvery)
}

// sayDone logs a few changes one by one, and many as a sum.
func (l *line) sayDone(done []fib.Step) {
	const few = 5
	words := [...]string{fib.Add: "route added", fib.Replace: "route changed", fib.Delete: "route removed"}
	var count [len(words)]int
	for _, s := range done {
		count[s.Verb]++
		if len(done) <= few {
			l.log.Info(words[s.Verb], "prefix", s.Key.Prefix, "nextHops", addresses(s.NextHops))
		}
	}
	if len(done) > few {
		l.log.Info("routes changed", "added", count[fib.Add], "changed", count[fib.Replace], "removed", count[fib.Delete])
	}
}

func addresses(hops []fib.NextHop) []netip.Addr {
	out := make([]netip.Addr, len(hops))
	for i, h := range hops {
		out[i] = h.Addr
	}
	return out
}
