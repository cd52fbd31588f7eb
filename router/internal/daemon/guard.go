package daemon

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/hawser-lb/hawser/router/internal/fib"
)

// guardMetric is worse than that of any route: a guard is found only when
// nothing else leads to an address.
const guardMetric = 0xff000000

// guardable are the allowed prefixes that are to be guarded: packets to
// addresses of them that nobody announces must not leave by the default route
// and come back.
func (l *line) guardable() []netip.Prefix {
	var out []netip.Prefix
	add := func(on bool, allow []netip.Prefix) {
		for _, p := range allow {
			if on && p.Bits() > 0 && !slices.Contains(out, p) {
				out = append(out, p)
			}
		}
	}
	for _, c := range l.config.Clusters {
		add(c.Guard, c.Allow)
	}
	for _, n := range l.config.Neighbors {
		add(n.Guard, n.Allow)
	}
	return out
}

// guard puts the guards into want. A prefix that lies in a subnet of ours, or
// in another program's route, leads somewhere without us and has none.
func (l *line) guard(want fib.Table) {
	g := l.config.Globals
	if g.Metric >= guardMetric {
		return
	}
	for _, p := range l.guardable() {
		if l.coveredBy(p) == "" {
			want[fib.Key{Prefix: p, Metric: guardMetric, Table: g.Table}] = nil
		}
	}
}

// coveredBy says what leads to the prefix already.
func (l *line) coveredBy(p netip.Prefix) string {
	for _, a := range l.table.facts.Addresses {
		if a.Subnet.Bits() > 0 && a.Subnet.Bits() <= p.Bits() && a.Subnet.Contains(p.Addr()) {
			return "our own subnet " + a.Subnet.String()
		}
	}
	return l.table.cover[p]
}

// nextHopKind says how routes with next hops stand, and why not better.
func (l *line) nextHopKind() string {
	able, used := l.kernel.Kind(), l.rules().Kind
	switch {
	case able == fib.Multipath:
		return fmt.Sprintf("%s: this kernel has no next-hop objects (Linux 5.3)", used)
	case able == fib.HashGroups:
		return fmt.Sprintf("%s: this kernel has no resilient ones (Linux 5.13)", used)
	case used != able:
		return fmt.Sprintf("%s: option resilient is 0", used)
	}
	return used.String()
}

// advice is what would make the machine a better router.
func (l *line) advice() []string {
	out := []string{}
	for _, s := range l.table.facts.Spread {
		if s.Policy != 1 {
			out = append(out, fmt.Sprintf("connections are not spread by port: %s is %d: set it to 1", s.Name, s.Policy))
		}
	}
	return out
}
