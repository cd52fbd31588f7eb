package controller

import (
	"time"

	"github.com/hawser-lb/hawser/cluster/internal/kube"
)

// Reasons of events about sessions.
const (
	eventSessionDown = "SessionDown"
	eventSessionUp   = "SessionUp"
)

// patient is how long a session may be down before somebody is told.
const patient = 5 * time.Second

// silence is a peer without a session on this node.
type silence struct {
	since time.Time
	told  bool
}

// tellSessions sends an event about each peer that this node has had no
// session with for a while, and one when it has one again. Every speaker tells
// of its own.
func (c *Controller) tellSessions(now time.Time) {
	if c.view == nil {
		return
	}
	down := c.directory.down(c.Router.Status())
	for name, why := range down {
		s, known := c.silences[name]
		if !known {
			s = &silence{since: now}
			c.silences[name] = s
		}
		if !s.told && now.Sub(s.since) >= patient {
			s.told = c.tellPeer(name, kube.Warning, eventSessionDown, "no session with node "+c.Node+": "+why)
		}
	}
	for name, s := range c.silences {
		if _, still := down[name]; still {
			continue
		}
		_, here := c.directory.byName[name]
		if s.told && here && !c.tellPeer(name, kube.Normal, eventSessionUp, "session with node "+c.Node+" is up") {
			continue // told when it may be, unless it is down again by then
		}
		delete(c.silences, name)
	}
}

// tellPeer sends an event about a peer: about its object, or about the
// ConfigMap when it comes from there. It reports whether it did.
func (c *Controller) tellPeer(name string, kind kube.EventType, reason, message string) bool {
	if c.view.Config.ConfigMap {
		return c.eventOf(subject{c.view.ConfigRef(c.Namespace), name}, kind, reason, "peer "+name+": "+message)
	}
	return c.event(c.view.PeerRef(name), kind, reason, message)
}
