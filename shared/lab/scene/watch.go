package scene

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/hawser-lb/hawser/shared/lab"
)

// Watch follows the Services, as `kubectl get services --watch` in a second
// terminal would, and notes when it saw what.
type Watch struct {
	process *lab.Process

	mu      sync.Mutex
	rest    []byte // of a line that is not whole yet
	created map[string]time.Time
	address map[string]string
}

// watchColumns are one line a change: name, then addresses.
const watchColumns = `jsonpath={.metadata.name} {.status.loadBalancer.ingress[*].ip}{"\n"}`

// WatchServices starts a watch and returns when it follows.
func (s *Scene) WatchServices(ctx context.Context) (*Watch, error) {
	w := &Watch{created: map[string]time.Time{}, address: map[string]string{}}
	process, err := s.Kube.Follow(w, "get", "services", "--watch", "-o", watchColumns)
	if err != nil {
		return nil, err
	}
	w.process = process
	err = lab.Until(ctx, "a watch of the Services", func() error {
		if w.Created("kubernetes").IsZero() {
			return fmt.Errorf("it has not begun: %s", process.Output())
		}
		return nil
	})
	return w, err
}

// Write takes what kubectl prints.
func (w *Watch) Write(b []byte) (int, error) {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rest = append(w.rest, b...)
	for {
		line, rest, whole := bytes.Cut(w.rest, []byte("\n"))
		if !whole {
			return len(b), nil
		}
		w.rest = rest
		name, address, _ := strings.Cut(string(line), " ")
		if w.created[name].IsZero() {
			w.created[name] = now
		}
		w.address[name], _, _ = strings.Cut(address, " ")
	}
}

// Created is when the watch first saw a Service; zero: not yet.
func (w *Watch) Created(name string) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.created[name]
}

// Address that the Service has by now, or "".
func (w *Watch) Address(name string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.address[name]
}

// Stop ends the watch.
func (w *Watch) Stop() { w.process.Kill() }

// FirstReply waits until a Service answers the client from its address, and
// says which that is and how long after its creation.
func (s *Scene) FirstReply(ctx context.Context, w *Watch, name string) (address string, after time.Duration, err error) {
	err = lab.Until(ctx, "the first 200", func() error {
		if address = w.Address(name); address == "" {
			return errors.New("the Service has no address")
		}
		quick, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		defer cancel()
		reply, err := s.Get(quick, address)
		if err == nil && reply.Status != 200 {
			err = fmt.Errorf("status %d", reply.Status)
		}
		return err
	})
	return address, time.Since(w.Created(name)), err
}
