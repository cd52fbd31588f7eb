package fib

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Gate keeps a start from harming what an earlier run left in the kernel. Until
// it is open, an adopted leg stays while the peer behind it has not been heard
// in this life, and an adopted route stays as it is while nobody announces it.
//
// The zero Gate is open and holds nothing.
type Gate struct {
	// Adopted is what the first read found; nil once the gate is open.
	Adopted Table
	// Heard are the next hops that speak for themselves now: peers that sent
	// End-of-RIB or came and went.
	Heard map[netip.Addr]bool
	// Gone are the next hops whose hosts do not answer: nothing protects a leg to
	// one of them.
	Gone map[netip.Addr]bool
	// Announced are the prefixes that were wanted once in this life: their
	// routes may go when nothing keeps them.
	Announced map[netip.Prefix]bool
}

// Hold returns want as it may be now: want itself, and with it those legs and
// routes of have that the gate protects. It changes neither table. Like Plan it
// may be given some of the keys only.
func (g Gate) Hold(want, have Table) Table {
	if len(g.Adopted) == 0 {
		return want
	}
	held := make(Table, len(want))
	for k, hops := range want {
		held[k] = hops
	}
	for k, hops := range have {
		adopted, ok := g.Adopted[k]
		if !ok {
			continue
		}
		if keep := g.keep(k, hops, adopted, want[k]); len(keep) > 0 {
			held[k] = keep
		}
	}
	return held
}

// keep is what the route k must have at least: the wanted legs and the
// protected ones, or all that stand when nobody spoke of the prefix yet.
func (g Gate) keep(k Key, have, adopted, want []NextHop) []NextHop {
	have = slices.DeleteFunc(slices.Clone(have), func(h NextHop) bool { return g.Gone[h.Addr] })
	if len(want) == 0 && !g.Announced[k.Prefix] {
		return have
	}
	adopted = alike(adopted)
	var keep []NextHop
	for _, h := range alike(have) {
		if slices.Contains(adopted, h) && !g.Heard[h.Addr] && !speaksFor(want, h) {
			keep = append(keep, h)
		}
	}
	if len(keep) == 0 {
		return want
	}
	staying, leaving := Part(want)
	keep = append(keep, staying...)
	slices.SortFunc(keep, NextHop.Compare)
	return Leaving(keep, leaving, Parting)
}

// speaksFor reports whether hops have a leg to the address of h already.
func speaksFor(hops []NextHop, h NextHop) bool {
	return slices.ContainsFunc(hops, func(o NextHop) bool { return o.Addr == h.Addr })
}

// Start is what is known of a start, for deciding how long its gate is shut.
type Start struct {
	// Read is true once the kernel's own table was read back.
	Read bool
	// Adopted is the number of routes found by that read.
	Adopted int
	// Silent are the configured peers that have not been heard yet.
	Silent []netip.Addr
	// Ranges: there are peers that nobody can list, known by their source
	// prefix only.
	Ranges bool
	// Until is the moment when waiting ends whoever is missing.
	Until, Now time.Time
}

// Waiting says in words what keeps the gate shut, or nothing when it is open.
func (s Start) Waiting() string {
	switch {
	case !s.Read:
		return "waiting for the first read of the kernel's routes"
	case s.Adopted == 0 || !s.Now.Before(s.Until):
		return ""
	}
	var whom []string
	for _, a := range s.Silent {
		whom = append(whom, a.String())
	}
	if s.Ranges {
		whom = append(whom, "speakers known by their source prefix only")
	}
	if len(whom) == 0 {
		return ""
	}
	return fmt.Sprintf("waiting for End-of-RIB from %s, until %s at most",
		strings.Join(whom, ", "), s.Until.UTC().Format(time.TimeOnly+" MST"))
}
