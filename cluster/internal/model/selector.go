package model

import (
	"fmt"
	"slices"
	"strings"
)

// Operator says what a Term asks of a label.
type Operator string

const (
	In           Operator = "In"
	NotIn        Operator = "NotIn" // true as well when the label is missing
	Exists       Operator = "Exists"
	DoesNotExist Operator = "DoesNotExist"
)

// Term is one condition on one label.
type Term struct {
	Key    string
	Op     Operator
	Values []string // of In and NotIn, sorted
}

// Terms is the Selector whose terms must all hold. No term: everything.
type Terms []Term

// NewTerms joins the two halves of a Kubernetes label selector, matchLabels
// and matchExpressions, and refuses what has no meaning.
func NewTerms(labels map[string]string, expressions []Term) (Terms, error) {
	out := make(Terms, 0, len(labels)+len(expressions))
	for k, v := range labels {
		out = append(out, Term{Key: k, Op: In, Values: []string{v}})
	}
	for _, t := range expressions {
		if err := t.check(); err != nil {
			return nil, err
		}
		t.Values = slices.Compact(slices.Sorted(slices.Values(t.Values)))
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b Term) int { return strings.Compare(a.String(), b.String()) })
	return out, nil
}

func (t Term) check() error {
	if t.Key == "" {
		return fmt.Errorf("a label selector needs a key")
	}
	switch t.Op {
	case In, NotIn:
		if len(t.Values) == 0 {
			return fmt.Errorf("label %q: operator %s needs values", t.Key, t.Op)
		}
	case Exists, DoesNotExist:
		if len(t.Values) > 0 {
			return fmt.Errorf("label %q: operator %s takes no values", t.Key, t.Op)
		}
	default:
		return fmt.Errorf("label %q: operator %q is none of In, NotIn, Exists, DoesNotExist", t.Key, t.Op)
	}
	return nil
}

// Matches reports whether every term holds.
func (ts Terms) Matches(l Labels) bool {
	for _, t := range ts {
		if !t.matches(l) {
			return false
		}
	}
	return true
}

func (t Term) matches(l Labels) bool {
	v, ok := l[t.Key]
	switch t.Op {
	case In:
		return ok && slices.Contains(t.Values, v)
	case NotIn:
		return !ok || !slices.Contains(t.Values, v)
	case Exists:
		return ok
	default:
		return !ok
	}
}

// String is the form that kubectl's --selector takes.
func (ts Terms) String() string {
	words := make([]string, len(ts))
	for i, t := range ts {
		words[i] = t.String()
	}
	return strings.Join(words, ",")
}

// String is one part of what --selector takes.
func (t Term) String() string {
	switch t.Op {
	case In:
		if len(t.Values) == 1 {
			return t.Key + "=" + t.Values[0]
		}
		return t.Key + " in (" + strings.Join(t.Values, ",") + ")"
	case NotIn:
		if len(t.Values) == 1 {
			return t.Key + "!=" + t.Values[0]
		}
		return t.Key + " notin (" + strings.Join(t.Values, ",") + ")"
	case Exists:
		return t.Key
	default:
		return "!" + t.Key
	}
}

// AnyMatches reports whether one of the selectors matches, or there is none.
func AnyMatches(selectors []Selector, l Labels) bool {
	return len(selectors) == 0 || slices.ContainsFunc(selectors, func(s Selector) bool { return s.Matches(l) })
}
