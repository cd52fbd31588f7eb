package daemon

import (
	"context"
	"net/netip"
	"slices"

	"github.com/hawser-lb/hawser/router/internal/journal"
	"github.com/hawser-lb/hawser/router/internal/kernel"
	"github.com/hawser-lb/hawser/router/internal/uciconf"
	"github.com/hawser-lb/hawser/shared/bgp"
	"github.com/hawser-lb/hawser/shared/order"
	"github.com/hawser-lb/hawser/shared/route"
)

// sessions is a running speaker. It lives as long as the listening addresses
// stay the same.
type sessions struct {
	Speaker
	listen []netip.AddrPort
	end    context.CancelFunc
	ended  chan struct{}
}

// speak starts a speaker, after the one before has ended and let go of its
// addresses.
func (l *line) speak(listen []netip.AddrPort) {
	before := l.sessions
	ctx, cancel := context.WithCancel(l.ctx)
	s := &sessions{
		Speaker: l.d.parts.speaker(bgp.Config{
			Listen: listen, Log: l.log, Restarting: len(l.table.have.Routes) > 0, Gone: l.lookout.gone,
		}),
		listen: listen, end: cancel, ended: make(chan struct{}),
	}
	l.sessions = s
	if l.d.opts.WithdrawOnExit {
		s.Farewell(farewell)
	}
	s.Announce(offers(l.config.Config))
	if before != nil {
		before.end()
	}
	l.group.Go(func() error {
		defer close(s.ended)
		if before != nil {
			<-before.ended
		}
		return s.Run(ctx)
	})
	l.group.Go(func() error { return s.forward(l.ctx, l.events) })
}

// farewell is what peers are told when our routes go too.
const farewell = "hawser was stopped and takes its routes away"

// forward brings the events to the line, and drops them once nobody is there.
func (s *sessions) forward(ctx context.Context, to chan<- heard) error {
	for e := range s.Events() {
		select {
		case to <- heard{s.Speaker, e}:
		case <-ctx.Done():
		}
	}
	return nil
}

// listenOn are the addresses to accept connections on.
func listenOn(g uciconf.Globals) []netip.AddrPort {
	addrs := g.Listen
	if len(addrs) == 0 {
		addrs = []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()}
	}
	out := make([]netip.AddrPort, len(addrs))
	for i, a := range addrs {
		out[i] = netip.AddrPortFrom(a, g.ListenPort)
	}
	return out
}

// peers are the configuration's neighbours and clusters in the speaker's words.
func peers(c uciconf.Config, routerID netip.Addr) (peers []bgp.Peer, ranges []bgp.Range) {
	settings := func(name string, s uciconf.Session) bgp.Settings {
		return bgp.Settings{
			Name: name, LocalASN: c.Globals.ASN, RouterID: routerID,
			PeerASN: s.ASN, HoldTime: c.Globals.HoldTime, RestartTime: c.Globals.RestartTime,
			Password: s.Password, TTLSecurity: uint8(s.TTLSecurity), Multihop: uint8(s.Multihop),
		}
	}
	for _, n := range c.Neighbors {
		peers = append(peers, bgp.Peer{Settings: settings(n.Name, n.Session), Address: n.Address, Passive: n.Passive})
	}
	for _, cl := range c.Clusters {
		for _, source := range cl.Source {
			ranges = append(ranges, bgp.Range{Settings: settings(cl.Name, cl.Session), Prefix: source, MaxPeers: cl.MaxPeers})
		}
	}
	return peers, ranges
}

// offers are what the peers may learn from us: for each prefix that a
// section sends, a route with ourselves as the next hop.
func offers(c uciconf.Config) []bgp.Announcement {
	to := map[netip.Prefix][]string{}
	send := func(name string, s uciconf.Session) {
		for _, p := range s.Send {
			to[p] = append(to[p], name)
		}
	}
	for _, cl := range c.Clusters {
		send(cl.Name, cl.Session)
	}
	for _, n := range c.Neighbors {
		send(n.Name, n.Session)
	}
	all := make([]bgp.Announcement, 0, len(to))
	plain := &route.Attributes{}
	for p, names := range to {
		all = append(all, bgp.Announcement{Route: route.Route{Prefix: p, Attributes: plain}, ToNamed: names})
	}
	order.Slice(all, func(a, b bgp.Announcement) int { return a.Prefix.Compare(b.Prefix) })
	return all
}

// chooseRouterID returns the configured one, else the one in use, else the
// lowest IPv4 address of the LAN bridge, else the lowest global one. It stays
// when addresses come and go, since a new one would reset every session.
func chooseRouterID(g uciconf.Globals, inUse netip.Addr, f kernel.Facts) netip.Addr {
	if g.RouterID.IsValid() {
		return g.RouterID
	}
	if inUse.IsValid() {
		return inUse
	}
	const lanBridge = "br-lan"
	var lan, global netip.Addr
	for _, a := range f.Addresses { // sorted
		if !a.Own.Is4() || !a.Own.IsGlobalUnicast() {
			continue
		}
		if link, known := f.Link(a.Link); known && link.Name == lanBridge && !lan.IsValid() {
			lan = a.Own
		}
		if !global.IsValid() {
			global = a.Own
		}
	}
	if lan.IsValid() {
		return lan
	}
	return global
}

// converse brings the speaker in line with the configuration.
func (l *line) converse() error {
	listen := listenOn(l.config.Globals)
	switch {
	case l.sessions == nil:
		l.speak(listen)
	case !slices.Equal(listen, l.sessions.listen):
		clear(l.up)
		clear(l.live.local)
		l.watchPeers()
		l.log.Info("listening elsewhere: sessions are opened anew", "listen", listen)
		l.beginAgain("listening addresses changed")
		for _, addr := range l.rib.Peers() {
			l.rib.Down(addr)
		}
		l.speak(listen)
	default:
		l.sessions.Announce(offers(l.config.Config))
	}
	return l.setPeers()
}

// setPeers waits for a router identifier, without which no session can be.
func (l *line) setPeers() error {
	before := l.routerID
	l.routerID = chooseRouterID(l.config.Globals, l.routerID, l.table.facts)
	if !l.routerID.IsValid() {
		l.log.Warn("no session yet: there is no IPv4 address for a router identifier; set option router_id in section globals")
		return nil
	}
	if before != l.routerID {
		l.log.Info("router identifier", "routerID", l.routerID)
		l.note(journal.RouterIDChosen, "router identifier %s", l.routerID)
	}
	return l.sessions.SetPeers(peers(l.config.Config, l.routerID))
}
