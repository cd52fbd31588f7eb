package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/hawser-lb/hawser/shared/lab"
)

func TestAnotherLeaderKeepsEveryAddress(t *testing.T) {
	apply(t, node("node1"), node("node2"), pool("home", "10.7.0.0/24"))
	first := start(t, "node1")
	first.figure(t, "hawser_leader 1")
	second := start(t, "node2")
	apply(t, service("a"), service("b"))
	holds(t, "a", "10.7.0.0")
	holds(t, "b", "10.7.0.1")
	kubectl(t, "delete", "service", "a")
	if status := first.stop(); status != 0 {
		t.Errorf("the leader ends with status %d", status)
	}
	second.figure(t, "hawser_leader 1")
	apply(t, service("c"))
	holds(t, "c", "10.7.0.0")
	holds(t, "b", "10.7.0.1")
}

func TestRoutesStayWhileTheAPIServerIsAwayAndChangesFollowAfterwards(t *testing.T) {
	r := startRouter(t)
	apply(t, node("node1"), pool("home", "10.7.0.0/24"), peer(r, "node1", "127.0.11.1"), service("web"), endpoints("web", "node1"))
	s := start(t, "node1")
	r.has(t, "10.7.0.0/32 via 127.0.11.1")
	changes := r.heard()
	cluster.StopAPIServer()
	s.figure(t, "hawser_leader 0") // the Lease has run out, so some time has passed
	if got := r.table(); len(got) != 1 || r.heard() != changes {
		t.Errorf("the router's table changed: %q", got)
	}
	if err := cluster.StartAPIServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	apply(t, service("later"), endpoints("later", "node1"))
	holds(t, "later", "10.7.0.1")
	r.has(t, "10.7.0.0/32 via 127.0.11.1", "10.7.0.1/32 via 127.0.11.1")
	if r.heard() != changes+1 {
		t.Errorf("the router heard %d changes more, not one", r.heard()-changes)
	}
}

const configMap = `apiVersion: v1
kind: ConfigMap
metadata: {name: config, namespace: hawser-system}
data:
  config: |
    peers:
    - {peer-address: %s, peer-port: %d, peer-asn: 65000, my-asn: 65001, source-address: 127.0.11.1}
    address-pools:
    - {name: default, protocol: %s, addresses: [%s]}
`

func TestTheConfigMapOfOldIsTheWholeConfigurationAndIsWatched(t *testing.T) {
	r := startRouter(t)
	apply(t, node("node1"), pool("home", "10.7.0.0/24"), peer(r, "node1", "127.0.11.9"))
	text := func(protocol, addresses string) string {
		return fmt.Sprintf(configMap, r.address, routerPort, protocol, addresses)
	}
	apply(t, text("bgp", "10.8.0.0/24"))
	s := start(t, "node1")
	apply(t, service("web"), endpoints("web", "node1"))
	holds(t, "web", "10.8.0.0")
	r.has(t, "10.8.0.0/32 via 127.0.11.1")
	condition(t, "addresspool/home", "ConfigMapInUse", "hawser-system/config")
	condition(t, "bgppeer/router-node1", "ConfigMapInUse", "hawser-system/config")

	apply(t, text("bgp", "10.9.0.0/24"))
	holds(t, "web", "10.9.0.0")
	r.has(t, "10.9.0.0/32 via 127.0.11.1")
	event(t, "Service/web", "AddressChanged", "10.9.0.0 from pool default")

	apply(t, text("layer2", "10.10.0.0/24"))
	event(t, "ConfigMap/config", "ConfigInvalid", "layer2")
	s.figure(t, "hawser_config_ok 0")
	s.figure(t, "hawser_config_errors_total 1")
	apply(t, service("second"), endpoints("second", "node1"))
	holds(t, "second", "10.9.0.1")
	holds(t, "web", "10.9.0.0")

	kubectl(t, "delete", "configmap", "config", "-n", "hawser-system")
	holds(t, "web", "10.7.0.0")
	r.has(t, "10.7.0.0/32 via 127.0.11.9", "10.7.0.1/32 via 127.0.11.9")
	condition(t, "addresspool/home", "InUse", "")
	s.figure(t, "hawser_config_ok 1")
}

func TestAConfigMapThatIsDeletedAndMadeAgainCostsNobodyHisAddress(t *testing.T) {
	r := startRouter(t)
	apply(t, node("node1"), fmt.Sprintf(configMap, r.address, routerPort, "bgp", "10.8.0.0/24"))
	first := start(t, "node1")
	apply(t, service("web"), endpoints("web", "node1"))
	r.has(t, "10.8.0.0/32 via 127.0.11.1")
	changes := r.heard()
	version := kubectl(t, "get", "service", "web", "-o", "jsonpath={.metadata.resourceVersion}")
	kubectl(t, "delete", "configmap", "config", "-n", "hawser-system")
	lab.Eventually(t, "the speaker to see it go", func() error {
		if !strings.Contains(first.log.String(), "there is no pool") {
			return fmt.Errorf("it says nothing")
		}
		return nil
	})
	apply(t, fmt.Sprintf(configMap, r.address, routerPort, "bgp", "10.8.0.0/24"), service("second"), endpoints("second", "node1"))
	r.has(t, "10.8.0.0/32 via 127.0.11.1", "10.8.0.1/32 via 127.0.11.1")
	if r.heard() != changes+1 {
		t.Errorf("the router heard %d changes, not one", r.heard()-changes)
	}
	if after := kubectl(t, "get", "service", "web", "-o", "jsonpath={.metadata.resourceVersion}"); after != version {
		t.Errorf("somebody wrote to the Service: version %s became %s", version, after)
	}
}

func TestAConfigMapThatNeverCouldBeReadTakesNothingAway(t *testing.T) {
	apply(t, node("node1"), pool("home", "10.7.0.0/24"))
	first := start(t, "node1")
	apply(t, service("web"))
	holds(t, "web", "10.7.0.0")
	first.stop()
	apply(t, fmt.Sprintf(configMap, "127.0.0.1", routerPort, "layer2", "10.8.0.0/24"))
	start(t, "node1")
	event(t, "ConfigMap/config", "ConfigInvalid", "layer2")
	holds(t, "web", "10.7.0.0")
}

func TestNoRequestIsForbidden(t *testing.T) {
	// The API server's counts go back to its start, so this covers what the
	// tests before did; here an event and a status are made sure of.
	r := startRouter(t)
	apply(t, node("node1"), pool("home", "10.7.0.0/24"), peer(r, "node1", "127.0.11.1"), service("web"))
	start(t, "node1")
	holds(t, "web", "10.7.0.0")
	condition(t, "addresspool/home", "InUse", "")
	event(t, "Service/web", "NotAnnounced", "noEndpoints")
	if forbidden := refusals(t); len(forbidden) > 0 {
		t.Errorf("requests were refused:\n%s", strings.Join(forbidden, "\n"))
	}
}

var forbidden = regexp.MustCompile(`^apiserver_request_total\{.*code="403".*\} [1-9]`)

// refusals are the API server's own counts of requests that it forbade.
func refusals(t *testing.T) []string {
	t.Helper()
	var out []string
	lab.Eventually(t, "the API server's figures", func() error {
		text, err := cluster.Kubectl(t.Context(), "get", "--raw", "/metrics")
		if err != nil {
			return err
		}
		for _, line := range strings.Split(text, "\n") {
			if forbidden.MatchString(line) {
				out = append(out, line)
			}
		}
		return nil
	})
	return out
}
