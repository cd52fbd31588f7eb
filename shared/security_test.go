package shared_test

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	testName = regexp.MustCompile(`\bTest[A-Z]\w+`)
	testFunc = regexp.MustCompile(`(?m)^func (Test[A-Z]\w+)\(`)
)

// tests are the names of all tests in the tree.
func tests(t *testing.T) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "git", "-c", "safe.directory=*", "-C", "..", "ls-files", "--cached", "--others", "--exclude-standard", "*_test.go").Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, file := range strings.Fields(string(out)) {
		text, err := os.ReadFile("../" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range testFunc.FindAllStringSubmatch(string(text), -1) {
			all = append(all, m[1])
		}
	}
	return all
}

func TestEachClaimAboutSecurityIsShownByATest(t *testing.T) {
	text, err := os.ReadFile("../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	there, claims, inClaims := tests(t), 0, false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "| cannot | shown by |":
			inClaims = true
		case !strings.HasPrefix(line, "|"):
			inClaims = false
		case inClaims && !strings.HasPrefix(line, "|--"):
			claims++
			columns := strings.Split(line, "|")
			if len(testName.FindAllString(columns[len(columns)-2], -1)) == 0 {
				t.Errorf("no test shows it: %s", line)
			}
		}
		for _, name := range testName.FindAllString(line, -1) {
			if !slices.Contains(there, name) {
				t.Errorf("there is no %s: %s", name, line)
			}
		}
	}
	if claims < 20 {
		t.Errorf("only %d claims were found: this test reads the wrong tables", claims)
	}
}
