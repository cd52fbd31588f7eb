package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/hawser-lb/hawser/router/internal/status"
	"github.com/hawser-lb/hawser/shared/lab"
)

// home is the configuration of most scenes: every node of the LAN may announce
// addresses of the pool.
const home = `
config globals
	option asn '65000'
	option router_id '10.77.2.1'
	option hold_time '9'
	option restart_time '60'

config cluster 'home'
	option asn '65001'
	list source '10.77.2.0/24'
	list source '2001:db8:2::/64'
	list allow '10.77.100.0/24'
	list allow '2001:db8:100::/64'
	option guard '0'
`

// scene is a router and nodes on one LAN: 10.77.2.0/24 and 2001:db8:2::/64; the
// router is .1, node N is .1N.
type scene struct {
	t      *testing.T
	lab    *lab.Lab
	router *lab.Host
	lan    *lab.Bridge
	daemon *lab.Process
	self   string
}

func newScene(t *testing.T, config string) *scene {
	t.Helper()
	l := lab.Test(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{t: t, lab: l, router: l.Host("router"), self: self}
	s.lan = l.Bridge(s.router, "br-lan", "10.77.2.1/24", "2001:db8:2::1/64")
	s.configure(config)
	return s
}

func (s *scene) file(name string) string { return filepath.Join(s.lab.Dir(), name) }

func (s *scene) check(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// configure replaces the file by a rename, as `uci commit` does.
func (s *scene) configure(text string) {
	s.t.Helper()
	s.check(os.MkdirAll(s.file("etc"), 0o755))
	s.check(os.WriteFile(s.file("etc/.new"), []byte(text), 0o600))
	s.check(os.Rename(s.file("etc/.new"), s.file("etc/hawser")))
}

// launch starts a daemon that need not come up.
func (s *scene) launch(args ...string) *lab.Process {
	s.t.Helper()
	p, err := s.router.Launch(lab.Command{
		Name: s.self, Env: []string{role + "=router"}, Argv0: "hawser",
		Args: append([]string{s.file("etc/hawser"), s.file("sock")}, args...),
	})
	s.check(err)
	return p
}

// start starts the daemon and waits until it answers.
func (s *scene) start(args ...string) {
	s.t.Helper()
	s.daemon = s.launch(args...)
	s.eventually("the daemon answers", func(status.Snapshot) error { return nil })
}

// node is a speaker on the LAN.
type node struct {
	*lab.Host
	s       *scene
	n       int
	speaker *lab.Process
}

// node n announces the lines.
func (s *scene) node(n int, lines ...string) *node {
	s.t.Helper()
	h := &node{Host: s.lab.Host(fmt.Sprintf("node%d", n)), s: s, n: n}
	s.lan.Attach(h.Host, "eth0", fmt.Sprintf("10.77.2.1%d/24", n), fmt.Sprintf("2001:db8:2::1%d/64", n))
	h.announce(lines...)
	h.start()
	return h
}

func (h *node) addr() string { return fmt.Sprintf("10.77.2.1%d", h.n) }

func (h *node) start() {
	h.s.t.Helper()
	p, err := h.Launch(lab.Command{
		Name: h.s.self, Env: []string{role + "=node"}, Argv0: "speaker",
		Args: []string{h.addr(), "10.77.2.1", "65001", h.announced()},
	})
	h.s.check(err)
	h.speaker = p
}

func (h *node) announced() string { return h.s.file(fmt.Sprintf("node%d", h.n)) }

// announce says all that the node announces.
func (h *node) announce(lines ...string) {
	h.s.t.Helper()
	next := h.announced() + ".new"
	h.s.check(os.WriteFile(next, []byte(strings.Join(lines, "\n")), 0o600))
	h.s.check(os.Rename(next, h.announced()))
}

func (s *scene) snapshot() (status.Snapshot, error) {
	return status.Get(context.Background(), s.file("sock"), status.Request{Get: "snapshot", Routes: true})
}

// eventually waits until the snapshot is as wished.
func (s *scene) eventually(what string, wish func(status.Snapshot) error) {
	s.t.Helper()
	lab.Eventually(s.t, what, func() error {
		snap, err := s.snapshot()
		if err != nil {
			return err
		}
		return wish(snap)
	})
}

// kernel is what `ip route` shows of a prefix of ours, without what is the same
// for all.
func (s *scene) kernel(prefix string) string {
	s.t.Helper()
	family := "-4"
	if strings.Contains(prefix, ":") {
		family = "-6"
	}
	out, err := s.router.Run(s.t.Context(), "ip", family, "route", "show", "proto", "73", prefix)
	s.check(err)
	var hops []string
	words := strings.Fields(out)
	for i, w := range words {
		if w == "via" {
			hops = append(hops, words[i+1])
		}
	}
	slices.Sort(hops)
	return strings.Join(hops, " ")
}

// routed waits until the kernel has these next hops for prefix.
func (s *scene) routed(prefix, hops string) {
	s.t.Helper()
	lab.Eventually(s.t, fmt.Sprintf("route %s via %q", prefix, hops), func() error {
		if got := s.kernel(prefix); got != hops {
			return fmt.Errorf("it is via %q", got)
		}
		return nil
	})
}

func (s *scene) ip(words string) {
	s.t.Helper()
	_, err := s.router.Run(s.t.Context(), "ip", strings.Fields(words)...)
	s.check(err)
}

func (s *scene) signal(sig syscall.Signal) {
	s.t.Helper()
	s.check(s.daemon.Signal(sig))
}

// neighbor finds a peer in the snapshot.
func neighbor(snap status.Snapshot, addr string) (status.Neighbor, error) {
	i := slices.IndexFunc(snap.Neighbors, func(n status.Neighbor) bool { return n.Address.String() == addr })
	if i < 0 {
		return status.Neighbor{}, fmt.Errorf("%s is no neighbor", addr)
	}
	return snap.Neighbors[i], nil
}

var errNotTold = errors.New("not told")

// path finds what a peer told of a prefix.
func pathOf(snap status.Snapshot, prefix, peer string) (status.Path, error) {
	for _, r := range snap.Routes {
		if r.Prefix.String() != prefix {
			continue
		}
		for _, p := range r.Paths {
			if p.Peer.String() == peer {
				return p, nil
			}
		}
	}
	return status.Path{}, errNotTold
}
