package fib

import (
	"net/netip"
	"time"
)

// A prefix may change burst times at once and then once every interval, which
// makes at most ten times in any one second.
const (
	burst    = 3
	interval = time.Second / 7
)

// Pace keeps a flapping prefix from flooding the kernel: the first changes go
// at once, the following ones wait their turn, and only the newest state of
// each is applied. The zero Pace is ready to use.
type Pace struct {
	next map[netip.Prefix]time.Time // when the allowance is whole again
}

// Take asks for one change of prefix. When it may be made now, Take counts it
// and returns true; else it says when to ask again.
func (p *Pace) Take(prefix netip.Prefix, now time.Time) (ok bool, again time.Time) {
	whole, counted := p.next[prefix]
	if !counted || whole.Before(now) {
		whole = now
	}
	if ready := whole.Add(-(burst - 1) * interval); now.Before(ready) {
		return false, ready
	}
	if p.next == nil {
		p.next = make(map[netip.Prefix]time.Time)
	}
	p.next[prefix] = whole.Add(interval)
	return true, time.Time{}
}

// Forget drops the prefixes that have been quiet long enough.
func (p *Pace) Forget(now time.Time) {
	for prefix, whole := range p.next {
		if whole.Before(now) {
			delete(p.next, prefix)
		}
	}
}
