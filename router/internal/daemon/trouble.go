package daemon

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/hawser-lb/hawser/router/internal/fib"
	"github.com/hawser-lb/hawser/router/internal/journal"
	"github.com/hawser-lb/hawser/router/internal/kernel"
)

// trouble is what the kernel said against a route or a next hop. It is left
// alone until the wait is over, which is longer each time.
type trouble struct {
	text  string
	until time.Time
	wait  time.Duration
}

// again is the trouble come once more.
func (t trouble) again(err error, now time.Time) trouble {
	wait := min(max(2*t.wait, retryFirst), auditEvery)
	return trouble{text: err.Error(), until: now.Add(wait), wait: wait}
}

// stepsFailed notes the errors of routes and next hops; the same one again is
// no news. Then what stands is read again: at once when the failures concern
// single routes or next hops, which are left alone for a while.
func (l *line) stepsFailed(failed []*fib.StepError, now time.Time) {
	t := &l.table
	single := true
	for _, e := range failed {
		if errors.Is(e.Err, kernel.ErrKept) {
			continue
		}
		t.failures++
		t.lastError, t.lastErrorAt = e.Error(), now
		switch s := e.Step; {
		case s.Verb == fib.AddHop:
			hop := bare(s.NextHops[0])
			if was := t.refused[hop]; was.text != e.Err.Error() {
				l.note(journal.KernelError, "next hop %s refused by the kernel: %v", hop.Addr, e.Err)
				l.log.Warn("next hop refused by the kernel", "nextHop", hop.Addr, "error", e.Err)
			}
			t.refused[hop] = t.refused[hop].again(e.Err, now)
		case s.Verb.OfRoute():
			if was := t.errors[s.Key.Prefix]; was.text != e.Err.Error() {
				l.journal.Add(journal.Event{Kind: journal.KernelError, Prefix: s.Key.Prefix, Text: fmt.Sprintf("route not changed: %v", e)})
				l.log.Warn("route not changed", "prefix", s.Key.Prefix, "error", e)
			}
			t.errors[s.Key.Prefix] = t.errors[s.Key.Prefix].again(e.Err, now)
		default:
			single = false
			l.note(journal.KernelError, "next hops not changed: %v", e)
			l.log.Warn("next hops not changed", "error", e)
		}
	}
	if single {
		l.reread(now)
	} else {
		l.retry(now)
	}
}

// hope has what was refused tried again at once, since something changed.
func (t *table) hope() {
	for p, e := range t.errors {
		e.until = time.Time{}
		t.errors[p] = e
	}
	for h, e := range t.refused {
		e.until = time.Time{}
		t.refused[h] = e
	}
}

// due is when the first of those that were left alone is tried again; those
// that are due now are planned with everything else.
func (l *line) due(now time.Time) (next time.Time) {
	t := &l.table
	consider := func(until time.Time) (passed bool) {
		if until.After(now) && (next.IsZero() || until.Before(next)) {
			next = until
		}
		return !until.IsZero() && !until.After(now)
	}
	for p, e := range t.errors {
		if consider(e.until) && !t.pending[p] {
			t.pending[p] = true
			e.until = time.Time{}
			t.errors[p] = e
		}
	}
	for h, e := range t.refused {
		if consider(e.until) {
			t.wantAll = true
			e.until = time.Time{}
			t.refused[h] = e
		}
	}
	return next
}

// routeError is what keeps a route from being as it should.
func (l *line) routeError(prefix netip.Prefix) string {
	t := &l.table
	if e := t.errors[prefix]; e.text != "" {
		return e.text
	}
	for _, h := range l.rib.NextHops(prefix) {
		if e, refused := t.refused[bare(h)]; refused && !t.stands(h) {
			return "next hop " + h.Addr.String() + " refused by the kernel: " + e.text
		}
	}
	return ""
}

// stands reports whether the next hop is an object of ours.
func (t *table) stands(h fib.NextHop) bool {
	for _, o := range t.have.Hops {
		if o.NextHop == bare(h) {
			return true
		}
	}
	return false
}

// nextHopDead takes a next hop out of every route at once, whatever the peers
// still say: whoever finds out first that it does not answer calls it. It stays
// out until nextHopAlive.
func (l *line) nextHopDead(addr netip.Addr) {
	if !l.table.dead[addr] {
		l.table.dead[addr] = true
		l.table.hope() // what waits would hold it
		l.note(journal.NextHopLost, "next hop %s does not answer: out of every route", addr)
		l.table.wantAll, l.table.hurry = true, true
	}
}

func (l *line) nextHopAlive(addr netip.Addr) {
	if l.table.dead[addr] {
		delete(l.table.dead, addr)
		l.note(journal.NextHopBack, "next hop %s answers again", addr)
		l.table.wantAll = true
	}
}

// failed notes that the kernel could not be talked to; what stands is unknown
// until it is read.
func (l *line) failed(err error) {
	now := time.Now()
	l.table.failures++
	l.table.lastError, l.table.lastErrorAt = err.Error(), now
	l.note(journal.KernelError, "kernel: %v", err)
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
