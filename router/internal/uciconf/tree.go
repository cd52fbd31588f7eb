package uciconf

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/digineo/go-uci"
	"golang.org/x/sys/unix"
)

// section is one section of the file, its parts merged.
type section struct {
	typ, name string // name is "home" or "@cluster[0]"
	anonymous bool
	line      int
	options   []option // in the order of their first mention
}

// option is what holds in the end: one place, or several for a list.
type option struct {
	name   string
	places []place
}

// place is a value and where it stands.
type place struct {
	line   int
	text   string
	hidden bool // from a message: nobody can say that it is no password
}

// get returns an option by name, nil when the section does not have it.
func (s *section) get(name string) *option {
	for i := range s.options {
		if s.options[i].name == name {
			return &s.options[i]
		}
	}
	return nil
}

// file is the statements in go-uci's terms: the text it can read, and what to
// ask it for.
type file struct {
	text     strings.Builder
	places   []place
	sections []*section
}

// sections merges statements into sections, in the order of the file.
func sections(all []statement) ([]*section, error) {
	f := lay(all)
	tree, closeTree, err := load(f.text.String())
	if err != nil {
		return nil, fmt.Errorf("go-uci: %w", err)
	}
	defer closeTree()
	for _, s := range f.sections {
		kept := s.options[:0]
		for _, o := range s.options {
			numbers, _ := tree.Get(tree.name, plainName(s.typ, s.name), o.name)
			for _, n := range numbers {
				i, err := strconv.Atoi(n)
				if err != nil || i < 0 || i >= len(f.places) {
					return nil, fmt.Errorf("go-uci: place %q of %d", n, len(f.places))
				}
				o.places = append(o.places, f.places[i])
			}
			if len(o.places) > 0 {
				kept = append(kept, o)
			}
		}
		s.options = kept
	}
	return f.sections, nil
}

// lay writes statements in the form that go-uci reads faithfully: keywords in
// full, types as identifiers, and the number of its place for each value.
func lay(all []statement) *file {
	f := &file{}
	known := map[string]*section{}
	ofType := map[string]int{}
	var open *section
	for _, s := range all {
		if s.kind == 'c' {
			open = known[s.last]
			if open == nil || s.last == "" {
				open = &section{typ: s.first, name: s.last, line: s.line, anonymous: s.last == ""}
				if open.anonymous {
					open.name = fmt.Sprintf("@%s[%d]", s.first, ofType[s.first])
				}
				ofType[s.first]++
				known[open.name] = open
				f.sections = append(f.sections, open)
			}
			fmt.Fprintf(&f.text, "config %s", plain(s.first))
			if !open.anonymous {
				fmt.Fprintf(&f.text, " '%s'", s.last)
			}
			f.text.WriteByte('\n')
			continue
		}
		word := "option"
		if s.kind == 'l' {
			word = "list"
		}
		if open.get(s.first) == nil {
			open.options = append(open.options, option{name: s.first})
		}
		fmt.Fprintf(&f.text, "\t%s %s '%d'\n", word, s.first, len(f.places))
		f.places = append(f.places, place{line: s.line, text: s.last})
	}
	return f
}

// plain turns a type into an identifier, one to one.
func plain(typ string) string {
	var b strings.Builder
	for i := range len(typ) {
		if c := typ[i]; isName(typ[i:i+1], "_") {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "-%02x", c)
		}
	}
	return b.String()
}

// plainName is the name by which go-uci knows a section.
func plainName(typ, name string) string {
	if rest, ok := strings.CutPrefix(name, "@"+typ); ok {
		return "@" + plain(typ) + rest
	}
	return name
}

// tree is go-uci's, with the name of its only configuration.
type tree struct {
	uci.Tree
	name string
}

// load hands text to go-uci, which reads nothing but files: an anonymous one
// in memory, so that this works on a read-only root as well.
func load(text string) (tree, func(), error) {
	fd, err := unix.MemfdCreate("hawser", unix.MFD_CLOEXEC)
	if err != nil {
		return tree{}, nil, fmt.Errorf("memory file: %w", err)
	}
	f := os.NewFile(uintptr(fd), "uci")
	t := tree{uci.NewTree("/proc/self/fd"), strconv.Itoa(fd)}
	if _, err = f.WriteString(text); err == nil {
		err = t.LoadConfig(t.name, true)
	}
	if err != nil {
		return tree{}, nil, errors.Join(err, f.Close())
	}
	return t, func() { f.Close() }, nil
}
