package legacy

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// reader walks the text once and collects every mistake on the way. Its
// methods answer with a zero value where the text is wrong; that the result is
// not used is seen to at the end.
type reader struct {
	problems Problems
	warnings Problems
	moving   bool
	lost     Problems // only when moving
	// communities by name.
	communities map[string]uint32
	profiles    map[string]profile
}

// value is a place in the text and what stands there, if anything.
type value struct {
	path string
	line int
	node *yaml.Node // nil when nothing stands there
}

func at(path string, line int, n *yaml.Node) value {
	v := value{path: path, line: line, node: n}
	if n == nil {
		return v
	}
	v.line = n.Line
	for v.node.Kind == yaml.AliasNode {
		v.node = v.node.Alias
	}
	if v.node.ShortTag() == "!!null" {
		v.node = nil
	}
	return v
}

func (v value) absent() bool { return v.node == nil }

func (r *reader) wrong(v value, format string, args ...any) {
	r.problems = append(r.problems, Problem{v.line, v.path, fmt.Errorf(format, args...)})
}

func (r *reader) warn(v value, format string, args ...any) {
	r.warnings = append(r.warnings, Problem{v.line, v.path, fmt.Errorf(format, args...)})
}

// fields reads a mapping whose keys are among names. Every name is in the
// answer.
func (r *reader) fields(v value, names ...string) map[string]value {
	out := r.entries(v, func(key string) bool { return slices.Contains(names, key) }, names)
	for _, name := range names {
		if _, ok := out[name]; !ok {
			out[name] = value{path: join(v.path, name), line: v.line}
		}
	}
	return out
}

// names reads a mapping whose keys the user chooses.
func (r *reader) names(v value) map[string]value {
	return r.entries(v, func(string) bool { return true }, nil)
}

func (r *reader) entries(v value, known func(string) bool, names []string) map[string]value {
	out := map[string]value{}
	if v.absent() {
		return out
	}
	if v.node.Kind != yaml.MappingNode {
		r.wrong(v, `must have fields ("name: value"), not %s`, kind(v.node))
		return out
	}
	for i := 0; i+1 < len(v.node.Content); i += 2 {
		key, n := v.node.Content[i], v.node.Content[i+1]
		field := at(join(v.path, key.Value), key.Line, n)
		_, twice := out[key.Value]
		where := value{path: field.path, line: key.Line}
		switch {
		case key.Kind != yaml.ScalarNode || key.ShortTag() == "!!merge":
			r.wrong(value{path: v.path, line: key.Line}, "keys are plain words here: merge keys (<<) and nested keys are not read, write the fields out")
		case !known(key.Value):
			r.wrong(where, "unknown field%s", nearest(key.Value, names))
		case twice:
			r.wrong(where, "stands here a second time; which one is meant?")
		default:
			out[key.Value] = field
		}
	}
	return out
}

// items reads a list.
func (r *reader) items(v value) []value {
	if v.absent() {
		return nil
	}
	if v.node.Kind != yaml.SequenceNode {
		r.wrong(v, `must be a list (each entry begins with "- "), not %s`, kind(v.node))
		return nil
	}
	out := make([]value, len(v.node.Content))
	for i, n := range v.node.Content {
		out[i] = at(v.path+"["+strconv.Itoa(i)+"]", n.Line, n)
	}
	return out
}

// required reports whether something stands there, and says so if not. Empty
// text is nothing.
func (r *reader) required(v value) bool {
	if v.absent() {
		r.wrong(v, "is missing")
		return false
	}
	if v.node.Kind == yaml.ScalarNode && v.node.Value == "" {
		r.wrong(v, "is empty")
		return false
	}
	return true
}

// scalar answers with the plain value of one of the wanted YAML types.
func (r *reader) scalar(v value, hint string, tags ...string) (string, bool) {
	if v.absent() {
		return "", false
	}
	if v.node.Kind != yaml.ScalarNode || !slices.Contains(tags, v.node.ShortTag()) {
		r.wrong(v, "must be %s, not %s", hint, kind(v.node))
		return "", false
	}
	return v.node.Value, true
}

func (r *reader) text(v value) string {
	s, _ := r.scalar(v, "text (in quotes if it looks like something else)", "!!str")
	return s
}

func (r *reader) number(v value, low, high uint64) uint64 {
	s, ok := r.scalar(v, "a number, without quotes", "!!int")
	if !ok {
		return 0
	}
	n, err := strconv.ParseInt(strings.ReplaceAll(s, "_", ""), 0, 64)
	if err != nil || n < 0 || uint64(n) < low || uint64(n) > high {
		r.wrong(v, "%s is not between %d and %d", s, low, high)
		return 0
	}
	return uint64(n)
}

// boolean takes the spellings of YAML 1.1 too, which the old reader took.
func (r *reader) boolean(v value, otherwise bool) bool {
	s, ok := r.scalar(v, "true or false", "!!bool", "!!str")
	if !ok {
		return otherwise
	}
	switch word := strings.ToLower(s); {
	case v.node.Style != 0: // quoted
	case slices.Contains([]string{"true", "yes", "on", "y"}, word):
		return true
	case slices.Contains([]string{"false", "no", "off", "n"}, word):
		return false
	}
	r.wrong(v, "must be true or false, not %q", s)
	return otherwise
}

func (r *reader) duration(v value, otherwise time.Duration) time.Duration {
	if v.absent() {
		return otherwise
	}
	s, ok := r.scalar(v, `a time with its unit, such as "90s"`, "!!str")
	if !ok {
		return otherwise
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		r.wrong(v, `%q is no time with its unit, such as "90s"`, s)
		return otherwise
	}
	return d
}

func (r *reader) address(v value) netip.Addr {
	s := r.text(v)
	if s == "" {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		r.wrong(v, "%q is no IP address", s)
		return netip.Addr{}
	}
	return a.Unmap()
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// kind says in words what stands there, without quoting it: it may be a
// password.
func kind(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.ShortTag() {
	case "!!str":
		return "text"
	case "!!int", "!!float":
		return "a number"
	case "!!bool":
		return "true or false"
	case "!!timestamp":
		return "a date"
	}
	return "a value of type " + n.ShortTag()
}
