package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/hawser-lb/hawser/shared/lab"
)

// teller prints the story: chapters, what is typed, what comes back, and how
// long it took.
type teller struct {
	out     io.Writer
	started time.Time
	number  int
}

func newTeller(out io.Writer) *teller { return &teller{out: out, started: time.Now()} }

func (t *teller) chapter(title, text string) {
	t.number++
	fmt.Fprintf(t.out, "\n== %d. %s\n", t.number, title)
	if text != "" {
		fmt.Fprintf(t.out, "   %s\n", text)
	}
}

func (t *teller) progress(what string) {
	fmt.Fprintf(t.out, "   [%5.1fs] %s\n", time.Since(t.started).Seconds(), what)
}

// fact is a sentence that was seen to be true.
func (t *teller) fact(format string, args ...any) {
	fmt.Fprintf(t.out, "   => "+format+"\n", args...)
}

// run runs a command on a host and shows both it and its output.
func (t *teller) run(ctx context.Context, h *lab.Host, shown string, name string, args ...string) (string, error) {
	t.typed(h.Name(), shown)
	out, err := h.Run(ctx, name, args...)
	t.printed(out)
	return out, err
}

func (t *teller) typed(where, command string) {
	fmt.Fprintf(t.out, "\n   %s# %s\n", where, command)
}

func (t *teller) printed(text string) {
	if text = strings.TrimRight(text, "\r\n \t"); text == "" {
		return
	}
	for line := range strings.Lines(text) {
		fmt.Fprintf(t.out, "   %s\n", strings.TrimRight(line, "\r\n"))
	}
}

// command is how a person would type a command whose binary has a long path.
func command(name string, args ...string) string {
	return strings.Join(append([]string{filepath.Base(name)}, args...), " ")
}
