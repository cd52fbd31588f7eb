package scene_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/hawser-lb/hawser/shared/lab"
	"github.com/hawser-lb/hawser/shared/lab/scene"
)

// TestWithBFDANodeWithoutPowerIsGoneLongBeforeItsHoldTime has both programs
// speak it, with a hold time that the test would not outlive.
func TestWithBFDANodeWithoutPowerIsGoneLongBeforeItsHoldTime(t *testing.T) {
	s := harbour(t)
	if err := s.Router.Configure(scene.RouterConfig + "\toption bfd '1'\n\toption bfd_interval '50'\n"); err != nil {
		t.Fatal(err)
	}
	apply(t, scene.PeerManifest+"  bfd: {enabled: true, transmitInterval: 50ms, receiveInterval: 50ms}\n")
	kubectl(t, "patch", "peer", "router", "--type=merge", "-p", `{"spec":{"holdTime":"600s"}}`)
	t.Cleanup(func() { // the test's own context has ended
		_, err := s.Kube.Kubectl(context.Background(), "patch", "peer", "router", "--type=merge", "-p", `{"spec":{"holdTime":"3s","bfd":null}}`)
		if err != nil {
			t.Error(err)
		}
	})
	watched := func(n int) {
		t.Helper()
		lab.Eventually(t, fmt.Sprintf("%d nodes and the router watch one another", n), func() error {
			nodes, err1 := s.Kube.Kubectl(t.Context(), "get", "bgpnodes", "-o", "jsonpath={.items[*].status.sessions[*].bfd}")
			router, err2 := s.Router.Hawser(t.Context(), "show", "ip", "bgp", "neighbors", "--json")
			if got, seen := strings.Count(nodes, "Up"), strings.Count(router, `"detectMilliseconds": 150,`); got != n || seen != n {
				return fmt.Errorf("nodes: %s; the router sees %d; %v %v", nodes, seen, err1, err2)
			}
			return nil
		})
	}
	watched(3)
	address, v := visitedService(t, busy)

	outage(t, s, v, address, "power off with BFD at 50 ms x 3")
	watched(3)
}
