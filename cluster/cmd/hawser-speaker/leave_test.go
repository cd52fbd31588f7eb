package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hawser-lb/hawser/shared/bgp"
	"github.com/hawser-lb/hawser/shared/lab"
	"github.com/hawser-lb/hawser/shared/route"
)

func wellKnown(communities []uint32) string {
	if slices.Contains(communities, route.GracefulShutdown) {
		return "graceful-shutdown"
	}
	return ""
}

func patient(s *bgp.Settings) { s.RestartTime = time.Minute }

// hears waits for what the router is told, from the n-th word on.
func (r *router) hears(t *testing.T, n int, want ...string) {
	t.Helper()
	lab.Eventually(t, "what the router is told", func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		if got := r.said[min(n, len(r.said)):]; !slices.EqualFunc(got, want, strings.HasPrefix) {
			return fmt.Errorf("got %q, want %q", got, want)
		}
		return nil
	})
}

func TestAnUpgradeKeepsTheRoutes(t *testing.T) {
	r := startRouterWith(t, patient)
	apply(t, node("node1"), pool("home", "10.7.0.0/24"), peer(r, "node1", "127.0.11.1"), service("web"), endpoints("web", "node1"))
	first := start(t, "node1")
	r.hears(t, 0, "10.7.0.0/32")
	first.stop()
	r.hears(t, 1, "down: ")
	r.has(t, "10.7.0.0/32 via 127.0.11.1")
	if said := r.said[1]; !strings.HasSuffix(said, "routes kept") || strings.Contains(said, "Cease") {
		t.Errorf("the session ends with %q", said)
	}
	start(t, "node1")
	r.hears(t, 2, "10.7.0.0/32")
	r.has(t, "10.7.0.0/32 via 127.0.11.1")
}

func TestAPeerWithoutGracefulRestartIsToldThatTheSpeakerEnds(t *testing.T) {
	r := startRouterWith(t, patient)
	apply(t, node("node1"), pool("home", "10.7.0.0/24"), peer(r, "node1", "127.0.11.1", "gracefulRestart: {enabled: false}"), service("web"), endpoints("web", "node1"))
	s := start(t, "node1")
	r.hears(t, 0, "10.7.0.0/32")
	s.stop()
	r.hears(t, 1, "down: received Cease/Administrative Shutdown")
	r.has(t)
}

func TestADrainedNodeIsTheLastResortAndThenAnnouncesNothing(t *testing.T) {
	r := startRouterWith(t, patient)
	apply(t, node("node1"), pool("home", "10.7.0.0/24"), peer(r, "node1", "127.0.11.1"), service("web"), endpoints("web", "node1"))
	s := start(t, "node1")
	r.hears(t, 0, "10.7.0.0/32")
	kubectl(t, "annotate", "node", "node1", "hawser.dev/drain=now")
	r.hears(t, 1, "10.7.0.0/32 graceful-shutdown", "withdrawn 10.7.0.0/32")
	kubectl(t, "annotate", "node", "node1", "hawser.dev/drain-")
	r.hears(t, 3, "10.7.0.0/32")
	kubectl(t, "annotate", "node", "node1", "hawser.dev/drain=now")
	r.hears(t, 4, "10.7.0.0/32 graceful-shutdown", "withdrawn 10.7.0.0/32")
	s.stop()
	r.hears(t, 6, `down: received Cease/Administrative Shutdown: node node1 is drained`)
}

func TestWhoDrainsANodeSaysForHowLongAndMayThinkAgain(t *testing.T) {
	r := startRouterWith(t, patient)
	apply(t, node("node1"), pool("home", "10.7.0.0/24"), peer(r, "node1", "127.0.11.1"), service("web"), endpoints("web", "node1"))
	start(t, "node1")
	r.hears(t, 0, "10.7.0.0/32")
	kubectl(t, "annotate", "node", "node1", "hawser.dev/drain=10h")
	r.hears(t, 1, "10.7.0.0/32 graceful-shutdown")
	kubectl(t, "annotate", "--overwrite", "node", "node1", "hawser.dev/drain=1ms")
	r.hears(t, 2, "withdrawn 10.7.0.0/32")
	kubectl(t, "annotate", "--overwrite", "node", "node1", "hawser.dev/drain=10h")
	r.hears(t, 3, "10.7.0.0/32 graceful-shutdown")
}

func TestTheSpeakerOfANodeThatGoesAwayTakesItsRoutesBackBeforeItEnds(t *testing.T) {
	for _, c := range []struct {
		why string
		do  []string
	}{
		{"out of service", []string{"patch", "node", "node1", "-p", `{"spec":{"taints":[{"key":"node.kubernetes.io/out-of-service","value":"nodeshutdown","effect":"NoExecute"}]}}`}},
		{"shutting down", []string{"patch", "node", "node1", "--subresource", "status", "-p", `{"status":{"conditions":[{"type":"Ready","status":"False","reason":"KubeletNotReady","message":"node is shutting down"}]}}`}},
		{"being deleted", []string{"delete", "node", "node1"}},
	} {
		t.Run(strings.ReplaceAll(c.why, " ", "-"), func(t *testing.T) {
			r := startRouterWith(t, patient)
			apply(t, node("node1"), pool("home", "10.7.0.0/24"), peer(r, "node1", "127.0.11.1"), service("web"), endpoints("web", "node1"))
			s := start(t, "node1")
			r.hears(t, 0, "10.7.0.0/32")
			kubectl(t, c.do...)
			r.hears(t, 1, "10.7.0.0/32 graceful-shutdown")
			s.stop()
			r.hears(t, 1, "10.7.0.0/32 graceful-shutdown", "withdrawn 10.7.0.0/32",
				fmt.Sprintf(`down: received Cease/Administrative Shutdown: node node1 is %s`, c.why))
			r.has(t)
		})
	}
}
