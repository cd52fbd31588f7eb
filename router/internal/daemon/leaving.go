package daemon

import (
	"net/netip"
	"time"

	"github.com/hawser-lb/hawser/router/internal/fib"
)

// partingTime is how long a next hop that leaves a prefix keeps connections that
// pause; after that it keeps those in use only.
const partingTime = 5 * time.Second

// parting is what is known of a prefix that next hops are leaving.
type parting struct {
	since time.Time
	hops  int // that leave
	late  bool
}

// remain are the next hops that prefix is to have now, out of those that were
// chosen and those that are leaving. Where the kernel would move the connections
// of others as well, whoever leaves is gone at once.
func (t *table) remain(prefix netip.Prefix, hops []fib.NextHop, kind fib.Kind, now time.Time) []fib.NextHop {
	staying, leaving := fib.Part(hops)
	if len(leaving) == 0 || kind != fib.ResilientGroups {
		delete(t.leaving, prefix)
		return staying
	}
	l := t.leaving[prefix]
	if len(leaving) > l.hops {
		l.since = now
	}
	l.hops, l.late = len(leaving), now.Sub(l.since) >= partingTime
	t.leaving[prefix] = l
	if l.late {
		return fib.Leaving(staying, leaving, fib.AlmostGone)
	}
	return hops
}

// part has the prefixes planned again whose partings are over, and returns when
// the next one is.
func (t *table) part(now time.Time) (next time.Time) {
	for prefix, l := range t.leaving {
		switch over := l.since.Add(partingTime); {
		case l.late:
		case !now.Before(over):
			t.pending[prefix] = true
		case next.IsZero() || over.Before(next):
			next = over
		}
	}
	return next
}
