package controller

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/hawser-lb/hawser/shared/bgp"
)

const (
	// stuck is how long one pass may take before the process counts as dead.
	stuck = time.Minute
	// patience is how long an unreachable router keeps a speaker unready.
	patience = 30 * time.Second
)

// Health answers the kubelet's two questions.
type Health struct {
	mu        sync.Mutex
	began     time.Time // of the pass that is running, else zero
	since     time.Time // of the first pass with a view
	hindrance error     // why there has been no such pass yet, where that is known
	expected  map[bgp.PeerID]bool
	once      map[bgp.PeerID]bool // established once
}

func newHealth() *Health { return &Health{once: map[bgp.PeerID]bool{}} }

func (h *Health) begin() { h.mu.Lock(); h.began = time.Now(); h.mu.Unlock() }
func (h *Health) end()   { h.mu.Lock(); h.began = time.Time{}; h.mu.Unlock() }

// hindered remembers why a pass did not come to its end.
func (h *Health) hindered(err error) { h.mu.Lock(); h.hindrance = err; h.mu.Unlock() }

func (h *Health) expect(all []bgp.Peer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.since.IsZero() {
		h.since = time.Now()
	}
	h.expected = make(map[bgp.PeerID]bool, len(all))
	for _, p := range all {
		h.expected[bgp.PeerID{Name: p.Name, Address: p.Address}] = true
	}
}

func (h *Health) established(p bgp.PeerID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.once[p] = true
}

// Alive says why the process should be restarted, or nothing: the worker has
// hung.
func (h *Health) Alive() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.began.IsZero() && time.Since(h.began) > stuck {
		return fmt.Errorf("the worker has not come back for %s", time.Since(h.began).Round(time.Second))
	}
	return nil
}

// Ready says why the next node should not be restarted yet, or nothing: what
// the API server has is known, and each session has been up once, or the
// router has had half a minute.
func (h *Health) Ready() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.since.IsZero() && h.hindrance != nil:
		return h.hindrance
	case h.since.IsZero():
		return fmt.Errorf("not everything is known of the cluster yet")
	case time.Since(h.since) > patience:
		return nil
	}
	for p := range h.expected {
		if !h.once[p] {
			return fmt.Errorf("the session with peer %s at %s has not been up yet", p.Name, p.Address)
		}
	}
	return nil
}

// Handler serves /healthz and /readyz.
func (h *Health) Handler() http.Handler {
	mux := http.NewServeMux()
	answer := func(ask func() error) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			if err := ask(); err != nil {
				http.Error(w, err.Error(), http.StatusServiceUnavailable)
				return
			}
			fmt.Fprintln(w, "ok")
		}
	}
	mux.Handle("GET /healthz", answer(h.Alive))
	mux.Handle("GET /readyz", answer(h.Ready))
	return mux
}
