package sim

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/hawser-lb/hawser/router/internal/daemon"
	"github.com/hawser-lb/hawser/router/internal/fib"
	"github.com/hawser-lb/hawser/router/internal/kernel"
	"github.com/hawser-lb/hawser/shared/lab/wire"
)

const (
	lan   = 3                      // the index of the only interface
	works = 500 * time.Microsecond // how long a conversation takes
)

// Routes are the next hops of each prefix: none where packets are told that the
// address is unreachable. A route at several metrics counts by its lowest.
type Routes map[netip.Prefix][]netip.Addr

// Kernel is the routing table of one machine.
type Kernel struct {
	host  *wire.Host
	facts kernel.Facts
	kind  fib.Kind

	mu      sync.Mutex
	have    *fib.Have
	changed func(Routes)
	tell    map[*handle]func(kernel.Change)
	missing map[netip.Addr]sight
}

// sight is a neighbour that gives no answer.
type sight struct{ since, asked time.Time }

const (
	// answers is how long a neighbour is asked before it is gone, asks how long
	// an answer to one question counts.
	answers = 3 * time.Second
	asks    = 5 * time.Second
)

// NewKernel is the host's, with no routes but the one to its LAN, on which its
// address is own. An old one has no next-hop objects.
func NewKernel(host *wire.Host, own netip.Addr, subnet netip.Prefix, old bool) *Kernel {
	kind := fib.ResilientGroups
	if old {
		kind = fib.Multipath
	}
	return &Kernel{
		host: host, kind: kind,
		facts: kernel.Facts{
			Links:     []kernel.Link{{Index: lan, Name: "br-lan", Up: true, Carrier: true}},
			Addresses: []kernel.Address{{Link: lan, Own: own, Subnet: subnet}},
		},
		have: fib.NewHave(), changed: func(Routes) {}, tell: map[*handle]func(kernel.Change){},
		missing: map[netip.Addr]sight{},
	}
}

// Changed has f called after every single step that the kernel takes.
func (k *Kernel) Changed(f func(Routes)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.changed = f
}

// Routes that stand.
func (k *Kernel) Routes() Routes {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.routes()
}

func (k *Kernel) routes() Routes {
	out, best := Routes{}, map[netip.Prefix]uint32{}
	for key := range k.have.Routes {
		if metric, known := best[key.Prefix]; known && metric < key.Metric {
			continue
		}
		best[key.Prefix] = key.Metric
		var hops []netip.Addr
		for _, h := range k.have.NextHops(key) {
			hops = append(hops, h.Addr)
		}
		out[key.Prefix] = hops
	}
	return out
}

// Meddle puts a route of the daemon's own kind there, or takes away what stands
// for the prefix when there are no hops, as another program would.
func (k *Kernel) Meddle(p netip.Prefix, hops ...netip.Addr) {
	k.mu.Lock()
	key := fib.Key{Prefix: p, Metric: 20, Table: 254}
	if len(hops) == 0 {
		k.have.DropRoute(key)
	} else {
		k.have.PutRoute(key, fib.Route{NextHops: legs(hops), Protocol: 73})
	}
	k.notify()
	k.mu.Unlock()
}

// Flush takes every route and object of the daemon's away, as a restart of the
// network does.
func (k *Kernel) Flush() {
	k.mu.Lock()
	k.have = fib.NewHave()
	k.notify()
	k.mu.Unlock()
}

// notify tells the daemons a moment later; k.mu is held.
func (k *Kernel) notify() {
	time.AfterFunc(works, func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		for _, tell := range k.tell {
			tell(kernel.RoutesChanged)
		}
	})
}

func legs(hops []netip.Addr) []fib.NextHop {
	var out []fib.NextHop
	for _, h := range hops {
		out = append(out, fib.NextHop{Addr: h, Link: lan, Weight: 1})
	}
	slices.SortFunc(out, fib.NextHop.Compare)
	return out
}

// handle is the kernel as one program has it, until it dies.
type handle struct {
	k    *Kernel
	dead bool // under k.mu
}

var _ daemon.Kernel = (*handle)(nil)

var errDead = errors.New("the program was killed")

func (h *handle) kill() {
	h.k.mu.Lock()
	defer h.k.mu.Unlock()
	h.dead = true
}

// enter begins a conversation, which ends when leave is called.
func (h *handle) enter() (leave func(), err error) {
	time.Sleep(works)
	h.k.mu.Lock()
	if h.dead {
		h.k.mu.Unlock()
		return nil, errDead
	}
	return h.k.mu.Unlock, nil
}

func (h *handle) Facts() (kernel.Facts, error) { return h.k.facts, nil }

func (h *handle) Have(...uint8) (*fib.Have, error) {
	leave, err := h.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	return h.k.have.Clone(), nil
}

func (h *handle) Cover([]netip.Prefix) (map[netip.Prefix]string, error) { return nil, nil }
func (h *handle) Kind() fib.Kind                                        { return h.k.kind }
func (h *handle) Close() error                                          { return nil }

func (h *handle) Gone(host netip.Addr) (gone, sure bool, err error) {
	leave, err := h.enter()
	if err != nil {
		return false, false, err
	}
	defer leave()
	k, now := h.k, time.Now()
	if k.host.Sees(host) {
		delete(k.missing, host)
		return false, true, nil
	}
	s, known := k.missing[host]
	if !known || now.Sub(s.asked) > asks {
		s.since = now
	}
	s.asked = now
	k.missing[host] = s
	return now.Sub(s.since) >= answers, true, nil
}

func (h *handle) Apply(steps []fib.Step) error {
	leave, err := h.enter()
	if err != nil {
		return err
	}
	defer leave()
	var errs []error
	for _, s := range steps {
		if err := h.k.refuse(s); err != nil {
			errs = append(errs, &fib.StepError{Step: s, Err: err})
			continue
		}
		h.k.have.Apply([]fib.Step{s})
		h.k.changed(h.k.routes())
	}
	return errors.Join(errs...)
}

// refuse says why the kernel does not take the step.
func (k *Kernel) refuse(s fib.Step) error {
	_, route := k.have.Routes[s.Key]
	_, group := k.have.Groups[s.ID]
	_, hop := k.have.Hops[s.ID]
	object := group || hop
	switch s.Verb {
	case fib.AddHop, fib.AddGroup:
		if object {
			return syscall.EEXIST
		}
	case fib.ReplaceGroup, fib.DeleteGroup:
		if !group {
			return syscall.ENOENT
		}
	case fib.DeleteHop:
		if !hop {
			return syscall.ENOENT
		}
	case fib.Add, fib.Replace:
		switch {
		case route && s.Verb == fib.Add:
			return syscall.EEXIST
		case !route && s.Verb == fib.Replace:
			return syscall.ESRCH
		case s.ID != 0 && !object:
			return syscall.EINVAL
		}
	case fib.Delete:
		if !route {
			return syscall.ESRCH
		}
	}
	for _, m := range s.Members {
		if _, stands := k.have.Hops[m.ID]; !stands {
			return fmt.Errorf("next hop %d: %w", m.ID, syscall.EINVAL)
		}
	}
	return nil
}

func (h *handle) Watch(ctx context.Context, tell func(kernel.Change)) error {
	h.k.mu.Lock()
	h.k.tell[h] = tell
	h.k.mu.Unlock()
	<-ctx.Done()
	h.k.mu.Lock()
	delete(h.k.tell, h)
	h.k.mu.Unlock()
	return nil
}
