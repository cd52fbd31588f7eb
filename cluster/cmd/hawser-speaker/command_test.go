package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
)

func TestCommandsSayWhatIsWrongAndEndWithAStatus(t *testing.T) {
	const goodText = "peers: [{peer-address: 192.0.2.1, peer-asn: 65000, my-asn: 65001}]\naddress-pools: [{name: a, protocol: bgp, addresses: [192.0.2.0/24]}]\n"
	for _, c := range []struct {
		name, args, in string
		status         int
		says           string
	}{
		{"no command", "", "", 0, "hawser-speaker run"},
		{"an unknown command", "sail", "", 2, `no command "sail"`},
		{"version", "version", "", 0, "hawser-speaker"},
		{"run without a node", "run", "", 2, "--node-name is missing"},
		{"an unknown option", "run --node-name a --sail", "", 2, "unknown flag: --sail"},
		{"an address without a port", "run --node-name a --health-address localhost", "", 2, "--health-address"},
		{"an unknown log level", "run --node-name a --log-level loud", "", 2, `log level "loud"`},
		{"a kubeconfig that is not there", "run --node-name a --kubeconfig /nowhere", "", 1, "/nowhere"},
		{"no cluster around", "run --node-name a", "", 1, "outside a cluster give --kubeconfig"},
		{"a good text", "check", goodText, 0, "good: 1 peers, 1 pools"},
		{"a bad text", "check", strings.Replace(goodText, "bgp", "layer2", 1), 1, "layer2"},
		{"a good ConfigMap", "check -", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config}\ndata:\n  config: |\n    " + strings.ReplaceAll(goodText, "\n", "\n    "), 0, "ConfigMap config: good"},
		{"a good pool", "check", "apiVersion: hawser.dev/v1alpha1\nkind: AddressPool\nmetadata: {name: a}\nspec: {addresses: [192.0.2.0/24]}\n", 0, "AddressPool a: good"},
		{"a pool with a slip", "check", "apiVersion: hawser.dev/v1alpha1\nkind: AddressPool\nmetadata: {name: a}\nspec: {addresses: [192.0.2.1/24], autoasign: false}\n", 1, "autoasign"},
		{"a peer with a bad selector", "check", "apiVersion: hawser.dev/v1alpha1\nkind: BGPPeer\nmetadata: {name: a}\nspec: {myASN: 1, peerASN: 2, peerAddress: 192.0.2.1, nodeSelectors: [{matchExpressions: [{key: a, operator: Is}]}]}\n", 1, `operator "Is"`},
		{"an object of another kind", "check", "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n", 0, ""},
	} {
		var out, errs bytes.Buffer
		status := command(context.Background(), strings.Fields(c.args), strings.NewReader(c.in), &out, &errs)
		if said := out.String() + errs.String(); status != c.status || !strings.Contains(said, c.says) {
			t.Errorf("%s: status %d, not %d; it says:\n%s", c.name, status, c.status, said)
		}
	}
}

func TestAnOptionIsReadFromTheEnvironmentAndTheCommandLineWins(t *testing.T) {
	t.Setenv("HAWSER_NODE_NAME", "node1")
	t.Setenv("HAWSER_LISTEN_PORT", "1179")
	t.Setenv("HAWSER_IGNORE_EXCLUDE_LB", "true")
	var o options
	if err := o.parse([]string{"--listen-port", "2179"}); err != nil {
		t.Fatal(err)
	}
	if o.nodeName != "node1" || o.listenPort != 2179 || !o.ignoreExcludeLB {
		t.Errorf("got %+v", o)
	}
	t.Setenv("HAWSER_LISTEN_PORT", "harbour")
	if err := o.parse(nil); err == nil || !strings.Contains(err.Error(), "HAWSER_LISTEN_PORT") {
		t.Errorf("got %v", err)
	}
}
