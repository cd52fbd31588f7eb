package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

const base = "../../../deploy"

func TestTheTemplatesAreThoseOfTheBase(t *testing.T) {
	made, err := templates(base)
	if err != nil {
		t.Fatal(err)
	}
	var there []string
	for _, pattern := range []string{"templates/*", "crds/*"} {
		files, err := filepath.Glob(filepath.Join(base, "chart", pattern))
		if err != nil {
			t.Fatal(err)
		}
		there = append(there, files...)
	}
	if len(there) != len(made) {
		t.Errorf("%d files, want %d: run `make generate`", len(there), len(made))
	}
	for name, want := range made {
		if got, err := os.ReadFile(filepath.Join(base, "chart", name)); err != nil || string(got) != want {
			t.Errorf("chart/%s is not what the base says (%v): run `make generate`", name, err)
		}
	}
}

// rendered are the objects of the chart, CRDs too, each as YAML with sorted
// keys, in order.
func rendered(t *testing.T, c *chart.Chart, set map[string]any) []string {
	t.Helper()
	values, err := chartutil.ToRenderValues(c, set, chartutil.ReleaseOptions{Name: "hawser", Namespace: "hawser-system"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	files, err := engine.Render(c, values)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for name, text := range files {
		if strings.HasSuffix(name, ".yaml") {
			all = append(all, text)
		}
	}
	for _, crd := range c.CRDObjects() {
		all = append(all, string(crd.File.Data))
	}
	return sorted(t, all)
}

func sorted(t *testing.T, all []string) []string {
	t.Helper()
	for i, text := range all {
		var o map[string]any
		if err := yaml.UnmarshalStrict([]byte(text), &o); err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		plain, err := yaml.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		all[i] = string(plain)
	}
	slices.Sort(all)
	return all
}

func TestTheChartInstallsWhatTheBaseInstalls(t *testing.T) {
	c, err := loader.Load(filepath.Join(base, "chart"))
	if err != nil {
		t.Fatal(err)
	}
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), base)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, r := range built.Resources() {
		if r.GetKind() != "Namespace" {
			want = append(want, r.MustYaml())
		}
	}
	if got, want := rendered(t, c, nil), sorted(t, want); !slices.Equal(got, want) {
		t.Errorf("the chart has\n%s\nthe base\n%s", strings.Join(got, "---\n"), strings.Join(want, "---\n"))
	}
}

func TestItsValuesReachTheDaemonSet(t *testing.T) {
	c, err := loader.Load(filepath.Join(base, "chart"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(rendered(t, c, map[string]any{
		"image":     map[string]any{"repository": "example.test/speaker", "tag": "9", "pullPolicy": "Always"},
		"args":      []any{"--log-level=debug"},
		"resources": map[string]any{"limits": map[string]any{"memory": "64Mi"}},
	}), "---\n")
	for _, want := range []string{"image: example.test/speaker:9", "imagePullPolicy: Always", "- run\n        - --log-level=debug", "memory: 64Mi"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "128Mi") {
		t.Error("the resources of before are still there")
	}
}
