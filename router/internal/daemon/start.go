package daemon

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/hawser-lb/hawser/router/internal/fib"
	"github.com/hawser-lb/hawser/router/internal/journal"
	"github.com/hawser-lb/hawser/shared/bgp"
	"github.com/hawser-lb/hawser/shared/route"
)

// start is what was heard since the daemon, or all of its sessions, began: the
// facts for fib.Gate.
type start struct {
	gate  fib.Gate
	until time.Time
	ends  map[netip.Addr]map[bgp.Family]bool // End-of-RIB by peer
	spoke map[netip.Addr][]netip.Addr        // told any route, or its end: with which next hops
	whole map[netip.Addr]bool                // heard in every family, or gone
	legs  map[netip.Addr]bool                // next hops of what was adopted, and of what has become of it
}

// begin shuts the gate over what stands in the kernel.
func (s *start) begin(adopted fib.Table, until time.Time) {
	*s = start{
		gate: fib.Gate{
			Adopted: adopted, Heard: map[netip.Addr]bool{}, Gone: map[netip.Addr]bool{}, Announced: map[netip.Prefix]bool{},
		},
		until: until,
		ends:  map[netip.Addr]map[bgp.Family]bool{},
		spoke: map[netip.Addr][]netip.Addr{},
		whole: map[netip.Addr]bool{},
		legs:  map[netip.Addr]bool{},
	}
	for _, hops := range adopted {
		for _, h := range hops {
			s.legs[h.Addr] = true
		}
	}
}

// silent are the next hops of what was adopted that are still unheard, and not
// known to be gone.
func (s *start) silent() (hosts []netip.Addr) {
	for addr := range s.legs {
		if !s.gate.Heard[addr] && !s.gate.Gone[addr] {
			hosts = append(hosts, addr)
		}
	}
	return hosts
}

func (s *start) waiting() bool { return s.gate.Adopted != nil }

// told notes which adopted next hops the peer speaks for: itself, and as a rule
// its address in the other family.
func (s *start) told(peer netip.Addr, routes []route.Route) {
	if !s.waiting() {
		return
	}
	hops := s.spoke[peer]
	if len(hops) == 0 {
		hops = []netip.Addr{peer.WithZone("")}
	}
	for _, r := range routes {
		if hop := r.NextHop.WithZone(""); s.legs[hop] && hop != hops[len(hops)-1] && !slices.Contains(hops, hop) {
			hops = append(hops, hop)
		}
	}
	s.spoke[peer] = hops
}

// endOfRIB notes that the peer speaks for its own address in that family.
func (s *start) endOfRIB(peer netip.Addr, f bgp.Family) {
	if !s.waiting() {
		return
	}
	if s.ends[peer] == nil {
		s.ends[peer] = map[bgp.Family]bool{}
	}
	s.ends[peer][f] = true
	if (f == bgp.IPv4) == peer.Is4() {
		s.gate.Heard[peer.WithZone("")] = true
	}
}

// finish notes that the peer told everything, when it did so for all families.
func (s *start) finish(peer netip.Addr, families []bgp.Family) {
	for _, f := range families {
		if !s.ends[peer][f] {
			return
		}
	}
	s.all(peer)
}

// all notes that nothing more is to be waited for from the peer.
func (s *start) all(peer netip.Addr) {
	s.whole[peer] = true
	for _, hop := range s.spoke[peer] {
		s.gate.Heard[hop] = true
	}
}

// down notes that a peer which had spoken is gone, so that its legs may go too.
func (s *start) down(peer netip.Addr) {
	if _, spoke := s.spoke[peer]; spoke {
		s.all(peer)
	}
}

// look says why the gate is still shut; it opens the gate when nothing does.
func (l *line) look(now time.Time) (waiting string) {
	s := fib.Start{Read: l.table.read, Adopted: len(l.start.gate.Adopted), Until: l.start.until, Now: now}
	for _, n := range l.config.Neighbors {
		if !l.start.whole[n.Address] {
			s.Silent = append(s.Silent, n.Address)
		}
	}
	s.Ranges = len(l.config.Clusters) > 0 && len(l.start.silent()) > 0
	waiting = s.Waiting()
	if waiting == "" && l.start.waiting() {
		if n := len(l.start.gate.Adopted); n > 0 {
			l.note(journal.StartComplete, "everybody was heard: routes of before that nobody announces go")
			l.log.Info("start complete: routes that nobody announces are deleted now", "adopted", n)
		}
		l.start = start{}
		l.table.wantAll = true
	}
	return waiting
}

// allowed is the part of have that some section allows: nothing protects the
// rest, not even at a start.
func (l *line) allowed(have fib.Table) fib.Table {
	if !l.start.waiting() {
		return have
	}
	out := maps.Clone(have)
	maps.DeleteFunc(out, func(k fib.Key, _ []fib.NextHop) bool { return !l.allows(k.Prefix) })
	return out
}

func (l *line) allows(p netip.Prefix) bool {
	in := func(a netip.Prefix) bool { return a.Bits() <= p.Bits() && a.Contains(p.Addr()) }
	for _, n := range l.config.Neighbors {
		if slices.ContainsFunc(n.Allow, in) {
			return true
		}
	}
	for _, c := range l.config.Clusters {
		if slices.ContainsFunc(c.Allow, in) {
			return true
		}
	}
	return false
}

// shut begins a start with what was adopted, and has somebody see which of its
// hosts are still there.
func (l *line) shut(adopted fib.Table, now time.Time) {
	l.start.begin(adopted, now.Add(l.patience()))
	l.seek()
}

// seek begins a search for the hosts of a start, unless one is under way.
func (l *line) seek() {
	if !l.searching && len(l.start.silent()) > 0 {
		l.searching = true
		l.group.Go(func() error { l.search(l.ctx); return nil })
	}
}

// stands takes in the legs that somebody else has given an adopted route since:
// they stay as its own do, and their hosts are looked after as well.
func (l *line) stands(have fib.Table) {
	if !l.start.waiting() {
		return
	}
	for k, hops := range have {
		if _, adopted := l.start.gate.Adopted[k]; !adopted {
			continue
		}
		for _, h := range hops {
			l.start.legs[h.Addr] = true
		}
	}
	l.seek()
}

// searchEvery is the pause between two looks at the hosts of a start.
const searchEvery = 500 * time.Millisecond

// search looks after the hosts of adopted legs until each has been heard, or is
// gone, or the gate is open. One that died while we were away has no session
// that could break, and would stay a next hop for as long as the gate is shut.
func (l *line) search(ctx context.Context) {
	tick := time.NewTicker(searchEvery)
	defer tick.Stop()
	var gone []netip.Addr
	for {
		silent := asked(l.d, func(l *line) []netip.Addr { return l.found(gone) })
		if len(silent) == 0 {
			return
		}
		gone = gone[:0]
		for _, host := range silent {
			if is, sure := l.lookout.gone(host); is && sure {
				gone = append(gone, host)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// found takes in which hosts are gone, and says which are to be looked after
// further; the search ends when none is.
func (l *line) found(gone []netip.Addr) (silent []netip.Addr) {
	for _, host := range gone {
		if !l.start.waiting() || l.start.gate.Heard[host] {
			continue
		}
		l.log.Info("a next hop of before does not answer: it goes", "nextHop", host)
		l.note(journal.NextHopLost, "next hop %s of before does not answer: nothing protects it any more", host)
		l.start.gate.Gone[host] = true
		l.table.wantAll = true
	}
	silent = l.start.silent()
	l.searching = len(silent) > 0
	return silent
}

// beginAgain protects what stands while every session comes up anew.
func (l *line) beginAgain(why string) {
	if !l.table.read {
		return
	}
	l.log.Info("routes are kept until the peers are back", "reason", why, "routes", len(l.table.have.Routes))
	l.shut(l.table.have.Table(), time.Now())
}

// patience with peers after a start (RFC 4724 §4.1), or for as long as they
// take to notice that we are gone.
func (l *line) patience() time.Duration {
	g := l.config.Globals
	if g.RestartTime > 0 {
		return g.RestartTime
	}
	return g.HoldTime
}
