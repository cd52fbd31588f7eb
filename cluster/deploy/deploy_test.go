// Package deploy_test looks at the manifests themselves. That they work, with
// these rights and no others, is tested where the speaker is.
package deploy_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"sigs.k8s.io/yaml"
)

func read(t *testing.T, file string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := yaml.UnmarshalStrict(text, &out); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return out
}

// at follows keys and indices into an object.
func at(o any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := o.(map[string]any)
			o = m[p]
		case int:
			l, _ := o.([]any)
			if p >= len(l) {
				return nil
			}
			o = l[p]
		}
	}
	return o
}

func TestTheBaseNamesEveryManifest(t *testing.T) {
	var named, there []string
	for _, r := range at(read(t, "kustomization.yaml"), "resources").([]any) {
		named = append(named, r.(string))
	}
	for _, pattern := range []string{"*.yaml", "crds/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		there = append(there, files...)
	}
	there = slices.DeleteFunc(there, func(f string) bool { return f == "kustomization.yaml" })
	slices.Sort(named)
	slices.Sort(there)
	if !slices.Equal(named, there) {
		t.Errorf("named %q, there %q", named, there)
	}
}

func TestThePodHasNoMoreThanItNeeds(t *testing.T) {
	pod := at(read(t, "daemonset.yaml"), "spec", "template", "spec")
	container := at(pod, "containers", 0)
	for _, c := range []struct {
		what string
		got  any
		want string
	}{
		{"uses the node's network", at(pod, "hostNetwork"), "true"},
		{"does not run as root", at(pod, "securityContext", "runAsNonRoot"), "true"},
		{"is filtered", at(pod, "securityContext", "seccompProfile", "type"), "RuntimeDefault"},
		{"cannot gain privileges", at(container, "securityContext", "allowPrivilegeEscalation"), "false"},
		{"cannot write to its root", at(container, "securityContext", "readOnlyRootFilesystem"), "true"},
		{"has no capability", at(container, "securityContext", "capabilities", "drop"), "[ALL]"},
		{"adds no capability", at(container, "securityContext", "capabilities", "add"), "<nil>"},
		{"is not privileged", at(container, "securityContext", "privileged"), "<nil>"},
		{"has one container", at(pod, "containers", 1), "<nil>"},
		{"has no init container", at(pod, "initContainers"), "<nil>"},
		{"mounts nothing", at(pod, "volumes"), "<nil>"},
		{"is asked whether it lives", at(container, "livenessProbe", "httpGet", "path"), "/healthz"},
		{"is asked whether it is ready", at(container, "readinessProbe", "httpGet", "path"), "/readyz"},
		{"is asked for its life on the node alone", at(container, "livenessProbe", "httpGet", "host"), "127.0.0.1"},
		{"is asked for readiness on the node alone", at(container, "readinessProbe", "httpGet", "host"), "127.0.0.1"},
	} {
		if got := fmt.Sprint(c.got); got != c.want {
			t.Errorf("the pod %s: %s, not %s", c.what, got, c.want)
		}
	}
}

func TestNoRightReachesEverythingOrSecretsOfOthers(t *testing.T) {
	for _, file := range []string{"clusterrole.yaml", "role.yaml"} {
		for _, rule := range at(read(t, file), "rules").([]any) {
			for _, list := range []string{"apiGroups", "resources", "verbs"} {
				for _, word := range at(rule, list).([]any) {
					if word == "*" || word == "secrets" && file == "clusterrole.yaml" {
						t.Errorf("%s: %s has %v", file, list, word)
					}
				}
			}
		}
	}
}
