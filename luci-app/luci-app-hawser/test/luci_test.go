// Package luci_test runs the pages for LuCI. They are JavaScript, so Node runs
// them, in a thin stand-in for LuCI (standin.mjs); what they ask of the router
// is answered by the real program, which has real sessions here.
//
//	lab: gobgpd on two nodes == hawser run, its socket <- hawser rpcd <- pages in Node
//
// With LUCI_URL set, browser.mjs drives a running LuCI with Chromium instead.
package luci_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hawser-lb/hawser/shared/lab"
	"github.com/hawser-lb/hawser/shared/lab/scene"
)

const config = `config globals 'globals'
	option asn '65000'
	option router_id '10.77.2.1'

config cluster 'home'
	option description 'k3s at home'
	option asn '65001'
	list source '10.77.2.0/24'
	list allow '10.77.100.0/24'
`

// root is the checkout, seen from here.
const root = "../../.."

// hawser is the path of the program that `make build` makes.
func hawser(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs(root + "/build/hawser")
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		t.Fatalf("%v: run `make build` first", err)
	}
	return path
}

// node runs Node in this directory and returns what it prints.
func node(t *testing.T, env []string, args ...string) string {
	t.Helper()
	if _, err := os.Stat("node_modules"); err != nil {
		t.Fatalf("%v: run `make luci/modules` first", err)
	}
	cmd := exec.CommandContext(t.Context(), "node", args...)
	cmd.Env = append(os.Environ(), env...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node %s: %v\n%s%s", strings.Join(args, " "), err, out, stderr.String())
	}
	return string(out)
}

// world is a router with two nodes that announce to it.
type world struct {
	t      *testing.T
	lab    *lab.Lab
	router *lab.Host
	nodes  []*lab.Host
}

func newWorld(t *testing.T) *world {
	t.Helper()
	l := lab.Test(t)
	w := &world{t: t, lab: l, router: l.Host("router")}
	lan := l.Bridge(w.router, "br-lan", "10.77.2.1/24")
	w.check(os.WriteFile(w.file("hawser"), []byte(config), 0o600))
	_, err := w.router.Start(hawser(t), "run", "-c", w.file("hawser"), "--socket", w.file("sock"))
	w.check(err)
	for n := 1; n <= 2; n++ {
		h := l.Host(fmt.Sprintf("node%d", n))
		lan.Attach(h, "eth0", fmt.Sprintf("10.77.2.1%d/24", n))
		w.nodes = append(w.nodes, h)
		w.speaker(n, h)
	}
	return w
}

func (w *world) file(name string) string { return filepath.Join(w.lab.Dir(), name) }

func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// speaker starts gobgpd on a node.
func (w *world) speaker(n int, h *lab.Host) {
	w.t.Helper()
	path := w.file(fmt.Sprintf("node%d.toml", n))
	w.check(os.WriteFile(path, fmt.Appendf(nil, `[global.config]
  as = 65001
  router-id = "10.77.2.1%d"
  port = -1
[[neighbors]]
  [neighbors.config]
    neighbor-address = "10.77.2.1"
    peer-as = 65000
  [neighbors.timers.config]
    connect-retry = 1
    idle-hold-time-after-reset = 1
`, n), 0o600))
	_, err := h.Start("gobgpd", "-f", path, "--api-hosts", "127.0.0.1:50051", "--pprof-disable")
	w.check(err)
}

// announce makes a node announce a prefix, as soon as gobgpd answers.
func (w *world) announce(n int, prefix string) {
	w.t.Helper()
	lab.Eventually(w.t, "gobgpd to take "+prefix, func() error {
		_, err := w.nodes[n-1].Run(w.t.Context(), "gobgp", "global", "rib", "add", prefix)
		return err
	})
}

// settled waits until the router shows all that the nodes announce.
func (w *world) settled(accepted, refused int) {
	w.t.Helper()
	lab.Eventually(w.t, "the sessions", func() error {
		out, err := w.router.Run(w.t.Context(), hawser(w.t), "show", "clusters", "--json", "--socket", w.file("sock"))
		if err != nil {
			return err
		}
		var answer struct {
			Clusters []struct {
				Established, Accepted int
				Refused               map[string]int
			}
		}
		if err := json.Unmarshal([]byte(out), &answer); err != nil {
			return err
		}
		if c := answer.Clusters[0]; c.Established != 2 || c.Accepted != accepted || c.Refused["notAllowed"] != refused {
			return errors.New(out)
		}
		// What is accepted may not be in the kernel yet.
		out, err = w.router.Run(w.t.Context(), hawser(w.t), "show", "ip", "route", "--socket", w.file("sock"))
		if err == nil && strings.Count(out, ", br-lan,") != accepted {
			err = errors.New(out)
		}
		return err
	})
}

// env is how the pages find the scene.
func (w *world) env() []string {
	return []string{
		"HAWSER=" + hawser(w.t), "HAWSER_SOCKET=" + w.file("sock"),
		"NODE1=" + w.nodes[0].Namespace(), "TZ=UTC",
	}
}

func TestThePagesShowWhatARealDaemonSays(t *testing.T) {
	w := newWorld(t)
	for n := 1; n <= 2; n++ {
		w.announce(n, "10.77.100.1/32")
		w.announce(n, "10.77.100.2/32")
	}
	w.announce(2, "192.0.2.7/32")
	w.settled(4, 1)
	t.Log(node(t, w.env(), "--test", "pages.test.mjs", "settings.test.mjs", "connect.test.mjs"))
}

func TestTheTranslationsAreInStep(t *testing.T) {
	node(t, nil, "--test", "words.test.mjs")
}

func TestTheManifestOfThePageBringsTheSessionsUp(t *testing.T) {
	s, err := scene.Start(t.Context(), lab.Test(t), scene.Options{})
	if err != nil {
		t.Fatal(err)
	}
	apply(t, s)
	protected := "\toption password 'two words'\n\toption ttl_security '1'\n\toption bfd '1'\n"
	if err := s.Router.Configure(strings.Replace(scene.RouterConfig, "\toption asn '65001'\n", "\toption asn '65001'\n"+protected, 1)); err != nil {
		t.Fatal(err)
	}
	apply(t, s, "password=two words", "ttl_security=1", "bfd=1")
}

// apply applies the page's manifest for a section with these options and waits
// for three sessions that are as protected as it says.
func apply(t *testing.T, s *scene.Scene, options ...string) {
	t.Helper()
	manifest := node(t, nil, append([]string{"manifest.mjs", scene.RouterAddress}, options...)...)
	if err := s.Kube.Apply(t.Context(), manifest); err != nil {
		t.Fatalf("%v\n%s", err, manifest)
	}
	lab.Eventually(t, fmt.Sprintf("three sessions with %q", options), func() error {
		out, err := s.Router.Hawser(t.Context(), "show", "ip", "bgp", "neighbors", "--json")
		if err != nil {
			return err
		}
		var answer struct {
			Neighbors []struct {
				State       string
				Signed      bool
				TTLSecurity int
				BFD         *struct{ State string }
			}
		}
		if err := json.Unmarshal([]byte(out), &answer); err != nil {
			return err
		}
		good := 0
		for _, n := range answer.Neighbors {
			protected := n.Signed && n.TTLSecurity == 1 && n.BFD != nil && n.BFD.State == "Up"
			if n.State == "Established" && protected == (len(options) > 0) {
				good++
			}
		}
		if good != 3 {
			return errors.New(out)
		}
		return nil
	})
}
