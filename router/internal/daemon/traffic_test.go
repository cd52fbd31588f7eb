package daemon

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hawser-lb/hawser/router/internal/status"
	"github.com/hawser-lb/hawser/shared/lab"
)

// traffic is a client behind the router that sends a thousand packets a second
// to a service, over several flows, and counts those that nobody answers.
type traffic struct {
	t     *testing.T
	conns []net.Conn
	stop  chan struct{}
	done  sync.WaitGroup

	mu       sync.Mutex
	sent     uint64
	answered map[uint64]bool
}

// echo has the node answer packets to the service.
func (h *node) echo(service string) {
	h.s.t.Helper()
	_, err := h.Run(h.s.t.Context(), "ip", "addr", "add", service+"/32", "dev", "lo")
	h.s.check(err)
	h.Route("default via 10.77.2.1")
	var at net.PacketConn
	h.s.check(h.Do(func() (err error) {
		at, err = net.ListenPacket("udp4", service+":9")
		return err
	}))
	h.s.check(roomy(at.(*net.UDPConn)))
	h.s.t.Cleanup(func() { at.Close() })
	go func() {
		b := make([]byte, 16)
		for {
			n, from, err := at.ReadFrom(b)
			if err != nil {
				return
			}
			if _, err := at.WriteTo(b[:n], from); err != nil {
				return
			}
		}
	}()
}

// roomy keeps what comes while nobody gets the time to read it.
func roomy(c *net.UDPConn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20) })
	return errors.Join(err, failed)
}

// traffic begins with a first answer on every flow.
func (s *scene) traffic(service string) *traffic {
	s.t.Helper()
	client := s.lab.Host("client")
	s.lab.Link(s.router, "wan", []string{"10.77.1.1/24"}, client, "eth0", []string{"10.77.1.2/24"})
	client.Route("default via 10.77.1.1")
	s.router.Forward()
	s.check(s.router.Sysctl("net.ipv4.fib_multipath_hash_policy", "1"))
	r := &traffic{t: s.t, stop: make(chan struct{}), answered: map[uint64]bool{}}
	for range 16 {
		conn, err := client.Dial(s.t.Context(), "udp4", service+":9")
		s.check(err)
		s.t.Cleanup(func() { conn.Close() })
		s.check(roomy(conn.(*net.UDPConn)))
		lab.Eventually(s.t, "a first answer", func() error {
			var b [8]byte
			return errors.Join(conn.SetDeadline(time.Now().Add(time.Second)), second(conn.Write(b[:])), second(conn.Read(b[:])), conn.SetDeadline(time.Time{}))
		})
		r.conns = append(r.conns, conn)
		go r.receive(conn)
	}
	r.done.Go(r.send)
	return r
}

func second(_ int, err error) error { return err }

func (r *traffic) send() {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-r.stop:
			return
		case <-tick.C:
		}
		r.mu.Lock()
		r.sent++
		n := r.sent
		r.mu.Unlock()
		// An error is a packet lost, and counted as one.
		r.conns[n%uint64(len(r.conns))].Write(binary.BigEndian.AppendUint64(nil, n))
	}
}

func (r *traffic) receive(conn net.Conn) {
	var b [8]byte
	for {
		_, err := conn.Read(b[:])
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // unreachable, says an ICMP message
		}
		r.mu.Lock()
		r.answered[binary.BigEndian.Uint64(b[:])] = true
		r.mu.Unlock()
	}
}

// lost is how many packets were sent until now, and how many of these were not
// answered.
func (r *traffic) lost() (sent, lost uint64) {
	r.mu.Lock()
	sent = r.sent
	r.mu.Unlock()
	ctx, cancel := context.WithTimeout(r.t.Context(), 5*time.Second)
	defer cancel()
	// What it says is in lost.
	_ = lab.Until(ctx, "every answer", func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		lost = 0
		for n := uint64(1); n <= sent; n++ {
			if !r.answered[n] {
				lost++
			}
		}
		if lost > 0 {
			return fmt.Errorf("%d are missing", lost)
		}
		return nil
	})
	return sent, lost
}

func (r *traffic) end() {
	close(r.stop)
	r.done.Wait()
}

func TestNoPacketIsLostWhateverHappensToTheRouter(t *testing.T) {
	s := newScene(t, home)
	s.start()
	const all = "10.77.2.11 10.77.2.12 10.77.2.13"
	for n := 1; n <= 3; n++ {
		s.node(n, svc+"/32").echo(svc)
	}
	s.routed(svc, all)
	s.ip("rule add table 100 priority 1000") // so that the other table is in use
	r := s.traffic(svc)
	with := func(options ...string) string {
		return strings.Replace(home, "option asn '65000'", "option asn '65000'\n\toption "+strings.Join(options, "\n\toption "), 1)
	}
	open := func() {
		s.eventually("every peer is heard", func(snap status.Snapshot) error {
			up := 0
			for _, n := range snap.Neighbors {
				up += n.Accepted
			}
			if snap.Kernel.Waiting != "" || up != 3 {
				return fmt.Errorf("%d routes, %s", up, snap.Kernel.Waiting)
			}
			return nil
		})
	}
	// stands waits until the only route is there in these words. One in table
	// main does not say so.
	stands := func(words string) {
		lab.Eventually(t, "a route with "+words, func() error {
			out, err := s.router.Run(t.Context(), "ip", "route", "show", "table", "all", svc)
			if err == nil && (!strings.Contains(out, words) || strings.Count(out, "metric ") != 1 || strings.Count(out, "via ") != 3 ||
				strings.Contains(out, " table ") != strings.Contains(words, "table ")) {
				err = errors.New(out)
			}
			return err
		})
	}
	shows := func(kind string, guards int) {
		s.eventually(kind, func(snap status.Snapshot) error {
			if snap.NextHops != kind || len(snap.Kernel.Guards) != guards {
				return fmt.Errorf("%s, %v", snap.NextHops, snap.Kernel.Guards)
			}
			return nil
		})
	}
	for _, event := range []struct {
		name string
		does func()
	}{
		{"a crash and a start", func() { s.daemon.Kill(); s.start(); open() }},
		{"another metric", func() { s.configure(with("metric '33'")); stands("metric 33") }},
		{"groups of another kind", func() {
			s.configure(with("metric '33'", "resilient '0'"))
			shows("nexthop groups: option resilient is 0", 0)
			stands("metric 33")
		}},
		{"a crash in the middle of a change", func() {
			s.configure(home)
			s.daemon.Kill()
			s.start()
			open()
			shows("resilient groups", 0)
			stands("metric 20")
		}},
		{"fewer next hops and more", func() {
			s.configure(with("max_paths '1'"))
			s.routed(svc, "10.77.2.11")
			s.configure(home)
			stands("metric 20")
		}},
		{"another protocol number", func() {
			s.configure(with("protocol '74'"))
			stands("proto 74")
			s.configure(home)
			stands("proto 73")
		}},
		{"another table", func() {
			s.configure(with("table '100'"))
			stands("table 100")
			s.configure(home)
			stands("metric 20")
		}},
		{"guards", func() {
			s.configure(strings.Replace(home, "option guard '0'", "option guard '1'", 1))
			shows("resilient groups", 2)
			s.configure(home)
			shows("resilient groups", 0)
		}},
	} {
		before, _ := r.lost()
		event.does()
		sent, lost := r.lost()
		t.Logf("%s: %d packets, %d lost", event.name, sent-before, lost)
		if lost > 0 {
			t.Fatalf("%s: %d packets lost", event.name, lost)
		}
	}
	r.end()
}
