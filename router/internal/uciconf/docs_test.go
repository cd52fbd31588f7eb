package uciconf

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// rows are the tables of docs/uci.md: section type -> "| `option` | value | default |".
func rows(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("../../../docs/uci.md")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	typ := ""
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "## config "); ok {
			typ = strings.TrimSpace(rest)
		}
		if cells := strings.SplitN(line, "|", 5); len(cells) == 5 && strings.HasPrefix(cells[1], " `") {
			all[typ] = append(all[typ], strings.Join(strings.Fields(strings.Join(cells[:4], "|")), " "))
		}
	}
	return all
}

// row is how an option must stand in the document.
func row[T any](f field[T]) string {
	kind, def := f.kind, ""
	if f.many {
		kind = "list of " + kind
	}
	if f.def != "" {
		def = "`" + f.def + "`"
	}
	return strings.Join(strings.Fields(fmt.Sprintf("| `%s` | %s | %s", f.name, kind, def)), " ")
}

func rowsOf[T any](fields []field[T]) []string {
	all := []string{row(field[T]{name: "enabled", kind: "boolean", def: "1"})}
	for _, f := range fields {
		all = append(all, row(f))
	}
	return all
}

func TestEveryOptionIsDocumentedWithItsRangeAndDefault(t *testing.T) {
	documented := rows(t)
	for typ, want := range map[string][]string{
		"globals": rowsOf(globalFields(noTables)), "cluster": rowsOf(clusterFields), "neighbor": rowsOf(neighborFields),
	} {
		got := documented[typ]
		for _, w := range want {
			if !slices.Contains(got, w) {
				t.Errorf("docs/uci.md has no row\n%s | for %s", w, typ)
			}
		}
		for _, g := range got {
			if !slices.Contains(want, g) {
				t.Errorf("docs/uci.md has a row that %s does not have:\n%s", typ, g)
			}
		}
	}
}

func TestTheExampleOfTheDocumentsIsValid(t *testing.T) {
	for _, file := range []string{"../../../docs/uci.md", "../../../README.md"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var example strings.Builder
		for line := range strings.Lines(string(text)) {
			code, ok := strings.CutPrefix(line, "    ")
			if word := strings.Fields(code); ok && len(word) > 0 && slices.Contains([]string{"config", "option", "list"}, word[0]) {
				example.WriteString(code)
			}
		}
		c, problems := Parse(file, []byte(example.String()), noTables)
		if len(problems) > 0 || len(c.Clusters) == 0 {
			t.Errorf("%+v\n%s", c, words(problems))
		}
	}
}
