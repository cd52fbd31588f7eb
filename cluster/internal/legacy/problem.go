package legacy

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// ErrLayer2 marks a pool that asks for a protocol that Hawser does not speak.
var ErrLayer2 = errors.New(`layer2 (ARP and NDP) is not spoken here: Hawser announces by BGP only. Write "protocol: bgp" and name your router under "peers", or leave the pool out`)

var errMovedLayer2 = errors.New("layer2 (ARP and NDP) is not spoken: the pool's addresses are announced by BGP, so the router must be named as a peer")

// Problem is one mistake, or one warning, and its place.
type Problem struct {
	Line int    // of the text, from 1; 0 when unknown
	Path string // such as peers[0].my-asn
	Err  error
}

// Error is "line 3: peers[0].my-asn: …".
func (p Problem) Error() string {
	var b strings.Builder
	if p.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", p.Line)
	}
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Err.Error())
	return b.String()
}

func (p Problem) Unwrap() error { return p.Err }

// Problems are all mistakes of one text, by line.
type Problems []Problem

// Error has a line for each.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.Is look into each.
func (p Problems) Unwrap() []error {
	out := make([]error, len(p))
	for i, one := range p {
		out[i] = one
	}
	return out
}

func (p Problems) sorted() Problems {
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Path, b.Path))
	})
	return p
}

var parserLine = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+): )?(.*)$`)

// syntax is the problem that the YAML parser names.
func syntax(err error) Problem {
	text := strings.ReplaceAll(err.Error(), "\n", " ")
	m := parserLine.FindStringSubmatch(text)
	line, _ := strconv.Atoi(m[1]) // empty when the parser names none
	return Problem{Line: line, Err: fmt.Errorf("no valid YAML: %s", m[2])}
}
