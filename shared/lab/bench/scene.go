package bench

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/hawser-lb/hawser/shared/lab"
)

// Scene is what is told to a router: how many senders tell how many prefixes,
// and how many of the senders tell each of them.
type Scene struct {
	Name     string
	Senders  int
	Prefixes int
	// Each prefix has this many next hops.
	Hops int
	// Die: one sender dies after the load. Needs Hops == Senders.
	Die bool
	// Idle: the router is watched while nothing happens after the load.
	Idle bool
}

// Scenes are the ones that docs/bench.md describes.
func Scenes() []Scene {
	return []Scene{
		{Name: "10,000 prefixes, 1 peer", Senders: 1, Prefixes: 10_000, Hops: 1},
		{Name: "1,000 prefixes, 8 peers", Senders: 8, Prefixes: 1_000, Hops: 8, Die: true},
		{Name: "100 prefixes, 10 peers, 2 next hops", Senders: 10, Prefixes: 100, Hops: 2, Idle: true},
	}
}

// Figures of one phase of one round.
type Figures struct {
	Phase    string
	Time     time.Duration // first byte sent to last change in the kernel
	Routes   int           // route messages of the kernel
	NextHops int           // next-hop object messages of the kernel
	Resident int64         // bytes after the phase
	Busy     float64       // share of one core, of an idle phase
}

// patience bounds each phase.
const patience = 2 * time.Minute

// run is one router under one scene.
type run struct {
	scene   Scene
	daemons []*lab.Process
	senders []*Sender
	table   *table
	figures []Figures
}

// Measure runs the scene once on the router, in a lab of its own, and returns
// the figures of its phases in order.
func Measure(ctx context.Context, scene Scene, router Router) (_ []Figures, err error) {
	l, err := lab.New(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	r := &run{scene: scene}
	if err := r.build(ctx, l, router); err != nil {
		return nil, fmt.Errorf("%s: %s: %w", router.Name, scene.Name, errors.Join(err, r.outputs()))
	}
	defer r.table.close()
	defer func() {
		for _, s := range r.senders {
			s.Die()
		}
	}()
	if err := r.phases(); err != nil {
		return nil, fmt.Errorf("%s: %s: %w", router.Name, scene.Name, errors.Join(err, r.outputs()))
	}
	return r.figures, nil
}

// outputs is what the daemons said, as an error to show beside another.
func (r *run) outputs() error {
	var errs []error
	for _, p := range r.daemons {
		errs = append(errs, fmt.Errorf("--- %s: %s", p, p.Output()))
	}
	return errors.Join(errs...)
}

func (r *run) build(ctx context.Context, l *lab.Lab, router Router) error {
	host, peers := l.Host("router"), l.Host("peers")
	addrs := make([]netip.Addr, r.scene.Senders)
	prefixes := make([]string, r.scene.Senders)
	for i := range addrs {
		addrs[i] = netip.AddrFrom4([4]byte{10, 77, 2, byte(i + 1)})
		prefixes[i] = netip.PrefixFrom(addrs[i], 24).String()
	}
	l.Link(host, "eth0", []string{netip.PrefixFrom(routerAddr, 24).String()}, peers, "eth0", prefixes)
	if err := l.Err(); err != nil {
		return err
	}
	dir := filepath.Join(l.Dir(), "daemon")
	// FRR's user must reach its files.
	if err := errors.Join(os.Chmod(l.Dir(), 0o755), os.Mkdir(dir, 0o755)); err != nil {
		return err
	}
	var err error
	if r.table, err = follow(host, pool); err != nil {
		return err
	}
	if r.daemons, err = router.start(ctx, host, dir, addrs); err != nil {
		return err
	}
	for _, a := range addrs {
		s, err := dial(ctx, peers, a, senderASN, routerAddr)
		if err != nil {
			return err
		}
		r.senders = append(r.senders, s)
	}
	return nil
}

// share is what one sender tells: every prefix whose turn it is.
func (r *run) share(sender int) []netip.Addr {
	var mine []netip.Addr
	base := pool.Addr().As4()
	for i := range r.scene.Prefixes {
		if (sender-i%r.scene.Senders+r.scene.Senders)%r.scene.Senders < r.scene.Hops {
			mine = append(mine, netip.AddrFrom4([4]byte{base[0], base[1] + byte(i>>16), byte(i >> 8), byte(i)}))
		}
	}
	return mine
}

func (r *run) phases() error {
	load := make([][]byte, len(r.senders))
	unload := make([][]byte, len(r.senders))
	for i, s := range r.senders {
		load[i] = announcement(senderASN, s.addr, r.share(i))
		unload[i] = withdrawal(r.share(i))
	}
	err := r.phase("load", r.scene.Prefixes, r.scene.Hops, func() error { return r.write(load) })
	if err != nil {
		return err
	}
	if r.scene.Idle {
		if err := r.idle(); err != nil {
			return err
		}
	}
	if r.scene.Die {
		dead := r.senders[0]
		r.senders, unload = r.senders[1:], unload[1:]
		err := r.phase("one peer dies", r.scene.Prefixes, r.scene.Hops-1, func() error { dead.Die(); return nil })
		if err != nil {
			return err
		}
	}
	return r.phase("withdraw all", 0, 0, func() error { return r.write(unload) })
}

// write lets all senders write, each at its own pace.
func (r *run) write(messages [][]byte) error {
	errs := make(chan error, len(r.senders))
	for i, s := range r.senders {
		go func() { errs <- s.Write(messages[i]) }()
	}
	var all []error
	for range r.senders {
		all = append(all, <-errs)
	}
	return errors.Join(all...)
}

// calm is how long the kernel's table must have been still before a phase.
const calm = time.Second

// phase lets the router calm down, acts, and waits for what must come of it.
func (r *run) phase(name string, prefixes, hops int, act func() error) error {
	if err := r.table.quiet(calm); err != nil {
		return err
	}
	r.table.reset()
	begin := time.Now()
	acted := make(chan error, 1)
	go func() { acted <- act() }()
	end, err := r.table.until(prefixes, hops, begin.Add(patience))
	if err := errors.Join(err, <-acted); err != nil {
		return fmt.Errorf("%s: %w", name, errors.Join(err, r.alive()))
	}
	if err := r.table.quiet(calm); err != nil {
		return err
	}
	memory, err := resident(r.daemons)
	if err != nil {
		return err
	}
	r.figures = append(r.figures, Figures{Phase: name, Time: end.Sub(begin),
		Routes: r.table.routes, NextHops: r.table.nextHops, Resident: memory})
	return nil
}

// nothing is for how long nothing happens: a keepalive of each peer is in it.
const nothing = 30 * time.Second

// idle measures what the router computes while nothing happens.
func (r *run) idle() error {
	before, err := processor(r.daemons)
	if err != nil {
		return err
	}
	time.Sleep(nothing)
	after, err := processor(r.daemons)
	if err != nil {
		return err
	}
	r.figures = append(r.figures, Figures{Phase: "idle", Busy: (after - before).Seconds() / nothing.Seconds()})
	return r.alive()
}

func (r *run) alive() error {
	var errs []error
	for _, s := range r.senders {
		errs = append(errs, s.Alive())
	}
	return errors.Join(errs...)
}
