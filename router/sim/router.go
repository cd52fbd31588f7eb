package sim

import (
	"context"
	"log/slog"
	"os"
	"sync"

	"github.com/hawser-lb/hawser/router/internal/daemon"
	"github.com/hawser-lb/hawser/router/internal/kernel"
	"github.com/hawser-lb/hawser/shared/bfd"
	"github.com/hawser-lb/hawser/shared/bgp"
	"github.com/hawser-lb/hawser/shared/lab/wire"
)

// Router is a machine that the daemon is started on.
type Router struct {
	Kernel *Kernel
	host   *wire.Host
	file   string
	log    *slog.Logger

	running *life
	lives   sync.WaitGroup
}

// life is the daemon from its start to its end.
type life struct {
	daemon  *daemon.Daemon
	process *wire.Process
	handle  *handle
	end     context.CancelFunc
	ended   chan struct{}
	err     error // once ended
}

// New is a machine with nothing running; file is where its configuration is
// going to be.
func New(host *wire.Host, k *Kernel, file string, log *slog.Logger) *Router {
	return &Router{Kernel: k, host: host, file: file, log: log}
}

// Configure writes the configuration, and has the daemon read it if one runs.
func (r *Router) Configure(text string) error {
	if err := os.WriteFile(r.file, []byte(text), 0o600); err != nil {
		return err
	}
	if r.running != nil {
		r.running.daemon.Reload()
	}
	return nil
}

// Running reports whether a daemon was started and neither stopped nor killed.
func (r *Router) Running() bool { return r.running != nil }

// Start starts the daemon.
func (r *Router) Start() {
	l := &life{process: r.host.Process(), handle: &handle{k: r.Kernel}, ended: make(chan struct{})}
	l.daemon = daemon.NewOn(
		daemon.Options{ConfigFile: r.file, Log: r.log, Level: new(slog.LevelVar)},
		func(c bgp.Config) daemon.Speaker {
			c.Network, c.Chance = l.process, func() float64 { return 0 }
			return bgp.New(c)
		},
		func(kernel.Config) (daemon.Kernel, error) { return l.handle, nil },
		func(c bfd.Config) daemon.Watcher {
			c.Network, c.Chance = l.process, func() float64 { return 0 }
			return bfd.New(c)
		},
	)
	ctx, end := context.WithCancel(context.Background())
	l.end, r.running = end, l
	r.lives.Go(func() {
		defer close(l.ended)
		l.err = l.daemon.Run(ctx)
	})
}

// Stop ends the daemon as SIGTERM does, and says how that went.
func (r *Router) Stop() error {
	l := r.running
	r.running = nil
	l.end()
	<-l.ended
	l.process.Kill()
	return l.err
}

// Kill ends the daemon on the spot.
func (r *Router) Kill() {
	l := r.running
	r.running = nil
	l.handle.kill()
	l.process.Kill()
	l.end()
}

// Close kills what runs and waits for what was killed.
func (r *Router) Close() {
	if r.running != nil {
		r.Kill()
	}
	r.lives.Wait()
}
