package soak

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/hawser-lb/hawser/shared/lab/scene"
	"github.com/hawser-lb/hawser/shared/lab/soak/plan"
)

// record is what has happened so far.
type record struct {
	began         time.Time
	steps, checks int
	kinds         map[string]*tally
	lives         []*life
	good          int
	failedNow     int
}

// tally counts one kind of action.
type tally struct {
	times, failed int
	longest       time.Duration
}

func (r *record) begin() { r.began, r.kinds = time.Now(), map[string]*tally{} }

func (r *record) of(kind string) *tally {
	if r.kinds[kind] == nil {
		r.kinds[kind] = &tally{}
	}
	return r.kinds[kind]
}

func (r *record) note(a plan.Action, took time.Duration) {
	r.steps++
	t := r.of(a.Kind)
	t.times++
	t.longest = max(t.longest, took)
}

func (r *record) visits(what string, v scene.Visits) {
	r.good += v.OK
	r.failedNow += v.Failed
	if v.Failed > 0 {
		r.of(what).failed += v.Failed
	}
}

// lately says how many requests have failed since it was last asked.
func (r *record) lately() string {
	n := r.failedNow
	r.failedNow = 0
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("  %d requests failed", n)
}

// lived notes what a process holds at a sweep, and writes it to w.
func (r *record) lived(w io.Writer, who string, pid int, f figures) {
	fmt.Fprintf(w, "%14s  %s (%d): %v\n", "", who, pid, f)
	for _, l := range r.lives {
		if l.pid == pid {
			l.then, l.last = f, r.steps
			return
		}
	}
	r.lives = append(r.lives, &life{who: who, pid: pid, steps: r.steps, last: r.steps, first: f, then: f})
}

// growth says which process holds more than it may.
func (r *record) growth() error {
	var errs []error
	for _, l := range r.lives {
		if more := l.then.beyond(l.first); len(more) > 0 {
			errs = append(errs, fmt.Errorf("%s grew in %d steps: %s", l.who, l.last-l.steps, strings.Join(more, "; ")))
		}
	}
	return errors.Join(errs...)
}

// Result is what a soak has to say at its end.
type Result struct {
	record
	moves int
}

func (r *record) result(b *book) Result {
	b.mu.Lock()
	defer b.mu.Unlock()
	return Result{*r, b.moves}
}

// Steps that were done.
func (r Result) Steps() int { return r.steps }

// Print writes the summary.
func (r Result) Print(w io.Writer) {
	fmt.Fprintf(w, "\n%d steps in %v, %d times the kernel's table was compared\n", r.steps, time.Since(r.began).Round(time.Second), r.checks)
	fmt.Fprintf(w, "addresses given and taken: %d; requests of the client answered: %d\n", r.moves, r.good)
	fmt.Fprintf(w, "\n%-24s %6s %14s %10s\n", "action", "times", "longest", "failed")
	for _, kind := range sortedKeys(r.kinds) {
		t := r.kinds[kind]
		fmt.Fprintf(w, "%-24s %6d %13.2fs %10d\n", kind, t.times, t.longest.Seconds(), t.failed)
	}
	fmt.Fprintln(w, "\nwhat each process held at the first and at the last sweep of its life")
	for _, l := range r.lives {
		if l.last > l.steps {
			fmt.Fprintf(w, "%s, %d steps\n  %v\n  %v\n", l.who, l.last-l.steps, l.first, l.then)
		}
	}
}
