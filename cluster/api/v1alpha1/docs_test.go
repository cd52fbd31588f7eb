package v1alpha1_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

type schema struct {
	Properties map[string]schema `json:"properties"`
	Default    any               `json:"default"`
	Required   []string          `json:"required"`
}

// fields are the paths below s, as the document writes them, with the default.
// What belongs to Kubernetes itself (a selector, a condition) is one field.
func (s schema) fields(path string, into map[string]string) {
	for name, p := range s.Properties {
		at := strings.TrimPrefix(path+"."+name, ".")
		if strings.Contains(at, ".") {
			into[at] = ""
			if _, parts := p.Default.(map[string]any); p.Default != nil && !parts {
				into[at] = fmt.Sprintf("`%v`", p.Default)
			}
			if slices.Contains(s.Required, name) && strings.HasPrefix(at, "spec.") {
				into[at] = "required"
			}
		}
		p.fields(at, into)
	}
}

var row = regexp.MustCompile("(?m)^\\| `((?:spec|status)\\.[A-Za-z0-9.]+)` \\|[^|]*\\|([^|]*)\\|[^|]*\\|$")

func TestTheDocumentNamesEveryFieldAndItsDefault(t *testing.T) {
	text, err := os.ReadFile("../../../docs/objects.md")
	if err != nil {
		t.Fatal(err)
	}
	for kind, file := range map[string]string{"AddressPool": "hawser.dev_addresspools.yaml", "BGPPeer": "hawser.dev_bgppeers.yaml", "BGPAdvertisement": "hawser.dev_bgpadvertisements.yaml", "BGPNode": "hawser.dev_bgpnodes.yaml"} {
		_, section, ok := strings.Cut(string(text), "\n## "+kind)
		if !ok {
			t.Fatalf("no section on %s", kind)
		}
		section, _, _ = strings.Cut(section, "\n## ")
		told := map[string]string{}
		for _, m := range row.FindAllStringSubmatch(section, -1) {
			told[m[1]] = m[2]
		}
		there := fieldsOf(t, filepath.Join(crds, file))
		for _, field := range slices.Sorted(maps.Keys(there)) {
			says, ok := told[field]
			if !ok {
				t.Errorf("%s: %s is not told of", kind, field)
			}
			if want := there[field]; !strings.Contains(says, want) {
				t.Errorf("%s: %s has the default %s, the document says %q", kind, field, want, says)
			}
		}
		for field := range told {
			if _, ok := there[field]; !ok {
				t.Errorf("%s: there is no field %s", kind, field)
			}
		}
	}
}

func fieldsOf(t *testing.T, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var crd struct {
		Spec struct {
			Versions []struct {
				Schema struct {
					OpenAPIV3Schema schema `json:"openAPIV3Schema"`
				} `json:"schema"`
			} `json:"versions"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(text, &crd); err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	crd.Spec.Versions[0].Schema.OpenAPIV3Schema.fields("", out)
	return out
}
