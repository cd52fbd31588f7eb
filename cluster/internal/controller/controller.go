package controller

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"github.com/hawser-lb/hawser/cluster/internal/alloc"
	"github.com/hawser-lb/hawser/cluster/internal/announce"
	"github.com/hawser-lb/hawser/cluster/internal/kube"
	"github.com/hawser-lb/hawser/cluster/internal/model"
	"github.com/hawser-lb/hawser/shared/bgp"
)

// Source is the cluster, seen.
type Source interface {
	Changed() <-chan struct{}
	Synced() bool
	View() *kube.View
	// Sessions of all nodes, and a number that changes with them; 0 for who
	// does not lead.
	Sessions() (map[string][]kube.Session, uint64)
}

// Leadership says whether this speaker may write, and until when.
type Leadership interface {
	Leading() (context.Context, bool)
}

// Writer carries out what was decided.
type Writer interface {
	SetAddresses(context.Context, kube.Grant) error
	SetPoolStatus(ctx context.Context, pool string, use *model.PoolUse, v kube.Verdict) error
	SetPeerStatus(ctx context.Context, peer string, sessions *kube.SessionCount, v kube.Verdict) error
	SetAdvertisementStatus(ctx context.Context, advertisement string, v kube.Verdict) error
	// SetStandings says how all Services that hold an address are announced; it
	// does not wait.
	SetStandings(map[model.Key]kube.Standing)
	Report(kube.Report)
	Event(about kube.Ref, kind kube.EventType, reason, message string)
	EventsDropped() uint64
}

// Router is the BGP speaker.
type Router interface {
	SetPeers([]bgp.Peer, []bgp.Range) error
	Announce([]bgp.Announcement)
	Farewell(text string)
	Reset(peer netip.Addr, n bgp.Notification, idle time.Duration)
	Status() []bgp.PeerStatus
	Events() <-chan bgp.Event
}

// Options are what a Controller is made of.
type Options struct {
	Source     Source
	Leadership Leadership
	Writer     Writer
	Router     Router
	Watcher    Watcher
	// Gateways returns the node's default gateways, one of each family at most.
	Gateways func() ([]netip.Addr, error)
	// Proxy asks the node's service proxy, at one of the node's addresses and a
	// Service's healthCheckNodePort, whether it sends traffic to pods on the node:
	// nil, a *serviceproxy.NotYet, or another error where nobody answers. Services wait
	// for it, but not longer than ProxyWait. Without Proxy nobody waits.
	Proxy           func(context.Context, netip.AddrPort) error
	ProxyWait       time.Duration
	Node            string
	Namespace       string
	IgnoreExcludeLB bool
	// DrainTime is how long the routes of a node that is leaving carry
	// GRACEFUL_SHUTDOWN (RFC 8326) before they are withdrawn: routers send new
	// connections elsewhere meanwhile, and those that there are may end.
	DrainTime time.Duration
	Log       *slog.Logger
}

// Controller is the worker.
type Controller struct {
	Options
	metrics *Metrics
	health  *Health

	wake      chan struct{}
	retry     time.Duration // the pause after the last failure to write
	gateways  []netip.Addr
	view      *kube.View      // of the last pass
	ledger    *alloc.Ledger   // of the leader
	board     *announce.Board // of this node
	usher     *usher          // of what comes onto the board
	opened    bool            // routes have been set once
	posted    bool            // the board's routes are with the router
	plan      *alloc.Plan
	waiting   map[model.Key]time.Time // Services seen and not yet announced
	unmet     map[model.Key]string    // what was last complained of, by Service
	round     int                     // batches written so far
	failed    map[model.Key]int       // the round in which a write last failed, by Service
	told      told
	quota     quota
	silences  map[string]*silence // peers without a session, by name
	directory peers
	down      map[string]string // the peers without a session, as the board knows them
	grace     bool              // the node leaves, and its routes are the last resort
	untold    bool              // a pass has been made since the leader last told
	conflicts map[string]string // by advertisement, where it contradicts an older one
	fleet     map[string][]kube.Session
	fleetAt   uint64            // the version of fleet
	report    kube.Report       // of what the board says
	unsaid    bool              // a pass has been made since
	lastSaid  map[string]string // the last error of each kind, so that it is logged once

	node         model.Node // ours, as it was last seen
	leavingSince time.Time  // zero while the node stays
	goneAt       time.Time  // when its routes are withdrawn

	// Until when writes and statuses that hung are left alone.
	restWrites, restStatuses time.Time
}

const (
	tellEvery     = time.Second // statuses and events of the leader
	gatewaysEvery = 5 * time.Second
	retryFirst    = 100 * time.Millisecond
	retryMost     = 5 * time.Second
	writeTime     = 3 * time.Second  // what a write, or a round of statuses, may take
	restTime      = 15 * time.Second // for what took longer
)

// New makes a Controller; nothing runs before Run.
func New(o Options) *Controller {
	c := &Controller{
		Options: o, metrics: newMetrics(o.Router, o.Watcher, o.Writer), health: newHealth(),
		wake: make(chan struct{}, 1), waiting: map[model.Key]time.Time{}, unmet: map[model.Key]string{}, failed: map[model.Key]int{},
		told: newTold(), quota: quota{}, silences: map[string]*silence{}, lastSaid: map[string]string{},
	}
	c.usher = newUsher(o, c.poke)
	return c
}

// Metrics are the figures of this speaker.
func (c *Controller) Metrics() *Metrics { return c.metrics }

// Health says whether this speaker is alive and ready.
func (c *Controller) Health() *Health { return c.health }

// listen takes the sessions' events. What peers announce is none of our
// business; that a session came or went is.
func (c *Controller) listen(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case ev, open := <-c.Router.Events():
			if !open {
				return
			}
			switch ev := ev.(type) {
			case bgp.Established:
				c.health.established(ev.Peer)
				c.poke()
			case bgp.Down:
				c.metrics.flap(ev.Peer)
				c.poke()
			}
		case ev := <-c.Watcher.Events():
			c.alive(ev)
		}
	}
}

// poke wakes the worker.
func (c *Controller) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *Controller) work(ctx context.Context) {
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	retry := time.NewTimer(time.Hour)
	defer retry.Stop()
	c.lookAtGateways()
	for looked := time.Now(); ; {
		c.health.begin()
		again := c.pass(ctx)
		c.health.end()
		c.retry = nextRetry(c.retry, again)
		if again {
			retry.Reset(c.retry)
		}
		for dirty := false; !dirty; {
			select {
			case <-ctx.Done():
				return
			case <-c.Source.Changed():
				dirty = true
			case <-c.wake:
				dirty = true
			case <-retry.C:
				dirty = again
			case <-tick.C:
				c.tell()
				c.tellSessions(time.Now())
				c.tellReport()
				if time.Since(looked) >= gatewaysEvery {
					looked, dirty = time.Now(), c.lookAtGateways()
				}
			}
		}
	}
}

// nextRetry is the pause before what could not be written is tried again.
func nextRetry(last time.Duration, again bool) time.Duration {
	if !again {
		return 0
	}
	return min(max(2*last, retryFirst), retryMost)
}

// pass takes the line once from left to right, and reports whether something
// could not be written and should be tried again.
func (c *Controller) pass(ctx context.Context) (again bool) {
	if ctx.Err() != nil || !c.Source.Synced() {
		return false
	}
	began := time.Now()
	v := c.Source.View()
	c.view, c.untold, c.unsaid = v, true, true
	c.metrics.config(v.Config)
	c.sayOnce("configmap", v.Config.Err())
	term, leading := c.Leadership.Leading()
	c.metrics.leading(leading)
	if !v.Config.Usable {
		c.health.hindered(v.Config.Err())
		c.ledger, c.plan = nil, nil // they are of another view
		return false                // nothing is known that anything could follow from
	}
	c.notice(v, began)
	c.follow(v, leading)
	c.announce(v) // what is known already waits for no write
	if leading && !v.Config.Settling {
		var written int
		if written, again = c.allocate(term, v); written > 0 {
			c.announce(v)
		}
	}
	c.metrics.passed(time.Since(began))
	return again
}

// lookAtGateways reads the node's default gateways and reports whether they
// are others than before.
func (c *Controller) lookAtGateways() (changed bool) {
	found, err := c.Gateways()
	if c.sayOnce("gateways", err) || slices.Equal(found, c.gateways) {
		return false // what cannot be read stays as it was
	}
	c.gateways = found
	return true
}

// sayOnce logs an error of a kind unless it is the same as last time, and
// reports whether there is one.
func (c *Controller) sayOnce(kind string, err error) bool {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != "" && c.lastSaid[kind] != text {
		c.Log.Error("trouble", "with", kind, "reason", text)
	}
	c.lastSaid[kind] = text
	return err != nil
}
