package kernel_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hawser-lb/hawser/router/internal/fib"
)

// chatter keeps flows busy until it is stopped.
type chatter struct {
	stop chan struct{}
	done sync.WaitGroup
	mu   sync.Mutex
	lost []string
}

// chat has each flow ask again and again, with pauses shorter than any timer, and
// returns when all have begun. One that a busy machine kept from that proves
// nothing when it is lost.
func chat(flows []*flow) *chatter {
	c := &chatter{stop: make(chan struct{})}
	var begun sync.WaitGroup
	begun.Add(len(flows))
	for _, f := range flows {
		c.done.Go(func() {
			begin := sync.OnceFunc(begun.Done)
			defer begin()
			const pause = 100 * time.Millisecond
			tick := time.NewTicker(pause / 4)
			defer tick.Stop()
			for last := time.Now(); ; {
				node, err := f.ask()
				held := time.Since(last) > pause
				last = time.Now()
				switch {
				case held:
					f.held = true
				case f.held || err == nil && node == f.node:
				default:
					c.mu.Lock()
					c.lost = append(c.lost, fmt.Sprintf("one on node %d: %v, answered by %d", f.node, err, node))
					c.mu.Unlock()
				}
				if err != nil {
					return
				}
				begin()
				select {
				case <-c.stop:
					return
				case <-tick.C:
				}
			}
		})
	}
	begun.Wait()
	return c
}

// end stops the talk and says which flows were lost.
func (c *chatter) end() []string {
	close(c.stop)
	c.done.Wait()
	return c.lost
}

// leaves has node 2 go out of the route to a service, that far.
func (c *crossing) leaves(service string, at fib.Stage) {
	c.t.Helper()
	staying := c.hops(strings.Fields(strings.Replace(everywhere, " 10.77.2.12", "", 1))...)
	c.apply(c.k, fib.Table{key(service + "/32"): fib.Leaving(staying, c.hops("10.77.2.12"), at)}, rules(fib.ResilientGroups, 256))
}

// on are the flows that a node answers.
func on(flows []*flow, node byte) []*flow {
	return slices.DeleteFunc(slices.Clone(flows), func(f *flow) bool { return f.node != node })
}

func TestConnectionsThroughANodeThatLeavesLiveOn(t *testing.T) {
	const service = "10.77.100.1"
	c := newCrossing(t)
	r := rules(fib.ResilientGroups, 256)
	c.route(r, map[string]string{service: everywhere})
	talking := c.flows(service, 40)
	quiet := elsewhere(c.flows(service, 200), 2)
	if len(on(talking, 2)) == 0 {
		t.Fatal("no connection leads through the node that is to leave")
	}
	busy := chat(talking)

	c.leaves(service, fib.Parting)
	if again := fib.Plan(c.have(c.k).Table(), c.have(c.k), r); len(again) != 0 {
		t.Errorf("what the kernel says of the group is not what it was told:\n%s", fib.Text(again))
	}
	c.leaves(service, fib.AlmostGone)
	fresh := c.settled(service, len(on(talking, 2)))
	if lost := busy.end(); len(lost) > 0 {
		t.Errorf("of %d connections in use %d were lost: %s", len(talking), len(lost), strings.Join(lost, "\n"))
	}
	if kept := alive(quiet); len(kept) != len(quiet) {
		t.Errorf("of %d quiet connections through the nodes that stay %d were lost", len(quiet), len(quiet)-len(kept))
	}
	t.Logf("%d connections in use, %d of them through the node that leaves: all live; of 200 new ones %d went there", len(talking), len(on(talking, 2)), fresh)

	// Its connections end, and nothing leads there any more.
	for _, f := range on(talking, 2) {
		f.Close()
	}
	if fresh := c.settled(service, 0); fresh != 0 {
		t.Errorf("of 200 new connections %d went to a node that nobody uses", fresh)
	}
	others := slices.Concat(elsewhere(talking, 2), quiet)
	c.route(r, map[string]string{service: strings.Replace(everywhere, " 10.77.2.12", "", 1)})
	c.route(r, map[string]string{service: everywhere})
	if kept := alive(others); len(kept) != len(others) {
		t.Errorf("it went and came back, and %d of %d connections through the others were lost", len(others)-len(kept), len(others))
	}
}

// settled waits until the node that leaves has no more buckets than there are
// connections that keep one, and says how many of 200 new ones it gets then.
func (c *crossing) settled(service string, most int) int {
	c.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		left := strings.Count(c.ip("nexthop bucket list"), "nhid "+c.object("10.77.2.12")+" ")
		if left <= most {
			break
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("the node keeps %d buckets for %d connections", left, most)
		}
	}
	return len(on(c.flows(service, 200), 2))
}

// object is the number of the next-hop object with that gateway.
func (c *crossing) object(gateway string) string {
	c.t.Helper()
	for id, h := range c.have(c.k).Hops {
		if h.Addr.String() == gateway {
			return fmt.Sprint(id)
		}
	}
	c.t.Fatalf("no object for %s", gateway)
	return ""
}

func TestTheOnlyNodesOfAServiceStayWhileTheyLeave(t *testing.T) {
	const service = "10.77.100.1"
	c := newCrossing(t)
	leaving := fib.Leaving(nil, c.hops("10.77.2.11", "10.77.2.12"), fib.AlmostGone)
	c.apply(c.k, fib.Table{key(service + "/32"): leaving}, rules(fib.ResilientGroups, 256))
	flows := c.flows(service, 50)
	if len(on(flows, 1)) == 0 || len(on(flows, 2)) == 0 {
		t.Errorf("%d connections through one, %d through the other", len(on(flows, 1)), len(on(flows, 2)))
	}
}
