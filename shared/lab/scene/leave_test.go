package scene_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-lb/hawser/shared/lab"
	"github.com/hawser-lb/hawser/shared/lab/kube"
	"github.com/hawser-lb/hawser/shared/lab/scene"
)

// stale is what the router says of a session that has not told everything anew.
var stale = regexp.MustCompile(`"prefixesStale": [1-9][0-9]*`)

// ready waits until a node's speaker is, by the probe of the DaemonSet.
func ready(t *testing.T, n *scene.Node) {
	t.Helper()
	lab.Eventually(t, "the speaker of "+n.Name+" to be ready", func() error {
		_, err := n.Run(t.Context(), "curl", "-sSf", "--max-time", "5", "http://127.0.0.1:7474/readyz")
		return err
	})
}

// spared fails the test when a request of a planned event failed.
func spared(t *testing.T, v *scene.Visitor, what string) {
	t.Helper()
	if got := toll(t, v, what); got.Wrong() > 0 {
		t.Errorf("%s: %v: %s", what, got, got.LastError)
	}
}

// leaving waits until the router says that a next hop is, and then until no new
// request comes to it any more.
func leaving(t *testing.T, v *scene.Visitor, address string, n *scene.Node) {
	t.Helper()
	lab.Eventually(t, "the router to say that "+n.Name+" is leaving", func() error {
		out, err := the.Router.Hawser(t.Context(), "show", "ip", "route")
		if err == nil && !regexp.MustCompile(regexp.QuoteMeta(n.Address)+", br-lan, leaving").MatchString(out) {
			err = fmt.Errorf("it says:\n%s", out)
		}
		return err
	})
	nextHops(t, address, everyNode...)
	wrong, why := 0, ""
	count := func() scene.Visits {
		got := v.Count()
		if n := got.Wrong(); n > 0 {
			wrong, why = wrong+n, got.LastError
		}
		return got
	}
	count()
	lab.Eventually(t, "requests to go elsewhere", func() error {
		if n := v.OK(); n < 100 {
			return fmt.Errorf("%d answers until now", n)
		}
		got := count()
		if got.Nodes[n.Name] > 0 {
			return fmt.Errorf("%d of %d went to it", got.Nodes[n.Name], got.OK)
		}
		return nil
	})
	if err := v.Settle(t.Context()); err != nil { // what began before may be at the node still
		t.Fatal(err)
	}
	if count(); wrong > 0 {
		t.Errorf("%d requests failed meanwhile: %s", wrong, why)
	}
}

// routeChanges follows the kernel's route to a prefix and all groups of next
// hops, and says what has changed since.
func routeChanges(t *testing.T, prefix string) func() []string {
	t.Helper()
	monitor, err := the.Router.Host.Start("ip", "monitor", "route", "nexthop")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(monitor.Kill)
	return func() []string {
		return slices.DeleteFunc(strings.Split(monitor.Output(), "\n"), func(line string) bool {
			return !strings.Contains(line, prefix) && !strings.Contains(line, "group")
		})
	}
}

// TestARollingRestartOfAllSpeakersFailsNoRequest ends and starts one speaker
// after the other, as the DaemonSet does: the next when the last is ready.
func TestARollingRestartOfAllSpeakersFailsNoRequest(t *testing.T) {
	harbour(t)
	address, v := visitedService(t, busy)
	changes := routeChanges(t, address)
	v.Count()
	for range 3 {
		restartAll(t)
	}
	sessions(t, 3)
	if got := toll(t, v, "three rolling restarts of three speakers"); got.Wrong() > 0 {
		t.Errorf("%v: %s", got, got.LastError)
	}
	nextHops(t, address, everyNode...)
	if got := changes(); len(got) > 0 {
		t.Errorf("the kernel's route changed meanwhile:\n%s", strings.Join(got, "\n"))
	}
}

// restartAll waits after each speaker until it is ready, and at last until the
// router has been told everything again.
func restartAll(t *testing.T) {
	t.Helper()
	for _, n := range the.Nodes {
		if err := n.Speaker().Stop(); err != nil {
			t.Fatal(err)
		}
		if err := n.StartSpeaker(); err != nil {
			t.Fatal(err)
		}
		ready(t, n)
	}
	lab.Eventually(t, "every route to have been told again", func() error {
		out, err := the.Router.Hawser(t.Context(), "show", "ip", "bgp", "neighbors", "--json")
		if kept := stale.FindString(out); err == nil && kept != "" {
			err = errors.New(kept)
		}
		return err
	})
}

// TestADrainFailsNoRequest drains a node as a person would: the annotation,
// then the pods, when its routes are gone, and at last the speaker.
func TestADrainFailsNoRequest(t *testing.T) {
	s := harbour(t)
	node2 := s.Node("node2")
	address, v := visitedService(t, busy)
	changes := routeChanges(t, address)
	t.Cleanup(func() { // the test's own context has ended
		if _, err := s.Kube.Kubectl(context.Background(), "annotate", "node", "node2", "hawser.dev/drain-"); err != nil {
			t.Error(err)
		}
	})
	v.Count()
	kubectl(t, "annotate", "node", "node2", "hawser.dev/drain=")
	leaving(t, v, address, node2)
	nextHops(t, address, everyNode[0], everyNode[2])
	lab.Eventually(t, "node2's routes to be withdrawn", func() error {
		out, err := s.Kube.Kubectl(t.Context(), "get", "bgpnode", "node2", "-o", "jsonpath={.status.sessions[*].routesSent}")
		if err == nil && strings.Trim(out, "0 ") != "" {
			err = fmt.Errorf("it has told %s", out)
		}
		return err
	})

	if err := s.SetPodReady(t.Context(), node2, false); err != nil {
		t.Fatal(err)
	}
	if err := node2.Speaker().Stop(); err != nil {
		t.Fatal(err)
	}
	sessions(t, 2)
	spared(t, v, "a drain of one of three nodes")
	if got := visited(t, v, busy); got.Wrong() > 0 || got.Nodes["node2"] > 0 {
		t.Errorf("with two nodes left: %v, by %v: %s", got, got.Nodes, got.LastError)
	}

	if err := node2.StartSpeaker(); err != nil {
		t.Fatal(err)
	}
	if err := s.SetPodReady(t.Context(), node2, true); err != nil {
		t.Fatal(err)
	}
	ready(t, node2)
	kubectl(t, "annotate", "node", "node2", "hawser.dev/drain-")
	nextHops(t, address, everyNode...)
	lab.Eventually(t, "word of the changes of the route", func() error {
		if len(changes()) == 0 {
			return errors.New("there is none")
		}
		return nil
	})
	unharmed(t, v, "with node2 back")
	// What is busy all the time stays where it is; what is new finds node2.
	apply(t, service("later", "externalTrafficPolicy: Local"))
	later := addresses(t, "later", 1)[0]
	nextHops(t, later, everyNode...)
	lab.Eventually(t, "node2 to answer again", func() error {
		reply, err := s.Get(t.Context(), later)
		if err == nil && reply.Node != "node2" {
			err = fmt.Errorf("%s does", reply.Node)
		}
		return err
	})
}

// TestARollingUpdateOfALocalServiceFailsNoRequest replaces one pod after the other.
// Each is told to end, serves on for a while as pods with a preStop hook do, and
// then is there no longer. kube-proxy takes the time that it takes everywhere until
// it sends traffic to a new one.
func TestARollingUpdateOfALocalServiceFailsNoRequest(t *testing.T) {
	s := harbour(t)
	for _, n := range s.Nodes {
		if err := n.RestartProxy(t.Context(), kube.DefaultPause); err != nil {
			t.Fatal(err)
		}
	}
	address, v := visitedService(t, busy)
	t.Cleanup(func() { // the test's own context has ended
		if _, err := s.Kube.Kubectl(context.Background(), "delete", "pod", "-l", "app=web", "--grace-period=0", "--force"); err != nil {
			t.Error(err)
		}
		for _, n := range s.Nodes {
			if err := n.RestartProxy(context.Background(), kube.ShortPause); err != nil {
				t.Error(err)
			}
		}
	})
	v.Count()
	for _, n := range s.Nodes {
		pod := "web-" + n.Name
		kubectl(t, "delete", "pod", pod, "--grace-period=60", "--wait=false")
		leaving(t, v, address, n)
		if err := errors.Join(n.StopWeb(), s.SetPodReady(t.Context(), n, false)); err != nil {
			t.Fatal(err)
		}
		nextHops(t, address, slices.DeleteFunc(slices.Clone(everyNode), func(a string) bool { return a == n.Address })...)
		kubectl(t, "delete", "pod", pod, "--grace-period=0", "--force")
		if err := errors.Join(n.StartWeb(), s.WebPods(t.Context())); err != nil {
			t.Fatal(err)
		}
		nextHops(t, address, everyNode...)
		spared(t, v, "the replacement of the pod on "+n.Name)
	}
}

// sayReady sets a node's condition Ready as its kubelet or the node controller
// would.
func sayReady(t *testing.T, node, status, message string) {
	t.Helper()
	patch := fmt.Sprintf(`{"status":{"conditions":[{"type":"Ready","status":%q,"reason":"Scene","message":%q}]}}`, status, message)
	if _, err := the.Kube.Kubectl(context.Background(), "patch", "node", node, "--subresource=status", "--type=strategic", "-p", patch); err != nil {
		t.Fatal(err)
	}
}

// up waits until the BGPPeer says that so many sessions are up.
func up(t *testing.T, want string) {
	t.Helper()
	lab.Eventually(t, "the BGPPeer to say that "+want+" sessions are up", func() error {
		out, err := the.Kube.Kubectl(t.Context(), "get", "peer", "router", "-o", "jsonpath={.status.sessions.established}/{.status.sessions.total}")
		if err == nil && out != want {
			err = fmt.Errorf("it says %s", out)
		}
		return err
	})
}

// TestANodeThatIsShutDownFailsNoRequest has the kubelet say what it says where
// its graceful shutdown is set up. Afterwards the Node is there, and its BGPNode
// with a session that is up: neither is believed.
func TestANodeThatIsShutDownFailsNoRequest(t *testing.T) {
	s := harbour(t)
	node2 := s.Node("node2")
	address, v := visitedService(t, busy)
	t.Cleanup(func() { sayReady(t, "node2", "True", "") })
	up(t, "3/3")

	v.Count()
	sayReady(t, "node2", "False", "node is shutting down")
	nextHops(t, address, everyNode[0], everyNode[2])
	if err := node2.Speaker().Stop(); err != nil {
		t.Fatal(err)
	}
	sessions(t, 2)
	if err := node2.PowerOff(); err != nil {
		t.Fatal(err)
	}
	sayReady(t, "node2", "Unknown", "Kubelet stopped posting node status.")
	up(t, "2/3")
	spared(t, v, "an orderly shutdown of one of three nodes")

	if err := node2.PowerOn(t.Context()); err != nil {
		t.Fatal(err)
	}
	sayReady(t, "node2", "True", "")
	nextHops(t, address, everyNode...)
	up(t, "3/3")
}

// TestANodeThatIsShutDownUnannouncedIsMissed has nobody say that the node goes:
// its speaker ends as in an upgrade, and a moment later there is no power.
func TestANodeThatIsShutDownUnannouncedIsMissed(t *testing.T) {
	s := harbour(t)
	node2 := s.Node("node2")
	address, v := visitedService(t, busy)
	v.Count()
	if err := node2.Speaker().Stop(); err != nil {
		t.Fatal(err)
	}
	if err := node2.PowerOff(); err != nil {
		t.Fatal(err)
	}
	nextHops(t, address, everyNode[0], everyNode[2])
	if err := v.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	toll(t, v, "a speaker that ends, then power off, unannounced")
	unharmed(t, v, "with two nodes left")
	if err := node2.PowerOn(t.Context()); err != nil {
		t.Fatal(err)
	}
	nextHops(t, address, everyNode...)
}
