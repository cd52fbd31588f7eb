package kernel_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hawser-lb/hawser/router/internal/fib"
	"github.com/hawser-lb/hawser/router/internal/kernel"
	"github.com/hawser-lb/hawser/shared/lab"
)

// crossing is a client behind a router that spreads connections to services
// over four nodes, each of which answers for all of them.
type crossing struct {
	*scene
	client *lab.Host
	k      *kernel.Kernel
}

const (
	nodes      = 4
	manyFlows  = 400
	everywhere = "10.77.2.11 10.77.2.12 10.77.2.13 10.77.2.14"
)

func newCrossing(t *testing.T) *crossing {
	t.Helper()
	l := lab.Test(t)
	c := &crossing{scene: &scene{t: t, host: l.Host("router")}, client: l.Host("client")}
	l.Link(c.host, "wan", []string{"10.77.1.1/24"}, c.client, "eth0", []string{"10.77.1.2/24"})
	c.client.Route("default via 10.77.1.1")
	bridge := l.Bridge(c.host, "lan", "10.77.2.1/24")
	c.host.Forward()
	if err := c.host.Sysctl("net.ipv4.fib_multipath_hash_policy", "1"); err != nil {
		t.Fatal(err)
	}
	for n := range nodes {
		node := l.Host(fmt.Sprintf("node%d", n+1))
		bridge.Attach(node, "eth0", fmt.Sprintf("10.77.2.1%d/24", n+1))
		node.Route("default via 10.77.2.1")
		if _, err := node.Run(t.Context(), "ip", "addr", "add", "10.77.100.0/24", "dev", "lo"); err != nil {
			t.Fatal(err)
		}
		serve(t, node, byte(n+1))
	}
	c.k = c.main()
	f, err := c.k.Facts()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range f.Links {
		if l.Name == "lan" {
			c.link = l.Index
		}
	}
	return c
}

// serve answers each byte with the node's number.
func serve(t *testing.T, node *lab.Host, number byte) {
	t.Helper()
	listener, err := node.Listen("tcp4", "0.0.0.0:80")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
			go func() {
				var b [1]byte
				for {
					if _, err := io.ReadFull(conn, b[:]); err != nil {
						return
					}
					if _, err := conn.Write([]byte{number}); err != nil {
						return
					}
				}
			}()
		}
	}()
}

// flow is one long connection.
type flow struct {
	net.Conn
	node byte // that it began with
	held bool // it paused for longer than it wanted
}

// ask sends a byte and returns the number of the node that answers.
func (f *flow) ask() (byte, error) {
	if err := f.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return 0, err
	}
	if _, err := f.Write([]byte{0}); err != nil {
		return 0, err
	}
	var b [1]byte
	_, err := io.ReadFull(f, b[:])
	return b[0], err
}

// flows opens n connections to a service. One that does not come up on a busy
// machine proves nothing about those that did, and is tried again.
func (c *crossing) flows(service string, n int) []*flow {
	c.t.Helper()
	out := make([]*flow, n)
	for i := range out {
		lab.Eventually(c.t, "a connection to "+service, func() error {
			conn, err := c.client.Dial(c.t.Context(), "tcp4", service+":80")
			if err != nil {
				return err
			}
			c.t.Cleanup(func() { conn.Close() })
			out[i] = &flow{Conn: conn}
			out[i].node, err = out[i].ask()
			return err
		})
	}
	return out
}

// alive are those flows that are still answered. The others were moved to a
// node that does not know them, which resets them at once.
func alive(flows []*flow) []*flow {
	var mu sync.Mutex
	var out []*flow
	var all sync.WaitGroup
	for _, f := range flows {
		all.Go(func() {
			if node, err := f.ask(); err == nil && node == f.node {
				mu.Lock()
				defer mu.Unlock()
				out = append(out, f)
			}
		})
	}
	all.Wait()
	return out
}

// talk has the flows exchange bytes for longer than the tick of the kernel's
// clock, within which it cannot tell a bucket that is used from one that never
// was. It returns those that are still alive.
func talk(flows []*flow) []*flow {
	const tick = 10 * time.Millisecond
	for began := time.Now(); time.Since(began) < 3*tick; {
		flows = alive(flows)
	}
	return flows
}

// elsewhere are the flows that are not on the node.
func elsewhere(flows []*flow, node byte) []*flow {
	return slices.DeleteFunc(slices.Clone(flows), func(f *flow) bool { return f.node == node })
}

func (c *crossing) route(rules fib.Rules, hops map[string]string) {
	c.t.Helper()
	want := fib.Table{}
	for service, addrs := range hops {
		want[key(service+"/32")] = c.hops(strings.Fields(addrs)...)
	}
	c.apply(c.k, want, rules)
}

// The promise of the whole thing: connections through the other nodes live on,
// however often a node goes and comes.
func TestFlowsThroughTheOtherNodesStayWhenANodeGoesAndComes(t *testing.T) {
	const service = "10.77.100.1"
	without := strings.Replace(everywhere, " 10.77.2.12", "", 1)
	survivors := func(kind fib.Kind) (kept, of int) {
		c := newCrossing(t)
		r := rules(kind, 256)
		c.route(r, map[string]string{service: everywhere})
		others := elsewhere(talk(c.flows(service, manyFlows)), 2)
		left := others
		for range 3 {
			c.route(r, map[string]string{service: without})
			left = talk(left)
			c.route(r, map[string]string{service: everywhere})
			left = talk(left)
		}
		return len(left), len(others)
	}
	for _, kind := range kinds {
		kept, of := survivors(kind)
		t.Logf("%-16s: of %d flows, %d were on the other nodes, and %d of these (%.0f %%) outlive a node that goes and comes three times",
			kind, manyFlows, of, kept, 100*float64(kept)/float64(of))
		if kind == fib.ResilientGroups && kept != of {
			t.Errorf("%d flows through other nodes were lost", of-kept)
		}
	}
}

// Two services begin alike, and then one of them loses a node, or gains one,
// and parts from the other.
func TestFlowsStayWhenARoutePartsFromTheOthers(t *testing.T) {
	const one, other = "10.77.100.1", "10.77.100.2"
	three := strings.Replace(everywhere, " 10.77.2.14", "", 1)
	for _, c := range []struct {
		name          string
		own           int
		before, after string
		flap          bool // of another node, in between
		all           bool // must stay
	}{
		{"a group of its own, a node goes", 256, everywhere, three, true, true},
		{"a group of its own, a node comes", 256, three, everywhere, true, true},
		{"a shared group without a history, a node goes", 0, everywhere, three, false, true},
		{"a shared group with a history, a node goes", 0, everywhere, three, true, false},
		{"a shared group, a node comes", 0, three, everywhere, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			scene := newCrossing(t)
			r := rules(fib.ResilientGroups, c.own)
			scene.route(r, map[string]string{one: c.before, other: c.before})
			flows := talk(scene.flows(one, manyFlows))
			if c.flap {
				less := strings.Replace(c.before, " 10.77.2.12", "", 1)
				scene.route(r, map[string]string{one: less, other: less})
				flows = talk(flows)
				scene.route(r, map[string]string{one: c.before, other: c.before})
				flows = talk(flows)
			}
			others := elsewhere(flows, 4)
			scene.route(r, map[string]string{one: c.after, other: c.before})
			kept := len(alive(others))
			t.Logf("%d of %d flows stay", kept, len(others))
			if c.all && kept != len(others) {
				t.Errorf("%d flows were lost", len(others)-kept)
			}
		})
	}
}

// counted is what the kernel told its listeners.
type counted struct{ hops, groups, routes int }

// listen counts the messages of the kernel from now on, until the returned
// function is called, which waits for a message that it causes itself.
func (s *scene) listen() (stop func() counted) {
	s.t.Helper()
	monitor, err := s.host.Start("ip", "monitor", "nexthop", "route", "link")
	if err != nil {
		s.t.Fatal(err)
	}
	mark := func(mtu string) {
		lab.Eventually(s.t, "the monitor to hear", func() error {
			s.ip("link set lo mtu 1400")
			s.ip("link set lo mtu " + mtu)
			if !strings.Contains(monitor.Output(), "mtu "+mtu) {
				return errors.New("it does not")
			}
			return nil
		})
	}
	mark("1401")
	from := len(monitor.Output())
	return func() counted {
		mark("1402")
		var c counted
		for line := range strings.Lines(monitor.Output()[from:]) {
			line = strings.TrimPrefix(line, "Deleted ")
			switch {
			case strings.HasPrefix(line, "id ") && strings.Contains(line, " group "):
				c.groups++
			case strings.HasPrefix(line, "id "):
				c.hops++
			case strings.HasPrefix(line, "172."):
				c.routes++
			}
		}
		if err := monitor.Stop(); err != nil {
			s.t.Fatal(err)
		}
		return c
	}
}

// A next hop of a thousand routes dies.
func TestADeadNextHopIsOneMessage(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.String(), func(t *testing.T) {
			s := newScene(t)
			k := s.main()
			var addrs []string
			for n := range 8 {
				addrs = append(addrs, fmt.Sprintf("10.77.2.%d", 21+n))
			}
			want, less := fib.Table{}, fib.Table{}
			for i := range 1000 {
				p := netip.PrefixFrom(netip.AddrFrom4([4]byte{172, 16, byte(i >> 8), byte(i)}), 32)
				at := fib.Key{Prefix: p, Metric: metric, Table: unix.RT_TABLE_MAIN}
				want[at], less[at] = s.hops(addrs...), s.hops(addrs[1:]...)
			}
			r := rules(kind, 256)
			s.apply(k, want, r)
			have := s.have(k)
			stop := s.listen()
			began := time.Now()
			steps := fib.Plan(less, have, r)
			if err := k.Apply(steps); err != nil {
				t.Fatal(err)
			}
			took := time.Since(began)
			told := stop()
			t.Logf("1,000 routes, 8 next hops, one dies: %d messages to the kernel, done after %v; it tells its listeners of %d next hops, %d groups, %d routes",
				len(steps), took.Round(10*time.Microsecond), told.hops, told.groups, told.routes)
			if again := fib.Plan(less, s.have(k), r); len(again) != 0 {
				t.Errorf("left to do:\n%s", fib.Text(again))
			}
			if kind == fib.Multipath {
				return
			}
			if len(steps) != 1 || steps[0].Verb != fib.DeleteHop || told != (counted{hops: 1, groups: 1}) {
				t.Errorf("%d steps, told %+v:\n%s", len(steps), told, fib.Text(steps))
			}
		})
	}
}
