package daemon

import (
	"errors"
	"net/netip"
	"time"

	"github.com/hawser-lb/hawser/router/internal/fib"
)

// plan lists the steps that may be made now and says when to ask for those that
// must wait.
func (l *line) plan(now time.Time) (steps []fib.Step, again time.Time) {
	l.gather()
	want, have := l.slice()
	want = l.start.gate.Hold(want, have)
	all := fib.Plan(want, have)
	l.settled(want, all)
	for _, s := range all {
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

// settled drops the errors of routes that are as they should be without a step.
func (l *line) settled(want fib.Table, steps []fib.Step) {
	if len(l.table.errors) == 0 {
		return
	}
	unsettled := make(map[netip.Prefix]bool, len(steps))
	for _, s := range steps {
		unsettled[s.Key.Prefix] = true
	}
	for k := range want {
		if !unsettled[k.Prefix] {
			delete(l.table.errors, k.Prefix)
		}
	}
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
