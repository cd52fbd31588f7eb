package scene_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/hawser-lb/hawser/shared/lab"
	"github.com/hawser-lb/hawser/shared/lab/scene"
)

func TestAServiceIsReachedThroughEveryNode(t *testing.T) {
	s := harbour(t)
	apply(t, service("web"))
	address := addresses(t, "web", 1)[0]
	if address != "10.77.100.0" {
		t.Errorf("got %s, want the lowest address of the pool", address)
	}
	nextHops(t, address, everyNode...)
	answers(t, address)
	out, err := s.Client.Run(t.Context(), "curl", "-sSI", "--max-time", "10", "http://"+address+"/")
	if err != nil || !strings.HasPrefix(out, "HTTP/1.1 200 OK") {
		t.Errorf("curl got %q, %v", out, err)
	}
	lab.Eventually(t, "the event that tells of the address", func() error {
		out, err := s.Kube.Kubectl(t.Context(), "get", "events", "--field-selector", "reason=AddressAssigned,involvedObject.name=web", "-o", "jsonpath={.items[*].message}")
		if err == nil && !strings.Contains(out, address) {
			err = fmt.Errorf("got %q", out)
		}
		return err
	})
}

func TestADualStackServiceIsReachedInBothFamilies(t *testing.T) {
	harbour(t)
	apply(t, service("web", "ipFamilyPolicy: RequireDualStack"))
	both := addresses(t, "web", 2)
	nextHops(t, both[0], everyNode...)
	nextHops(t, both[1], "fd77:2::11", "fd77:2::12", "fd77:2::13")
	for _, address := range both {
		answers(t, address)
	}
}

func TestAServiceGetsTheAddressThatItAsksFor(t *testing.T) {
	harbour(t)
	apply(t, service("web", "loadBalancerIP: 10.77.100.77"))
	nextHops(t, "10.77.100.77", everyNode...)
	answers(t, "10.77.100.77")
}

func TestALocalServiceIsAnnouncedWhereItsPodsAreReady(t *testing.T) {
	s := harbour(t)
	apply(t, service("web", "externalTrafficPolicy: Local"))
	address := addresses(t, "web", 1)[0]
	nextHops(t, address, everyNode...)
	if reply := answers(t, address); reply.Client != scene.ClientAddress {
		t.Errorf("the backend saw %s, not the client", reply.Client)
	}
	if err := s.SetPodReady(t.Context(), s.Node("node1"), false); err != nil {
		t.Fatal(err)
	}
	nextHops(t, address, everyNode[1:]...)
	answers(t, address)
	if err := s.SetPodReady(t.Context(), s.Node("node1"), true); err != nil {
		t.Fatal(err)
	}
	nextHops(t, address, everyNode...)
}

func TestAServiceWithoutAReadyPodIsNotAnnounced(t *testing.T) {
	s := harbour(t)
	apply(t, service("web"))
	address := addresses(t, "web", 1)[0]
	nextHops(t, address, everyNode...)
	for _, n := range s.Nodes {
		if err := s.SetPodReady(t.Context(), n, false); err != nil {
			t.Fatal(err)
		}
	}
	nextHops(t, address)
}

func TestADeletedServiceLeavesNoRouteBehind(t *testing.T) {
	harbour(t)
	apply(t, service("web")+"---\n"+service("other"))
	web, other := addresses(t, "web", 1)[0], addresses(t, "other", 1)[0]
	if web == other {
		t.Fatalf("both Services have %s", web)
	}
	nextHops(t, web, everyNode...)
	nextHops(t, other, everyNode...)
	kubectl(t, "delete", "service", "web")
	nextHops(t, web)
	nextHops(t, other, everyNode...)
	answers(t, other)
}

func TestAServiceThatIsNoLoadBalancerAnyMoreLosesItsAddress(t *testing.T) {
	harbour(t)
	apply(t, service("web"))
	address := addresses(t, "web", 1)[0]
	nextHops(t, address, everyNode...)
	kubectl(t, "patch", "service", "web", "-p", `{"spec":{"type":"ClusterIP"}}`)
	nextHops(t, address)
	addresses(t, "web", 0)
}

func TestMetalLBsOldConfigMapIsTheWholeConfiguration(t *testing.T) {
	s := harbour(t)
	kubectl(t, "delete", "pool,peer", "--all")
	sessions(t, 0)
	apply(t, scene.OldConfigMap)
	sessions(t, 3)
	apply(t, service("web"))
	address := addresses(t, "web", 1)[0]
	nextHops(t, address, everyNode...)
	answers(t, address)

	broken := strings.Replace(scene.OldConfigMap, "peer-asn: 65000", "peer-asn: port", 1)
	apply(t, broken)
	lab.Eventually(t, "an event on the ConfigMap", func() error {
		out, err := s.Kube.Kubectl(t.Context(), "get", "events", "-n", scene.Namespace, "--field-selector", "involvedObject.kind=ConfigMap,type=Warning", "-o", "jsonpath={.items[*].message}")
		if err == nil && out == "" {
			err = errors.New("there is none")
		}
		return err
	})
	nextHops(t, address, everyNode...)
	answers(t, address)

	apply(t, scene.PoolManifest+"---\n"+scene.PeerManifest)
	kubectl(t, "delete", "configmap", "config", "-n", scene.Namespace)
	nextHops(t, address, everyNode...)
}
