package daemon

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/hawser-lb/hawser/router/internal/journal"
	"github.com/hawser-lb/hawser/router/internal/kernel"
	"github.com/hawser-lb/hawser/router/internal/rib"
	"github.com/hawser-lb/hawser/router/internal/uciconf"
)

// reload reads the file again. One with mistakes changes nothing.
func (l *line) reload() {
	next, problems := uciconf.Load(l.d.opts.ConfigFile)
	if err := problems.Err(); err != nil {
		l.config.rejected, l.config.problems = true, problems
		wrong, _ := problems.Count()
		l.log.Error("configuration refused, the running one stays", "mistakes", wrong)
		for _, p := range problems {
			l.log.Error("configuration", "problem", p.String())
		}
		l.noteRejected(problems)
		return
	}
	for _, p := range problems {
		l.log.Warn("configuration", "problem", p.String())
	}
	before := l.config.Globals
	l.config = running{Config: next, loadedAt: time.Now(), problems: problems}
	l.d.opts.Level.Set(next.Globals.LogLevel)
	if !next.Globals.Enabled {
		l.log.Info("not enabled any more: stopping", "file", l.d.opts.ConfigFile)
		l.table.failure = errDisabled
		if l.sessions != nil {
			l.sessions.Farewell(farewell)
		}
		return
	}
	l.log.Info("configuration loaded", "file", l.d.opts.ConfigFile,
		"clusters", len(next.Clusters), "neighbors", len(next.Neighbors))
	l.note(journal.ConfigLoaded, "configuration loaded: %d clusters, %d neighbors", len(next.Clusters), len(next.Neighbors))
	l.adjust(before)
}

// adjust applies what the new configuration says otherwise.
func (l *line) adjust(before uciconf.Globals) {
	g := l.config.Globals
	l.metrics.Listen(g.MetricsListen)
	if g.Metric != before.Metric || g.Resilient != before.Resilient {
		l.table.wantAll = true
	}
	l.reread(time.Now()) // other guards may be due
	if l.table.read && (g.ASN != before.ASN || chooseRouterID(g, l.routerID, l.table.facts) != l.routerID) {
		l.beginAgain("own AS or router identifier changed")
	}
	l.rib.SetMaxPaths(g.MaxPaths)
	for _, addr := range l.rib.Peers() {
		l.judgeAgain(addr)
	}
	l.watchPeers()
	if l.sessions == nil {
		return // the first read comes first
	}
	if err := l.converse(); err != nil {
		l.log.Error("peers refused, the ones before stay", "error", err)
	}
}

// judgeAgain gives a peer its new policy. When routes that were refused before
// are no longer held, only the peer can tell them again.
func (l *line) judgeAgain(addr netip.Addr) {
	if l.rib.SetPolicy(addr, l.policy(addr)) {
		l.askAgain(addr)
	}
	l.limit(addr)
}

// askAgain has the peer tell everything again, if anything it told is forgotten
// and may now count: by a ROUTE-REFRESH, else by a new session.
func (l *line) askAgain(addr netip.Addr) {
	forgotten := l.rib.Count(addr).Dropped
	switch {
	case forgotten == 0:
	case l.sessions.Refresh(addr):
		l.rib.AskedAgain(addr)
		l.log.Info("asked to tell its routes again", "peer", addr, "forgotten", forgotten)
	default:
		l.log.Info("session reset to be told again", "peer", addr, "forgotten", forgotten)
		l.sessions.Reset(addr, configurationChange, 0)
	}
}

// policy says what the peer at addr may tell: its neighbor section, else the
// cluster whose source holds it, else nothing.
func (l *line) policy(addr netip.Addr) rib.Policy {
	if n := l.neighbor(addr); n != nil {
		var sources []netip.Prefix
		if c := l.cluster(n.Cluster); c != nil {
			sources = c.Source
		}
		return l.policyOf(n.Session, sources)
	}
	if c := l.clusterOf(addr); c != nil {
		return l.policyOf(c.Session, c.Source)
	}
	return rib.Policy{LocalASN: l.config.Globals.ASN}
}

func (l *line) policyOf(s uciconf.Session, sources []netip.Prefix) rib.Policy {
	return rib.Policy{Allow: s.Allow, Sources: sources, MaxPrefixes: s.MaxPrefixes, LocalASN: l.config.Globals.ASN}
}

func (l *line) neighbor(addr netip.Addr) *uciconf.Neighbor {
	i := slices.IndexFunc(l.config.Neighbors, func(n uciconf.Neighbor) bool { return n.Address == addr })
	if i < 0 {
		return nil
	}
	return &l.config.Neighbors[i]
}

func (l *line) cluster(name string) *uciconf.Cluster {
	i := slices.IndexFunc(l.config.Clusters, func(c uciconf.Cluster) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return &l.config.Clusters[i]
}

// clusterOf is the cluster with the narrowest source around addr.
func (l *line) clusterOf(addr netip.Addr) *uciconf.Cluster {
	var found *uciconf.Cluster
	bits := -1
	for i := range l.config.Clusters {
		for _, s := range l.config.Clusters[i].Source {
			if s.Contains(addr.WithZone("")) && s.Bits() > bits {
				found, bits = &l.config.Clusters[i], s.Bits()
			}
		}
	}
	return found
}

// move opens another door: for another table or protocol number. What stands
// keeps standing; the plan that follows the next reading makes the new routes
// and objects before it takes the old ones away.
func (l *line) move(to kernel.Config) job {
	old, open := l.kernel, l.d.parts.kernel
	return func() func() {
		k, err := open(to)
		if err != nil {
			return func() {
				l.table.noMove = time.Now().Add(l.table.backoff)
				l.failed(fmt.Errorf("table %d, protocol %d: %w", to.Table, to.Protocol, err))
			}
		}
		return func() {
			old.close()
			if err := old.Close(); err != nil {
				l.log.Warn("kernel", "error", err)
			}
			l.note(journal.RoutesMoved, "routes move to table %d, protocol %d", to.Table, to.Protocol)
			l.log.Info("routes move", "table", to.Table, "protocol", to.Protocol)
			if former := old.config.Protocol; former != to.Protocol {
				l.table.former = append(l.table.former, former)
			}
			l.table.former = slices.DeleteFunc(l.table.former, func(n uint8) bool { return n == to.Protocol })
			l.kernel = door{Kernel: k, config: to}
			l.watch()
			l.table.stale = true
			l.table.rereadAt = time.Now()
		}
	}
}
