package fib

import (
	"slices"
	"time"
)

// A next hop that is leaving (RFC 8326) stays in its resilient group as long as
// it forwards, for the connections that it has. What the kernel may take from
// it are buckets that have been quiet for a while, and with next to no weight it
// gets none back. So a group says by its weights who is leaving it, and how far
// that has come: weights above heavy are in no other group.
const (
	mostWeight = 256
	heavy      = 128
)

// Stage is how far a next hop has left. It is the hop's weight.
type Stage int

const (
	// Parting hops keep each bucket for which something came within long.
	Parting Stage = 2
	// AlmostGone hops keep those for which something came within short.
	AlmostGone Stage = 1
)

// Idle timers of groups: how long nothing must have come for a bucket before it
// may change hands.
const (
	// always is longer than the pauses that live connections make: the
	// keep-alives of SSH, databases and HTTP come every 15 to 75 s.
	always = 120 * time.Second
	// long lets most answers be waited for.
	long = 5 * time.Second
	// short finds a gap between the requests of a busy service, and seldom
	// one within them.
	short = 200 * time.Millisecond
)

// Leaving puts those that leave beside those that stay, sorted. Where nobody
// stays they are left as they are.
func Leaving(staying, leaving []NextHop, at Stage) []NextHop {
	switch {
	case len(staying) == 0:
		return leaving
	case len(leaving) == 0:
		return staying
	}
	out := make([]NextHop, 0, len(staying)+len(leaving))
	factor := mostWeight / highest(staying)
	for _, h := range staying {
		h.Weight *= factor
		out = append(out, h)
	}
	for _, h := range leaving {
		h.Weight = int(at)
		out = append(out, h)
	}
	slices.SortFunc(out, NextHop.Compare)
	return out
}

// Part divides the next hops of a group or route into those that stay, with the
// weights that they have among themselves, and those that are leaving.
func Part(hops []NextHop) (staying, leaving []NextHop) {
	if highest(hops) <= heavy {
		return hops, nil
	}
	divisor := 0
	for _, h := range hops {
		if h.Weight > int(Parting) {
			staying = append(staying, h)
			divisor = gcd(h.Weight, divisor)
		} else {
			leaving = append(leaving, h)
		}
	}
	for i := range staying {
		staying[i].Weight /= divisor
	}
	for i := range leaving {
		leaving[i].Weight = 1
	}
	return staying, leaving
}

// alike are the hops as if nobody left.
func alike(hops []NextHop) []NextHop {
	staying, leaving := Part(hops)
	if len(leaving) == 0 {
		return hops
	}
	return slices.SortedFunc(slices.Values(slices.Concat(staying, leaving)), NextHop.Compare)
}

func highest(hops []NextHop) int {
	most := 0
	for _, h := range hops {
		most = max(most, h.Weight)
	}
	return most
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// timer of a resilient group of hops.
func timer(hops []NextHop) time.Duration {
	if highest(hops) <= heavy {
		return always
	}
	t := always
	for _, h := range hops {
		switch Stage(h.Weight) {
		case Parting:
			t = min(t, long)
		case AlmostGone:
			t = short
		}
	}
	return t
}

// sameTimer tells stages apart. The kernel counts in ticks of its own and rounds
// what it tells: 120 s are 119.99 at 300 ticks a second.
func sameTimer(a, b time.Duration) bool { return (a - b).Abs() < short/2 }
