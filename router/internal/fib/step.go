package fib

import (
	"fmt"
	"strings"
	"time"
)

// Verb says what a Step does.
type Verb uint8

const (
	// AddHop makes a next-hop object, AddGroup a group of such objects. Neither
	// overwrites anything.
	AddHop Verb = iota
	AddGroup
	// ReplaceGroup exchanges the members of a group of ours; the flows through
	// members that stay do not move.
	ReplaceGroup
	// DeleteHop takes a next hop out of every group and thereby every route, at
	// once. A group left empty goes, and its routes with it.
	DeleteHop
	// DeleteGroup takes away a group, and the routes that use it still.
	DeleteGroup
	// Add makes a route where none of ours stands. It never overwrites.
	Add
	// Replace exchanges the next hops of a route of ours in one go; packets
	// find the old legs or the new ones, never none.
	Replace
	// Delete takes a route of ours away.
	Delete
)

var verbs = [...]string{
	AddHop: "add     next hop", AddGroup: "add     group", ReplaceGroup: "replace group",
	DeleteHop: "delete  next hop", DeleteGroup: "delete  group",
	Add: "add    ", Replace: "replace", Delete: "delete ",
}

// String is the verb, and the noun when it is no route, in the width that lines
// plans up.
func (v Verb) String() string { return verbs[v] }

// OfRoute reports whether steps with this verb change a route by its Key.
func (v Verb) OfRoute() bool { return v >= Add }

// Step is one change of the kernel's tables.
type Step struct {
	Verb Verb
	Key  Key // of route steps
	// ID is the object; of Add and Replace the group that the route is to
	// use, 0 when it has legs of its own.
	ID ID
	// NextHops are the one of AddHop and the legs of Add and Replace, also of
	// a route that has them by its group.
	NextHops  []NextHop
	Members   []Member      // of AddGroup and ReplaceGroup
	Resilient bool          // of these
	Idle      time.Duration // the timer of resilient ones
	// Protocol is the number that what is made carries; of Delete the one
	// that the route carries.
	Protocol uint8
}

// String is "add     192.0.2.7/32 metric 20 group 2" or
// "add     next hop 1 via 10.0.0.1 link 3".
func (s Step) String() string {
	switch s.Verb {
	case AddHop:
		return fmt.Sprintf("%s %d %s", s.Verb, s.ID, s.NextHops[0])
	case AddGroup, ReplaceGroup:
		text := fmt.Sprintf("%s %d%s", s.Verb, s.ID, members(s.Members))
		if s.Resilient && s.Idle != always {
			text += " idle " + s.Idle.String()
		}
		return text
	case DeleteHop, DeleteGroup:
		return fmt.Sprintf("%s %d", s.Verb, s.ID)
	case Delete:
		return fmt.Sprintf("%s %s", s.Verb, s.Key)
	}
	return fmt.Sprintf("%s %s%s", s.Verb, s.Key, target(s.ID, s.NextHops))
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

// StepError is the failure of one step; the others of its plan went on, except
// those that depend on it.
type StepError struct {
	Step Step
	Err  error
}

func (e *StepError) Error() string {
	switch v := e.Step.Verb; {
	case v == AddHop:
		return fmt.Sprintf("fib: next hop %s: %v", e.Step.NextHops[0].Addr, e.Err)
	case !v.OfRoute():
		return fmt.Sprintf("fib: object %d: %v", e.Step.ID, e.Err)
	}
	return fmt.Sprintf("fib: route %s: %v", e.Step.Key.Prefix, e.Err)
}

// Unwrap gives the kernel's error.
func (e *StepError) Unwrap() error { return e.Err }
