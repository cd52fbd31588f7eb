package scene

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/hawser-lb/hawser/shared/lab"
)

// Reply is what the client got.
type Reply struct {
	Status int
	Node   string // that answered
	Client string // the source address that the backend saw
}

// Get asks once, on a connection of its own.
func (s *Scene) Get(ctx context.Context, address string) (Reply, error) {
	transport := &http.Transport{DialContext: s.Client.Dial, DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(address, "80")+"/", nil)
	if err != nil {
		return Reply{}, err
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return Reply{}, err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16)); err != nil {
		return Reply{}, err
	}
	return Reply{Status: resp.StatusCode, Node: resp.Header.Get("X-Node"), Client: resp.Header.Get("X-Client")}, nil
}

// Visits counts what a Visitor got.
type Visits struct {
	OK, Failed int
	// Slow of those that failed had no answer within Patience.
	Slow int
	// LongestGap between two good answers.
	LongestGap time.Duration
	// FirstFailed and LastFailed are when those requests were made.
	FirstFailed, LastFailed time.Time
	Nodes                   map[string]int
	LastError               string

	perSecond int
}

func (v Visits) String() string {
	return fmt.Sprintf("%d answered, %d failed, longest gap %v", v.OK, v.Failed, v.LongestGap.Round(time.Millisecond))
}

// Wrong is how many requests failed for a reason that lies in the network. Where
// nobody at all was answered for long, those without an answer were waiting for
// the machine, unless they go on for more than a second: three nodes do not fall
// silent together, and a router without a route says so.
func (v Visits) Wrong() int {
	if v.LongestGap > Patience/2 && v.Slow <= v.perSecond {
		return v.Failed - v.Slow
	}
	return v.Failed
}

// Outage is the time in which requests failed.
func (v Visits) Outage() time.Duration { return v.LastFailed.Sub(v.FirstFailed) }

// Visitor asks again and again, each time on a new connection, until stopped.
type Visitor struct {
	cancel    context.CancelFunc
	done      sync.WaitGroup
	perSecond int

	mu      sync.Mutex
	visits  Visits
	last    time.Time
	next    int
	pending map[int]bool
}

// Patience is how long the client waits for an answer.
const Patience = time.Second

// Visit starts a visitor from the client to an address, with so many requests
// a second, until it is stopped or ctx ends.
func (s *Scene) Visit(ctx context.Context, address string, perSecond int) *Visitor {
	ctx, cancel := context.WithCancel(ctx)
	v := &Visitor{cancel: cancel, perSecond: perSecond, visits: Visits{Nodes: map[string]int{}}, last: time.Now(), pending: map[int]bool{}}
	v.done.Go(func() {
		tick := time.NewTicker(time.Second / time.Duration(perSecond))
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				v.done.Go(func() { v.visit(ctx, s, address) })
			}
		}
	})
	return v
}

func (v *Visitor) visit(ctx context.Context, s *Scene, address string) {
	v.mu.Lock()
	number := v.next
	v.next++
	v.pending[number] = true
	v.mu.Unlock()

	made := time.Now()
	bounded, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	reply, err := s.Get(bounded, address)

	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.pending, number)
	if ctx.Err() != nil {
		return // stopped in the middle: neither good nor bad
	}
	if err == nil && reply.Status != http.StatusOK {
		err = fmt.Errorf("status %d", reply.Status)
	}
	if err != nil {
		if v.visits.Failed == 0 || made.Before(v.visits.FirstFailed) {
			v.visits.FirstFailed = made
		}
		if made.After(v.visits.LastFailed) {
			v.visits.LastFailed = made
		}
		v.visits.Failed++
		if errors.Is(err, context.DeadlineExceeded) {
			v.visits.Slow++
		}
		v.visits.LastError = err.Error()
		return
	}
	now := time.Now()
	v.visits.LongestGap = max(v.visits.LongestGap, now.Sub(v.last))
	v.last = now
	v.visits.OK++
	v.visits.Nodes[reply.Node]++
}

// Count is what it got since the last Count.
func (v *Visitor) Count() Visits {
	v.mu.Lock()
	defer v.mu.Unlock()
	visits := v.visits
	v.visits = Visits{Nodes: map[string]int{}}
	visits.LongestGap = max(visits.LongestGap, time.Since(v.last))
	visits.perSecond = v.perSecond
	return visits
}

// OK is how many answers it got since the last Count.
func (v *Visitor) OK() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.visits.OK
}

// Settle waits for the requests that are under way now.
func (v *Visitor) Settle(ctx context.Context) error {
	v.mu.Lock()
	limit := v.next
	v.mu.Unlock()
	return lab.Until(ctx, "requests under way to end", func() error {
		v.mu.Lock()
		defer v.mu.Unlock()
		for number := range v.pending {
			if number < limit {
				return fmt.Errorf("number %d has not", number)
			}
		}
		return nil
	})
}

// Stop ends the visits and waits for those under way.
func (v *Visitor) Stop() {
	v.cancel()
	v.done.Wait()
}
