package uciconf

import (
	"fmt"
	"slices"
	"strings"
)

// field is one option of a section type: how it is called, what it may be and
// where it goes.
type field[T any] struct {
	name string
	kind string // range, as docs/uci.md has it
	def  string // default, as one would write it; "" for none
	many bool   // a list
	// read takes one value. Its error says what is right.
	read func(into *T, text string) error
	// forget drops inherited values of a list.
	forget func(into *T)
}

// defaults fills in what each field has when the file is silent.
func defaults[T any](into *T, fields []field[T]) {
	for _, f := range fields {
		if f.def == "" {
			continue
		}
		if err := f.read(into, f.def); err != nil {
			panic("uciconf: default of " + f.name + ": " + err.Error())
		}
	}
}

// fill reads the options of s into a T that holds the defaults or what is
// inherited. Options that are unknown, misread or without effect go to say.
func fill[T any](into *T, s *section, fields []field[T], say *report) {
	for _, o := range s.options {
		i := slices.IndexFunc(fields, func(f field[T]) bool { return f.name == o.name })
		if i < 0 {
			say.unknownOption(s, o, names(fields))
			continue
		}
		f := fields[i]
		values := given(o, f.many)
		if len(values) == 0 {
			continue
		}
		if len(values) > 1 && !f.many {
			say.wrong(s, o.name, values[1], "takes one value: write one line with option, not several with list")
			continue
		}
		if f.forget != nil {
			f.forget(into)
		}
		for _, v := range values {
			if err := f.read(into, v.text); err != nil {
				say.wrong(s, o.name, v, err.Error())
			}
		}
	}
}

// given is the values of an option without the empty ones, which are unset. A
// list may be written as one option with blanks in between.
func given(o option, many bool) []place {
	var all []place
	for _, p := range o.places {
		if !many && p.text != "" {
			all = append(all, p)
		}
		if many {
			all = append(all, p.words()...)
		}
	}
	return all
}

// words are the values in one; those below its first line are there for lack
// of a quote, as a rule.
func (p place) words() []place {
	var all []place
	for n, line := range strings.Split(p.text, "\n") {
		for _, word := range strings.Fields(line) {
			all = append(all, place{line: p.line, text: word, hidden: n > 0})
		}
	}
	return all
}

// has reports whether s says something for the option.
func (s *section) has(name string) bool {
	o := s.get(name)
	return o != nil && len(given(*o, false)) > 0
}

func names[T any](fields []field[T]) []string {
	all := []string{"enabled"}
	for _, f := range fields {
		all = append(all, f.name)
	}
	return all
}

// lift makes fields of a part the fields of the whole.
func lift[P, T any](fields []field[P], part func(*T) *P) []field[T] {
	var all []field[T]
	for _, f := range fields {
		g := field[T]{name: f.name, kind: f.kind, def: f.def, many: f.many}
		g.read = func(into *T, text string) error { return f.read(part(into), text) }
		if f.forget != nil {
			g.forget = func(into *T) { f.forget(part(into)) }
		}
		all = append(all, g)
	}
	return all
}

// number is a field of a plain integer.
func number[T any](name, def string, low, high uint64, unit string, set func(*T, uint64)) field[T] {
	kind := fmt.Sprintf("%d..%d", low, high)
	if unit != "" {
		kind += " " + unit
	}
	return field[T]{name: name, kind: kind, def: def, read: func(into *T, text string) error {
		n, err := integer(text, low, high)
		if err == nil {
			set(into, n)
		}
		return err
	}}
}

// flag is a field of a boolean.
func flag[T any](name, def string, set func(*T, bool)) field[T] {
	return field[T]{name: name, kind: "boolean", def: def, read: func(into *T, text string) error {
		on, err := boolean(text)
		if err == nil {
			set(into, on)
		}
		return err
	}}
}
