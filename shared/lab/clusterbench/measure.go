package clusterbench

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hawser-lb/hawser/shared/lab"
	"github.com/hawser-lb/hawser/shared/lab/routes"
)

// Options say how much is measured.
type Options struct {
	Root     string // the checkout, with build/ and cluster/deploy below it
	Samples  int    // Services one after another, each time
	First    int    // Services at once, beside none
	More     int    // Services at once, beside those
	Watchers int    // speakers' worth of watches beside the three that run
	Progress func(string)
}

// bench is one run.
type bench struct {
	*world
	Options
	report *Report
	names  int // Services made so far
}

// Run measures.
func Run(ctx context.Context, o Options) (*Report, error) {
	l, err := lab.New(ctx)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	o.Progress("starting etcd, the API server, the router and three speakers")
	w, err := build(ctx, l, o.Root)
	if err != nil {
		return nil, fmt.Errorf("clusterbench: %w", err)
	}
	b := &bench{world: w, Options: o, report: &Report{}}
	for _, step := range []func(context.Context) error{
		b.memory, b.oneByOne, b.load(o.First), b.memory, b.oneByOne, b.load(o.More), b.memory, b.oneByOne,
		b.comeback, b.idle, b.watched,
	} {
		if err := step(ctx); err != nil {
			return nil, fmt.Errorf("clusterbench: %w", err)
		}
	}
	return b.report, nil
}

// fresh names n Services and writes their EndpointSlices.
func (b *bench) fresh(ctx context.Context, n int) ([]string, error) {
	names := make([]string, n)
	for i := range names {
		b.names++
		names[i] = fmt.Sprintf("web-%05d", b.names)
	}
	return names, all(ctx, names, b.api.slice)
}

// oneByOne measures what one who creates a Service waits for.
func (b *bench) oneByOne(ctx context.Context) error { return b.single(ctx, "") }

func (b *bench) single(ctx context.Context, also string) error {
	b.Progress(fmt.Sprintf("%d Services one after another beside %d%s", b.Samples, b.heard.routes(), also))
	beside := fmt.Sprintf("beside %d%s", b.heard.routes(), also)
	names, err := b.fresh(ctx, b.Samples)
	if err != nil {
		return err
	}
	var taken, named, routed []time.Duration
	for _, n := range names {
		began := time.Now()
		if err := b.api.service(ctx, n); err != nil {
			return err
		}
		taken = append(taken, time.Since(began))
		at1, at2, err := b.heard.done(ctx, []string{n})
		if err != nil {
			return err
		}
		named, routed = append(named, at1.Sub(began)), append(routed, at2.Sub(began))
	}
	b.report.add("Service sent → the API server has it, "+beside, quantiles(taken), "")
	b.report.add("Service sent → address, "+beside, quantiles(named), "10 / 25 ms")
	b.report.add("Service sent → kernel route, "+beside, quantiles(routed), "15 / 40 ms")
	return nil
}

func quantiles(all []time.Duration) string {
	slices.Sort(all)
	at := func(q float64) float64 {
		return float64(all[min(len(all)-1, int(q*float64(len(all))))].Microseconds()) / 1000
	}
	return fmt.Sprintf("%.1f / %.1f ms", at(.5), at(.99))
}

// load measures many at once, and what they cost.
func (b *bench) load(n int) func(context.Context) error {
	return func(ctx context.Context) error {
		b.Progress(fmt.Sprintf("%d Services at once", n))
		names, err := b.fresh(ctx, n)
		if err != nil {
			return err
		}
		writes, err := b.api.writes(ctx)
		if err != nil {
			return err
		}
		busy, err := b.processor()
		if err != nil {
			return err
		}
		began := time.Now()
		if err := all(ctx, names, b.api.service); err != nil {
			return err
		}
		created := time.Since(began)
		named, routed, err := b.heard.done(ctx, names)
		if err != nil {
			return err
		}
		b.report.add(fmt.Sprintf("%d Services at once → all addresses; the API server took them in %.1f s", n, created.Seconds()), seconds(named.Sub(began)), "")
		b.report.add(fmt.Sprintf("%d Services at once → all routes", n), seconds(routed.Sub(began)), map[int]string{1000: "8 s", 4000: "32 s"}[n])
		return b.cost(ctx, n, writes, busy)
	}
}

// comeback measures a speaker's start, up to all its next hops being back.
func (b *bench) comeback(ctx context.Context) error {
	leader, err := b.leader(ctx)
	if err != nil {
		return err
	}
	i := (leader + 1) % nodes
	want := b.heard.routes()
	b.Progress("a speaker ends and starts")
	b.speakers[i].Kill()
	err = lab.Until(ctx, "the router to miss its next hop", func() error {
		if n, err := b.complete(); err != nil || n > 0 {
			return fmt.Errorf("%d routes have all next hops: %w", n, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	began := time.Now()
	if err := b.startSpeaker(i); err != nil {
		return err
	}
	for first := true; ; {
		n, err := b.complete()
		switch {
		case err != nil:
			return err
		case n > 0 && first:
			first = false
			b.report.add(fmt.Sprintf("a speaker's start → its first next hop back, with %d Services", want), seconds(time.Since(began)), "0.3 s")
		case n >= want:
			b.report.add(fmt.Sprintf("a speaker's start → all its next hops back, with %d Services", want), seconds(time.Since(began)), "")
			return nil
		case time.Since(began) > patience:
			return fmt.Errorf("%d of %d routes have their next hop back", n, want)
		}
		if !pause(ctx, 2*time.Millisecond) {
			return context.Cause(ctx)
		}
	}
}

// complete counts the routes in the router's kernel that have all next hops. A
// group of next hops changes without a message for each of its routes.
func (b *bench) complete() (n int, err error) {
	var all []routes.Route
	err = b.router.Do(func() (err error) {
		all, err = routes.List()
		return err
	})
	for _, r := range all {
		if measured.Contains(r.Prefix.Addr()) && len(r.Hops) == nodes {
			n++
		}
	}
	return n, err
}

// idle is what speakers cost that have nothing to do.
func (b *bench) idle(ctx context.Context) error {
	const length = 20 * time.Second
	b.Progress("nothing, for a while")
	if !pause(ctx, 5*time.Second) {
		return context.Cause(ctx)
	}
	before, err := b.processor()
	if err != nil || !pause(ctx, length) {
		return err
	}
	after, err := b.processor()
	if err != nil {
		return err
	}
	var words []string
	for i := range after {
		words = append(words, fmt.Sprintf("%.2f", 100*(after[i]-before[i]).Seconds()/length.Seconds()))
	}
	b.report.add(fmt.Sprintf("an idle speaker, with %d Services, by node", b.heard.routes()), strings.Join(words, ", ")+" % of a core", "0.2 %")
	return nil
}

// watched measures once more while as many more speakers watch as Watchers
// says, in all that they watch but writing nothing.
func (b *bench) watched(ctx context.Context) error {
	if b.Watchers == 0 {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	b.Progress(fmt.Sprintf("the watches of %d speakers more", b.Watchers))
	broken := make(chan error, b.Watchers*len(watches))
	for range b.Watchers {
		for _, path := range watches {
			go func() {
				if err := b.api.follow(ctx, path); err != nil {
					broken <- err
				}
			}()
		}
	}
	if !pause(ctx, 10*time.Second) {
		return context.Cause(ctx)
	}
	if err := b.single(ctx, fmt.Sprintf(", %d nodes watching", nodes+b.Watchers)); err != nil {
		return err
	}
	select {
	case err := <-broken:
		return fmt.Errorf("a watch: %w", err)
	default:
		return nil
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

// pause waits and reports whether ctx is still alive.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
