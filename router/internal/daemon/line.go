package daemon

import (
	"context"
	"log/slog"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hawser-lb/hawser/router/internal/journal"
	"github.com/hawser-lb/hawser/router/internal/kernel"
	"github.com/hawser-lb/hawser/router/internal/metrics"
	"github.com/hawser-lb/hawser/router/internal/rib"
	"github.com/hawser-lb/hawser/router/internal/status"
	"github.com/hawser-lb/hawser/router/internal/uciconf"
	"github.com/hawser-lb/hawser/shared/bgp"
	"github.com/hawser-lb/hawser/shared/version"
)

// line is the state of the daemon; only its run touches it.
type line struct {
	d     *Daemon
	log   *slog.Logger
	group *errgroup.Group // what run starts besides itself
	ctx   context.Context

	started  time.Time
	config   running
	routerID netip.Addr

	sessions *sessions
	events   chan heard
	said     map[netip.Addr]map[string]bool // refusals logged in this session
	reset    map[netip.Addr]bool            // sessions that we are closing

	rib     *rib.Table
	kernel  door
	lookout lookout
	hands   *hands
	table   table
	start   start
	// searching: somebody looks after the hosts of what was adopted.
	searching bool
	dirty     notice

	journal *journal.Journal
	history journal.History
	up      map[netip.Addr]bool // established sessions
	totals  status.Totals       // the counts of it
	callers callers

	metrics *metrics.Server
	live    liveness
}

// running is the configuration in use, and what became of the newest file.
type running struct {
	uciconf.Config
	loadedAt time.Time
	rejected bool
	problems uciconf.Problems
}

// door is the kernel as long as table and protocol stay the same.
type door struct {
	Kernel
	config kernel.Config
	close  context.CancelFunc // ends its watch
}

// lookout looks after hosts through the door that is open, for goroutines other
// than the line's.
type lookout struct {
	log  *slog.Logger
	door atomic.Pointer[door]
}

// gone reports whether a host is not there any more, and whether that can be
// known.
func (o *lookout) gone(host netip.Addr) (gone, sure bool) {
	d := o.door.Load()
	if d == nil {
		return false, false
	}
	gone, sure, err := d.Gone(host)
	if err != nil {
		o.log.Debug("a host cannot be looked after", "host", host, "error", err)
	}
	return gone, sure
}

// notice gathers what the kernel told since the line last looked.
type notice struct {
	changes atomic.Uint32
	bell    chan struct{}
}

func (n *notice) tell(c kernel.Change) {
	n.changes.Or(uint32(c))
	select {
	case n.bell <- struct{}{}:
	default: // it rings already
	}
}

func newLine(d *Daemon, k Kernel, cfg uciconf.Config, problems uciconf.Problems) *line {
	now := time.Now()
	l := &line{
		d: d, log: d.opts.Log,
		started: now,
		config:  running{Config: cfg, loadedAt: now, problems: problems},
		events:  make(chan heard, 64),
		said:    map[netip.Addr]map[string]bool{},
		reset:   map[netip.Addr]bool{},
		rib:     rib.New(cfg.Globals.MaxPaths),
		kernel:  door{Kernel: k, config: ours(cfg.Globals)},
		lookout: lookout{log: d.opts.Log},
		hands:   newHands(),
		table:   newTable(),
		dirty:   notice{bell: make(chan struct{}, 1)},
		journal: d.journal,
		up:      map[netip.Addr]bool{},
		live:    newLiveness(),
		metrics: metrics.NewServer(d, d.opts.Log),
	}
	l.metrics.Listen(cfg.Globals.MetricsListen)
	return l
}

// run is the loop. Whatever wakes it, it ends by asking what is to be done.
func (l *line) run(ctx context.Context) error {
	l.ctx = ctx
	l.log.Info("started", "pid", os.Getpid(), "file", l.d.opts.ConfigFile, "asn", l.config.Globals.ASN)
	l.note(journal.Started, "hawser %s started, AS %d", version.String(), l.config.Globals.ASN)
	l.watch()
	l.table.rereadAt = l.started
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		now := time.Now()
		next := l.advance(now)
		if due := l.sample(now); due.Before(next) {
			next = due
		}
		timer.Reset(time.Until(next))
		select {
		case <-ctx.Done():
			l.log.Info("stopped", "routes", len(l.table.have.Routes), "withdraw", l.d.opts.WithdrawOnExit)
			return nil
		case h := <-l.events:
			l.hear(h)
		case e := <-l.live.events:
			l.alive(e)
		case after := <-l.hands.done:
			l.table.busy = false
			after()
		case <-l.dirty.bell:
			l.reread(time.Now())
		case <-l.d.reload:
			l.reload()
		case ask := <-l.d.asks:
			ask(l)
		case <-timer.C:
		}
		if l.table.failure != nil {
			return l.table.failure
		}
	}
}

// hear takes in one event and those that wait behind it, so that a full feed is
// not planned route by route.
func (l *line) hear(h heard) {
	const atOnce = 256
	for n := 1; ; n++ {
		if h.from == l.sessions.Speaker {
			l.event(h.event)
		}
		if n == atOnce {
			return
		}
		select {
		case h = <-l.events:
		default:
			return
		}
	}
}

// watch subscribes to the kernel's changes for as long as this door is open.
func (l *line) watch() {
	ctx, cancel := context.WithCancel(l.ctx)
	l.kernel.close = cancel
	k := l.kernel.Kernel
	l.lookout.door.Store(&door{Kernel: k})
	l.group.Go(func() error { return k.Watch(ctx, l.dirty.tell) })
}

// heard is an event and the speaker it came from.
type heard struct {
	from  Speaker
	event bgp.Event
}
