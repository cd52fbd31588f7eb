package main

import (
	"fmt"
	"testing"

	"github.com/hawser-lb/hawser/shared/lab"
)

// says waits until a field of an object, as jsonpath, reads like that.
func says(t *testing.T, object, path, want string) {
	t.Helper()
	lab.Eventually(t, path+" of "+object, func() error {
		out, err := cluster.Kubectl(t.Context(), "get", object, "-o", "jsonpath="+path)
		if err != nil {
			return err
		}
		if out != want {
			return fmt.Errorf("it is %q, not %q", out, want)
		}
		return nil
	})
}

func TestEachSpeakerSaysHowItStandsAndThePeerCountsItsSessions(t *testing.T) {
	r := startRouter(t)
	apply(t, node("node1"), node("node2"), pool("home", "10.7.0.0/24"), service("web"), service("idle"), endpoints("web", "node1"),
		peer(r, "node1", "127.0.11.1"), peer(r, "node2", "127.0.11.2"))
	start(t, "node1")
	start(t, "node2")
	const brief = `{.status.established} of {.status.total}, {.status.announced} {.status.refused}: {.status.sessions[*].peer} {.status.sessions[*].state} {.status.sessions[*].routesSent}; {.status.notAnnounced[*].service} {.status.notAnnounced[*].reason}`
	says(t, "bgpnode/node1", brief, "1 of 1, 1 1: router-node1 Established 1; default/idle noEndpoints")
	says(t, "bgpnode/node1", "{.metadata.ownerReferences[*].uid}", kubectl(t, "get", "node", "node1", "-o", "jsonpath={.metadata.uid}"))
	says(t, "peer/router-node1", "{.status.sessions}", `{"established":1,"total":1}`)

	version := kubectl(t, "get", "bgpnode", "node1", "-o", "jsonpath={.metadata.resourceVersion}")
	kubectl(t, "delete", "bgpnode", "node2")
	says(t, "bgpnode/node2", "{.status.established}", "1")
	kubectl(t, "patch", "bgpnode", "node2", "--type", "merge", "-p", `{"status":{"announced":99}}`)
	says(t, "bgpnode/node2", "{.status.announced}", "1")
	if now := kubectl(t, "get", "bgpnode", "node1", "-o", "jsonpath={.metadata.resourceVersion}"); now != version {
		t.Error("the BGPNode of node1 was written although nothing was different")
	}

	kubectl(t, "patch", "peer", "router-node1", "--type", "merge", "-p", `{"spec":{"peerPort":1}}`)
	says(t, "peer/router-node1", "{.status.sessions}", `{"established":0,"total":1}`)
	says(t, "bgpnode/node1", "{.status.sessions[*].state} {.status.notAnnounced[*].reason}", "Active noEndpoints peerDown")
}
