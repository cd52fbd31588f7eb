package daemon

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/hawser-lb/hawser/router/internal/fib"
	"github.com/hawser-lb/hawser/router/internal/journal"
	"github.com/hawser-lb/hawser/router/internal/rib"
	"github.com/hawser-lb/hawser/router/internal/status"
	"github.com/hawser-lb/hawser/shared/bgp"
	"github.com/hawser-lb/hawser/shared/order"
)

// asked has the line answer; zero once the daemon has stopped.
func asked[T any](d *Daemon, ask func(*line) T) (out T) {
	answer := make(chan T, 1)
	select {
	case d.asks <- func(l *line) { answer <- ask(l) }:
		return <-answer
	case <-d.stopped:
		return out
	}
}

// Snapshot asks the line for the state of things. Once the daemon has stopped,
// or before it runs, there is nothing to tell.
func (d *Daemon) Snapshot(withRoutes bool) status.Snapshot {
	return asked(d, func(l *line) status.Snapshot { return l.snapshot(withRoutes) })
}

// Routes asks the line for a page of routes.
func (d *Daemon) Routes(p status.Pick) status.Page {
	return asked(d, func(l *line) status.Page { return l.page(p) })
}

// History asks the line for the last hour's figures.
func (d *Daemon) History() status.History {
	h := status.History{StepSeconds: int(journal.Step.Seconds())}
	read := asked(d, func(l *line) status.History {
		h.End, h.Established, h.Routes = l.history.Read()
		return h
	})
	if read.Established == nil {
		h.Established, h.Routes = []uint32{}, []uint32{}
		return h
	}
	return read
}

// Journal is what the daemon has done.
func (d *Daemon) Journal() *journal.Journal { return d.journal }

// Clear ends sessions, or has their routes told again; all of them when peer is
// zero.
func (d *Daemon) Clear(peer netip.Addr, soft bool) (status.Cleared, error) {
	type answer struct {
		status.Cleared
		err error
	}
	a := asked(d, func(l *line) answer {
		cleared, err := l.clear(peer, soft)
		return answer{cleared, err}
	})
	return a.Cleared, a.err
}

func (l *line) clear(peer netip.Addr, soft bool) (status.Cleared, error) {
	out := status.Cleared{Soft: soft}
	var up []netip.Addr
	known := !peer.IsValid()
	if l.sessions != nil {
		for _, p := range l.sessions.Status() {
			if peer.IsValid() && p.Address != peer {
				continue
			}
			known = true
			if p.State == bgp.StateEstablished || !soft {
				up = append(up, p.Address)
			}
		}
	}
	if !known {
		return out, fmt.Errorf("%s: %w", peer, status.ErrNoNeighbor)
	}
	for _, addr := range up {
		switch {
		case !soft:
			l.sessions.Reset(addr, bgp.CeaseReset, 0)
		case !l.again(addr):
			out.Unable = append(out.Unable, addr)
			continue
		}
		out.Peers = append(out.Peers, addr)
		l.journal.Add(journal.Event{Kind: journal.SessionCleared, Peer: addr, Text: clearedText(addr, soft)})
	}
	return out, nil
}

// again has the routes of both ends told once more, ours also to a peer that
// cannot be asked for its own, which it reports.
func (l *line) again(addr netip.Addr) bool {
	l.sessions.Retell(addr)
	if !l.sessions.Refresh(addr) {
		return false
	}
	l.rib.AskedAgain(addr)
	return true
}

func clearedText(addr netip.Addr, soft bool) string {
	if soft {
		return fmt.Sprintf("%s: asked to tell its routes again, and told ours again", addr)
	}
	return fmt.Sprintf("%s: session ended by hand", addr)
}

// page is a part of the routes. Only those on it are made, unless a filter has
// to see them all.
func (l *line) page(p status.Pick) status.Page {
	out := status.Page{Offset: p.Offset, Routes: []status.Route{}}
	size := 0
	for _, e := range l.entries() {
		if p.Family != "" && (p.Family == "ipv4") != e.Prefix.Addr().Is4() {
			continue
		}
		var r status.Route
		if p.Filter != "" || p.Only != "" {
			if r = l.route(e); !shown(p, r) {
				continue
			}
		}
		out.Total++
		switch full := len(out.Routes) >= p.Limit || size > status.PageBytes; {
		case out.Total <= p.Offset:
			continue
		case full:
			if out.Next == 0 {
				out.Next = out.Total - 1
			}
			continue
		}
		if !r.Prefix.IsValid() {
			r = l.route(e)
		}
		size += bytesOf(r)
		out.Routes = append(out.Routes, r)
	}
	return out
}

// bytesOf is about what a route takes as JSON.
func bytesOf(r status.Route) int {
	n := 120 + 80*len(r.Installed)
	for _, p := range r.Paths {
		n += 180 + len(p.Detail) + len(p.ASPath) + 16*len(p.Communities)
	}
	return n
}

// entries are all prefixes that a peer told or that the kernel holds, sorted.
func (l *line) entries() []rib.Entry {
	all := l.rib.Entries()
	told := make(map[netip.Prefix]bool, len(all))
	for _, e := range all {
		told[e.Prefix] = true
	}
	n := len(all)
	for k := range l.table.have.Routes {
		if !told[k.Prefix] && k.Metric != guardMetric {
			told[k.Prefix] = true
			all = append(all, rib.Entry{Prefix: k.Prefix})
		}
	}
	if len(all) > n {
		order.Slice(all, func(a, b rib.Entry) int { return fib.ComparePrefix(a.Prefix, b.Prefix) })
	}
	return all
}

// shown reports whether r is among those that p asks for.
func shown(p status.Pick, r status.Route) bool {
	switch p.Only {
	case "installed":
		if len(r.Installed) == 0 {
			return false
		}
	case "refused":
		if !slices.ContainsFunc(r.Paths, func(p status.Path) bool { return p.Reason != "" }) {
			return false
		}
	case "failed":
		if r.Error == "" {
			return false
		}
	}
	f := p.Filter
	has := func(text string) bool { return strings.Contains(text, f) }
	return f == "" || has(r.Prefix.String()) ||
		slices.ContainsFunc(r.Paths, func(p status.Path) bool {
			return has(p.NextHop.String()) || has(p.Peer.String()) || has(p.Reason)
		}) ||
		slices.ContainsFunc(r.Installed, func(h status.NextHop) bool { return has(h.Address.String()) || has(h.Interface) })
}
