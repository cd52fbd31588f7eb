package cli

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/hawser-lb/hawser/router/internal/uciconf"
)

func document(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../../docs/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestEveryCommandAndFlagIsDocumented(t *testing.T) {
	text := document(t, "cli.md")
	var walk func(at *word, path string)
	walk = func(at *word, path string) {
		for _, next := range at.next {
			full := path + " " + next.text
			if next.text == "ipv6" || next.text == "WORDS" {
				continue
			}
			if row := "| `" + strings.ReplaceAll(full, "|", `\|`) + "` | " + next.help + " |"; next.do != nil && !strings.Contains(text, row) {
				t.Errorf("docs/cli.md has no row\n%s", row)
			}
			walk(next, full)
		}
	}
	walk(root, "hawser")
	c := &call{Program: &Program{Getenv: func(string) string { return "" }}}
	c.flagSet().VisitAll(func(f *pflag.Flag) {
		if !strings.Contains(text, "`--"+f.Name) {
			t.Errorf("docs/cli.md has no `--%s`", f.Name)
		}
	})
}

func TestProblemsAreDocumented(t *testing.T) {
	_, text, ok := strings.Cut(document(t, "status.md"), "\n## Problem\n")
	if !ok {
		t.Fatal("docs/status.md has no section Problem")
	}
	of := reflect.TypeFor[uciconf.Problem]()
	for i := range of.NumField() {
		if name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ","); !strings.Contains(text, "`"+name+"`") {
			t.Errorf("docs/status.md, Problem: no `%s`", name)
		}
	}
}
