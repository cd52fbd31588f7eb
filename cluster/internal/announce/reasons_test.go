package announce

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestEveryReasonIsExplainedToUsers(t *testing.T) {
	text, err := os.ReadFile("../../../docs/reasons.md")
	if err != nil {
		t.Fatal(err)
	}
	last := -1
	for _, r := range Reasons() {
		at := strings.Index(string(text), "\n| `"+string(r)+"` | ")
		switch {
		case at < 0:
			t.Errorf("docs/reasons.md does not explain %s", r)
		case at < last:
			t.Errorf("docs/reasons.md does not explain %s in the order in which it is looked for", r)
		}
		last = at
	}
}

// The words of conditions stand in the room of the objects, which this one
// does not import; so their source is read.
func TestEveryReasonOfAConditionIsExplainedToUsers(t *testing.T) {
	text, err := os.ReadFile("../../../docs/reasons.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("../../api/v1alpha1/condition.go")
	if err != nil {
		t.Fatal(err)
	}
	words := regexp.MustCompile(`(?m)^\tReason\w+ = "(\w+)"$`).FindAllStringSubmatch(string(source), -1)
	if len(words) == 0 {
		t.Fatal("no reason found in condition.go")
	}
	for _, w := range words {
		if !strings.Contains(string(text), "\n| `"+w[1]+"` | ") {
			t.Errorf("docs/reasons.md does not explain %s", w[1])
		}
	}
}
