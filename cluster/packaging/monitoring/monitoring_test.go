package monitoring

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
	"sigs.k8s.io/yaml"
)

const deploy = "../../deploy/monitoring/"

// known are the metrics that docs/speaker.md lists, which its own test holds
// against the speaker.
func known(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile("../../../docs/speaker.md")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(hawser_[a-z_]+)` \\| .*").FindAllStringSubmatch(string(text), -1) {
		all[m[1]] = true
		if strings.Contains(m[0], "histogram") {
			all[m[1]+"_bucket"] = true
		}
	}
	if len(all) < 10 {
		t.Fatalf("docs/speaker.md lists %d metrics", len(all))
	}
	return all
}

// check parses PromQL as Prometheus does and looks for metrics that nobody has.
func check(t *testing.T, what, expr string, metrics map[string]bool) {
	t.Helper()
	parsed, err := parser.ParseExpr(expr)
	if err != nil {
		t.Errorf("%s: %v in %s", what, err, expr)
		return
	}
	parser.Inspect(parsed, func(n parser.Node, _ []parser.Node) error {
		if v, ok := n.(*parser.VectorSelector); ok && !metrics[v.Name] {
			t.Errorf("%s: no metric is called %s", what, v.Name)
		}
		return nil
	})
}

func TestEachAlertAsksForWhatThereIsAndSaysWhatToDo(t *testing.T) {
	text, err := os.ReadFile(deploy + "rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	if err := yaml.UnmarshalStrict(text, &file); err != nil {
		t.Fatal(err)
	}
	metrics := known(t)
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			check(t, r.Alert, r.Expr, metrics)
			if r.Labels["severity"] == "" || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
				t.Errorf("%s: no severity, summary or description", r.Alert)
			}
		}
	}
	if len(file.Groups) != 1 || len(file.Groups[0].Rules) == 0 {
		t.Errorf("%d groups", len(file.Groups))
	}
}

func TestEachPanelAsksForWhatThereIs(t *testing.T) {
	metrics := known(t)
	for _, p := range Panels {
		for _, q := range p.Queries {
			check(t, p.Title, q.Expr, metrics)
		}
	}
	want, err := Dashboard()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(deploy + "dashboard.json"); err != nil || !bytes.Equal(got, want) {
		t.Errorf("dashboard.json is not what the table says (%v): run `make generate`", err)
	}
}
