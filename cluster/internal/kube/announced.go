package kube

import (
	"context"
	"encoding/json"
	"sync"
	"sync/atomic"
	"time"
	"unique"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/hawser-lb/hawser/cluster/internal/model"
)

// AnnouncedCondition is the type of the condition of Services that says from
// how many nodes to how many routers they are announced, or why they are not.
const AnnouncedCondition = "hawser.dev/Announced"

// Standing is how a Service is announced, for that condition.
type Standing struct {
	Announced       bool
	Reason, Message string
}

// The condition is news for people and may be late: what has not lasted is not
// written, one is written after the other, and addresses go first.
const (
	standingLasts = 2 * time.Second        // before it is written
	standingEvery = 40 * time.Millisecond  // between two writes
	standingYield = 200 * time.Millisecond // the same while addresses are written
	standingLook  = time.Second            // between two looks at all Services
)

// announcer keeps the conditions of Services as the leader wants them, also
// where somebody else's hand was there.
type announcer struct {
	cluster *Cluster
	wake    chan struct{}
	granted atomic.Int64 // when an address was last written

	mu   sync.Mutex
	want map[model.Key]lasting
}

// lasting is a Standing and since when it is so.
type lasting struct {
	Standing
	since time.Time
}

func newAnnouncer(c *Cluster) *announcer { return &announcer{cluster: c, wake: make(chan struct{}, 1)} }

// SetStandings says how all Services stand that hold an address. It does not
// wait. The map is not to be written to afterwards.
func (c *Cluster) SetStandings(all map[model.Key]Standing) {
	a, now := c.announcer, time.Now()
	a.mu.Lock()
	want := make(map[model.Key]lasting, len(all))
	for k, s := range all {
		l, known := a.want[k]
		if !known || l.Standing != s {
			l = lasting{s, now}
		}
		want[k] = l
	}
	a.want = want
	a.mu.Unlock()
	a.poke()
}

func (a *announcer) poke() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

func (a *announcer) run(ctx context.Context) {
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.wake:
		}
		if !pause(ctx, standingLook) {
			return
		}
		due, later := a.due(time.Now())
		failed := error(nil)
		for _, k := range due {
			if err := a.write(ctx, k); err != nil {
				failed = err
			}
			if !pause(ctx, a.pace()) {
				return
			}
		}
		if failed != nil && !failing && ctx.Err() == nil {
			a.cluster.log.Warn("the condition of a Service cannot be written, it is tried again", "condition", AnnouncedCondition, "reason", failed)
		}
		failing = failed != nil
		if later || failing {
			a.poke()
		}
	}
}

// pace is the pause after a write.
func (a *announcer) pace() time.Duration {
	if time.Since(time.Unix(0, a.granted.Load())) < time.Second {
		return standingYield
	}
	return standingEvery
}

// due are the Services whose condition must be written, and later says that
// others have yet to last. Who no longer leads forgets what it wanted.
func (a *announcer) due(now time.Time) (due []model.Key, later bool) {
	_, leading := a.cluster.Leading()
	a.mu.Lock()
	defer a.mu.Unlock()
	if !leading {
		a.want = nil
	}
	for k, l := range a.want {
		e, here := a.cluster.services.get(name{k.Namespace, k.Name})
		switch {
		case !here || !e.value.Wanted || len(e.value.Holds) == 0 || e.note == l.text():
		case now.Sub(l.since) < standingLasts:
			later = true
		default:
			due = append(due, k)
		}
	}
	return due, later
}

// write sends the condition of a Service unless the API server has it. It is a
// patch that touches this condition only, of the version that was decided on:
// a Service that has changed since is looked at again.
func (a *announcer) write(ctx context.Context, k model.Key) error {
	term, leading := a.cluster.Leading()
	a.mu.Lock()
	l, wanted := a.want[k]
	a.mu.Unlock()
	e, here := a.cluster.services.get(name{k.Namespace, k.Name})
	if !leading || !wanted || !here || !e.value.Wanted || len(e.value.Holds) == 0 || e.note == l.text() {
		return nil
	}
	body, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": e.uid, "resourceVersion": e.version},
		"status":   map[string]any{"conditions": []any{l.patch(e.note)}},
	})
	if err != nil {
		return err
	}
	term, cancel := context.WithTimeout(term, 5*time.Second)
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	var out corev1.Service
	err = a.cluster.api.core.Patch(types.StrategicMergePatchType).
		Namespace(k.Namespace).Resource("services").Name(k.Name).SubResource("status").
		Body(body).Do(term).Into(&out)
	switch {
	case apierrors.IsConflict(err), apierrors.IsNotFound(err):
		a.poke()
		return nil
	case err != nil:
		return err
	}
	a.cluster.services.answer(&out)
	return nil
}

func (s Standing) status() metav1.ConditionStatus {
	if s.Announced {
		return metav1.ConditionTrue
	}
	return metav1.ConditionFalse
}

// text is the condition as announcedText reads it.
func (s Standing) text() string { return string(s.status()) + " " + s.Reason + " " + s.Message }

// patch is the condition. While its status is what it was, so is the time of
// its last transition.
func (s Standing) patch(before string) map[string]any {
	out := map[string]any{"type": AnnouncedCondition, "status": s.status(), "reason": s.Reason, "message": s.Message}
	if status := string(s.status()) + " "; len(before) < len(status) || before[:len(status)] != status {
		out["lastTransitionTime"] = metav1.Now()
	}
	return out
}

// announcedText is the condition of a Service in one string, "" for none. Many
// Services say the same.
func announcedText(s *corev1.Service) string {
	for _, c := range s.Status.Conditions {
		if c.Type == AnnouncedCondition {
			return unique.Make(string(c.Status) + " " + c.Reason + " " + c.Message).Value()
		}
	}
	return ""
}
