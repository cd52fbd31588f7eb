package licences_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hawser-lb/hawser/shared/licences"
)

func TestTheTextsOfAllThatIsInAProgramGoAlong(t *testing.T) {
	for program, want := range map[string][]string{
		"./router/cmd/hawser": {"\nGo\n", "\ngithub.com/digineo/go-uci v", "\ngithub.com/osrg/gobgp/v3 v", "\ngolang.org/x/sys v",
			"Copyright 2009 The Go Authors", "Digineo", "Apache License"},
		"./cluster/cmd/hawser-speaker": {"\nk8s.io/client-go v", "\nsigs.k8s.io/yaml v", "\ngithub.com/prometheus/client_golang v", "The Prometheus Authors"},
	} {
		text, err := licences.Texts(t.Context(), "../..", program)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range want {
			if !strings.Contains(string(text), part) {
				t.Errorf("%s: nothing of %q", program, part)
			}
		}
		if n := strings.Count(string(text), "Copyright 2009 The Go Authors"); n > 2 {
			t.Errorf("%s: one text stands there %d times", program, n)
		}
	}
}

func TestAProgramWithAModuleWithoutALicenceIsNotPassedOn(t *testing.T) {
	tree := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":       "module example.test/program\n\nrequire example.test/bare v1.0.0\n\nreplace example.test/bare => ./bare\n",
		"main.go":      "package main\n\nimport \"example.test/bare\"\n\nfunc main() { bare.Do() }\n",
		"bare/go.mod":  "module example.test/bare\n",
		"bare/bare.go": "package bare\n\nfunc Do() {}\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(tree, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(tree, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := licences.Texts(t.Context(), tree, ".")
	if err == nil || !strings.Contains(err.Error(), "example.test/bare v1.0.0: no licence in ") {
		t.Errorf("%v\n%s", err, text)
	}
	if _, err := licences.Texts(t.Context(), tree, "./nothing"); err == nil || !strings.Contains(err.Error(), "nothing") {
		t.Errorf("of a program that is not there: %v", err)
	}
}
