package sim

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hawser-lb/hawser/cluster/internal/controller"
	"github.com/hawser-lb/hawser/shared/bfd"
	"github.com/hawser-lb/hawser/shared/bgp"
	"github.com/hawser-lb/hawser/shared/lab/wire"
)

// Node is a machine that the speaker is started on.
type Node struct {
	Name string
	api  *API
	host *wire.Host
	log  *slog.Logger
	// jitter of its timers, so that no two nodes do a thing at the same time.
	jitter float64

	running *life
	lives   sync.WaitGroup
}

// life is the speaker from its start to its end.
type life struct {
	seat    *seat
	process *wire.Process
	end     context.CancelFunc
	ended   chan struct{}
	err     error // once ended
}

// NewNode is a machine with nothing running.
func NewNode(api *API, name string, host *wire.Host, jitter float64, log *slog.Logger) *Node {
	return &Node{Name: name, api: api, host: host, jitter: jitter, log: log}
}

// Running reports whether a speaker was started and neither stopped nor killed.
func (n *Node) Running() bool { return n.running != nil }

// Start starts the speaker; away says whether the API server cannot be reached.
func (n *Node) Start(away bool) {
	l := &life{seat: n.api.sit(n.Name, away), process: n.host.Process(), ended: make(chan struct{})}
	ctx, end := context.WithCancel(context.Background())
	l.end, n.running = end, l
	n.lives.Go(func() {
		defer close(l.ended)
		l.err = n.run(ctx, l)
	})
}

// run is what the speaker's program does.
func (n *Node) run(ctx context.Context, l *life) error {
	chance := func() float64 { return n.jitter }
	speaker := bgp.New(bgp.Config{
		Listen: []netip.AddrPort{netip.AddrPortFrom(netip.IPv4Unspecified(), 179)},
		Log:    n.log, Restarting: true, Network: l.process, Chance: chance,
	})
	watcher := bfd.New(bfd.Config{Log: n.log, Network: l.process, Chance: chance})
	worker := controller.New(controller.Options{
		Source: l.seat, Leadership: l.seat, Writer: l.seat, Router: speaker, Watcher: watcher,
		Gateways: func() ([]netip.Addr, error) { return nil, nil },
		Proxy:    func(_ context.Context, at netip.AddrPort) error { return n.api.proxy(n.Name, at.Port()) }, ProxyWait: 10 * time.Second,
		Node: n.Name, Namespace: "hawser-system", DrainTime: 15 * time.Second, Log: n.log,
	})
	g, ctx := errgroup.WithContext(ctx)
	sessions, hangUp := context.WithCancel(context.WithoutCancel(ctx))
	defer hangUp()
	g.Go(func() error { return speaker.Run(sessions) })
	g.Go(func() error { return watcher.Run(sessions) })
	g.Go(func() error { defer hangUp(); return worker.Run(ctx) })
	return g.Wait()
}

// Stop ends the speaker as SIGTERM does, and says how that went.
func (n *Node) Stop() error {
	l := n.running
	n.running = nil
	l.end()
	<-l.ended
	l.seat.rise(true)
	l.process.Kill()
	return l.err
}

// Kill ends the speaker on the spot.
func (n *Node) Kill() {
	l := n.running
	n.running = nil
	l.process.Kill()
	l.seat.rise(false)
	l.end()
}

// Close kills what runs and waits for what was killed.
func (n *Node) Close() {
	if n.running != nil {
		n.Kill()
	}
	n.lives.Wait()
}
