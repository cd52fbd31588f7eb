package failurebench

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hawser-lb/hawser/shared/lab"
	"github.com/hawser-lb/hawser/shared/lab/scene"
)

// Options say what is measured and who watches.
type Options struct {
	// Root is the checkout, with build/ below it.
	Root string
	// Only these events, by name; empty: all.
	Only []string
	// Sides, by name; empty: all.
	Sides []string
	// PerSecond requests, and Long connections held open.
	PerSecond, Long int
	// Progress is told what is being measured; nil: nobody.
	Progress func(string)
}

// world is the scene with its client.
type world struct {
	*scene.Scene
	client  *client
	address string
	options Options
}

// Run measures and returns what it has when something goes wrong, too.
func Run(ctx context.Context, o Options) (report *Report, err error) {
	plan, err := choose(o)
	if err != nil {
		return nil, err
	}
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	report = &Report{options: o}
	l, err := lab.New(ctx)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	w, err := build(ctx, l, o)
	if err != nil {
		return report, fmt.Errorf("%w\n%s", err, l.Report(40))
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error { return w.client.run(ctx) })
	work.Go(func() error {
		defer cancel()
		return w.measureAll(ctx, plan, report)
	})
	return report, work.Wait()
}

// build starts the scene and a Service with a pod on each node.
func build(ctx context.Context, l *lab.Lab, o Options) (*world, error) {
	s, err := scene.Start(ctx, l, scene.Options{Root: o.Root, Progress: o.Progress})
	if err != nil {
		return nil, err
	}
	w := &world{Scene: s, options: o}
	if err := errors.Join(s.Kube.Apply(ctx, scene.PoolManifest+"---\n"+scene.PeerManifest+"---\n"+scene.WebService), s.WebPods(ctx)); err != nil {
		return nil, err
	}
	err = lab.Until(ctx, "the Service to have an address", func() error {
		if w.address, err = s.ServiceAddress(ctx, "web"); err == nil && w.address == "" {
			err = errors.New("it has none")
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	address, err := netip.ParseAddr(w.address)
	if err != nil {
		return nil, err
	}
	// A TCP socket gives its packets another hash after each timeout, which a
	// veth carries along and a router takes for its own: flows would move that
	// no wire would let move.
	if err := s.Client.Sysctl("net.core.txrehash", "0"); err != nil {
		return nil, err
	}
	w.client = newClient(s.Client, netip.AddrPortFrom(address, 80), o.PerSecond)
	return w, nil
}

// measureAll takes one side after the other.
func (w *world) measureAll(ctx context.Context, plan []pick, report *Report) error {
	var errs []error
	for _, p := range plan {
		s := p.side(w)
		if err := s.start(ctx); err != nil {
			return errors.Join(append(errs, fmt.Errorf("%s: %w\n%s", s.name(), err, w.Lab.Report(20)))...)
		}
		for _, e := range p.events {
			w.options.Progress(s.name() + ": " + e.title)
			row, err := w.measure(ctx, s, e)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %s: %w", s.name(), e.name, err))
			}
			if ctx.Err() != nil {
				return errors.Join(errs...)
			}
			if err != nil {
				w.options.Progress("not measured: " + err.Error())
				row.Missing = true
			}
			report.add(row)
			w.options.Progress("  " + row.String())
		}
		if err := s.stop(ctx); err != nil {
			return errors.Join(append(errs, fmt.Errorf("%s: %w", s.name(), err))...)
		}
	}
	return errors.Join(errs...)
}

const (
	// bound of one event, from the blow until the client is well again.
	bound = 120 * time.Second
	// quiet is how long nothing may have failed for an event to be over.
	quiet = 2 * time.Second
	// silence is how long a long connection is waited for when requests are
	// answered again: TCP's own retries come ever more seldom.
	silence = 30 * time.Second
)

// measure is one event on one side.
func (w *world) measure(ctx context.Context, s side, e event) (Row, error) {
	row := Row{Event: e, Side: s.name()}
	a := e.acts[s.kind()]
	ctx, cancel := context.WithTimeout(ctx, 5*bound)
	defer cancel()
	d := &deed{world: w, side: s}
	if a.before != nil {
		if err := a.before(ctx, d); err != nil {
			return row, err
		}
	}
	if err := w.calm(ctx, s); err != nil {
		return row, err
	}
	w.client.anew()
	err := pause(ctx, time.Second)
	d.blow()
	if err == nil {
		err = a.do(ctx, d)
	}
	if err == nil {
		err = w.settle(ctx, d)
	}
	end := time.Now()
	j, _ := w.client.soFar(end)
	row.Toll, row.Nodes = j.toll(d.blown, end), j.nodes
	if err == nil {
		row.Losses, err = w.lost(ctx, d.node)
	}
	if a.back != nil {
		w.client.anew()
		err = errors.Join(err, a.back(ctx, d))
		if j, _ := w.client.soFar(time.Now()); len(j.failures) > 0 {
			d.note("%d of %d failed when it was undone", len(j.failures), j.ok+len(j.failures))
		}
	}
	row.Notes, row.Whole = d.notes, d.wholeAfter
	return row, err
}

// calm waits until all is well, and opens the long connections.
func (w *world) calm(ctx context.Context, s side) error {
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	if err := errors.Join(w.whole(ctx, s), s.fresh(ctx)); err != nil {
		return err
	}
	if err := w.whole(ctx, s); err != nil {
		return err
	}
	w.client.anew()
	err := lab.Until(ctx, "every node to answer every request for a second", func() error {
		j, _ := w.client.soFar(time.Time{})
		if len(j.failures) > 0 {
			w.client.anew()
			return fmt.Errorf("%d failed: %s", len(j.failures), j.failures[0].reason)
		}
		if j.ok < w.options.PerSecond || len(j.nodes) < len(w.Nodes) {
			return fmt.Errorf("%d answers, by %v", j.ok, j.nodes)
		}
		return nil
	})
	if err != nil {
		return err
	}
	w.client.hold(w.options.Long)
	return lab.Until(ctx, "the long connections", func() error {
		all := w.client.longs()
		if len(all) < w.options.Long {
			return fmt.Errorf("there are %d", len(all))
		}
		for _, l := range all {
			if l.Lost != "" || l.Echoed.IsZero() {
				return fmt.Errorf("one is not there: %s", l.Lost)
			}
		}
		return nil
	})
}

// whole waits until every node has its session and is a next hop.
func (w *world) whole(ctx context.Context, s side) error {
	err := lab.Until(ctx, "a session with each node", func() error {
		n, err := s.sessions(ctx)
		if err == nil && n != len(w.Nodes) {
			err = fmt.Errorf("there are %d", n)
		}
		return err
	})
	if err != nil {
		return err
	}
	var all []string
	for _, n := range w.Nodes {
		all = append(all, n.Address)
	}
	return w.hops(ctx, s, all...)
}

// hops waits until the route to the Service goes by these nodes.
func (w *world) hops(ctx context.Context, s side, want ...string) error {
	return lab.Until(ctx, fmt.Sprintf("the route by %v", want), func() error {
		got, err := w.Router.NextHopsOf(ctx, s.protocol(), w.address)
		if err == nil && !slices.Equal(got, want) {
			err = fmt.Errorf("it goes by %v", got)
		}
		return err
	})
}

// settle waits until requests are answered again. One that is not within the
// bound is told in the row.
func (w *world) settle(ctx context.Context, d *deed) error {
	limited, cancel := context.WithDeadline(ctx, time.Now().Add(bound))
	defer cancel()
	since := time.Now()
	err := lab.Until(limited, "requests to be answered", func() error {
		j, under := w.client.soFar(time.Now().Add(-quiet))
		if under || time.Since(since) < quiet {
			return errors.New("requests are under way")
		}
		for _, f := range j.failures {
			if time.Since(f.begun) < quiet {
				return errors.New(f.reason)
			}
		}
		return nil
	})
	if err != nil && ctx.Err() == nil {
		d.note("requests still fail after %v: %v", time.Since(d.blown).Round(time.Second), err)
		return nil
	}
	return err
}

// lost waits for the long connections that may still come back, and counts.
func (w *world) lost(ctx context.Context, node string) (Losses, error) {
	limited, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	since := time.Now()
	err := lab.Until(limited, "an echo on every long connection", func() error {
		for _, l := range w.client.longs() {
			if l.Lost == "" && l.Echoed.Before(since) {
				return fmt.Errorf("one through %s is silent", l.Node)
			}
		}
		return nil
	})
	if err != nil && ctx.Err() != nil {
		return Losses{}, err
	}
	return losses(w.client.longs(), node, since), nil
}

// pause lets time pass.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
