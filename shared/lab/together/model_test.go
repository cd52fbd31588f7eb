package together

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	cluster "github.com/hawser-lb/hawser/cluster/sim"
	router "github.com/hawser-lb/hawser/router/sim"
)

// slack is what may come on top of a timer.
const slack = 2 * time.Second

// wrong is what ends a story badly.
type wrong string

func (w *world) wrong(format string, args ...any) { panic(wrong(fmt.Sprintf(format, args...))) }

// allowed reports whether the router lets the node announce the address.
func (w *world) allowed(n *node, a netip.Addr) bool {
	if n.number == 2 && w.config.without2 {
		return false
	}
	return w.allow().Contains(a)
}

func (w *world) allow() netip.Prefix {
	if w.config.narrow {
		return narrow
	}
	return wide
}

// wanted are the prefixes that the router should have from the node, by what
// the node's speaker knows, or last knew.
func (w *world) wanted(n *node) map[netip.Prefix]bool {
	out := map[netip.Prefix]bool{}
	p := n.last
	if n.Running() {
		p = w.api.Seen(n.Name)
	}
	if p == nil || p.Leaving[n.Name] != "" {
		return out
	}
	for name, s := range p.Services {
		for _, a := range p.Holds[name] {
			if takes(s, n.Name) && w.allowed(n, a) {
				out[netip.PrefixFrom(a, a.BitLen())] = true
			}
		}
	}
	return out
}

// takes reports whether the node can take traffic to the Service.
func takes(s cluster.Service, node string) bool {
	return len(s.Ready) > 0 && (!s.Local || slices.Contains(s.Ready, node))
}

// expected is the kernel's table once everything is quiet.
func (w *world) expected() router.Routes {
	if !w.router.Running() {
		return w.stood
	}
	out := router.Routes{w.allow(): nil}
	for _, n := range w.nodes {
		if n.dead() || !n.Running() {
			continue
		}
		for p := range w.wanted(n) {
			out[p] = append(out[p], at(n.number))
		}
	}
	return out
}

// affected takes out of what is steady whatever the last event may change: what
// a node should not announce any more, and nodes that are dead.
func (w *world) affected() {
	for _, n := range w.nodes {
		wanted := w.wanted(n)
		for p, hops := range w.steady {
			if n.dead() || !wanted[p] {
				delete(hops, at(n.number))
			}
		}
	}
}

// look holds what has been since the last look against what must always be.
func (w *world) look() {
	for {
		select {
		case s := <-w.shots:
			w.judge(s)
			continue
		default:
		}
		break
	}
	w.judge(shot{time.Now(), w.router.Kernel.Routes()})
	w.judgeAddresses()
}

// judge one moment of the kernel's table.
func (w *world) judge(s shot) {
	for p, steady := range w.steady {
		for _, n := range w.nodes {
			hop := at(n.number)
			restarting := n.downSince.IsZero() || w.kind.graceful && s.at.Sub(n.downSince) < restart-slack
			if steady[hop] && restarting && !slices.Contains(s.routes[p], hop) {
				w.wrong("%s has lost its way through %s, which was there all the time: via %v", p, n.Name, s.routes[p])
			}
		}
	}
	if !w.router.Running() {
		return
	}
	for p, hops := range s.routes {
		if !w.mayStand(p, s.at) {
			w.wrong("a route to %s, which the router does not allow", p)
		}
		for _, n := range w.nodes {
			if slices.Contains(hops, at(n.number)) && w.longDead(n, s.at) {
				w.wrong("%s goes to %s, which is dead since %.1f s", p, n.Name, s.at.Sub(n.deadSince).Seconds())
			}
		}
	}
}

// mayStand reports whether the router allows the prefix, or did a moment ago.
func (w *world) mayStand(p netip.Prefix, now time.Time) bool {
	return w.allow().Overlaps(p) && w.allow().Bits() <= p.Bits() ||
		now.Sub(w.configSince) < slack || now.Sub(w.routerSince) < slack
}

// longDead reports whether the router should have noticed: after the hold time,
// after a moment when somebody else has made the route so, or, when it has
// started since and knows of the node by its routes alone, after it has asked
// for an answer in vain.
func (w *world) longDead(n *node, now time.Time) bool {
	if n.deadSince.IsZero() {
		return false
	}
	limit := n.deadSince.Add(hold + slack)
	if n.watched {
		limit = n.deadSince.Add(detect + slack)
	}
	if again := w.routerSince.Add(search + slack); again.After(limit) {
		limit = again
	}
	return now.After(limit) && now.After(w.meddled.Add(slack))
}

// mayMove notes that a Service may get another address, or lose its own, and so
// may those who wait for it or share it. Its route stays when another holds it.
func (w *world) mayMove(s *cluster.Service) {
	for name, had := range w.held {
		o := w.service[name]
		waits := o != nil && o.Want.IsValid() && !slices.Contains(had, o.Want)
		if name != s.Name && !waits && !slices.Equal(had, w.held[s.Name]) {
			continue
		}
		for _, a := range had {
			if len(w.holders(a)) == 1 || w.service[s.Name] != nil {
				delete(w.steady, netip.PrefixFrom(a, a.BitLen()))
			}
		}
		w.moving[name] = true
	}
	w.moving[s.Name] = true
}

// holders of an address.
func (w *world) holders(a netip.Addr) (all []string) {
	for name, had := range w.held {
		if slices.Contains(had, a) {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

// mayShare reports whether two Services may have one address.
func mayShare(a, b *cluster.Service) bool {
	return a.Share != "" && a.Share == b.Share && !a.Local && !b.Local
}

// judgeAddresses holds what Services have against what they had before.
func (w *world) judgeAddresses() {
	before := w.held
	w.held = w.api.Holds()
	for name, s := range w.service {
		for _, a := range w.held[name] {
			for _, other := range w.holders(a) {
				o := w.service[other]
				if other != name && !mayShare(s, o) && !w.moving[name] && !w.moving[other] {
					w.wrong("%s is both Service %s and Service %s", a, min(name, other), max(name, other))
				}
			}
		}
		if had := before[name]; !w.moving[name] && len(had) > 0 && !slices.Equal(had, w.held[name]) {
			w.wrong("Service %s had %v and has %v now", name, had, w.held[name])
		}
	}
}

// judgeWishes holds what Services have against what they ask for, once somebody
// has had the time to decide.
func (w *world) judgeWishes() {
	clear(w.moving)
	w.judgeAddresses()
	for _, name := range slices.Sorted(maps.Keys(w.service)) {
		s := w.service[name]
		switch has := w.held[name]; {
		case !s.Want.IsValid() && len(has) != 1:
			w.wrong("Service %s has the addresses %v", name, has)
		case s.Want.IsValid() && !slices.Equal(has, []netip.Addr{s.Want}):
			free := true
			for _, other := range w.holders(s.Want) {
				free = free && (other == name || mayShare(s, w.service[other]))
			}
			if free {
				w.wrong("Service %s asks for %s, which it may have, and has %v", name, s.Want, has)
			}
		}
	}
}

// judgeCalm holds everything against the model, once it is quiet.
func (w *world) judgeCalm() {
	able := slices.ContainsFunc(w.nodes, func(n *node) bool { return n.Running() && !n.away() })
	if able {
		w.judgeWishes()
	}
	want, have := w.expected(), w.router.Kernel.Routes()
	for _, hops := range have {
		slices.SortFunc(hops, netip.Addr.Compare)
	}
	if text(want) != text(have) {
		w.wrong("the kernel has\n%s\nand should have\n%s", text(have), text(want))
	}
	if !w.router.Running() {
		return
	}
	w.steady = map[netip.Prefix]map[netip.Addr]bool{}
	for p, hops := range want {
		if len(hops) > 0 {
			w.steady[p] = map[netip.Addr]bool{}
		}
		for _, h := range hops {
			w.steady[p][h] = true
		}
	}
	for name, s := range w.service {
		if !able && w.moving[name] || s.Want.IsValid() && !slices.Contains(w.held[name], s.Want) {
			w.mayMove(s)
		}
	}
}

// pass lets time pass and looks every second.
func (w *world) pass(d time.Duration) {
	for ; d > 0; d -= time.Second {
		time.Sleep(min(d, time.Second))
		w.look()
	}
}
