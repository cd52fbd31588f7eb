package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

func document(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../../docs/speaker.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTheDocumentNamesEveryOptionAndItsDefault(t *testing.T) {
	var o options
	var there []string
	o.flags().VisitAll(func(f *pflag.Flag) {
		there = append(there, f.Name)
		row := regexp.MustCompile("(?m)^\\| `--" + f.Name + "` \\| ([^|]*) \\|").FindStringSubmatch(document(t))
		switch {
		case row == nil:
			t.Errorf("--%s is not told of", f.Name)
		case f.DefValue != "" && row[1] != "`"+f.DefValue+"`":
			t.Errorf("--%s is %s unless given, the document says %s", f.Name, f.DefValue, row[1])
		}
	})
	for _, m := range regexp.MustCompile("(?m)^\\| `--([a-z-]+)`").FindAllStringSubmatch(document(t), -1) {
		if !slices.Contains(there, m[1]) {
			t.Errorf("there is no option --%s", m[1])
		}
	}
}

func TestTheDocumentNamesEveryMetric(t *testing.T) {
	apply(t, node("node1"))
	s := start(t, "node1")
	s.figure(t, "hawser_config_ok 1")
	text, err := get("http://" + s.metrics + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	told := regexp.MustCompile("(?m)^\\| `(hawser_[a-z_]+)`").FindAllStringSubmatch(document(t), -1)
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (hawser_\S+)`).FindAllStringSubmatch(text, -1) {
		if !slices.ContainsFunc(told, func(row []string) bool { return row[1] == m[1] }) {
			t.Errorf("%s is not told of", m[1])
		}
	}
	// Those with labels are there only when there is something to count.
	labelled := []string{"hawser_pool_", "hawser_bgp_", "hawser_bfd_"}
	for _, row := range told {
		if !strings.Contains(text, "# TYPE "+row[1]+" ") && !slices.ContainsFunc(labelled, func(l string) bool { return strings.HasPrefix(row[1], l) }) {
			t.Errorf("there is no metric %s", row[1])
		}
	}
}
