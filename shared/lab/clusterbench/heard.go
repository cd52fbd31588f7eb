package clusterbench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hawser-lb/hawser/shared/lab"
	"github.com/hawser-lb/hawser/shared/lab/routes"
)

// heard is when what became of each Service.
type heard struct {
	mu      sync.Mutex
	changed chan struct{} // closed and made anew with each change
	address map[string]netip.Addr
	named   map[string]time.Time     // when a Service had its address
	routed  map[netip.Addr]time.Time // when a route had all its next hops
	hops    map[netip.Addr]int
	err     error
}

// listen follows the Services and the router's kernel until ctx ends.
func listen(ctx context.Context, a *api, router *lab.Host) (*heard, error) {
	h := &heard{
		changed: make(chan struct{}), address: map[string]netip.Addr{}, named: map[string]time.Time{},
		routed: map[netip.Addr]time.Time{}, hops: map[netip.Addr]int{},
	}
	var watch *routes.Watch
	err := router.Do(func() (err error) {
		watch, err = routes.OpenWatch()
		return err
	})
	if err != nil {
		return nil, err
	}
	go func() {
		defer watch.Close()
		for ctx.Err() == nil {
			changes, err := watch.Next(time.Second)
			if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
				h.fail(fmt.Errorf("the kernel: %w", err))
				return
			}
			h.kernel(changes)
			if err := h.silent(changes, router); err != nil {
				h.fail(fmt.Errorf("the kernel: %w", err))
				return
			}
		}
	}()
	go func() {
		if err := a.watch(ctx, "/api/v1/namespaces/default/services?watch=1&resourceVersion=0", h.service); err != nil {
			h.fail(fmt.Errorf("the watch: %w", err))
		}
	}()
	return h, nil
}

func (h *heard) fail(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.err = err
	h.tell()
}

func (h *heard) tell() {
	close(h.changed)
	h.changed = make(chan struct{})
}

var measured = netip.MustParsePrefix(pool)

func (h *heard) kernel(changes []routes.Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range changes {
		a := c.Route.Prefix.Addr()
		if c.Route.Table != unix.RT_TABLE_MAIN || !measured.Contains(a) {
			continue
		}
		switch {
		case c.Kind == unix.RTM_DELROUTE:
			delete(h.hops, a)
			delete(h.routed, a)
		case c.Kind == unix.RTM_NEWROUTE:
			h.hops[a] = len(c.Route.Hops)
			if h.hops[a] == nodes {
				h.routed[a] = c.At
			} else {
				delete(h.routed, a)
			}
		}
	}
	h.tell()
}

// silent forgets the routes that went with a next hop: of these the kernel says
// nothing.
func (h *heard) silent(changes []routes.Change, router *lab.Host) error {
	if !slices.ContainsFunc(changes, func(c routes.Change) bool { return c.Kind == unix.RTM_DELNEXTHOP }) {
		return nil
	}
	var all []routes.Route
	err := router.Do(func() (err error) {
		all, err = routes.List()
		return err
	})
	if err != nil {
		return err
	}
	stands := make(map[netip.Addr]bool, len(all))
	for _, r := range all {
		stands[r.Prefix.Addr()] = true
	}
	gone := func(a netip.Addr) bool { return !stands[a] }
	h.mu.Lock()
	defer h.mu.Unlock()
	maps.DeleteFunc(h.hops, func(a netip.Addr, _ int) bool { return gone(a) })
	maps.DeleteFunc(h.routed, func(a netip.Addr, _ time.Time) bool { return gone(a) })
	h.tell()
	return nil
}

func (h *heard) service(line []byte) error {
	var e struct {
		Type   string `json:"type"`
		Object struct {
			Metadata struct {
				Name string `json:"name"`
			} `json:"metadata"`
			Status struct {
				LoadBalancer struct {
					Ingress []struct {
						IP string `json:"ip"`
					} `json:"ingress"`
				} `json:"loadBalancer"`
			} `json:"status"`
		} `json:"object"`
	}
	now := time.Now()
	if err := json.Unmarshal(line, &e); err != nil || e.Type == "ERROR" {
		return fmt.Errorf("%s", line)
	}
	if len(e.Object.Status.LoadBalancer.Ingress) == 0 {
		return nil
	}
	a, err := netip.ParseAddr(e.Object.Status.LoadBalancer.Ingress[0].IP)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, before := h.named[e.Object.Metadata.Name]; !before {
		h.named[e.Object.Metadata.Name] = now
		h.address[e.Object.Metadata.Name] = a
		h.tell()
	}
	return nil
}

// done waits until each of the Services has its address and its route, and
// returns when the last one had.
func (h *heard) done(ctx context.Context, names []string) (named, routed time.Time, err error) {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		h.mu.Lock()
		for len(names) > 0 {
			n, ok1 := h.named[names[0]]
			r, ok2 := h.routed[h.address[names[0]]]
			if !ok1 || !ok2 {
				break
			}
			names = names[1:]
			named, routed = later(named, n), later(routed, r)
		}
		changed, err := h.changed, h.err
		h.mu.Unlock()
		if err != nil || len(names) == 0 {
			return named, routed, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return named, routed, context.Cause(ctx)
		case <-deadline.C:
			return named, routed, fmt.Errorf("after %s Service %s has no route with %d next hops", patience, names[0], nodes)
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// routes is the number of routes that have all their next hops.
func (h *heard) routes() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.routed)
}
