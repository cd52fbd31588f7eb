package uciconf

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hawser-lb/hawser/shared/order"
)

// Problem is one mistake or warning in the file, in words that say what to do.
type Problem struct {
	File    string `json:"file"`
	Line    int    `json:"line,omitempty"`    // 1-based; 0 when there is no line to name
	Section string `json:"section,omitempty"` // as the user knows it: "home", or "@cluster[0]"
	Type    string `json:"type,omitempty"`    // "globals", "cluster", "neighbor", …
	Option  string `json:"option,omitempty"`  // "" for the section as a whole
	Value   string `json:"value,omitempty"`   // never a password
	Message string `json:"message"`           // what is wrong and what is right
	Warning bool   `json:"warning"`           // an unknown option and the like: never stops
}

// Problems is a list of them, in the order of the file.
type Problems []Problem

// String is "FILE:LINE: section 'home' (cluster), option 'asn' = '0': …".
// Warnings have the word after the place.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		b.WriteString(":" + strconv.Itoa(p.Line))
	}
	b.WriteString(": ")
	if p.Warning {
		b.WriteString("warning: ")
	}
	if p.Section != "" {
		fmt.Fprintf(&b, "section '%s' (%s)", visible(p.Section), visible(p.Type))
		if p.Option != "" {
			fmt.Fprintf(&b, ", option '%s'", visible(p.Option))
		}
		if p.Value != "" {
			fmt.Fprintf(&b, " = '%s'", visible(p.Value))
		}
		b.WriteString(": ")
	}
	b.WriteString(p.Message)
	return b.String()
}

// Err is nil when all problems are warnings, else an error that lists the
// mistakes, one a line.
func (p Problems) Err() error {
	var all []error
	for _, one := range p {
		if !one.Warning {
			all = append(all, errors.New(one.String()))
		}
	}
	return errors.Join(all...)
}

// Count returns the number of errors and of warnings.
func (p Problems) Count() (wrong, warnings int) {
	for _, one := range p {
		if one.Warning {
			warnings++
		} else {
			wrong++
		}
	}
	return wrong, warnings
}

// inOrder sorts by line; what has no line comes last.
func (p Problems) inOrder() Problems {
	order.Stable(p, func(a, b Problem) int {
		if (a.Line == 0) != (b.Line == 0) {
			return cmp.Compare(b.Line, a.Line)
		}
		return cmp.Compare(a.Line, b.Line)
	})
	return p
}

// longest is how much of a value a message repeats.
const longest = 80

// firstLine is what a message may repeat of a value. What follows is there for
// lack of a quote, and may be a password.
func firstLine(text string) string {
	if first, _, more := strings.Cut(text, "\n"); more {
		return first + "…"
	}
	return text
}

// visible makes text from the file fit for a terminal and a log line.
func visible(text string) string {
	text = firstLine(text)
	if len(text) > longest {
		cut := longest
		for cut > 0 && !utf8.RuneStart(text[cut]) {
			cut--
		}
		text = text[:cut] + "…"
	}
	quoted := strconv.Quote(text)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}
