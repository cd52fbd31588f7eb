package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hawser-lb/hawser/shared/lab"
)

const announcedField = `{.status.conditions[?(@.type=="hawser.dev/Announced")].status} {.status.conditions[?(@.type=="hawser.dev/Announced")].reason}: {.status.conditions[?(@.type=="hawser.dev/Announced")].message}`

// announced waits until the condition of a Service begins like that.
func announced(t *testing.T, service, says string) {
	t.Helper()
	lab.Eventually(t, "condition of "+service, func() error {
		out, err := cluster.Kubectl(t.Context(), "get", "service", service, "-o", "jsonpath="+announcedField)
		if err != nil {
			return err
		}
		if !strings.HasPrefix(out, says) {
			return fmt.Errorf("it says %q, not %q", out, says)
		}
		return nil
	})
}

func TestAServiceSaysFromWhereToWhomItIsAnnouncedOrWhyNot(t *testing.T) {
	r := startRouter(t)
	apply(t, node("node1"), node("node2"), pool("home", "10.7.0.0/24"), service("web"), endpoints("web", "node1"), service("idle"),
		peer(r, "node1", "127.0.11.1"), peer(r, "node2", "127.0.11.2"))
	// Another controller's condition is none of ours.
	kubectl(t, "patch", "service", "web", "--subresource", "status", "--type", "merge", "-p",
		`{"status":{"conditions":[{"type":"example.org/Other","status":"True","reason":"Its","message":"own","lastTransitionTime":"2026-01-01T00:00:00Z"}]}}`)
	first := start(t, "node1")
	start(t, "node2")
	announced(t, "web", "True Announced: from 2 of 2 nodes to 1 router")
	announced(t, "idle", "False noEndpoints: not from node1, node2: noEndpoints: ")
	says(t, "service/web", `{.status.conditions[?(@.type=="example.org/Other")].message}`, "own")

	version := func() string {
		return kubectl(t, "get", "service", "web", "-o", "jsonpath={.metadata.resourceVersion}")
	}
	was := version()
	first.stop() // another leader, who has nothing new to say of what did not change
	apply(t, service("witness"), endpoints("witness", "node1"))
	announced(t, "witness", "True Announced: from 2 of 2 nodes to 1 router")
	if now := version(); now != was {
		t.Error("a new leader has written a condition that was true")
	}

	kubectl(t, "patch", "service", "web", "--subresource", "status", "--type", "strategic", "-p",
		`{"status":{"conditions":[{"$patch":"delete","type":"hawser.dev/Announced"}]}}`)
	announced(t, "web", "True Announced: from 2 of 2 nodes to 1 router")
	kubectl(t, "patch", "service", "web", "--type", "merge", "-p", `{"spec":{"type":"ClusterIP"}}`)
	announced(t, "web", " : ")
	says(t, "service/web", `{.status.conditions[?(@.type=="example.org/Other")].message}`, "own")
}

func TestEachReasonOfNodesAndAdvertisementsReachesTheService(t *testing.T) {
	r := startRouter(t)
	apply(t, node("node1"), pool("home", "10.7.0.0/24"), service("web"), endpoints("web", "node1"), peer(r, "node1", "127.0.11.1"))
	start(t, "node1")
	announced(t, "web", "True Announced: from 1 of 1 nodes to 1 router")
	for _, c := range []struct{ name, do, says, undo string }{
		{"the pod network is away",
			`patch node node1 --subresource status --type strategic -p {"status":{"conditions":[{"type":"NetworkUnavailable","status":"True"}]}}`,
			"False nodeNetworkUnavailable: not from node1: nodeNetworkUnavailable: ",
			`patch node node1 --subresource status --type strategic -p {"status":{"conditions":[{"type":"NetworkUnavailable","status":"False"}]}}`},
		{"the node is excluded",
			"label node node1 node.kubernetes.io/exclude-from-external-load-balancers=",
			"False nodeExcluded: ",
			"label node node1 node.kubernetes.io/exclude-from-external-load-balancers-"},
		{"the node is drained",
			"annotate node node1 hawser.dev/drain=yes",
			"False nodeDraining: ",
			"annotate node node1 hawser.dev/drain-"},
		{"the session is down",
			`patch peer router-node1 --type merge -p {"spec":{"peerPort":1}}`,
			"False peerDown: not from node1: peerDown: ",
			fmt.Sprintf(`patch peer router-node1 --type merge -p {"spec":{"peerPort":%d}}`, routerPort)},
	} {
		t.Run(c.name, func(t *testing.T) {
			kubectl(t, strings.Fields(c.do)...)
			announced(t, "web", c.says)
			kubectl(t, strings.Fields(c.undo)...)
			announced(t, "web", "True Announced: from 1 of 1 nodes to 1 router")
		})
	}
}

func TestAdvertisementsThatContradictEachOtherSaySo(t *testing.T) {
	r := startRouter(t)
	apply(t, node("node1"), pool("home", "10.7.0.0/24"), service("web"), endpoints("web", "node1"), peer(r, "node1", "127.0.11.1"),
		strings.Replace(advertisement, "[home]", "[home], localPref: 100", 1))
	start(t, "node1")
	condition(t, "advertisement/home", "InUse", "")
	apply(t, strings.NewReplacer("name: home", "name: younger", "[home]", "[home], localPref: 200").Replace(advertisement))
	announced(t, "web", "True Announced: from 1 of 1 nodes to 1 router; in part from node1: conflictingAdvertisements: ")
	condition(t, "advertisement/younger", "Conflicts", "advertisement younger says local preference 200, the older home says 100")
	condition(t, "advertisement/home", "InUse", "")
	kubectl(t, "delete", "advertisement", "home")
	condition(t, "advertisement/younger", "InUse", "")
}

func TestOfTwoPeersWithOneAddressTheYoungerSaysThatItIsNotSpokenTo(t *testing.T) {
	r := startRouter(t)
	apply(t, node("node1"), pool("home", "10.7.0.0/24"), peer(r, "node1", "127.0.11.1"))
	start(t, "node1")
	condition(t, "peer/router-node1", "InUse", "")
	apply(t, strings.Replace(peer(r, "node1", "127.0.11.1"), "name: router-node1", "name: z-second", 1))
	condition(t, "peer/z-second", "AddressTaken", "router-node1")
	condition(t, "peer/router-node1", "InUse", "")
	kubectl(t, "delete", "peer", "router-node1")
	condition(t, "peer/z-second", "InUse", "")
}

// The leader takes an address that is in no pool away; so it takes one who does
// nothing for the word to be seen.
func TestAnAddressThatIsInNoPoolIsNotAnnounced(t *testing.T) {
	r := startRouter(t)
	apply(t, node("node1"), pool("home", "10.7.0.0/24"), service("web"), endpoints("web", "node1"), peer(r, "node1", "127.0.11.1"))
	s := start(t, "node1")
	holds(t, "web", "10.7.0.0")
	usurp(t, time.Now())
	s.figure(t, "hawser_leader 0")
	kubectl(t, "patch", "service", "web", "--subresource", "status", "--type", "merge", "-p", `{"status":{"loadBalancer":{"ingress":[{"ip":"198.51.100.1"}]}}}`)
	lab.Eventually(t, "the BGPNode to say poolUnknown", func() error {
		usurp(t, time.Now())
		if out := kubectl(t, "get", "bgpnode", "node1", "-o", "jsonpath={.status.notAnnounced[*].reason}"); out != "poolUnknown" {
			return fmt.Errorf("it says %q", out)
		}
		return nil
	})
	kubectl(t, "delete", "lease", "hawser-allocator", "-n", "hawser-system")
	holds(t, "web", "10.7.0.0")
}
