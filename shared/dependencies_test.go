package shared_test

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// linked are "module version" of what is in a program, for each architecture.
func linked(t *testing.T, program string, arches ...string) []string {
	t.Helper()
	var all []string
	for _, arch := range arches {
		cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}{{end}}{{end}}", program)
		cmd.Dir, cmd.Env = "..", append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("go list %s: %v", program, err)
		}
		for line := range strings.Lines(string(out)) {
			if line = strings.TrimSpace(line); line != "" {
				all = append(all, line)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

var dependency = regexp.MustCompile("^\\| `([^`]+)` \\| (v\\S+) \\| ([^|]+) \\| ([^|]+) \\|")

// listed are the rows under a heading of docs/dependencies.md.
func listed(t *testing.T, text, heading string) []string {
	t.Helper()
	_, part, found := strings.Cut(text, "\n## "+heading+"\n")
	if !found {
		t.Fatalf("docs/dependencies.md has no %q", heading)
	}
	part, _, _ = strings.Cut(part, "\n## ")
	var all []string
	for line := range strings.Lines(part) {
		if m := dependency.FindStringSubmatch(line); m != nil {
			all = append(all, fmt.Sprintf("%s %s", m[1], m[2]))
		}
	}
	slices.Sort(all)
	return all
}

// A module that comes, goes or changes is looked at by somebody, who says so in
// the list.
func TestTheListOfDependenciesIsWhatTheProgramsHold(t *testing.T) {
	text, err := os.ReadFile("../docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	for heading, got := range map[string][]string{
		"In hawser":         linked(t, "./router/cmd/hawser", "mipsle", "amd64"),
		"In hawser-speaker": linked(t, "./cluster/cmd/hawser-speaker", "amd64", "arm64", "arm"),
	} {
		if want := listed(t, string(text), heading); !slices.Equal(got, want) {
			t.Errorf("%s: linked are\n%s\nlisted are\n%s", heading, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}
