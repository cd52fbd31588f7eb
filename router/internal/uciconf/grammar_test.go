package uciconf

import (
	"fmt"
	"strings"
	"testing"
)

// grammar is what libuci makes of a text: its own answers, as `uci show p`
// printed them for the file p. A text that it refuses has its words for it.
var grammar = []struct{ name, text, libuci string }{
	{"unquoted values", "config t a\n\toption x y\n\toption z 1\n", "p.a=t\np.a.x='y'\np.a.z='1'"},
	{"single quotes", "config t 'a'\n\toption x 'y z'\n", "p.a=t\np.a.x='y z'"},
	{"double quotes", "config t \"a\"\n\toption x \"y z\"\n", "p.a=t\np.a.x='y z'"},
	{"anonymous section", "config t\n\toption x 'y'\n", "p.@t[0]=t\np.@t[0].x='y'"},
	{"anonymous sections of two types", "config t\n\toption x 1\nconfig u\n\toption x 2\nconfig t\n\toption x 3\n", "p.@t[0]=t\np.@t[0].x='1'\np.@u[0]=u\np.@u[0].x='2'\np.@t[1]=t\np.@t[1].x='3'"},
	{"named and anonymous of one type", "config t\n\toption x 1\nconfig t b\n\toption x 2\nconfig t\n\toption x 3\n", "p.@t[0]=t\np.@t[0].x='1'\np.b=t\np.b.x='2'\np.@t[2]=t\np.@t[2].x='3'"},
	{"list", "config t a\n\tlist x 1\n\tlist x 2\n", "p.a=t\np.a.x='1' '2'"},
	{"list and option side by side", "config t a\n\tlist x 1\n\toption z 9\n\tlist x 2\n", "p.a=t\np.a.x='1' '2'\np.a.z='9'"},
	{"option after list", "config t a\n\tlist x 1\n\tlist x 2\n\toption x 3\n", "p.a=t\np.a.x='3'"},
	{"list after option", "config t a\n\toption x 1\n\tlist x 2\n", "p.a=t\np.a.x='1' '2'"},
	{"option after list, then list", "config t a\n\tlist x 1\n\toption x 2\n\tlist x 3\n", "p.a=t\np.a.x='2' '3'"},
	{"duplicate option", "config t a\n\toption x 1\n\toption z 0\n\toption x 2\n", "p.a=t\np.a.x='2'\np.a.z='0'"},
	{"duplicate option, the later empty", "config t a\n\toption x 1\n\toption x ''\n", "p.a=t\np.a.x='1'"},
	{"same section again", "config t a\n\toption x 1\nconfig t b\n\toption x 2\nconfig t a\n\toption y 3\n", "p.a=t\np.a.x='1'\np.a.y='3'\np.b=t\np.b.x='2'"},
	{"same section again, same list", "config t a\n\tlist x 1\nconfig t a\n\tlist x 2\n", "p.a=t\np.a.x='1' '2'"},
	{"comment lines", "# one\nconfig t a\n\t# two\n\toption x y\n", "p.a=t\np.a.x='y'"},
	{"comment behind a value", "config t a\n\toption x y # why\n", "p.a=t\np.a.x='y'"},
	{"comment in mid-word", "config t a\n\toption x a#b\n", "p.a=t\np.a.x='a'"},
	{"comment behind a quote", "config t a\n\toption x 'y'#z\n", "p.a=t\np.a.x='y'"},
	{"hash inside quotes", "config t a\n\toption x 'a#b'\n\toption y \"#\"\n", "p.a=t\np.a.x='a#b'\np.a.y='#'"},
	{"comment instead of a value", "config t a\n\toption x # y\n\toption z 1\n", "p.a=t\np.a.z='1'"},
	{"blank lines and spaces", "\n\n  config   t \t a  \n\n \toption  x \t y\n\n", "p.a=t\np.a.x='y'"},
	{"nothing at all", "", ""},
	{"only a comment", "# nothing here\n", ""},
	{"empty section", "config t a\n", "p.a=t"},
	{"backslash at the end of a line", "config t a\n\toption x a\\\nb\n", "p.a=t\np.a.x='ab'"},
	{"backslash and line end in double quotes", "config t a\n\toption x \"a\\\nb\"\n", "p.a=t\np.a.x='ab'"},
	{"backslash and CRLF", "config t a\r\n\toption x a\\\r\nb\r\n", "p.a=t\np.a.x='ab'"},
	{"backslash in front of a blank", "config t a\n\toption x a\\ b\n", "p.a=t\np.a.x='a b'"},
	{"backslash in double quotes is taken away", "config t a\n\toption x \"a\\nb\"\n", "p.a=t\np.a.x='anb'"},
	{"multi-line value in double quotes", "config t a\n\toption x \"l1\nl2\n\nl4\"\n\toption z 1\n", "p.a=t\np.a.x='l1\nl2\n\nl4'\np.a.z='1'"},
	{"unquoted at EOF", "config t a\n\toption x y", "p.a=t\np.a.x='y'"},
	{"CRLF", "config t a\r\n\toption x 'y'\r\n\r\n", "p.a=t\np.a.x='y'"},
	{"UTF-8", "config t a\n\toption x 'Müller — 家'\n", "p.a=t\np.a.x='Müller — 家'"},

	{"empty quoted value", "config t a\n\toption x ''\n\toption z '1'\n", "p.a=t\np.a.z='1'"},
	{"empty list value", "config t a\n\tlist x 1\n\tlist x ''\n\tlist x 2\n", "p.a=t\np.a.x='1' '' '2'"},
	{"apostrophe as libuci writes it", "config t 'a'\n\toption x 'it'\\''s'\n", "p.a=t\np.a.x='it'\\''s'"},
	{"multi-line value", "config t 'a'\n\toption x 'l1\nl2'\n", "p.a=t\np.a.x='l1\nl2'"},
	{"dq escape", "config t a\n\toption x \"a\\\"b\"\n", "p.a=t\np.a.x='a\"b'"},
	{"sq trailing backslash", "config t a\n\toption x 'C:\\'\n\toption z '1'\n", "p.a=t\np.a.x='C:\\'\np.a.z='1'"},
	{"comment after anon section", "config t # hi\n\toption x y\n", "p.@t[0]=t\np.@t[0].x='y'"},
	{"package line unquoted", "package p\nconfig t a\n\toption x y\n", "p.a=t\np.a.x='y'"},
	{"package line quoted", "package 'p'\nconfig t a\n\toption x y\n", "p.a=t\np.a.x='y'"},
	{"package line of another name", "package some-thing\nconfig t a\n\toption x y\n", "p.a=t\np.a.x='y'"},
	{"quoted type", "config 't' 'a'\n\toption x y\n", "p.a=t\np.a.x='y'"},
	{"quoted option name", "config t a\n\toption 'x' y\n\tlist \"l\" 1\n", "p.a=t\np.a.x='y'\np.a.l='1'"},
	{"abbrev", "c t a\no x y\nl z '1'\n", "p.a=t\np.a.x='y'\np.a.z='1'"},
	{"semicolon", "config t a; option x y\n", "p.a=t"},
	{"semicolon behind a blank", "config t a ; option x y\n", "p.a=t\np.a.x='y'"},
	{"semicolon behind a quote", "config t 'a'; option x 'y'; option z '1'\n", "p.a=t\np.a.x='y'\np.a.z='1'"},
	{"semicolon and a word without quotes", "config t a\n\toption x y;option z 1\n", "p.a=t\np.a.x='y'"},
	{"semicolon and the end of the line", "config t 'a';\n", "Parse error (invalid command) at line 1, byte 13"},
	{"semicolon inside quotes", "config t a\n\toption x 'a;b'\n", "p.a=t\np.a.x='a;b'"},
	{"semicolon escaped", "config t a\n\toption x a\\;b\n", "p.a=t\np.a.x='a;b'"},
	{"semicolon behind an escape", "config t a\n\toption x a\\b;option z 1\n", "p.a=t\np.a.x='ab'\np.a.z='1'"},
	{"semicolon first", ";config t a\n", "Parse error (invalid command) at line 1, byte 0"},
	{"type with dot", "config t.u 'a'\n\toption x y\n", "p.a=t.u\np.a.x='y'"},
	{"anonymous type with dash and dot", "config t-u.v\n\toption x y\n", "p.@t-u.v[0]=t-u.v\np.@t-u.v[0].x='y'"},
	{"dup list values", "config t a\n\tlist x 1\n\tlist x 1\n", "p.a=t\np.a.x='1' '1'"},
	{"concat quotes", "config t a\n\toption x a'b'\"c\"\n", "p.a=t\np.a.x='abc'"},
	{"no value", "config t a\n\toption x\t\n\toption z 1\n", "p.a=t\np.a.z='1'"},
	{"blank name", "config t ''\n\toption x y\n", "p.@t[0]=t\np.@t[0].x='y'"},
	{"formfeed ws", "config t a\n\toption x\v'y'\n", "p.a=t\np.a.x='y'"},

	{"dash in section name", "config t a-b\n\toption x y\n", "Parse error (invalid character in name field) at line 1, byte 13"},
	{"dash in option name", "config t a\n\toption x-y y\n", "Parse error (invalid character in name field) at line 2, byte 12"},
	{"dup section other type", "config t a\n\toption x 1\nconfig u a\n\toption y 2\n", "Parse error (section of different type overwrites prior section with same name) at line 3, byte 11"},
	{"too many words", "config t a\n\toption x y z\n", "Parse error (too many arguments) at line 2, byte 14"},
	{"too many words for a section", "config t 'a' b\n", "Parse error (too many arguments) at line 1, byte 15"},
	{"option before a section", "option x y\n", "Parse error (option/list command found before the first section) at line 1, byte 0"},
	{"list before a section", "\n\nlist x y\n", "Parse error (option/list command found before the first section) at line 3, byte 0"},
	{"unknown word", "configs t a\n", "Parse error (invalid command) at line 1, byte 0"},
	{"quoted keyword", "config t a\n'option' x y\n", "Parse error (invalid command) at line 2, byte 0"},
	{"vertical tab behind a keyword", "config\vt a\n", "Parse error (invalid command) at line 1, byte 0"},
	{"keyword alone", "config t a\noption\n", "Parse error (invalid command) at line 2, byte 0"},
	{"no type", "config ''\n", "Parse error (insufficient arguments) at line 1, byte 10"},
	{"blank in type", "config 't u' a\n", "Parse error (invalid character in type field) at line 1, byte 13"},
	{"blank in option name", "config t a\n\toption 'x y' z\n", "Parse error (invalid character in name field) at line 2, byte 14"},
	{"no option name", "config t a\n\toption '' z\n", "Parse error (insufficient arguments) at line 2, byte 11"},
	{"unterminated single quote", "config t a\n\toption x 'y\n\toption z 1\n", "Parse error (EOF with unterminated ') at line 3, byte 25"},
	{"unterminated double quote", "config t a\n\toption x \"y\n", "Parse error (EOF with unterminated \") at line 2, byte 13"},
	{"comment instead of a type", "config # t\n", "Parse error (insufficient arguments) at line 1, byte 7"},
	{"dot in package name", "package a.b\n", "Parse error (invalid character in name field) at line 1, byte 12"},
	{"error behind a line that was continued", "config t a\n\toption x a\\\nb c\n", "Parse error (too many arguments) at line 3, byte 16"},
}

// show prints what was read as `uci show p` does.
func show(text string) string {
	read := statements([]byte(text))
	if len(read.errors) > 0 {
		e := read.errors[0]
		return fmt.Sprintf("Parse error (%s) at line %d, byte %d", e.reason, e.line, e.at)
	}
	all, err := sections(read.statements)
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, s := range all {
		fmt.Fprintf(&b, "p.%s=%s\n", s.name, s.typ)
		for _, o := range s.options {
			var values []string
			for _, p := range o.places {
				values = append(values, "'"+strings.ReplaceAll(p.text, "'", `'\''`)+"'")
			}
			fmt.Fprintf(&b, "p.%s.%s=%s\n", s.name, o.name, strings.Join(values, " "))
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func TestTextIsReadAsLibuciReadsIt(t *testing.T) {
	for _, c := range grammar {
		t.Run(c.name, func(t *testing.T) {
			if got := show(c.text); got != c.libuci {
				t.Errorf("%q is read as\n%s\nlibuci reads it as\n%s", c.text, got, c.libuci)
			}
		})
	}
}
