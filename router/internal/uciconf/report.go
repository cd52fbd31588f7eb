package uciconf

import (
	"fmt"
	"slices"
	"strings"
)

// report collects the problems of one file.
type report struct {
	file     string
	problems Problems
	// partial is true when lines could not be read: what is missing may be
	// on one of them.
	partial bool
}

func (r *report) add(s *section, option string, at place, message string, warning bool) {
	p := Problem{File: r.file, Line: at.line, Option: option, Value: firstLine(at.text), Message: message, Warning: warning}
	if s != nil {
		p.Section, p.Type = s.name, s.typ
	}
	if option == "password" || at.hidden {
		p.Value = ""
	}
	r.problems = append(r.problems, p)
}

// wrong is a mistake in one value.
func (r *report) wrong(s *section, option string, at place, message string) {
	r.add(s, option, at, message, false)
}

// wrongValue is a mistake in the value that was written as text.
func (r *report) wrongValue(s *section, option, text, message string) {
	r.add(s, option, s.where(option, text), message, false)
}

// warn is a remark on an option.
func (r *report) warn(s *section, option, message string) {
	r.add(s, option, s.where(option, ""), message, true)
}

// missing is a mistake of a section that lacks an option.
func (r *report) missing(s *section, option, message string) {
	if !r.partial {
		r.add(s, option, place{line: s.line}, message, false)
	}
}

// lacks is a remark on a section that lacks an option.
func (r *report) lacks(s *section, option, message string) {
	if !r.partial {
		r.add(s, option, place{line: s.line}, message, true)
	}
}

// where finds the place of a value; of the option, when no value is so; of the
// section, when it does not have the option.
func (s *section) where(option, text string) place {
	o := s.get(option)
	if o == nil || len(o.places) == 0 {
		return place{line: s.line}
	}
	for _, p := range o.places {
		if p.text == text || strings.Contains(p.text, "\n") {
			return p
		}
		if slices.Contains(strings.Fields(p.text), text) {
			return place{line: p.line, text: text}
		}
	}
	return o.places[len(o.places)-1]
}

// unknownOption never repeats the value: it may be a misspelt password's.
func (r *report) unknownOption(s *section, o option, known []string) {
	message := "unknown option, ignored"
	if near := nearest(o.name, known); near != "" {
		message += "; is " + near + " meant?"
	}
	r.add(s, o.name, place{line: o.places[0].line}, message, true)
}

func (r *report) unknownType(s *section) {
	message := "unknown type of section, ignored"
	if near := nearest(s.typ, []string{"globals", "cluster", "neighbor"}); near != "" {
		message += "; is " + near + " meant?"
	}
	r.add(s, "", place{line: s.line}, message, true)
}

// limit is the report of a file that is too big to read.
func limit(what string, n, most int) string {
	return fmt.Sprintf("%d %s, at most %d are read", n, what, most)
}

// nearest is the known word that is at most two letters off, "" for none.
func nearest(word string, known []string) string {
	best, least := "", 3
	for _, k := range known {
		if d := distance(word, k); d < least && d < len(k) {
			best, least = k, d
		}
	}
	return best
}

// distance counts the letters to add, drop or change (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
