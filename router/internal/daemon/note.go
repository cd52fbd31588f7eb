package daemon

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/hawser-lb/hawser/router/internal/fib"
	"github.com/hawser-lb/hawser/router/internal/journal"
	"github.com/hawser-lb/hawser/router/internal/status"
	"github.com/hawser-lb/hawser/router/internal/uciconf"
	"github.com/hawser-lb/hawser/shared/bgp"
)

// note remembers an event.
func (l *line) note(kind journal.Kind, format string, args ...any) {
	l.journal.Add(journal.Event{Kind: kind, Text: fmt.Sprintf(format, args...)})
}

// notePeer remembers an event of a session.
func (l *line) notePeer(kind journal.Kind, p bgp.PeerID, at time.Time, text string) {
	l.journal.Add(journal.Event{Kind: kind, Time: at, Peer: p.Address, Name: p.Name, Text: text})
}

func (l *line) noteUp(e bgp.Established) {
	l.up[e.Peer.Address] = true
	l.totals.Sessions++
	l.notePeer(journal.SessionUp, e.Peer, e.At, fmt.Sprintf("%s (%s): session up, AS %d", e.Peer.Address, e.Peer.Name, e.ASN))
}

func (l *line) noteDown(e bgp.Down) {
	delete(l.up, e.Peer.Address)
	l.totals.Flaps++
	text := fmt.Sprintf("%s (%s): session down: %s", e.Peer.Address, e.Peer.Name, e.Reason)
	if len(e.Kept) > 0 {
		text += fmt.Sprintf("; its routes stay for %s at most", e.Until.Sub(e.At))
	}
	l.notePeer(journal.SessionDown, e.Peer, e.At, text)
}

func (l *line) noteSwept(e bgp.Swept, gone int) {
	l.notePeer(journal.StaleGone, e.Peer, e.At, fmt.Sprintf("%s (%s): %d stale routes are gone: %s", e.Peer.Address, e.Peer.Name, gone, e.Reason))
}

func (l *line) noteListening(e bgp.ListenChanged) {
	ev := journal.Event{Kind: journal.Listening, Time: e.At, Text: fmt.Sprintf("listening on %s again", e.Address)}
	if e.Err != nil {
		ev.Kind, ev.Text = journal.NotListening, fmt.Sprintf("cannot listen on %s, trying again: %v", e.Address, e.Err)
	}
	l.journal.Add(ev)
}

// callersAMinute are remembered at most, so that who connects from many
// addresses does not push out everything else.
const callersAMinute = 5

// callers counts the refused ones that were remembered in a minute.
type callers struct {
	minute time.Time
	said   int
}

func (l *line) noteCaller(e bgp.Refused) {
	c := &l.callers
	if e.At.Sub(c.minute) >= time.Minute {
		*c = callers{minute: e.At}
	}
	if c.said++; c.said > callersAMinute {
		return
	}
	l.journal.Add(journal.Event{
		Kind: journal.CallerRefused, Time: e.At, Peer: e.Address, Text: fmt.Sprintf("%s: connection refused: %s", e.Address, e.Reason),
	})
}

// noteRefused remembers a kind of refusal, the first time in a session.
func (l *line) noteRefused(addr netip.Addr, reason string, n int) {
	l.journal.Add(journal.Event{
		Kind: journal.RoutesRefused, Peer: addr, Reason: reason,
		Text: fmt.Sprintf("%s: %d refused, %s: show ip bgp says why", addr, n, reason),
	})
}

func (l *line) noteRejected(problems uciconf.Problems) {
	wrong, _ := problems.Count()
	i := slices.IndexFunc(problems, func(p uciconf.Problem) bool { return !p.Warning })
	l.note(journal.ConfigRefused, "configuration refused, the running one stays: %d wrong, the first: %s", wrong, problems[i])
}

// noteRoute tells followers what becomes of a route; it is not remembered, since
// routes come and go by the thousand.
func (l *line) noteRoute(s fib.Step) {
	kind, what := journal.RouteChanged, "route changed"
	switch s.Verb {
	case fib.Add:
		kind, what = journal.RouteAdded, "route added"
	case fib.Delete:
		kind, what = journal.RouteRemoved, "route removed"
	}
	text := fmt.Sprintf("%s: %s", s.Key.Prefix, what)
	for i, a := range addresses(s.NextHops) {
		if i == 0 {
			text += ", via"
		}
		text += " " + a.String()
	}
	l.journal.Tell(journal.Event{Kind: kind, Prefix: s.Key.Prefix, Text: text})
}

// sample takes the figures for the graph when they are due, and says when they
// are next.
func (l *line) sample(now time.Time) time.Time {
	if !now.Before(l.history.Due()) {
		routes := 0
		for k := range l.table.have.Routes {
			if k.Metric != guardMetric {
				routes++
			}
		}
		l.history.Add(now, len(l.up), routes)
	}
	return l.history.Due()
}

// total is what all peers come to.
func (l *line) total(neighbors []status.Neighbor) status.Totals {
	t := l.totals
	t.Established, t.Refused = len(l.up), map[string]int{}
	for _, n := range neighbors {
		t.Accepted += n.Accepted
		for reason, held := range n.Refused {
			t.Refused[reason] += held
		}
	}
	return t
}
