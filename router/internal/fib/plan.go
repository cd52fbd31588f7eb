package fib

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Verb says what a Step does. Steps are applied in the order of a plan; lower
// verbs come first.
type Verb uint8

const (
	// Add makes a route where none of ours stands. It never overwrites.
	Add Verb = iota
	// Replace exchanges the next hops of a route of ours in one go; packets
	// find the old legs or the new ones, never none.
	Replace
	// Delete takes a route of ours away.
	Delete
)

// String is the verb in the width that lines plans up.
func (v Verb) String() string {
	switch v {
	case Add:
		return "add    "
	case Replace:
		return "replace"
	case Delete:
		return "delete "
	}
	return fmt.Sprintf("verb %d", uint8(v))
}

// Step is one change of the kernel's table.
type Step struct {
	Verb     Verb
	Key      Key
	NextHops []NextHop // of Add and Replace
}

// String is "add     192.0.2.7/32 metric 20 via 10.0.0.1 link 3".
func (s Step) String() string {
	if s.Verb == Delete {
		return fmt.Sprintf("%s %s", s.Verb, s.Key)
	}
	return fmt.Sprintf("%s %s%s", s.Verb, s.Key, legs(s.NextHops))
}

// Compare puts what adds or keeps before what takes away, then orders by key.
func (s Step) Compare(o Step) int {
	return cmp.Or(cmp.Compare(s.Verb/Delete, o.Verb/Delete), s.Key.Compare(o.Key), cmp.Compare(s.Verb, o.Verb))
}

// Plan lists the steps that turn have into want, sorted so that nothing is
// taken away before everything new stands. It touches nothing. Given only some
// keys of both tables, it plans for those.
func Plan(want, have Table) []Step {
	var steps []Step
	for k, w := range want {
		h, stands := have[k]
		switch {
		case !stands:
			steps = append(steps, Step{Add, k, w})
		case !sameHops(w, h):
			steps = append(steps, Step{Replace, k, w})
		}
	}
	for k := range have {
		if _, wanted := want[k]; !wanted {
			steps = append(steps, Step{Verb: Delete, Key: k})
		}
	}
	slices.SortFunc(steps, Step.Compare)
	return steps
}

// Apply does to t what the kernel does when every step succeeds.
func (t Table) Apply(steps []Step) {
	for _, s := range steps {
		if s.Verb == Delete {
			delete(t, s.Key)
			continue
		}
		t[s.Key] = s.NextHops
	}
}

// Text is a plan with one step a line.
func Text(steps []Step) string {
	var b strings.Builder
	for _, s := range steps {
		b.WriteString(s.String())
		b.WriteByte('\n')
	}
	return b.String()
}

// StepError is the failure of one step; the others of its plan went on.
type StepError struct {
	Step Step
	Err  error
}

func (e *StepError) Error() string { return fmt.Sprintf("fib: route %s: %v", e.Step.Key.Prefix, e.Err) }

// Unwrap gives the kernel's error.
func (e *StepError) Unwrap() error { return e.Err }
