package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hawser-lb/hawser/shared/lab"
)

func TestAServiceIsGivenAnAddressAndItsRouteReachesTheRouter(t *testing.T) {
	r := startRouter(t)
	apply(t, node("node1"), pool("home", "10.7.0.0/30"), peer(r, "node1", "127.0.11.1"))
	s := start(t, "node1")
	apply(t, endpoints("web", "node1"))
	lab.Eventually(t, "readiness", func() error { _, err := get("http://" + s.health + "/readyz"); return err })
	apply(t, service("web"))
	holds(t, "web", "10.7.0.0")
	r.has(t, "10.7.0.0/32 via 127.0.11.1")
	if from := kubectl(t, "get", "service", "web", "-o", `jsonpath={.metadata.annotations.hawser\.dev/allocated-from-pool}`); from != "home" {
		t.Errorf("the annotation names pool %q", from)
	}
	event(t, "Service/web", "AddressAssigned", "10.7.0.0 from pool home")
	event(t, "Service/web", "Announced", "from 1 of 1 nodes")
	s.figure(t, `hawser_allocations_total{result="assigned"} 1`)
	s.figure(t, `hawser_pool_addresses_assigned{family="ipv4",pool="home"} 1`)
	s.figure(t, `hawser_pool_addresses{family="ipv4",pool="home"} 4`)
	s.figure(t, fmt.Sprintf(`hawser_bgp_session_up{address="%s",peer="router-node1"} 1`, r.address))
	s.figure(t, fmt.Sprintf(`hawser_bgp_routes_sent{address="%s",peer="router-node1"} 1`, r.address))
	s.figure(t, "hawser_routes_announced 1")
	s.figure(t, "hawser_service_to_route_seconds_count 1")
	s.figure(t, "hawser_leader 1")
	if _, err := get("http://" + s.health + "/healthz"); err != nil {
		t.Error(err)
	}
	condition(t, "addresspool/home", "InUse", "in use")
	lab.Eventually(t, "the pool's count", func() error {
		if out := kubectl(t, "get", "pool", "home", "-o", "jsonpath={.status.ipv4}"); out != `{"assigned":"1","available":"3","total":"4"}` {
			return fmt.Errorf("%s", out)
		}
		return nil
	})

	kubectl(t, "delete", "service", "web")
	r.has(t)
	s.figure(t, `hawser_pool_addresses_assigned{family="ipv4",pool="home"} 0`)
}

func TestADualStackServiceHasOneAddressOfEachFamily(t *testing.T) {
	r := startRouter(t)
	apply(t, node("node1"), pool("four", "10.7.0.0/30"), pool("six", `"fd07::/126"`), peer(r, "node1", "127.0.11.1"))
	start(t, "node1")
	apply(t, service("web", "ipFamilyPolicy: RequireDualStack"), endpoints("web", "node1"))
	holds(t, "web", "10.7.0.0 fd07::")
	r.has(t, "10.7.0.0/32 via 127.0.11.1") // the loopback has no IPv6 address that could be a next hop
}

func TestWishesAreFollowedInEverySpelling(t *testing.T) {
	apply(t, node("node1"), pool("home", "10.7.0.0/24"), pool("other", "10.8.0.0/24", "autoAssign: false"))
	start(t, "node1")
	for _, c := range []struct{ name, manifest, want string }{
		{"address", annotated(service("address"), "hawser.dev/addresses", "10.7.0.9"), "10.7.0.9"},
		{"address-old", annotated(service("address-old"), "metallb.universe.tf/loadBalancerIPs", "10.7.0.10"), "10.7.0.10"},
		{"address-new", annotated(service("address-new"), "metallb.io/loadBalancerIPs", "10.7.0.11"), "10.7.0.11"},
		{"spec", service("spec", "loadBalancerIP: 10.7.0.12"), "10.7.0.12"},
		{"pool", annotated(service("pool"), "hawser.dev/pool", "other"), "10.8.0.0"},
		{"pool-old", annotated(service("pool-old"), "metallb.universe.tf/address-pool", "other"), "10.8.0.1"},
	} {
		apply(t, c.manifest)
		holds(t, c.name, c.want)
	}
	apply(t, annotated(service("greedy"), "hawser.dev/addresses", "10.9.0.1"))
	event(t, "Service/greedy", "AllocationFailed", "10.9.0.1 is asked for: no pool has it")
	apply(t, annotated(service("odd"), "hawser.dev/addresses", "harbour"))
	event(t, "Service/odd", "AllocationFailed", `"harbour" is no address`)
}

func TestAServiceThatIsNoLoadBalancerAnyMoreGivesItsAddressBack(t *testing.T) {
	r := startRouter(t)
	apply(t, node("node1"), pool("home", "10.7.0.0/32"), peer(r, "node1", "127.0.11.1"))
	start(t, "node1")
	apply(t, service("web"), endpoints("web", "node1"))
	holds(t, "web", "10.7.0.0")
	apply(t, service("waiting"), endpoints("waiting", "node1"))
	event(t, "Service/waiting", "AllocationFailed", "in use")
	r.has(t, "10.7.0.0/32 via 127.0.11.1")
	kubectl(t, "patch", "service", "web", "-p", `{"spec":{"type":"ClusterIP"}}`)
	holds(t, "waiting", "10.7.0.0")
	holds(t, "web", "")
	lab.Eventually(t, "the annotation to go", func() error {
		if out := kubectl(t, "get", "service", "web", "-o", "jsonpath={.metadata.annotations}"); strings.Contains(out, "allocated-from") {
			return fmt.Errorf("%s", out)
		}
		return nil
	})
	r.has(t, "10.7.0.0/32 via 127.0.11.1")
}

func TestOnlyNodesWithAPodAnnounceAServiceOfLocalPolicy(t *testing.T) {
	r := startRouter(t)
	apply(t, node("node1"), node("node2"), pool("home", "10.7.0.0/24"), peer(r, "node1", "127.0.11.1"), peer(r, "node2", "127.0.11.2"))
	start(t, "node1")
	start(t, "node2")
	apply(t, service("all"), endpoints("all", "node1"))
	r.has(t, "10.7.0.0/32 via 127.0.11.1, 127.0.11.2")
	apply(t, service("local", "externalTrafficPolicy: Local"), endpoints("local", "node1"))
	r.has(t, "10.7.0.0/32 via 127.0.11.1, 127.0.11.2", "10.7.0.1/32 via 127.0.11.1")
	apply(t, endpoints("local", "node2"))
	r.has(t, "10.7.0.0/32 via 127.0.11.1, 127.0.11.2", "10.7.0.1/32 via 127.0.11.2")
	apply(t, endpoints("local"))
	r.has(t, "10.7.0.0/32 via 127.0.11.1, 127.0.11.2")
	event(t, "Service/local", "NotAnnounced", "not from node1, node2: noEndpoints")
	kubectl(t, "label", "node", "node2", "node.kubernetes.io/exclude-from-external-load-balancers=")
	r.has(t, "10.7.0.0/32 via 127.0.11.1")
	event(t, "Node/node2", "NotAnnounced", "nodeExcluded")
	kubectl(t, "annotate", "node", "node1", "hawser.dev/drain=now")
	r.has(t)
	event(t, "Service/all", "NotAnnounced", "not from node1: nodeDraining: the node is drained; not from node2: nodeExcluded")
}

func TestAServiceOfAForeignClassIsNotTouched(t *testing.T) {
	apply(t, node("node1"), pool("home", "10.7.0.0/24"))
	start(t, "node1")
	apply(t, annotated(service("theirs", "loadBalancerClass: example.org/other"), "hawser.dev/allocated-from-pool", "of-another-hawser"))
	kubectl(t, "patch", "service", "theirs", "--subresource", "status", "--type", "merge", "-p", `{"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.9"}]}}}`)
	before := kubectl(t, "get", "service", "theirs", "-o", "jsonpath={.metadata.resourceVersion}")
	apply(t, service("ours"))
	holds(t, "ours", "10.7.0.0")
	if after := kubectl(t, "get", "service", "theirs", "-o", "jsonpath={.metadata.resourceVersion}"); after != before {
		t.Errorf("somebody wrote to it: version %s became %s", before, after)
	}
	holds(t, "theirs", "192.0.2.9")
}

func TestASpeakerOfAClassServesThatClassOnly(t *testing.T) {
	apply(t, node("node1"), pool("home", "10.7.0.0/24"))
	start(t, "node1", "--load-balancer-class", "example.org/other")
	apply(t, service("plain"), service("classed", "loadBalancerClass: example.org/other"))
	holds(t, "classed", "10.7.0.0")
	holds(t, "plain", "")
}

func TestAPoolThatOverlapsAnOlderOneIsNotUsedAndSaysSo(t *testing.T) {
	apply(t, node("node1"), pool("elder", "10.7.0.0/24"))
	start(t, "node1")
	condition(t, "addresspool/elder", "InUse", "")
	apply(t, pool("young", "10.7.0.128/25")) // of equal age the first by name counts as older
	condition(t, "addresspool/young", "Overlaps", "of pool elder, which is older")
	condition(t, "addresspool/elder", "InUse", "")
}
