package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hawser-lb/hawser/shared/lab"
)

func TestAServiceThatChangesUnderTheWriteGetsItsAddressAllTheSame(t *testing.T) {
	apply(t, node("node1"), pool("home", "10.7.0.0/24"))
	p := throughProxy(t)
	var grants atomic.Int32
	p.meets(func(_ http.ResponseWriter, r *http.Request) bool {
		if isGrant(r) && grants.Add(1) <= 3 { // the API server then says that it has changed: 409
			if _, err := cluster.Kubectl(context.Background(), "label", "service", "web", fmt.Sprintf("round=%d", grants.Load()), "--overwrite"); err != nil {
				t.Error(err)
			}
		}
		return false
	})
	start(t, "node1", "--kubeconfig", p.kubeconfig)
	apply(t, service("web"))
	holds(t, "web", "10.7.0.0")
	if n := grants.Load(); n != 4 {
		t.Errorf("it took %d writes, not 4", n)
	}
	event(t, "Service/web", "AddressAssigned", "10.7.0.0 from pool home")
	// Other tests have had Services of that name.
	uid := kubectl(t, "get", "service", "web", "-o", "jsonpath={.metadata.uid}")
	if out := kubectl(t, "get", "events", "--field-selector", "involvedObject.uid="+uid+",reason=AddressAssigned", "-o", "name"); strings.Count(out, "\n") > 0 {
		t.Errorf("it is told more than once: %s", out)
	}
}

func TestALeaseThatIsLostInTheMiddleOfAWriteStopsTheWrite(t *testing.T) {
	apply(t, node("node1"), pool("home", "10.7.0.0/24"))
	p := throughProxy(t)
	held, gone := make(chan struct{}), make(chan struct{})
	begin, end := sync.OnceFunc(func() { close(held) }), sync.OnceFunc(func() { close(gone) })
	p.meets(func(_ http.ResponseWriter, r *http.Request) bool {
		if !isGrant(r) {
			return false
		}
		_, _ = io.Copy(io.Discard, r.Body) // only then the end of the connection is seen
		begin()
		<-r.Context().Done() // the speaker gives up: nothing has reached the API server
		end()
		return true
	})
	s := start(t, "node1", "--kubeconfig", p.kubeconfig)
	apply(t, service("web"))
	passes(t, "a write to begin", held)
	began := time.Now()
	usurp(t, time.Now())
	passes(t, "the write to end", gone)
	s.figure(t, "hawser_leader 0")
	t.Logf("the write ended %s after the Lease was taken", time.Since(began).Round(time.Millisecond))

	// The other leader decides otherwise, and goes.
	p.meets(nil)
	kubectl(t, "patch", "service", "web", "--subresource", "status", "--type", "merge", "-p",
		`{"metadata":{"annotations":{"hawser.dev/allocated-from-pool":"home"}},"status":{"loadBalancer":{"ingress":[{"ip":"10.7.0.9"}]}}}`)
	kubectl(t, "delete", "lease", "hawser-allocator", "-n", "hawser-system")
	s.figure(t, "hawser_leader 1")
	apply(t, service("next"))
	holds(t, "next", "10.7.0.0")
	holds(t, "web", "10.7.0.9")
}

// passes waits until a channel is closed.
func passes(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	lab.Eventually(t, what, func() error {
		select {
		case <-c:
			return nil
		default:
			return fmt.Errorf("it has not happened")
		}
	})
}

// usurp takes the Lease in another's name, whose clock says now.
func usurp(t *testing.T, now time.Time) {
	t.Helper()
	kubectl(t, "patch", "lease", "hawser-allocator", "-n", "hawser-system", "--type", "merge", "-p",
		fmt.Sprintf(`{"spec":{"holderIdentity":"another","leaseDurationSeconds":10,"renewTime":%q}}`, now.UTC().Format("2006-01-02T15:04:05.000000Z")))
}

func TestALeadersWrongClockNeitherKeepsTheLeaseNorLosesIt(t *testing.T) {
	apply(t, node("node1"), pool("home", "10.7.0.0/24"))
	s := start(t, "node1")
	s.figure(t, "hawser_leader 1")
	// A clock that is ten years slow, in a leader who lives: nobody may take it.
	for i := range 12 {
		usurp(t, time.Now().AddDate(-10, 0, i))
		if i == 0 {
			s.figure(t, "hawser_leader 0")
			apply(t, service("web"))
		}
		lab.Eventually(t, "a second to pass", after(time.Second))
	}
	holds(t, "web", "")
	s.figure(t, "hawser_leader 0")
	// A clock that is ten years fast, in a leader who is dead: it is taken.
	usurp(t, time.Now().AddDate(10, 0, 0))
	s.figure(t, "hawser_leader 1")
	holds(t, "web", "10.7.0.0")
}

// after objects until so long after it was made.
func after(d time.Duration) func() error {
	until := time.Now().Add(d)
	return func() error {
		if time.Now().Before(until) {
			return fmt.Errorf("not yet")
		}
		return nil
	}
}

func TestWhatHappensWhileEveryWatchIsGoneIsSeenAfterwards(t *testing.T) {
	r := startRouter(t)
	apply(t, node("node1"), pool("home", "10.7.0.0/24"), peer(r, "node1", "127.0.11.1"), service("a"), endpoints("a", "node1"), service("b"), endpoints("b", "node1"))
	p := throughProxy(t)
	s := start(t, "node1", "--kubeconfig", p.kubeconfig)
	r.has(t, "10.7.0.0/32 via 127.0.11.1", "10.7.0.1/32 via 127.0.11.1")
	before := r.heard()
	var refused atomic.Int32
	p.meets(func(w http.ResponseWriter, r *http.Request) bool {
		if !isWatch(r) {
			return false
		}
		refused.Add(1)
		refuse(w, http.StatusGone, "Expired", "too old resource version")
		return true
	})
	p.cut()
	lab.Eventually(t, "the watches to be refused", func() error {
		if refused.Load() < 8 {
			return fmt.Errorf("%d so far", refused.Load())
		}
		return nil
	})
	if r.heard() != before {
		t.Errorf("the router heard %d changes", r.heard()-before)
	}
	kubectl(t, "delete", "service", "b")
	apply(t, service("comes"), endpoints("comes", "node1"))
	p.meets(nil)
	r.has(t, "10.7.0.0/32 via 127.0.11.1", "10.7.0.1/32 via 127.0.11.1")
	holds(t, "comes", "10.7.0.1")
	if text := s.log.String(); strings.Contains(text, "level=ERROR") {
		t.Error("there are errors in the log")
	}
}

func TestAnAPIServerThatIsOverwhelmedIsAskedAgain(t *testing.T) {
	apply(t, node("node1"), pool("home", "10.7.0.0/24"))
	p := throughProxy(t)
	var grants atomic.Int32
	p.meets(func(w http.ResponseWriter, r *http.Request) bool {
		if !isGrant(r) {
			return false
		}
		switch grants.Add(1) {
		case 1:
			refuse(w, http.StatusInternalServerError, "InternalError", "etcd is away")
		case 2:
			w.Header().Set("Retry-After", "1")
			refuse(w, http.StatusTooManyRequests, "TooManyRequests", "slow down")
		case 3:
			panic(http.ErrAbortHandler) // the connection breaks
		default:
			return false
		}
		return true
	})
	start(t, "node1", "--kubeconfig", p.kubeconfig)
	apply(t, service("web"))
	holds(t, "web", "10.7.0.0")
}

func TestAPoolThatShrinksUnderUseMovesThoseOutsideAndTellsThem(t *testing.T) {
	r := startRouter(t)
	apply(t, node("node1"), pool("home", "10.7.0.0/31"), peer(r, "node1", "127.0.11.1"))
	start(t, "node1")
	for i, name := range []string{"first", "second"} {
		apply(t, service(name), endpoints(name, "node1"))
		holds(t, name, fmt.Sprintf("10.7.0.%d", i))
	}
	apply(t, pool("home", "10.7.0.1/32, 10.9.0.0/32"))
	holds(t, "first", "10.9.0.0")
	holds(t, "second", "10.7.0.1")
	event(t, "Service/first", "AddressChanged", "10.9.0.0 from pool home instead of 10.7.0.0 (no pool has it)")
	r.has(t, "10.7.0.1/32 via 127.0.11.1", "10.9.0.0/32 via 127.0.11.1")
	apply(t, pool("home", "10.7.0.1/32"))
	holds(t, "first", "")
	event(t, "Service/first", "AddressReleased", "released 10.9.0.0 (no pool has it); no IPv4 address: pool home: all 1 IPv4 addresses are in use")
	r.has(t, "10.7.0.1/32 via 127.0.11.1")
	kubectl(t, "delete", "service", "second")
	holds(t, "first", "10.7.0.1")
}

func TestWhoAsksForAnothersAddressKeepsHisOwnAndIsToldWhoHoldsIt(t *testing.T) {
	apply(t, node("node1"), pool("home", "10.7.0.0/24"))
	start(t, "node1")
	apply(t, service("owner"))
	holds(t, "owner", "10.7.0.0")
	apply(t, service("greedy"))
	holds(t, "greedy", "10.7.0.1")
	for asked, says := range map[string]string{
		"10.7.0.0":  "10.7.0.0 is asked for: held by default/owner: neither has a sharing key; 10.7.0.1 stays",
		"8.8.8.8":   "8.8.8.8 is asked for: no pool has it; 10.7.0.1 stays",
		"fd00::1":   "fd00::1 is asked for, but the Service has no IPv6 cluster IP; 10.7.0.1 stays",
		"::harbour": `"::harbour" is no address`,
	} {
		kubectl(t, "annotate", "--overwrite", "service", "greedy", "hawser.dev/addresses="+asked)
		event(t, "Service/greedy", "AllocationFailed", says)
		holds(t, "greedy", "10.7.0.1")
	}
	holds(t, "owner", "10.7.0.0")
}
