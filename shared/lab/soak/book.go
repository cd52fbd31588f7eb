package soak

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/hawser-lb/hawser/shared/lab/soak/plan"
)

// book follows the Services and holds against each address that goes or comes
// what the plan has done since the last rest.
type book struct {
	mu       sync.Mutex
	services map[string]*service
	world    plan.World
	pools    []map[string]plan.Fields // as they were since the last rest
	touched  map[string]bool          // Services that the plan has changed since
	faults   []string
	moves    int // addresses given, changed and taken
}

func newBook(w plan.World) *book {
	b := &book{services: map[string]*service{}}
	b.begin(w)
	return b
}

// begin forgets every excuse: the world is at rest.
func (b *book) begin(w plan.World) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.world, b.touched = w.Clone(), map[string]bool{}
	b.pools = []map[string]plan.Fields{b.world["pool"]}
}

// expect notes what an action gives reasons for, before it is done.
func (b *book) expect(before, after plan.World) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.world = after.Clone()
	b.pools = append(b.pools, b.world["pool"])
	for _, w := range []plan.World{before, after} {
		for name, f := range w["service"] {
			if f.String() == before["service"][name].String() && f.String() == after["service"][name].String() {
				continue
			}
			b.touched[name] = true
			for _, world := range []plan.World{before, after} {
				for other, g := range world["service"] {
					if g["share"] != "no" && g["share"] == f["share"] {
						b.touched[other] = true
					}
				}
			}
		}
	}
}

// see takes in a Service as it is now, or that it is gone.
func (b *book) see(s *service, gone bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	name := s.Metadata.Name
	old := b.services[name]
	if old != nil && old.Metadata.UID != s.Metadata.UID {
		old = nil // another one of the same name
	}
	if gone {
		delete(b.services, name)
		return
	}
	b.services[name] = s
	var had []netip.Addr
	if old != nil {
		had = old.holds()
	}
	for _, a := range had {
		if !slices.Contains(s.holds(), a) {
			b.lost(name, a)
		}
	}
	for _, a := range s.holds() {
		if !slices.Contains(had, a) {
			b.gained(name, a)
		}
	}
}

// lost sees that there is a reason why a Service has lost an address.
func (b *book) lost(name string, a netip.Addr) {
	b.moves++
	f := b.world["service"][name]
	ask := asked(f)
	switch {
	case b.touched[name]:
	case b.outside(a):
	case ask.IsValid() && ask.Is4() == a.Is4() && ask != a: // what it asks for has become free
	case f["pool"] != "no" && !contains(b.world["pool"][f["pool"]], a): // likewise
	default:
		b.faults = append(b.faults, fmt.Sprintf("Service %s lost %v without a reason", name, a))
	}
}

// outside says whether an address was in no pool at some time since the rest.
func (b *book) outside(a netip.Addr) bool {
	return slices.ContainsFunc(b.pools, func(pools map[string]plan.Fields) bool { return !inAny(pools, a) })
}

func inAny(pools map[string]plan.Fields, a netip.Addr) bool {
	for _, f := range pools {
		if contains(f, a) {
			return true
		}
	}
	return false
}

// gained sees that an address may be given and that nobody else has it.
func (b *book) gained(name string, a netip.Addr) {
	b.moves++
	if !slices.ContainsFunc(b.pools, func(pools map[string]plan.Fields) bool { return inAny(pools, a) }) {
		b.faults = append(b.faults, fmt.Sprintf("Service %s got %v, which is in no pool", name, a))
	}
	for other, o := range b.services {
		if other == name || !slices.Contains(o.holds(), a) || compatible(o, b.services[name]) {
			continue
		}
		if !b.touched[name] && !b.touched[other] {
			b.faults = append(b.faults, fmt.Sprintf("Service %s got %v, which %s has and may not share", name, a, other))
		}
	}
}

// twice lists addresses that two Services have who may not share one.
func twice(services []*service) []string {
	var all []string
	for i, s := range services {
		for _, o := range services[:i] {
			for _, a := range s.holds() {
				if slices.Contains(o.holds(), a) && !compatible(s, o) {
					all = append(all, fmt.Sprintf("%s and %s both have %v", o.Metadata.Name, s.Metadata.Name, a))
				}
			}
		}
	}
	return all
}

// fault is everything that was wrong.
func (b *book) fault() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.faults)
}

// behind says which Service the book has not yet seen as it is.
func (b *book) behind(services []*service) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range services {
		if known := b.services[s.Metadata.Name]; known == nil || known.Metadata.Version != s.Metadata.Version {
			return s.Metadata.Name
		}
	}
	return ""
}

// follow keeps the book until ctx ends; the API server may go and come.
func (b *book) follow(ctx context.Context, a *api) {
	for ctx.Err() == nil {
		version, err := b.refresh(ctx, a)
		if err == nil {
			_ = b.watch(ctx, a, version) // ends whenever the API server does
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// refresh lists, and sees what has changed while nobody watched.
func (b *book) refresh(ctx context.Context, a *api) (string, error) {
	var all []*service
	version, err := a.list(ctx, servicesPath, &all)
	if err != nil {
		return "", err
	}
	b.mu.Lock()
	for name := range b.services {
		if !slices.ContainsFunc(all, func(s *service) bool { return s.Metadata.Name == name }) {
			delete(b.services, name)
		}
	}
	b.mu.Unlock()
	for _, s := range all {
		b.see(s, false)
	}
	return version, nil
}

func (b *book) watch(ctx context.Context, a *api, version string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.server+servicesPath+"?watch=1&resourceVersion="+version, nil)
	if err != nil {
		return err
	}
	answer, err := a.client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	for lines := json.NewDecoder(bufio.NewReader(answer.Body)); ; {
		var event struct {
			Type   string  `json:"type"`
			Object service `json:"object"`
		}
		if err := lines.Decode(&event); err != nil {
			return err
		}
		switch event.Type {
		case "ADDED", "MODIFIED":
			b.see(&event.Object, false)
		case "DELETED":
			b.see(&event.Object, true)
		default:
			return fmt.Errorf("watch of the Services: %s", event.Type)
		}
	}
}
