package daemon

import (
	"fmt"
	"maps"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hawser-lb/hawser/router/internal/fib"
	"github.com/hawser-lb/hawser/router/internal/rib"
	"github.com/hawser-lb/hawser/router/internal/status"
	"github.com/hawser-lb/hawser/router/internal/uciconf"
	"github.com/hawser-lb/hawser/shared/bfd"
	"github.com/hawser-lb/hawser/shared/bgp"
	"github.com/hawser-lb/hawser/shared/route"
	"github.com/hawser-lb/hawser/shared/version"
)

// snapshot is the daemon as status shows it.
func (l *line) snapshot(withRoutes bool) status.Snapshot {
	g := l.config.Globals
	now := time.Now()
	s := status.Snapshot{
		Version: version.String(), Started: l.started, Now: now, PID: os.Getpid(), Goroutines: runtime.NumGoroutine(),
		ASN: g.ASN, RouterID: l.routerID, Table: g.Table, Metric: g.Metric, Protocol: g.Protocol,
		MaxPaths: g.MaxPaths, NextHops: l.nextHopKind(),
		Config: status.Config{
			File: l.d.opts.ConfigFile, LoadedAt: l.config.loadedAt, Rejected: l.config.rejected,
			Problems: []string{},
		},
		Listening: []status.Listen{}, Neighbors: []status.Neighbor{}, Routes: []status.Route{},
		TableVersion: l.rib.Version(),
		Kernel:       l.kernelStatus(now),
	}
	if at, err := l.metrics.Listening(); at.IsValid() {
		m := listening(bgp.ListenStatus{Address: at, Err: err})
		s.Metrics = &m
	}
	for _, p := range l.config.problems {
		s.Config.Problems = append(s.Config.Problems, p.String())
	}
	if l.sessions != nil {
		s.RefusedConnections = l.sessions.Refused()
		for _, at := range l.sessions.Listening() {
			s.Listening = append(s.Listening, listening(at))
		}
		var watched []bfd.Status
		if l.live.Watcher != nil {
			watched, s.BFDIgnored = l.live.Status(), l.live.Ignored()
		}
		for _, p := range l.sessions.Status() {
			n := l.neighborStatus(p, s.TableVersion)
			n.BFD = l.livenessStatus(watched, p.Address)
			s.Neighbors = append(s.Neighbors, n)
		}
	}
	s.Clusters = l.clusterStatus(s.Neighbors)
	s.Totals = l.total(s.Neighbors)
	if withRoutes {
		s.Routes = l.routeStatus()
	}
	return s
}

func listening(at bgp.ListenStatus) status.Listen {
	out := status.Listen{Address: at.Address}
	if at.Err != nil {
		out.Error = at.Err.Error()
	}
	return out
}

func (l *line) kernelStatus(now time.Time) status.Kernel {
	t := &l.table
	guards := []netip.Prefix{}
	for k := range t.have.Routes {
		if k.Metric == guardMetric {
			guards = append(guards, k.Prefix)
		}
	}
	slices.SortFunc(guards, fib.ComparePrefix)
	return status.Kernel{
		Routes: len(t.have.Routes) - len(guards), Guards: guards,
		NextHops: len(t.have.Hops), Groups: len(t.have.Groups), Advice: l.advice(), Steps: t.steps, Errors: t.failures,
		LastError: t.lastError, LastErrorAt: t.lastErrorAt, LastAudit: t.lastRead,
		Waiting: l.look(now),
	}
}

func (l *line) neighborStatus(p bgp.PeerStatus, version uint64) status.Neighbor {
	count := l.rib.Count(p.Address)
	n := status.Neighbor{
		Address: p.Address, Name: p.Name, Dynamic: p.Dynamic, Passive: p.Passive,
		ASN: p.ASN, RouterID: p.RouterID, LocalASN: p.LocalASN, LocalID: p.LocalID,
		RemotePort: p.RemotePort, State: p.State.String(), Since: p.Since,
		HoldSeconds: int(p.HoldTime.Seconds()), KeepaliveSeconds: int(p.Keepalive.Seconds()),
		CapabilitiesSent: capabilities(p.Sent), CapabilitiesRcvd: capabilities(p.Received),
		Families: families(p.Families),
		MsgRcvd:  messages(p.MsgRcvd), MsgSent: messages(p.MsgSent),
		OutQueue: p.OutQueue, TableVersion: version,
		Accepted: count.Accepted, AcceptedIPv6: count.Accepted6, Refused: refused(count), Sent: p.Announced,
		EstablishedCount: p.Established, DroppedCount: p.Dropped,
		LastError: p.LastError, LastErrorAt: p.LastErrorAt,
		Signed: p.Password, TTLSecurity: p.TTLSecurity, Multihop: p.Multihop, Stale: count.Stale, Restart: restart(p.Restart),
		CanRefresh: p.CanRefresh, MaxMessage: p.MaxMessage, Obstacle: p.Obstacle, Hint: p.Hint,
		NotificationSent: p.LastSent.String(), NotificationRcvd: p.LastRcvd.String(),
		Malformed: p.Malformed, MalformedWhy: p.MalformedWhy, Withheld: p.Withheld, WithheldWhy: p.WithheldWhy,
	}
	n.Received = n.Accepted
	for _, held := range count.Refused {
		n.Received += held
	}
	if p.LocalAddress.IsValid() {
		n.LocalAddress = p.LocalAddress.String()
	}
	switch section := l.neighbor(p.Address); {
	case p.Dynamic:
		n.Cluster = p.Name
		if c := l.cluster(p.Name); c != nil {
			n.Description = c.Description
		}
	case section != nil:
		n.Cluster, n.Description = section.Cluster, section.Description
	}
	return n
}

func restart(r bgp.RestartStatus) status.Restart {
	return status.Restart{
		OfferedSeconds: int(r.Offered.Seconds()), PeerSeconds: int(r.Peer.Seconds()), Negotiated: r.Negotiated,
		Families: families(r.Families), PeerRestarted: r.PeerRestarted,
		Stale: families(r.Stale), StaleUntil: r.StaleUntil, Kept: r.Kept,
	}
}

// refused counts what is held; routes forgotten for lack of room belong to no
// reason any more.
func refused(c rib.Count) map[string]int {
	out := maps.Clone(c.Refused)
	if out == nil {
		out = map[string]int{}
	}
	return out
}

func capabilities(all []bgp.Capability) []string {
	out := make([]string, len(all))
	for i, c := range all {
		out[i] = c.Text
	}
	return out
}

func families(all []bgp.Family) []string {
	out := make([]string, len(all))
	for i, f := range all {
		out[i] = "ipv4Unicast"
		if f == bgp.IPv6 {
			out[i] = "ipv6Unicast"
		}
	}
	return out
}

func messages(m bgp.MsgCount) status.Messages {
	return status.Messages{
		Open: m.Open, Update: m.Update, Notification: m.Notification,
		Keepalive: m.Keepalive, RouteRefresh: m.RouteRefresh, Total: m.Total(),
	}
}

func (l *line) clusterStatus(neighbors []status.Neighbor) []status.Cluster {
	out := make([]status.Cluster, 0, len(l.config.Clusters))
	var ranges []bgp.RangeStatus
	if l.sessions != nil {
		ranges = l.sessions.Ranges()
	}
	for _, c := range l.config.Clusters {
		s := status.Cluster{
			Name: c.Name, Description: c.Description, ASN: asnRule(c.Session),
			Source: c.Source, Allow: c.Allow, MaxPeers: c.MaxPeers, MaxPrefixes: c.MaxPrefixes,
			Refused: map[string]int{},
		}
		for _, n := range neighbors {
			if n.Cluster != c.Name {
				continue
			}
			s.Peers++
			if n.State == bgp.StateEstablished.String() {
				s.Established++
			}
			s.Accepted += n.Accepted
			for reason, held := range n.Refused {
				s.Refused[reason] += held
			}
		}
		s.Obstacle, s.Hint = inTheWay(c.Name, ranges)
		out = append(out, s)
	}
	return out
}

// inTheWay is what stands in the way of all peers of a cluster.
func inTheWay(cluster string, ranges []bgp.RangeStatus) (obstacle, hint string) {
	for _, r := range ranges {
		if r.Name == cluster && (obstacle == "" || r.Obstacle != "") {
			obstacle, hint = r.Obstacle, r.Hint
		}
	}
	return obstacle, hint
}

func asnRule(s uciconf.Session) string {
	switch {
	case s.ASN.Any:
		return "any"
	case s.ASN.External:
		return "external"
	}
	return strconv.FormatUint(uint64(s.ASN.Exactly), 10)
}

// routeStatus has every prefix that a peer told or that the kernel holds.
func (l *line) routeStatus() []status.Route {
	entries := l.entries()
	out := make([]status.Route, len(entries))
	for i, e := range entries {
		out[i] = l.route(e)
	}
	return out
}

func (l *line) route(e rib.Entry) status.Route {
	r := status.Route{
		Prefix: e.Prefix, Paths: make([]status.Path, len(e.Paths)),
		Installed: []status.NextHop{}, Error: l.routeError(e.Prefix),
	}
	chosen := 0
	for _, p := range e.Paths {
		if p.Multipath {
			chosen++
		}
	}
	for i, p := range e.Paths {
		r.Paths[i] = path(p, chosen > 1)
	}
	if k, stands := l.standing(e.Prefix); stands {
		staying, leaving := fib.Part(l.table.have.NextHops(k))
		for _, h := range staying {
			r.Installed = append(r.Installed, l.nextHop(h))
		}
		for _, h := range leaving {
			hop := l.nextHop(h)
			hop.Leaving = true
			r.Installed = append(r.Installed, hop)
		}
		r.InstalledAt = l.table.since[k]
		if at := l.table.grown[l.table.have.Routes[k].Group]; at.After(r.InstalledAt) {
			r.InstalledAt = at
		}
	}
	return r
}

// standing is the key of the route to prefix that counts: when its metric or
// table is being changed, the one that is meant to stay.
func (l *line) standing(prefix netip.Prefix) (fib.Key, bool) {
	var found []fib.Key
	for place := range l.table.places {
		k := fib.Key{Prefix: prefix, Metric: place.Metric, Table: place.Table}
		if _, stands := l.table.have.Routes[k]; stands && k.Metric != guardMetric {
			found = append(found, k)
		}
	}
	if len(found) == 0 {
		return fib.Key{}, false
	}
	g := l.config.Globals
	if meant := (fib.Key{Prefix: prefix, Metric: g.Metric, Table: g.Table}); slices.Contains(found, meant) {
		return meant, true
	}
	return slices.MinFunc(found, fib.Key.Compare), true
}

func (l *line) nextHop(h fib.NextHop) status.NextHop {
	out := status.NextHop{Address: h.Addr, Weight: h.Weight}
	link, known := l.table.facts.Link(h.Link)
	if !known {
		out.Interface = fmt.Sprintf("#%d", h.Link)
		return out
	}
	out.Interface, out.Dead = link.Name, !link.Up || !link.Carrier
	return out
}

func path(p rib.Path, several bool) status.Path {
	out := status.Path{
		Peer: p.Peer, NextHop: p.Attrs.NextHop, Best: p.Best, Multipath: p.Multipath && several, Leaving: p.Leaving, Stale: p.Stale,
		Origin: origins[min(p.Attrs.Origin, route.Incomplete)], ASPath: asPath(p.Attrs.Path),
		LocalPref: optional(p.Attrs.LocalPref), MED: optional(p.Attrs.MED),
		Communities: communities(p.Attrs), Since: p.Since,
	}
	if p.Reason != rib.Accepted {
		out.Reason, out.Detail = p.Reason.String(), p.Detail
	}
	return out
}

var origins = [...]string{route.IGP: "i", route.EGP: "e", route.Incomplete: "?"}

func optional(o route.Optional) *uint32 {
	if !o.Set {
		return nil
	}
	return &o.Value
}

// asPath is the path as Quagga writes it: sets in braces, confederations in
// parentheses and brackets.
func asPath(segments []route.Segment) string {
	var words []string
	for _, s := range segments {
		asns := make([]string, len(s.ASNs))
		for i, n := range s.ASNs {
			asns[i] = strconv.FormatUint(uint64(n), 10)
		}
		switch s.Type {
		case route.Set:
			words = append(words, "{"+strings.Join(asns, ",")+"}")
		case route.ConfedSequence:
			words = append(words, "("+strings.Join(asns, " ")+")")
		case route.ConfedSet:
			words = append(words, "["+strings.Join(asns, ",")+"]")
		default:
			words = append(words, asns...)
		}
	}
	return strings.Join(words, " ")
}

var wellKnown = map[uint32]string{
	route.GracefulShutdown: "graceful-shutdown", route.NoExport: "no-export",
	route.NoAdvertise: "no-advertise", route.NoExportSubconfed: "local-AS",
	route.NoPeer: "no-peer", route.Blackhole: "blackhole",
}

func communities(a *route.Attributes) []string {
	var out []string
	for _, c := range a.Communities {
		name, known := wellKnown[c]
		if !known {
			name = fmt.Sprintf("%d:%d", c>>16, c&0xffff)
		}
		out = append(out, name)
	}
	for _, c := range a.LargeCommunities {
		out = append(out, fmt.Sprintf("%d:%d:%d", c[0], c[1], c[2]))
	}
	return out
}
