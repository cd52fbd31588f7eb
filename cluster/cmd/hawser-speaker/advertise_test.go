package main

import (
	"strings"
	"testing"
)

const advertisement = "apiVersion: hawser.dev/v1alpha1\nkind: BGPAdvertisement\nmetadata: {name: home}\nspec: {ipAddressPools: [home]}"

func TestAnAdvertisementIsEditedWithoutResettingASession(t *testing.T) {
	r := startRouter(t)
	apply(t, node("node1"), pool("home", "10.7.0.0/24"), peer(r, "node1", "127.0.11.1"), service("web"), endpoints("web", "node1"), advertisement)
	start(t, "node1")
	r.has(t, "10.7.0.0/32 via 127.0.11.1")
	condition(t, "advertisement/home", "InUse", "")
	edit := func(spec string) {
		t.Helper()
		kubectl(t, "patch", "advertisement", "home", "--type", "merge", "-p", `{"spec":`+spec+`}`)
	}
	edit(`{"communities":["graceful-shutdown"]}`)
	r.hears(t, 1, "10.7.0.0/32 graceful-shutdown")
	edit(`{"communities":null,"med":7}`)
	r.hears(t, 2, "10.7.0.0/32")
	edit(`{"aggregationLength":24}`)
	r.has(t, "10.7.0.0/24 via 127.0.11.1")
	edit(`{"serviceSelectors":[{"matchLabels":{"a":"b"}}]}`)
	r.has(t)
	event(t, "Service/web", "NotAnnounced", "noMatchingAdvertisement: advertisement home does not select the Service's labels")
	edit(`{"serviceSelectors":null,"nodeSelectors":[{"matchLabels":{"name":"node2"}}]}`)
	event(t, "Service/web", "NotAnnounced", "notSelected: advertisement home does not select this node")
	edit(`{"nodeSelectors":null,"peers":["nobody"]}`)
	condition(t, "advertisement/home", "UnknownName", "there is no usable BGPPeer nobody: nothing is announced by it")
	edit(`{"peers":null,"ipAddressPools":["gone"]}`)
	condition(t, "advertisement/home", "UnknownName", "there is no AddressPool gone: nothing is announced by it")
	edit(`{"ipAddressPools":["gone","home"]}`)
	condition(t, "advertisement/home", "UnknownName", "the rest is in use")
	r.has(t, "10.7.0.0/24 via 127.0.11.1")
	kubectl(t, "patch", "peer", "router-node1", "--type", "merge", "-p", `{"spec":{"connectRetryTime":"5s"}}`)
	kubectl(t, "delete", "advertisement", "home")
	r.has(t, "10.7.0.0/32 via 127.0.11.1")
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, word := range r.said {
		if strings.HasPrefix(word, "down") {
			t.Errorf("a session ended: %q", r.said)
		}
	}
}
