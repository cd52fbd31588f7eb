package scene_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/hawser-lb/hawser/shared/lab"
	"github.com/hawser-lb/hawser/shared/lab/scene"
)

// calm and busy are how many requests a client makes in a second.
const (
	calm = 50
	busy = 200
)

// visitedService is a Service that a client asks all the time.
func visitedService(t *testing.T, perSecond int) (string, *scene.Visitor) {
	t.Helper()
	apply(t, service("web", "externalTrafficPolicy: Local"))
	address := addresses(t, "web", 1)[0]
	nextHops(t, address, everyNode...)
	answers(t, address)
	v := the.Visit(t.Context(), address, perSecond)
	t.Cleanup(v.Stop)
	// A node's kube-proxy may hear of the Service later than the router does,
	// above all after an outage of the API server: what follows is not its test.
	lab.Eventually(t, "every node to answer every request", func() error {
		if n := v.OK(); n < 100 {
			return fmt.Errorf("%d answers until now", n)
		}
		if got := v.Count(); got.Failed > 0 || len(got.Nodes) < len(everyNode) {
			return fmt.Errorf("%v, by %v: %s", got, got.Nodes, got.LastError)
		}
		return nil
	})
	return address, v
}

// unharmed fails the test when a request failed since the last count.
func unharmed(t *testing.T, v *scene.Visitor, when string) {
	t.Helper()
	if got := visited(t, v, 100); got.Wrong() > 0 {
		t.Errorf("%s: %v: %s", when, got, got.LastError)
	}
}

// toll prints what has come of the requests since the last count.
func toll(t *testing.T, v *scene.Visitor, what string) scene.Visits {
	t.Helper()
	got := v.Count()
	t.Logf("%s: of %d requests %d failed, from the first to the last of these %v", what, got.Failed+got.OK, got.Failed, got.Outage().Round(time.Millisecond))
	return got
}

// outage pulls node2's plug, prints what that costs and puts it in again.
func outage(t *testing.T, s *scene.Scene, v *scene.Visitor, address, what string) {
	t.Helper()
	v.Count()
	if err := s.Node("node2").PowerOff(); err != nil {
		t.Fatal(err)
	}
	nextHops(t, address, everyNode[0], everyNode[2])
	if err := v.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	toll(t, v, what)
	unharmed(t, v, "with two nodes left")
	if err := s.Node("node2").PowerOn(t.Context()); err != nil {
		t.Fatal(err)
	}
	nextHops(t, address, everyNode...)
}

func TestADeadNodeLeavesTheRouteAndTheOthersGoOn(t *testing.T) {
	s := harbour(t)
	address, v := visitedService(t, busy)
	outage(t, s, v, address, "power off without BFD, hold time 3 s")
}

func TestWithoutAnAPIServerTheRoutesStay(t *testing.T) {
	s := harbour(t)
	address, v := visitedService(t, calm)
	s.Kube.StopAPIServer()
	unharmed(t, v, "without an API server")
	nextHops(t, address, everyNode...)
	if err := s.Kube.StartAPIServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	unharmed(t, v, "with the API server back")
	apply(t, service("other"))
	nextHops(t, addresses(t, "other", 1)[0], everyNode...)
}

func TestHawserThatWasKilledAdoptsItsRoutes(t *testing.T) {
	s := harbour(t)
	apply(t, service("gone"))
	gone := addresses(t, "gone", 1)[0]
	nextHops(t, gone, everyNode...)
	address, v := visitedService(t, calm)

	s.Router.Daemon().Kill()
	kubectl(t, "delete", "service", "gone")
	nextHops(t, gone, everyNode...)
	unharmed(t, v, "without hawser")
	if err := s.Router.Start(); err != nil {
		t.Fatal(err)
	}
	sessions(t, 3)
	nextHops(t, gone)
	nextHops(t, address, everyNode...)
	unharmed(t, v, "with hawser back")
}

func TestHawserThatIsStoppedLeavesItsRoutes(t *testing.T) {
	s := harbour(t)
	address, v := visitedService(t, calm)
	if err := s.Router.Daemon().Stop(); err != nil {
		t.Fatal(err)
	}
	unharmed(t, v, "without hawser")
	nextHops(t, address, everyNode...)
	if err := s.Router.Start(); err != nil {
		t.Fatal(err)
	}
	sessions(t, 3)
	unharmed(t, v, "with hawser back")
}

func TestASpeakerThatRestartsComesBackIntoTheRoute(t *testing.T) {
	s := harbour(t)
	apply(t, service("web"))
	address := addresses(t, "web", 1)[0]
	nextHops(t, address, everyNode...)
	for _, end := range []func(*scene.Node) error{
		func(n *scene.Node) error { return n.Speaker().Stop() },
		func(n *scene.Node) error { n.Speaker().Kill(); return nil },
	} {
		for _, n := range s.Nodes {
			if err := end(n); err != nil {
				t.Fatal(err)
			}
			if err := n.StartSpeaker(); err != nil {
				t.Fatal(err)
			}
		}
		sessions(t, 3)
		nextHops(t, address, everyNode...)
		answers(t, address)
	}
}

func TestTheNextLeaderGivesAddresses(t *testing.T) {
	s := harbour(t)
	for _, n := range s.Nodes {
		n.Speaker().Kill()
		name := "web-" + n.Name
		apply(t, service(name))
		addresses(t, name, 1)
		if err := n.StartSpeaker(); err != nil {
			t.Fatal(err)
		}
	}
	sessions(t, 3)
}

func TestAHangingSpeakerLeavesTheRouteByItsHoldTime(t *testing.T) {
	s := harbour(t)
	address, _ := visitedService(t, calm)
	if err := s.Node("node3").Speaker().Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	nextHops(t, address, everyNode[:2]...)
	if err := s.Node("node3").Speaker().Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	nextHops(t, address, everyNode...)
}
