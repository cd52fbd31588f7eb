package scene

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hawser-lb/hawser/shared/lab"
	"github.com/hawser-lb/hawser/shared/lab/kube"
)

// The scene's addresses.
const (
	ClientAddress  = "10.77.1.2"
	RouterAddress  = "10.77.2.1"
	ControlAddress = "10.77.2.10"
	Pool           = "10.77.100.0/24"
	Pool6          = "fd77:100::/112"
	RouterASN      = 65000
	ClusterASN     = 65001
)

// RouterConfig is the router's whole configuration.
const RouterConfig = `config globals 'globals'
	option asn '65000'
	option router_id '10.77.2.1'

config cluster 'home'
	option description 'the lab'
	option asn '65001'
	list source '10.77.2.0/24'
	list source 'fd77:2::/64'
	list allow '10.77.100.0/24'
	list allow 'fd77:100::/112'
`

// Options say where the parts are and who watches.
type Options struct {
	// Root is the checkout, with build/ and cluster/deploy below it. Empty:
	// found from the working directory upwards.
	Root string
	// Progress is told what is being started; nil: nobody.
	Progress func(string)
}

// Scene is a running one.
type Scene struct {
	Lab     *lab.Lab
	Kube    *kube.Cluster
	Client  *lab.Host
	Control *lab.Host
	Router  *Router
	Nodes   []*Node

	root          string
	say           func(string)
	speakerConfig string // kubeconfig with the speaker's own rights
}

// Start builds the scene in l and starts everything but the speakers' objects:
// no pool, no peer and no Service is there yet. It goes when l closes.
func Start(ctx context.Context, l *lab.Lab, o Options) (*Scene, error) {
	root, err := checkout(o.Root)
	if err != nil {
		return nil, fmt.Errorf("scene: %w", err)
	}
	s := &Scene{Lab: l, root: root, say: o.Progress}
	if s.say == nil {
		s.say = func(string) {}
	}
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"hosts and links", s.build},
		{"etcd, kube-apiserver, kube-controller-manager", s.startControl},
		{"hawser's objects and rights", s.deploy},
		{"hawser on the router", func(context.Context) error { return s.Router.Start() }},
		{"kube-proxy, hawser-speaker and a web server on each node", s.startNodes},
	} {
		s.say(step.name)
		if err := errors.Join(step.do(ctx), l.Err()); err != nil {
			return nil, fmt.Errorf("scene: %s: %w", step.name, err)
		}
	}
	return s, nil
}

// build makes the hosts and joins them.
func (s *Scene) build(context.Context) error {
	l := s.Lab
	s.Client, s.Control = l.Host("client"), l.Host("control")
	s.Router = &Router{Host: l.Host("router"), scene: s}
	s.Router.Forward()
	l.Link(s.Client, "eth0", []string{ClientAddress + "/24", "fd77:1::2/64"}, s.Router.Host, "wan", []string{"10.77.1.1/24", "fd77:1::1/64"})
	s.Client.Route("default", "via", "10.77.1.1")
	s.Client.Route("default", "via", "fd77:1::1")
	lan := l.Bridge(s.Router.Host, "br-lan", RouterAddress+"/24", "fd77:2::1/64")
	lan.Attach(s.Control, "eth0", ControlAddress+"/24", "fd77:2::10/64")
	s.Control.Route("default", "via", RouterAddress)
	for i := 1; i <= 3; i++ {
		n := &Node{
			Name:     fmt.Sprintf("node%d", i),
			Address:  fmt.Sprintf("10.77.2.%d", 10+i),
			Address6: fmt.Sprintf("fd77:2::%d", 10+i),
			scene:    s,
		}
		n.Host = l.Host(n.Name)
		n.Forward()
		lan.Attach(n.Host, "eth0", n.Address+"/24", n.Address6+"/64")
		s.Nodes = append(s.Nodes, n)
		if err := errors.Join(n.addRoutes(), balance(n.Host)); err != nil {
			return err
		}
	}
	return balance(s.Router.Host)
}

// balance spreads flows by ports as well as by addresses, as the router's
// package sets it.
func balance(h *lab.Host) error {
	return errors.Join(
		h.Sysctl("net.ipv4.fib_multipath_hash_policy", "1"),
		h.Sysctl("net.ipv6.fib_multipath_hash_policy", "1"))
}

// Binary is the path of one that `make` builds.
func (s *Scene) Binary(name string) string { return filepath.Join(s.root, "build", name) }

// Node with that name.
func (s *Scene) Node(name string) *Node {
	for _, n := range s.Nodes {
		if n.Name == name {
			return n
		}
	}
	panic("scene: no node " + name)
}

// checkout finds the root of the tree and sees that the programs are built.
func checkout(root string) (string, error) {
	if root == "" {
		dir, err := os.Getwd()
		if err != nil {
			return "", err
		}
		for root = dir; ; root = filepath.Dir(root) {
			if _, err := os.Stat(filepath.Join(root, "cluster", "deploy")); err == nil {
				break
			}
			if root == filepath.Dir(root) {
				return "", fmt.Errorf("no checkout of Hawser at or above %s", dir)
			}
		}
	}
	for _, name := range []string{"hawser", "hawser-speaker", "kube"} {
		if _, err := os.Stat(filepath.Join(root, "build", name)); err != nil {
			return "", fmt.Errorf("%w: run `make build build/kube` first", err)
		}
	}
	return root, nil
}
