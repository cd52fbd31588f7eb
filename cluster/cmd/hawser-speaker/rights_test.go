package main

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/hawser-lb/hawser/shared/lab"
)

// rights collects what is asked of the API server, as roles name it: "group
// resource verb".
type rights struct {
	mu    sync.Mutex
	asked map[string]bool
}

func (a *rights) note(r *http.Request) {
	// /api/v1/… or /apis/GROUP/VERSION/…, then namespaces/NAME, the resource, a
	// name, the part of it.
	words, group := strings.Split(strings.Trim(r.URL.Path, "/"), "/"), ""
	if words[0] == "apis" {
		group, words = words[1], words[1:]
	}
	words = words[2:]
	if words[0] == "namespaces" && len(words) > 2 {
		words = words[2:]
	}
	resource := words[0]
	if len(words) > 2 {
		resource += "/" + words[2]
	}
	verbs := map[string][]string{http.MethodGet: {"list"}, http.MethodPost: {"create"}, http.MethodPut: {"update"}, http.MethodPatch: {"patch"}}[r.Method]
	if isWatch(r) {
		verbs = []string{"watch"}
	}
	if r.Method == http.MethodPatch && resource == "bgpnodes" {
		verbs = append(verbs, "create") // it applies what may not be there
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, v := range verbs {
		a.asked[strings.TrimSpace(group+" "+resource+" "+v)] = true
	}
	if verbs == nil {
		a.asked[r.Method+" "+r.URL.Path] = true
	}
}

func (a *rights) all() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Sorted(maps.Keys(a.asked))
}

// granted are the rights in the manifests.
func granted(t *testing.T) []string {
	t.Helper()
	all := map[string]bool{}
	for _, file := range []string{"clusterrole.yaml", "role.yaml"} {
		text, err := os.ReadFile(deployment + "/" + file)
		if err != nil {
			t.Fatal(err)
		}
		var role struct {
			Rules []struct{ APIGroups, Resources, Verbs []string }
		}
		if err := yaml.Unmarshal(text, &role); err != nil {
			t.Fatal(err)
		}
		for _, rule := range role.Rules {
			for _, group := range rule.APIGroups {
				for _, resource := range rule.Resources {
					for _, verb := range rule.Verbs {
						all[strings.TrimSpace(group+" "+resource+" "+verb)] = true
					}
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(all))
}

func TestTheRolesGrantWhatIsAskedForAndNothingElse(t *testing.T) {
	r, p := startRouter(t), throughProxy(t)
	a := &rights{asked: map[string]bool{}}
	p.meets(func(_ http.ResponseWriter, r *http.Request) bool { a.note(r); return false })
	kubectl(t, "delete", "lease", "hawser-allocator", "-n", "hawser-system", "--ignore-not-found")
	start(t, "node1", "--kubeconfig", p.kubeconfig)
	apply(t, node("node1"), pool("home", "10.7.0.0/24"), peer(r, "node1", "127.0.11.1"), service("web"),
		"apiVersion: hawser.dev/v1alpha1\nkind: BGPAdvertisement\nmetadata: {name: all}\nspec: {}")
	holds(t, "web", "10.7.0.0")
	event(t, "Service/web", "AddressAssigned", "10.7.0.0")
	want := granted(t)
	lab.Eventually(t, "each right to be used once", func() error {
		for _, right := range want {
			if !slices.Contains(a.all(), right) {
				return fmt.Errorf("granted, and never asked for: %s", right)
			}
		}
		return nil
	})
	for _, right := range a.all() {
		if !slices.Contains(want, right) {
			t.Errorf("asked for, and granted by no role: %s", right)
		}
	}
}

// A tenant may write any annotation, and has neither another's address by it nor
// the terminal of who reads the events.
func TestWhateverATenantWritesNobodyElsesAddressIsTaken(t *testing.T) {
	apply(t, node("node1"), pool("home", "10.7.0.0/30"),
		pool("theirs", "10.8.0.0/30", "serviceAllocation:", "  namespaces: [kube-public]"),
		annotated(service("victim"), "hawser.dev/allow-shared-ip", "key"))
	start(t, "node1")
	holds(t, "victim", "10.7.0.0")
	tenant := func(name, key, value string) string {
		return strings.Replace(annotated(service(name), key, value), "metadata:\n", "metadata:\n  namespace: kube-node-lease\n", 1)
	}
	apply(t,
		tenant("shares", "hawser.dev/allow-shared-ip", "key"),
		tenant("asks", "hawser.dev/addresses", "10.7.0.0"),
		tenant("forges", "hawser.dev/allocated-from-pool", "theirs"),
		tenant("wants", "hawser.dev/pool", "theirs"),
		tenant("shouts", "hawser.dev/pool", "\x1b[2J\x07gone"),
		tenant("floods", "hawser.dev/addresses", strings.Repeat("x", 200_000)),
	)
	event(t, "Service/asks", "AllocationFailed", "10.7.0.0 is asked for: held by default/victim")
	event(t, "Service/wants", "AllocationFailed", "pool theirs is asked for")
	event(t, "Service/shouts", "AllocationFailed", "no pool has such a name")
	event(t, "Service/floods", "AllocationFailed", "is no address")
	lab.Eventually(t, "those who may to have addresses of their own", func() error {
		out := kubectl(t, "get", "services", "-n", "kube-node-lease", "-o", `jsonpath={range .items[*]}{.metadata.name}={.status.loadBalancer.ingress[*].ip} {end}`)
		if strings.Contains(out, "=10.8.") || strings.Contains(out, "=10.7.0.0 ") || !strings.Contains(out, "shares=10.7.") || !strings.Contains(out, "forges=10.7.") {
			return errors.New(out)
		}
		return nil
	})
	holds(t, "victim", "10.7.0.0")
	if out := kubectl(t, "get", "events", "-A", "-o", "json"); strings.Contains(out, "u001b") || strings.Contains(out, "\x1b") {
		t.Error("an event has a control character")
	}
}
