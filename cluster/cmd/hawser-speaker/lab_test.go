package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	client "github.com/hawser-lb/hawser/cluster/internal/kube"
	"github.com/hawser-lb/hawser/shared/bgp"
	"github.com/hawser-lb/hawser/shared/lab"
	"github.com/hawser-lb/hawser/shared/lab/kube"
)

// The tests of this package share one API server; each leaves it as it found
// it.
var (
	cluster *kube.Cluster
	account string // kubeconfig with the rights of the ServiceAccount
)

const deployment = "../../deploy"

func TestMain(m *testing.M) { os.Exit(withCluster(m)) }

func withCluster(m *testing.M) int {
	client.Hush()
	ctx := context.Background()
	l, err := lab.New(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer l.Close()
	if err := startCluster(ctx, l); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func startCluster(ctx context.Context, l *lab.Lab) (err error) {
	if cluster, err = kube.Start(ctx, l.Machine(), kube.Options{Controllers: kube.NoControllers}); err != nil {
		return err
	}
	if _, err := cluster.Kubectl(ctx, "apply", "-k", deployment); err != nil {
		return err
	}
	if account, err = cluster.ServiceAccountConfig(ctx, "hawser-system", "hawser-speaker"); err != nil {
		return err
	}
	// The API server learns of roles by a watch of its own.
	for _, right := range [][]string{
		{"update", "leases/hawser-allocator", "-n", "hawser-system"}, {"patch", "services", "--subresource", "status"}, {"list", "addresspools"},
	} {
		err = lab.Until(ctx, "the roles to be known", func() error {
			_, err := cluster.Kubectl(ctx, append([]string{"--kubeconfig", account, "auth", "can-i"}, right...)...)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// speaker is a hawser-speaker that runs in this process.
type speaker struct {
	metrics, health string
	log             *buffer
	cancel          context.CancelFunc
	done            chan int
}

// start runs a speaker as the ServiceAccount, until the test ends. There is no
// kube-proxy that it could wait for.
func start(t *testing.T, node string, args ...string) *speaker {
	t.Helper()
	own := loopback()
	s := &speaker{metrics: own + ":7473", health: own + ":7474", log: &buffer{}, done: make(chan int, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	args = append([]string{
		"run", "--node-name", node, "--kubeconfig", account, "--log-level", "debug", "--drain-time", "2s", "--proxy-wait", "0",
		"--metrics-address", s.metrics, "--health-address", s.health,
	}, args...)
	go func() { s.done <- command(ctx, args, nil, io.Discard, s.log) }()
	t.Cleanup(func() {
		if status := s.stop(); status != 0 {
			t.Errorf("the speaker of %s ends with status %d", node, status)
		}
		if t.Failed() {
			t.Logf("--- speaker of %s\n%s", node, s.log)
		}
	})
	return s
}

// stop is SIGTERM; it waits and returns the exit status.
func (s *speaker) stop() int {
	s.cancel()
	status := <-s.done
	s.done <- status
	return status
}

func loopback() string {
	return fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254))
}

type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// router is the other end of the sessions: it takes everything from everyone.
type router struct {
	address string
	speaker *bgp.Speaker
	mu      sync.Mutex
	routes  map[string]map[string]bool // peers by prefix
	changes int
	said    []string // what was told, in order
}

const routerPort = 1790

func startRouter(t *testing.T) *router { return startRouterWith(t, func(*bgp.Settings) {}) }

// startRouterWith has other settings for its peers.
func startRouterWith(t *testing.T, change func(*bgp.Settings)) *router {
	t.Helper()
	r := &router{address: loopback(), routes: map[string]map[string]bool{}}
	s := bgp.New(bgp.Config{
		Listen: []netip.AddrPort{netip.AddrPortFrom(netip.MustParseAddr(r.address), routerPort)},
		Log:    slog.New(slog.DiscardHandler),
	})
	r.speaker = s
	r.set(t, change)
	s.Announce(nil)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	go r.follow(s.Events())
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return r
}

// set changes the settings for the peers.
func (r *router) set(t *testing.T, change func(*bgp.Settings)) {
	t.Helper()
	all := bgp.Settings{Name: "cluster", LocalASN: 65000, RouterID: netip.MustParseAddr("192.0.2.1"), PeerASN: bgp.ASNRule{Any: true}}
	change(&all)
	if err := r.speaker.SetPeers(nil, []bgp.Range{{Settings: all, Prefix: netip.MustParsePrefix("127.0.0.0/8"), MaxPeers: 10}}); err != nil {
		t.Fatal(err)
	}
}

func (r *router) follow(events <-chan bgp.Event) {
	for ev := range events {
		r.mu.Lock()
		switch ev := ev.(type) {
		case bgp.Update:
			for _, p := range ev.Withdrawn {
				delete(r.routes[p.String()], ev.Peer.Address.String())
				r.said = append(r.said, "withdrawn "+p.String())
			}
			for _, x := range ev.Reachable {
				if r.routes[x.Prefix.String()] == nil {
					r.routes[x.Prefix.String()] = map[string]bool{}
				}
				r.routes[x.Prefix.String()][ev.Peer.Address.String()] = true
				r.said = append(r.said, strings.TrimSpace(fmt.Sprint(x.Prefix, " ", wellKnown(x.Communities))))
			}
			r.changes += len(ev.Withdrawn) + len(ev.Reachable)
		case bgp.Down:
			r.said = append(r.said, "down: "+ev.Reason)
			if len(ev.Kept) > 0 {
				r.said[len(r.said)-1] += ", routes kept"
				break
			}
			for _, peers := range r.routes {
				delete(peers, ev.Peer.Address.String())
			}
			r.changes++
		}
		r.mu.Unlock()
	}
}

// table is "prefix via peer, peer" for each route, sorted.
func (r *router) table() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for prefix, peers := range r.routes {
		if len(peers) > 0 {
			out = append(out, prefix+" via "+strings.Join(slices.Sorted(maps.Keys(peers)), ", "))
		}
	}
	slices.Sort(out)
	return out
}

// heard counts the changes told by peers so far.
func (r *router) heard() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changes
}

// has waits for a table.
func (r *router) has(t *testing.T, want ...string) {
	t.Helper()
	lab.Eventually(t, "the router's table", func() error {
		if got := r.table(); !slices.Equal(got, want) {
			return fmt.Errorf("got %q, want %q", got, want)
		}
		return nil
	})
}

// apply applies manifests now and deletes them when the test ends.
func apply(t *testing.T, manifests ...string) {
	t.Helper()
	text := strings.Join(manifests, "\n---\n")
	t.Cleanup(func() {
		file := t.TempDir() + "/gone.yaml"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := cluster.Kubectl(context.Background(), "delete", "--ignore-not-found", "--wait", "-f", file); err != nil {
			t.Error(err)
		}
	})
	if err := cluster.Apply(t.Context(), text); err != nil {
		t.Fatal(err)
	}
}

func kubectl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := cluster.Kubectl(context.Background(), args...)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// holds waits until a Service has exactly these addresses.
func holds(t *testing.T, service, addresses string) {
	t.Helper()
	lab.Eventually(t, "the address of "+service, func() error {
		out, err := cluster.Kubectl(t.Context(), "get", "service", service, "-o", "jsonpath={.status.loadBalancer.ingress[*].ip}")
		if err != nil {
			return err
		}
		if out != addresses {
			return fmt.Errorf("it holds %q, not %q", out, addresses)
		}
		return nil
	})
}

// event waits for an event about an object that says something.
func event(t *testing.T, object, reason, says string) {
	t.Helper()
	kind, name, _ := strings.Cut(object, "/")
	lab.Eventually(t, "event "+reason+" of "+object, func() error {
		out, err := cluster.Kubectl(t.Context(), "get", "events", "-A", "--field-selector",
			"involvedObject.kind="+kind+",involvedObject.name="+name+",reason="+reason, "-o", "jsonpath={range .items[*]}{.message}{'\\n'}{end}")
		if err != nil {
			return err
		}
		if !strings.Contains(out, says) || out == "" {
			return fmt.Errorf("the events say %q, not %q", out, says)
		}
		return nil
	})
}

// condition waits for the reason and a part of the message of the condition
// Accepted.
func condition(t *testing.T, object, reason, says string) {
	t.Helper()
	lab.Eventually(t, "condition "+reason+" of "+object, func() error {
		out, err := cluster.Kubectl(t.Context(), "get", object, "-o", `jsonpath={.status.conditions[?(@.type=="Accepted")].reason}: {.status.conditions[?(@.type=="Accepted")].message}`)
		if err != nil {
			return err
		}
		if !strings.HasPrefix(out, reason+": ") || !strings.Contains(out, says) {
			return fmt.Errorf("it says %q", out)
		}
		return nil
	})
}

// figure waits for a line of /metrics.
func (s *speaker) figure(t *testing.T, line string) {
	t.Helper()
	lab.Eventually(t, "metric "+line, func() error {
		text, err := get("http://" + s.metrics + "/metrics")
		if err != nil {
			return err
		}
		if !slices.Contains(strings.Split(text, "\n"), line) {
			name, _, _ := strings.Cut(line, " ")
			name, _, _ = strings.Cut(name, "{")
			var like []string
			for _, l := range strings.Split(text, "\n") {
				if strings.HasPrefix(l, name) {
					like = append(like, l)
				}
			}
			return fmt.Errorf("there is %q", like)
		}
		return nil
	})
}

func get(url string) (string, error) {
	r, err := http.Get(url)
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err == nil && r.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", r.Status, body)
	}
	return string(body), err
}
