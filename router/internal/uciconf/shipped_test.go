package uciconf

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// shipped is the file that the OpenWrt package brings.
func shipped(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../../openwrt-feed/hawser/files/hawser.config")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// uncommented has every option that the file shows in a comment.
func uncommented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		code := strings.TrimPrefix(line, "#")
		if word := strings.Fields(code); len(word) > 0 && slices.Contains([]string{"config", "option", "list"}, word[0]) {
			b.WriteString(code)
		}
	}
	return b.String()
}

func TestTheShippedFileOnlyLacksTheASN(t *testing.T) {
	_, problems := Parse("hawser", []byte(shipped(t)), noTables)
	if len(problems) != 1 || problems[0].Option != "asn" || problems[0].Warning {
		t.Errorf("problems:\n%s", words(problems))
	}
	disabled := strings.Replace(shipped(t), "enabled '1'", "enabled '0'", 1)
	c, problems := Parse("hawser", []byte(disabled), noTables)
	if len(problems) != 0 || c.Globals.Enabled {
		t.Errorf("%+v\n%s", c.Globals, words(problems))
	}
}

func TestTheShippedFileShowsEveryOptionWithItsDefault(t *testing.T) {
	text := uncommented(shipped(t))
	if _, problems := Parse("hawser", []byte(strings.Replace(text, "ttl_security '0'", "ttl_security '1'", 1)), noTables); problems.Err() != nil {
		t.Errorf("with every comment taken away:\n%v", problems.Err())
	}
	for typ, fields := range map[string][]string{
		"globals": shown(globalFields(noTables)), "cluster": shown(clusterFields), "neighbor": shown(neighborFields),
	} {
		_, section, ok := strings.Cut(text, "config "+typ+" ")
		if !ok {
			t.Fatalf("no section %s in\n%s", typ, text)
		}
		section, _, _ = strings.Cut(section, "config ")
		for _, f := range append(fields, "option enabled '1'") {
			if !strings.Contains(section, "\t"+f) {
				t.Errorf("%s: %s is missing", typ, f)
			}
		}
	}
}

// shown is how the options must stand in the file, to the end of the default.
func shown[T any](fields []field[T]) []string {
	var all []string
	for _, f := range fields {
		word := "option "
		if f.many {
			word = "list "
		}
		line := word + f.name + " '"
		if f.def != "" {
			line += f.def + "'"
		}
		all = append(all, line)
	}
	return all
}
