package plan

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Fields are what is said of an object, as words without blanks.
type Fields map[string]string

// String lists the fields in the order of their names.
func (f Fields) String() string {
	var words []string
	for _, key := range slices.Sorted(maps.Keys(f)) {
		words = append(words, key+"="+f[key])
	}
	return strings.Join(words, " ")
}

// Action is one step of a plan.
type Action struct {
	Kind   string // a word of Kinds, or Rest or Sweep
	Object string // what it is done to; empty: there is only one
	Set    Fields // what the object is like afterwards
}

// String is the action as a line of a script.
func (a Action) String() string {
	return strings.Join(slices.DeleteFunc([]string{a.Kind, a.Object, a.Set.String()}, func(s string) bool { return s == "" }), " ")
}

// class is that of the object: a speaker is a part of its node.
func (a Action) class() string {
	class, _, _ := strings.Cut(a.Kind, ".")
	if class == "speaker" {
		return "node"
	}
	return class
}

func (a Action) verb() string { _, verb, _ := strings.Cut(a.Kind, "."); return verb }

// Parse reads one line of a script.
func Parse(line string) (Action, error) {
	words := strings.Fields(line)
	if len(words) == 0 {
		return Action{}, errors.New("an empty line is no action")
	}
	a := Action{Kind: words[0]}
	if !known(a.Kind) {
		return Action{}, fmt.Errorf("there is no action %q", a.Kind)
	}
	for i, word := range words[1:] {
		key, value, field := strings.Cut(word, "=")
		switch {
		case field && a.Set[key] == "":
			if a.Set == nil {
				a.Set = Fields{}
			}
			a.Set[key] = value
		case field:
			return Action{}, fmt.Errorf("%s is said twice", key)
		case i == 0:
			a.Object = word
		default:
			return Action{}, fmt.Errorf("%q is no field=value", word)
		}
	}
	return a, nil
}

// ParseScript reads a script: one action a line, blank lines and lines that
// begin with # apart. It sees that each is legal after those before it.
func ParseScript(text string) ([]Action, error) {
	w := NewWorld()
	var all []Action
	for i, line := range strings.Split(text, "\n") {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		a, err := Parse(line)
		if err == nil {
			err = w.Apply(a)
		}
		if err != nil {
			return nil, fmt.Errorf("script: line %d: %w", i+1, err)
		}
		all = append(all, a)
	}
	return all, nil
}
