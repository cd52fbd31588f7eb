package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hawser-lb/hawser/router/internal/fib"
	"github.com/hawser-lb/hawser/router/internal/journal"
	"github.com/hawser-lb/hawser/router/internal/kernel"
	"github.com/hawser-lb/hawser/router/internal/status"
	"github.com/hawser-lb/hawser/router/internal/uciconf"
	"github.com/hawser-lb/hawser/shared/bfd"
	"github.com/hawser-lb/hawser/shared/bgp"
)

// Options are what the command line says.
type Options struct {
	ConfigFile string
	Socket     string // nobody can ask when it is empty
	Log        *slog.Logger
	// Level follows the configuration's log_level.
	Level *slog.LevelVar
	// WithdrawOnExit takes our routes out of the kernel when Run ends. Without
	// it they stay and the next start adopts them.
	WithdrawOnExit bool
}

// Speaker is what the daemon needs of BGP; bgp.Speaker is one.
type Speaker interface {
	Run(ctx context.Context) error
	SetPeers(peers []bgp.Peer, ranges []bgp.Range) error
	Announce(all []bgp.Announcement)
	Events() <-chan bgp.Event
	Reset(peer netip.Addr, n bgp.Notification, idle time.Duration)
	Refresh(peer netip.Addr) bool
	Retell(peer netip.Addr) bool
	Farewell(text string)

	Status() []bgp.PeerStatus
	Ranges() []bgp.RangeStatus
	Listening() []bgp.ListenStatus
	Refused() uint64
}

// Kernel is what the daemon needs of the kernel; kernel.Kernel is one.
type Kernel interface {
	Facts() (kernel.Facts, error)
	// Have reads what is ours, also what carries a former protocol number.
	Have(former ...uint8) (*fib.Have, error)
	// Cover says which of the prefixes other programs have routes for.
	Cover(prefixes []netip.Prefix) (map[netip.Prefix]string, error)
	Kind() fib.Kind
	Apply(steps []fib.Step) error
	Watch(ctx context.Context, tell func(kernel.Change)) error
	// Gone looks whether a host on a link of ours is not there any more.
	Gone(host netip.Addr) (gone, sure bool, err error)
	Close() error
}

// parts are where a daemon gets its Speaker and Kernel from.
type parts struct {
	speaker func(bgp.Config) Speaker
	kernel  func(kernel.Config) (Kernel, error)
	watcher func(bfd.Config) Watcher
	// unwatched leaves it to Reload alone when the configuration is read again.
	unwatched bool
}

var realParts = parts{
	speaker: func(c bgp.Config) Speaker { return bgp.New(c) },
	kernel:  func(c kernel.Config) (Kernel, error) { return kernel.Open(c) },
	watcher: func(c bfd.Config) Watcher { return bfd.New(c) },
}

// Daemon is the router's process.
type Daemon struct {
	opts  Options
	parts parts

	journal *journal.Journal
	reload  chan struct{}
	asks    chan func(*line)
	stopped chan struct{} // closed once nobody answers asks
	stop    func()
}

// New returns a Daemon that has started nothing.
func New(opts Options) *Daemon { return newDaemon(opts, realParts) }

// NewOn returns a Daemon that runs on another machine than this one: with a
// speaker, a kernel and a watcher of the caller's, who alone says when its
// configuration is to be read again.
func NewOn(opts Options, speaker func(bgp.Config) Speaker, k func(kernel.Config) (Kernel, error), watcher func(bfd.Config) Watcher) *Daemon {
	return newDaemon(opts, parts{speaker: speaker, kernel: k, watcher: watcher, unwatched: true})
}

func newDaemon(opts Options, p parts) *Daemon {
	stopped := make(chan struct{})
	return &Daemon{
		opts: opts, parts: p,
		journal: journal.New(),
		reload:  make(chan struct{}, 1),
		asks:    make(chan func(*line)),
		stopped: stopped,
		stop:    sync.OnceFunc(func() { close(stopped) }),
	}
}

// Reload reads the configuration again. It does not wait.
func (d *Daemon) Reload() {
	select {
	case d.reload <- struct{}{}:
	default: // one is on its way
	}
}

// Run runs the router until ctx ends, which is no error. It fails at once with
// a configuration that has mistakes, all of which the error lists, and without
// the right to change routes, and leaves everything alone while another daemon
// runs. A configuration that says enabled '0' ends it, without an error and
// without a route left.
func (d *Daemon) Run(ctx context.Context) error {
	defer d.stop()
	cfg, problems := uciconf.Load(d.opts.ConfigFile)
	for _, p := range problems {
		if p.Warning {
			d.opts.Log.Warn("configuration", "problem", p.String())
		}
	}
	if err := problems.Err(); err != nil {
		return err
	}
	d.opts.Level.Set(cfg.Globals.LogLevel)
	k, err := d.parts.kernel(ours(cfg.Globals))
	if err != nil {
		return err
	}
	var server *status.Server
	if d.opts.Socket != "" {
		server = status.NewServer(d.opts.Socket, d, d.opts.Log)
		if err := server.Open(); err != nil {
			return errors.Join(err, k.Close())
		}
	}
	if !cfg.Globals.Enabled {
		d.opts.Log.Info("not enabled: set option enabled '1' in section globals", "file", d.opts.ConfigFile)
		if server != nil {
			defer server.Close()
		}
		return leave(k, cfg.Globals.Protocol, true)
	}
	return d.run(ctx, newLine(d, k, cfg, problems), server)
}

// run is Run once nothing stands in the way.
func (d *Daemon) run(ctx context.Context, l *line, server *status.Server) error {
	group, ctx := errgroup.WithContext(ctx)
	l.group = group
	group.Go(func() error { return l.metrics.Run(ctx) })
	if server != nil {
		group.Go(func() error { return server.Run(ctx) })
	}
	if !d.parts.unwatched {
		group.Go(func() error { return watchFile(ctx, d.opts.ConfigFile, d.opts.Log, d.Reload) })
	}
	group.Go(func() error { return l.hands.run(ctx) })
	group.Go(func() error {
		defer d.stop() // the server's clients must not wait for an answer
		return l.run(ctx)
	})
	err := group.Wait()
	disabled := errors.Is(err, errDisabled)
	if disabled {
		err = nil
	}
	return errors.Join(err, leave(l.kernel.Kernel, l.kernel.config.Protocol, disabled || d.opts.WithdrawOnExit))
}

// leave is the end: the routes go, or stay for the next start.
func leave(k Kernel, protocol uint8, takeAway bool) error {
	var err error
	if takeAway {
		err = withdraw(k, protocol)
	}
	return errors.Join(err, k.Close())
}

// withdraw takes every route and object of ours out of the kernel.
func withdraw(k Kernel, protocol uint8) error {
	have, err := k.Have()
	if err != nil {
		return fmt.Errorf("withdraw: %w", err)
	}
	if err := k.Apply(fib.Plan(nil, have, fib.Rules{Kind: k.Kind(), Protocol: protocol})); err != nil {
		return fmt.Errorf("withdraw: %w", err)
	}
	return nil
}

// ours says by which number the kernel knows what is ours, and where it is to
// be.
func ours(g uciconf.Globals) kernel.Config {
	return kernel.Config{Table: g.Table, Protocol: g.Protocol}
}
