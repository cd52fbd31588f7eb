package controller

import (
	"maps"
	"time"

	"github.com/hawser-lb/hawser/cluster/internal/kube"
)

const (
	burst      = 10          // events about one subject that may follow each other
	eventEvery = time.Minute // until there may be one more
)

// subject is what events are about: an object, or one peer of the ConfigMap.
type subject struct {
	about kube.Ref
	peer  string
}

// quota limits events, so that what goes back and forth for hours does not
// fill the API server. It has the time from which a subject may have a whole
// burst again.
type quota map[subject]time.Time

// take reports whether one more event may be sent, and counts it.
func (q quota) take(s subject, now time.Time) bool {
	whole := q[s]
	if whole.Before(now) {
		whole = now
	}
	if whole.Sub(now) > (burst-1)*eventEvery {
		return false
	}
	q[s] = whole.Add(eventEvery)
	return true
}

// forget drops those that may have a whole burst.
func (q quota) forget(now time.Time) {
	maps.DeleteFunc(q, func(_ subject, whole time.Time) bool { return whole.Before(now) })
}

// event sends an event unless there have been too many about its object, and
// reports whether it did.
func (c *Controller) event(about kube.Ref, kind kube.EventType, reason, message string) bool {
	return c.eventOf(subject{about: about}, kind, reason, message)
}

func (c *Controller) eventOf(s subject, kind kube.EventType, reason, message string) bool {
	if !c.quota.take(s, time.Now()) {
		return false
	}
	c.Writer.Event(s.about, kind, reason, message)
	return true
}
