package controller

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hawser-lb/hawser/cluster/internal/alloc"
	"github.com/hawser-lb/hawser/cluster/internal/kube"
	"github.com/hawser-lb/hawser/cluster/internal/model"
)

const (
	batch   = 64 // addresses written before the line runs again
	atATime = 8
)

// allocate plans, and writes the first batch of what has to be written; it
// reports how many were, and whether to try again after a pause. What was
// written stands in v afterwards.
func (c *Controller) allocate(term context.Context, v *kube.View) (written int, again bool) {
	plan := c.ledger.Plan()
	c.plan = &plan
	c.forget(plan)

	var todo []*alloc.Assignment
	resting, rested := time.Now().Before(c.restWrites), false
	for i := range plan.Assignments {
		switch a := &plan.Assignments[i]; {
		case !a.Write:
			c.complain(a, v.Service(a.Service))
			delete(c.failed, a.Service)
		case resting && c.failed[a.Service] > 0:
			rested = true
		default:
			todo = append(todo, a)
		}
	}
	// What failed last goes last, so that it keeps nobody else waiting.
	slices.SortStableFunc(todo, func(a, b *alloc.Assignment) int { return cmp.Compare(c.failed[a.Service], c.failed[b.Service]) })
	more := len(todo) > batch
	todo = todo[:min(len(todo), batch)]
	written, again = c.settle(v, todo, c.write(term, v, todo))
	if more && written > 0 {
		c.poke()
		return written, false
	}
	return written, again || more || rested
}

// settle takes note of what came of each write.
func (c *Controller) settle(v *kube.View, todo []*alloc.Assignment, errs []error) (written int, again bool) {
	c.round++
	var bad []error
	for i, a := range todo {
		switch err := errs[i]; {
		case err == nil:
			written++
			delete(c.failed, a.Service)
			c.wrote(v, a)
		case errors.Is(err, context.Canceled):
			// the end of the term wakes us
		case kube.Stale(err), errors.Is(err, errLater):
			again = true // and keeps its place; a change that says nothing to us wakes nobody
		default:
			again = true
			c.failed[a.Service] = c.round
			if errors.Is(err, context.DeadlineExceeded) {
				c.restWrites = time.Now().Add(restTime)
			}
			bad = append(bad, err)
		}
	}
	c.sayOnce("writing addresses", errors.Join(bad...))
	return written, again
}

// errLater is of writes that were not begun.
var errLater = errors.New("not tried yet, others took too long")

// write sends assignments, several at a time, and returns an error for each.
// The worker waits for it, so that no write may take long, and none begins
// once others have taken long.
func (c *Controller) write(term context.Context, v *kube.View, todo []*alloc.Assignment) []error {
	errs := make([]error, len(todo))
	var g errgroup.Group
	g.SetLimit(atATime)
	began := time.Now()
	for i, a := range todo {
		g.Go(func() error {
			if time.Since(began) >= writeTime {
				errs[i] = errLater
				return nil
			}
			ctx, cancel := context.WithTimeout(term, writeTime)
			defer cancel()
			errs[i] = c.Writer.SetAddresses(ctx, kube.Grant{
				Service: a.Service, Version: v.Version(a.Service), Addresses: a.Addresses, From: a.From(),
			})
			return nil
		})
	}
	_ = g.Wait() // the errors are in errs
	return errs
}

// wrote makes what has been written count, and tells of it.
func (c *Controller) wrote(v *kube.View, a *alloc.Assignment) {
	now := *v.Service(a.Service)
	s := &now
	s.Holds, s.HoldsFrom = a.Addresses, a.From()
	c.put(v, s)
	if a.Change == alloc.Kept {
		return
	}
	if a.Change == alloc.Failed {
		c.complain(a, s)
		return
	}
	c.metrics.allocated(a.Change)
	if a.Unmet != "" {
		c.unmet[a.Service] = a.Unmet // the message says it too
	} else {
		delete(c.unmet, a.Service)
	}
	c.told.news[a.Service] = true
	kind := kube.Normal
	if a.Unmet != "" || a.Change == alloc.Released && s.Wanted {
		kind = kube.Warning
	}
	c.Log.Info("address "+a.Change.String(), "service", a.Service, "addresses", a.Addresses, "reason", a.Message)
	c.event(kube.ServiceRef(s.Key, s.UID), kind, a.Change.Event(), a.Message)
}

// complain tells what a Service asks for and does not get, once for each
// wording.
func (c *Controller) complain(a *alloc.Assignment, s *model.Service) {
	if a.Unmet == "" {
		delete(c.unmet, a.Service)
		return
	}
	if c.unmet[a.Service] == a.Unmet {
		return
	}
	c.unmet[a.Service] = a.Unmet
	c.metrics.allocated(alloc.Failed)
	c.Log.Info("no address", "service", a.Service, "reason", a.Unmet)
	c.event(kube.ServiceRef(s.Key, s.UID), kube.Warning, alloc.Failed.Event(), a.Unmet)
}

// forget drops what is remembered of Services that are as they should be, or
// gone.
func (c *Controller) forget(plan alloc.Plan) {
	unmet, failing := map[model.Key]bool{}, map[model.Key]bool{}
	for i := range plan.Assignments {
		a := &plan.Assignments[i]
		unmet[a.Service], failing[a.Service] = a.Unmet != "", true
	}
	maps.DeleteFunc(c.unmet, func(k model.Key, _ string) bool { return !unmet[k] })
	maps.DeleteFunc(c.failed, func(k model.Key, _ int) bool { return !failing[k] })
}
