package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hawser-lb/hawser/shared/lab"
)

// theMove runs migrate and returns the manifest that it prints.
func theMove(t *testing.T, status int, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if got := command(context.Background(), append([]string{"migrate"}, args...), nil, &out, &errs); got != status {
		t.Fatalf("status %d, not %d: %s", got, status, errs.String())
	}
	return out.String()
}

func TestWhoMovesFromTheConfigMapToTheObjectsKeepsEveryAddressAndRoute(t *testing.T) {
	r := startRouter(t)
	text := strings.Replace(fmt.Sprintf(configMap, r.address, routerPort, "bgp", "10.8.0.0/24"), "    address-pools:\n",
		"    address-pools:\n    - {name: asked-for, protocol: bgp, addresses: [10.9.0.0/24], auto-assign: false, bgp-advertisements: [{communities: [\"65001:1\"]}]}\n", 1)
	apply(t, node("node1"), text)
	start(t, "node1")
	services := []string{
		service("web"), annotated(service("asks"), "metallb.universe.tf/address-pool", "asked-for"),
		annotated(service("wishes"), "metallb.universe.tf/loadBalancerIPs", "10.8.0.77"),
	}
	apply(t, append(services, endpoints("web", "node1"), endpoints("asks", "node1"), endpoints("wishes", "node1"))...)
	routes := []string{"10.8.0.0/32 via 127.0.11.1", "10.8.0.77/32 via 127.0.11.1", "10.9.0.0/32 via 127.0.11.1"}
	r.has(t, routes...)
	held := kubectl(t, "get", "services", "web", "asks", "wishes", "-o", "jsonpath={.items[*].status.loadBalancer}")

	apply(t, theMove(t, 0, "--metallb-namespace", "hawser-system", "--kubeconfig", cluster.Kubeconfig))
	condition(t, "addresspool/default", "ConfigMapInUse", "")
	kubectl(t, "delete", "configmap", "config", "-n", "hawser-system")
	condition(t, "addresspool/default", "InUse", "")
	apply(t, service("later"), endpoints("later", "node1"))
	r.has(t, append([]string{routes[0], "10.8.0.1/32 via 127.0.11.1"}, routes[1:]...)...)
	if after := kubectl(t, "get", "services", "web", "asks", "wishes", "-o", "jsonpath={.items[*].status.loadBalancer}"); after != held {
		t.Errorf("they held %s and hold %s", held, after)
	}
}

// theirs are MetalLB's kinds as a cluster has them, as far as they are asked
// for here.
func theirs() string {
	var out []string
	for kind, names := range map[string][2]string{
		"IPAddressPool": {"ipaddresspools", "v1beta1"}, "BGPPeer": {"bgppeers", "v1beta2"}, "L2Advertisement": {"l2advertisements", "v1beta1"},
	} {
		out = append(out, fmt.Sprintf(`apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: %[2]s.metallb.io}
spec:
  group: metallb.io
  scope: Namespaced
  names: {kind: %[1]s, plural: %[2]s}
  versions:
  - name: %[3]s
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`, kind, names[0], names[1]))
	}
	return strings.Join(out, "---\n")
}

func TestMetalLBsObjectsMoveOutOfTheClusterAndTheServicesKeepTheirAddresses(t *testing.T) {
	r := startRouter(t)
	apply(t, node("node1"), theirs())
	lab.Eventually(t, "MetalLB's kinds", func() error {
		_, err := cluster.Kubectl(t.Context(), "get", "ipaddresspools.metallb.io,bgppeers.metallb.io,l2advertisements.metallb.io", "-A")
		return err
	})
	apply(t, fmt.Sprintf(`apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: home, namespace: default}
spec: {addresses: [10.7.0.10-10.7.0.20]}
---
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: {name: router, namespace: default}
spec: {myASN: 65001, peerASN: 65000, peerAddress: %s, peerPort: %d, sourceAddress: 127.0.11.1}
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: lan, namespace: default}
`, r.address, routerPort))
	apply(t, service("old"), endpoints("old", "node1"))
	kubectl(t, "patch", "service", "old", "--subresource", "status", "--type", "merge", "-p", `{"status":{"loadBalancer":{"ingress":[{"ip":"10.7.0.15"}]}}}`)
	manifest := theMove(t, 3, "--metallb-namespace", "default", "--kubeconfig", cluster.Kubeconfig)
	if !strings.HasPrefix(manifest, "# Not carried over:\n# - L2Advertisement lan: ") {
		t.Errorf("it begins\n%s", manifest)
	}
	apply(t, manifest)
	start(t, "node1")
	apply(t, service("new"), endpoints("new", "node1"))
	r.has(t, "10.7.0.10/32 via 127.0.11.1", "10.7.0.15/32 via 127.0.11.1")
	holds(t, "old", "10.7.0.15")
}

func TestTheAPIServerTakesWhatMigratePrints(t *testing.T) {
	for _, name := range []string{"configmap", "objects"} {
		apply(t, theMove(t, 3, "-f", "../../internal/migrate/testdata/"+name+".yaml"))
	}
}

func TestMigrateSaysWhatItCannotRead(t *testing.T) {
	file := t.TempDir() + "/x.yaml"
	if err := os.WriteFile(file, []byte("a: [\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	theMove(t, 1, "-f", file)
	theMove(t, 1, "--metallb-namespace", "nowhere", "--kubeconfig", cluster.Kubeconfig)
	theMove(t, 2, "--sail")
}

// theLines are those that a document tells users to type, without what stands
// behind a # or needs the controllers of a whole cluster.
func theLines(t *testing.T, document, after string) []string {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), after)
	var out []string
	for line := range strings.Lines(rest) {
		command, indented := strings.CutPrefix(line, "    ")
		switch {
		case indented:
			command, _, _ = strings.Cut(command, "#")
			out = append(out, strings.TrimSpace(command))
		case len(out) > 0:
			return out
		}
	}
	t.Fatalf("%s has no lines after %q", document, after)
	return nil
}

func TestTheLinesThatMoveAHouseDoWhatTheySay(t *testing.T) {
	dir := t.TempDir()
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	config, err := os.ReadFile(cluster.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		os.MkdirAll(dir+"/.kube", 0o755), os.WriteFile(dir+"/.kube/config", config, 0o600), os.Symlink(root+"/cluster", dir+"/cluster"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("go", "build", "-o", dir+"/hawser-speaker", ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	apply(t, node("node1"), theirs())
	// It stays: without controllers nobody finishes the end of a namespace.
	if err := cluster.Apply(t.Context(), "apiVersion: v1\nkind: Namespace\nmetadata: {name: metallb-system}\n"); err != nil {
		t.Fatal(err)
	}
	lab.Eventually(t, "MetalLB's kinds", func() error {
		_, err := cluster.Kubectl(t.Context(), "get", "ipaddresspools.metallb.io,bgppeers.metallb.io,l2advertisements.metallb.io", "-A")
		return err
	})
	pod := "{metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: none}]}}"
	apply(t, fmt.Sprintf(`apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: home, namespace: metallb-system}
spec: {addresses: [10.7.0.0/24]}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: speaker, namespace: metallb-system}
spec: {selector: {matchLabels: {a: b}}, template: %s}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: controller, namespace: metallb-system}
spec: {selector: {matchLabels: {a: b}}, template: %[1]s}
`, pod))
	t.Cleanup(func() { kubectl(t, "delete", "addresspool", "--all") })
	for _, line := range theLines(t, root+"/docs/from-metallb.md", "In ten lines:") {
		if strings.Contains(line, "delete namespace") {
			continue // nobody here would finish it
		}
		line = strings.Replace(line, "> hawser.yaml", "> hawser.yaml || [ $? = 3 ]", 1)
		shell := exec.Command("bash", "-euc", line)
		shell.Dir = dir
		shell.Env = append(os.Environ(), append(cluster.Env(), "HOME="+dir, "PATH="+dir+":"+cluster.BinDir()+":"+os.Getenv("PATH"))...)
		if out, err := shell.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
	}
	if out := kubectl(t, "get", "pool", "home", "-o", "jsonpath={.spec.addresses}"); out != `["10.7.0.0/24"]` {
		t.Errorf("the pool has %s", out)
	}
}
