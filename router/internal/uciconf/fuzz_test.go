package uciconf

import (
	"strings"
	"testing"
)

// FuzzParse says that no text harms the reader, that what it takes is valid
// and that each problem has a place inside the text.
func FuzzParse(f *testing.F) {
	for _, c := range grammar {
		f.Add([]byte(c.text))
	}
	f.Add([]byte(globals + cluster + "config neighbor\n\toption address fd00::1\n\toption cluster home\n\tlist send ::/0\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, problems := Parse("f", text, noTables)
		lines := strings.Count(string(text), "\n") + 1
		for _, p := range problems {
			if p.Line < 0 || p.Line > lines {
				t.Errorf("line %d of %d: %s", p.Line, lines, p)
			}
			if said := p.String(); strings.ContainsAny(said, "\n\x00\x1b") {
				t.Errorf("not fit for a terminal: %q", said)
			}
		}
		if problems.Err() != nil {
			return
		}
		if c.Globals.ASN == 0 || c.Globals.Table == 0 || c.Globals.Protocol < 5 {
			t.Errorf("%q is taken as %+v", text, c.Globals)
		}
		for _, n := range c.Neighbors {
			if !n.Address.IsValid() || n.MaxPrefixes == 0 {
				t.Errorf("%q is taken as %+v", text, n)
			}
		}
	})
}
