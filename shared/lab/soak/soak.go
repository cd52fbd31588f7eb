package soak

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strings"
	"time"

	"github.com/hawser-lb/hawser/shared/lab"
	"github.com/hawser-lb/hawser/shared/lab/scene"
	"github.com/hawser-lb/hawser/shared/lab/soak/plan"
)

// Options of one soak.
type Options struct {
	// Next says what to do; not ok: the plan has ended.
	Next func() (plan.Action, bool)
	// Begin is the world that the first action finds.
	Begin plan.World
	// For how long actions are begun; 0: until the plan ends.
	For time.Duration
	// Visits a second of the witness.
	Visits int
	Out    io.Writer
}

// inFlight is how many requests may fail in a step that changes a route.
const inFlight = 3

// An action may wait for what it brings about, and take so long in all.
const (
	patience  = 75 * time.Second
	stepLimit = 5 * time.Minute
)

// until is lab.Until with a deadline of its own, so that the commands that fn
// runs are not cut off by it and the error says what was wrong at last.
func until(ctx context.Context, what string, fn func() error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return lab.Until(ctx, what, fn)
}

// soak is a running one.
type soak struct {
	Options
	*scene.Scene
	api     *api
	book    *book
	world   plan.World
	visitor *scene.Visitor
	address string // of the witness
	record  record
}

// Run carries a plan out on a scene that has just started. Its error says what
// was not as it must be.
func Run(ctx context.Context, s *scene.Scene, o Options) (Result, error) {
	k := &soak{Options: o, Scene: s, api: &api{client: s.Kube.Client(), server: s.Kube.Server()}, world: o.Begin.Clone()}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	k.book = newBook(k.world)
	k.record.begin()
	if err := k.establish(ctx); err != nil {
		return k.record.result(k.book), fmt.Errorf("the beginning: %w", err)
	}
	done := make(chan struct{})
	go func() { defer close(done); k.book.follow(ctx, k.api) }()
	defer func() { cancel(); <-done }()
	k.visitor = s.Visit(ctx, k.address, o.Visits)
	defer k.visitor.Stop()
	err := k.run(ctx)
	return k.record.result(k.book), err
}

// run does one action after the other, and a sweep at the end.
func (k *soak) run(ctx context.Context) error {
	began := time.Now()
	first := plan.Sweep
	if !reflect.DeepEqual(k.Begin, plan.NewWorld()) {
		first = plan.Rest // a sweep would take away what there is
	}
	if err := k.step(ctx, plan.Action{Kind: first}); err != nil {
		return err
	}
	last := plan.Action{}
	for k.For == 0 || time.Since(began) < k.For {
		a, more := k.Next()
		if !more {
			break
		}
		if err := k.step(ctx, a); err != nil {
			return err
		}
		last = a
	}
	if last.Kind != plan.Sweep {
		if err := k.step(ctx, plan.Action{Kind: plan.Sweep}); err != nil {
			return err
		}
	}
	return k.record.growth()
}

// step does one action and looks at what came of it.
func (k *soak) step(ctx context.Context, a plan.Action) error {
	ctx, cancel := context.WithTimeout(ctx, stepLimit)
	defer cancel()
	before := k.world.Clone()
	if err := k.world.Apply(a); err != nil {
		return err
	}
	k.book.expect(before, k.world)
	cost := plan.CostOf(a.Kind)
	if cost != plan.Nothing {
		if err := k.judge(ctx, plan.Nothing, "before "+a.Kind); err != nil {
			return err
		}
	}
	began := time.Now()
	err := k.do(ctx, a, before)
	if err == nil {
		err = k.judge(ctx, cost, a.Kind)
	}
	if err == nil && (a.Kind == plan.Rest || a.Kind == plan.Sweep) {
		err = k.quiet(ctx)
	}
	if faults := k.book.fault(); len(faults) > 0 {
		err = errors.Join(err, errors.New(strings.Join(faults, "; ")))
	}
	k.record.note(a, time.Since(began))
	fmt.Fprintf(k.Out, "%s %5d  %-60s %6.2fs%s\n", time.Now().Format(time.TimeOnly), k.record.steps, a, time.Since(began).Seconds(), k.record.lately())
	if err != nil {
		return fmt.Errorf("step %d, %s: %w", k.record.steps, a, err)
	}
	return nil
}

// judge counts the requests since the last time. Those of an action that costs
// some are waited for.
func (k *soak) judge(ctx context.Context, cost plan.Cost, what string) error {
	if cost != plan.Nothing || strings.HasPrefix(what, "before") {
		if err := k.visitor.Settle(ctx); err != nil {
			return err
		}
	}
	v := k.visitor.Count()
	k.record.visits(what, v)
	allowed := map[plan.Cost]int{plan.Nothing: 0, plan.UnderWay: inFlight, plan.Requests: math.MaxInt}[cost]
	if v.Wrong() > allowed {
		return fmt.Errorf("%s: %d requests to the witness failed (%v, %v): %s", what, v.Failed, v, v.Outage(), v.LastError)
	}
	return nil
}

// quiet sees that requests are answered while nothing is done.
func (k *soak) quiet(ctx context.Context) error {
	err := until(ctx, "requests while nothing is done", func() error {
		if n := k.visitor.OK(); n < k.Visits {
			return fmt.Errorf("%d are answered", n)
		}
		return nil
	})
	return errors.Join(err, k.judge(ctx, plan.Nothing, "at rest"))
}

// establish brings the scene from its beginning to the world that the first
// action finds.
func (k *soak) establish(ctx context.Context) error {
	if err := k.WebPods(ctx); err != nil {
		return err
	}
	if err := k.setRouter(ctx); err != nil {
		return err
	}
	if err := k.setAll(ctx, "peer"); err != nil {
		return err
	}
	// The witness has its address from the pool as it was before the first action.
	begin := k.world
	k.world = plan.NewWorld()
	err := k.setAll(ctx, "pool")
	k.world = begin
	if err != nil {
		return err
	}
	if err := k.api.set(ctx, servicesPath+"/"+witness, witnessObject()); err != nil {
		return err
	}
	err = until(ctx, "the witness to have an address", func() (err error) {
		if k.address, err = k.ServiceAddress(ctx, witness); err == nil && k.address == "" {
			err = errors.New("it has none")
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, class := range []string{"pool", "node", "advertisement", "service"} {
		if err := k.setAll(ctx, class); err != nil {
			return err
		}
	}
	if err := k.foreign(ctx, "replace"); err != nil {
		return err
	}
	return k.answers(ctx)
}

// witnessObject is the Service that the client visits.
func witnessObject() object {
	return object{
		"apiVersion": "v1", "kind": "Service", "metadata": object{"name": witness, "namespace": "default", "labels": object{"role": witness}},
		"spec": object{
			"type": "LoadBalancer", "externalTrafficPolicy": "Local", "selector": object{"app": "web"},
			"ports": []object{{"name": "http", "port": 80, "targetPort": scene.BackendPort, "protocol": "TCP"}},
		},
	}
}

// answers waits until the witness does, from every node that announces it.
func (k *soak) answers(ctx context.Context) error {
	if err := k.witnessed(ctx); err != nil {
		return err
	}
	good, last := 0, errors.New("none failed")
	return until(ctx, "the witness to answer", func() error {
		bounded, cancel := context.WithTimeout(ctx, scene.Patience)
		defer cancel()
		if _, err := k.Get(bounded, k.address); err != nil {
			good, last = 0, err
			return err
		}
		if good++; good < 50 {
			return fmt.Errorf("%d times in a row, not 50: %w", good, last)
		}
		return nil
	})
}
