package daemon

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/hawser-lb/hawser/router/internal/journal"
	"github.com/hawser-lb/hawser/router/internal/status"
	"github.com/hawser-lb/hawser/router/internal/uciconf"
	"github.com/hawser-lb/hawser/shared/bfd"
	"github.com/hawser-lb/hawser/shared/bgp"
)

// Watcher is what the daemon needs of BFD; bfd.Speaker is one.
type Watcher interface {
	Run(ctx context.Context) error
	Set(all []bfd.Session)
	Events() <-chan bfd.Event
	Status() []bfd.Status
	Ignored() bfd.Ignored
}

// liveness says which peers answer, faster than their sessions do. Nothing runs
// until a section asks for it.
type liveness struct {
	Watcher
	events chan bfd.Event
	local  map[netip.Addr]netip.Addr // our end of each established session
}

func newLiveness() liveness {
	return liveness{events: make(chan bfd.Event, 16), local: map[netip.Addr]netip.Addr{}}
}

// watchPeers has every established peer watched whose section says so.
func (l *line) watchPeers() {
	var all []bfd.Session
	for addr, local := range l.live.local {
		s := l.section(addr)
		if s == nil || !s.BFD.Enabled {
			continue
		}
		all = append(all, bfd.Session{
			Key:      bfd.Key{Remote: addr, Local: local, Multihop: s.Multihop > 0},
			Transmit: s.BFD.Interval, Receive: s.BFD.Interval, Multiplier: uint8(s.BFD.Multiplier),
		})
	}
	if l.live.Watcher == nil {
		if len(all) == 0 {
			return
		}
		l.live.Watcher = l.d.parts.watcher(bfd.Config{Log: l.log})
		l.group.Go(func() error { return l.live.Run(l.ctx) })
		l.group.Go(func() error { return l.live.forward(l.ctx) })
	}
	l.live.Set(all)
}

// forward brings the events to the line.
func (v *liveness) forward(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case e := <-v.Events():
			select {
			case v.events <- e:
			case <-ctx.Done():
				return nil
			}
		}
	}
}

// section is what the configuration says of the session with addr.
func (l *line) section(addr netip.Addr) *uciconf.Session {
	if n := l.neighbor(addr); n != nil {
		return &n.Session
	}
	if c := l.clusterOf(addr); c != nil {
		return &c.Session
	}
	return nil
}

// bfdDown is Cease/BFD Down (RFC 9384).
var bfdDown = bgp.Notification{Code: 6, Subcode: 10}

// alive takes in what BFD found out. A peer that fails while its session stands
// is gone from every route at once, and its session is told. One whose session
// ended before may be restarting: that it says nothing meanwhile is no failure
// (RFC 5882 §4.3).
func (l *line) alive(e bfd.Event) {
	addr := e.Remote
	switch e.State {
	case bfd.Up:
		l.nextHopAlive(addr)
		l.journal.Add(journal.Event{Kind: journal.LivenessUp, Peer: addr, Time: e.At, Text: fmt.Sprintf("%s: BFD up", addr)})
	case bfd.Down:
		l.journal.Add(journal.Event{Kind: journal.LivenessDown, Peer: addr, Time: e.At, Text: fmt.Sprintf("%s: BFD down: %s", addr, e.Reason)})
		if _, stands := l.live.local[addr]; stands {
			l.nextHopDead(addr)
			l.sessions.Reset(addr, bfdDown, 0)
		}
	default:
		l.journal.Add(journal.Event{Kind: journal.LivenessDown, Peer: addr, Time: e.At, Text: fmt.Sprintf("%s: BFD closed by the peer, which is no failure", addr)})
	}
}

// livenessStatus is nil for a peer that is not watched.
func (l *line) livenessStatus(all []bfd.Status, addr netip.Addr) *status.BFD {
	i := slices.IndexFunc(all, func(s bfd.Status) bool { return s.Remote == addr })
	if i < 0 {
		return nil
	}
	s := all[i]
	return &status.BFD{
		State: s.State.String(), Since: s.Since, Diagnostic: s.Diagnostic.String(), Multihop: s.Multihop, Multiplier: s.Multiplier,
		Discriminator: s.Discriminator, TransmitMilliseconds: milliseconds(s.Transmit), DetectMilliseconds: milliseconds(s.Detect),
		RemoteState: s.Theirs.State.String(), RemoteDiagnostic: s.Theirs.Diagnostic.String(), RemoteDiscriminator: s.Theirs.Discriminator,
		RemoteMultiplier: s.Theirs.Multiplier, RemoteTransmitMilliseconds: milliseconds(s.Theirs.Transmit),
		RemoteReceiveMilliseconds: milliseconds(s.Theirs.Receive),
		Sent:                      s.Sent, Received: s.Received, Ups: s.Ups, Downs: s.Downs, Error: s.LastError,
	}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
