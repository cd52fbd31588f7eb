package status

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/hawser-lb/hawser/router/internal/journal"
	"github.com/hawser-lb/hawser/shared/bfd"
)

// section is the part of docs/status.md under a heading.
func section(t *testing.T, heading string) string {
	t.Helper()
	text, err := os.ReadFile("../../../docs/status.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, ok := strings.Cut(string(text), "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("docs/status.md has no section %s", heading)
	}
	part, _, _ := strings.Cut(after, "\n## ")
	return part
}

// fields are the JSON names of a struct, and whether each may be absent.
func fields(of reflect.Type) map[string]bool {
	all := map[string]bool{}
	for i := range of.NumField() {
		if of.Field(i).Anonymous {
			continue
		}
		name, options, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
		all[name] = options != ""
	}
	return all
}

func TestEveryFieldIsDocumentedInItsSection(t *testing.T) {
	for heading, of := range map[string]any{
		"Snapshot": Snapshot{}, "Config": Config{}, "Listen": Listen{}, "Cluster": Cluster{}, "Neighbor": Neighbor{}, "Messages": Messages{}, "BFD": BFD{},
		"Restart": Restart{}, "Route": Route{}, "Path": Path{}, "NextHop": NextHop{}, "Kernel": Kernel{}, "The socket": Request{}, "Totals": Totals{}, "Page": Page{}, "Event": journal.Event{},
	} {
		text := section(t, heading)
		for name, absent := range fields(reflect.TypeOf(of)) {
			line := lineWith(text, "`"+name+"`")
			if name == "" || line == "" {
				t.Errorf("docs/status.md, %s: no `%s`", heading, name)
			} else if absent && heading != "The socket" && !strings.Contains(line, "may be absent") {
				t.Errorf("docs/status.md, %s: `%s` may be absent", heading, name)
			}
		}
	}
}

func TestEveryKindOfEventIsDocumentedAndNoOther(t *testing.T) {
	source, err := os.ReadFile("../journal/event.go")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\s+\w+\s+Kind = "(\w+)"$`).FindAllStringSubmatch(string(source), -1) {
		kinds[m[1]] = true
	}
	_, table, ok := strings.Cut(section(t, "Event"), "| kind | when |\n")
	if !ok || len(kinds) < 20 {
		t.Fatalf("docs/status.md has no kinds of events, or the source has %d", len(kinds))
	}
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) < 3 {
			continue
		}
		for i, word := range strings.Split(cells[1], "`") {
			if i%2 == 1 && !kinds[word] {
				t.Errorf("docs/status.md, Event: %s is no kind", word)
			}
			delete(kinds, word)
		}
	}
	for word := range kinds {
		t.Errorf("docs/status.md, Event: no `%s`", word)
	}
}

func TestEveryReasonToIgnoreABFDPacketIsDocumented(t *testing.T) {
	text := section(t, "Ignored BFD packets")
	for _, reason := range bfd.Reasons() {
		if !strings.Contains(text, "`"+reason+"`") {
			t.Errorf("docs/status.md, Ignored BFD packets: no `%s`", reason)
		}
	}
}

// lineWith is the line of text that has part, "" for none.
func lineWith(text, part string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			return line
		}
	}
	return ""
}

func TestNoFieldIsDocumentedThatIsNotThere(t *testing.T) {
	for heading, of := range map[string]any{
		"Snapshot": Snapshot{}, "Config": Config{}, "Listen": Listen{}, "Cluster": Cluster{}, "Neighbor": Neighbor{}, "Restart": Restart{}, "BFD": BFD{}, "Route": Route{},
		"Path": Path{}, "NextHop": NextHop{}, "Kernel": Kernel{}, "Totals": Totals{}, "Page": Page{},
	} {
		known := fields(reflect.TypeOf(of))
		for line := range strings.Lines(section(t, heading)) {
			cells := strings.Split(line, "|")
			if len(cells) < 3 {
				continue
			}
			for i, word := range strings.Split(cells[1], "`") {
				if _, ok := known[word]; i%2 == 1 && !ok {
					t.Errorf("docs/status.md, %s: `%s` is not a field", heading, word)
				}
			}
		}
	}
}
