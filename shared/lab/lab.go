package lab

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
)

// Lab is one scene of hosts. Building steps (Host, Link, Bridge, …) return no
// error: the first one that goes wrong fails the test at once, or, without a
// test, is kept for Err and makes every later step do nothing.
type Lab struct {
	tag  string
	dir  string
	ctx  context.Context
	t    testing.TB
	keep *keeper

	mu        sync.Mutex
	err       error
	hosts     []*Host
	processes []*Process
	closed    bool
}

// New starts an empty lab. Close takes everything down again; ctx bounds the
// commands that build it, not its life.
func New(ctx context.Context) (*Lab, error) {
	tag := newTag()
	dir, err := os.MkdirTemp("", "hawser-"+tag+"-")
	if err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	keep, err := startKeeper(dir)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lab: %w", err), os.RemoveAll(dir))
	}
	return &Lab{tag: tag, dir: dir, ctx: ctx, keep: keep}, nil
}

// Test starts an empty lab that closes with the test. The last output of each
// process is logged when the test failed.
func Test(t testing.TB) *Lab {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("lab: network namespaces need root")
	}
	l, err := New(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	l.t = t
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(l.Report(60))
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func newTag() string {
	var b [3]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// Tag is the random word in the name of everything that this lab made.
func (l *Lab) Tag() string { return l.tag }

// Dir is a directory for files of this lab; it goes with it.
func (l *Lab) Dir() string { return l.dir }

// Err is the first thing that went wrong while building.
func (l *Lab) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// check records err, or fails the test with it, and says whether building may
// go on.
func (l *Lab) check(err error) bool {
	if err != nil && l.t != nil {
		l.t.Helper()
		l.t.Fatal(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = err
	}
	return l.err == nil
}

// Close kills the processes, removes the namespaces and the directory. It may
// be called twice.
func (l *Lab) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	hosts, processes := l.hosts, l.processes
	l.mu.Unlock()

	for _, p := range processes {
		p.kill()
	}
	var errs []error
	for _, p := range processes {
		<-p.done
	}
	for _, h := range hosts {
		errs = append(errs, h.remove())
	}
	errs = append(errs, os.RemoveAll(l.dir), l.keep.dismiss())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("lab: close: %w", err)
	}
	return nil
}

// enlist notes a process that must not outlive the lab.
func (l *Lab) enlist(p *Process) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return errors.New("the lab is closed")
	}
	l.processes = append(l.processes, p)
	return l.keep.process(p.PID())
}

// discharge forgets a process that has ended.
func (l *Lab) discharge(p *Process) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keep.forget(p.PID())
}

// Report is the last n lines that each process wrote.
func (l *Lab) Report(n int) string {
	l.mu.Lock()
	processes := l.processes
	l.mu.Unlock()
	var all strings.Builder
	for _, p := range processes {
		if out := tail(p.Output(), n); out != "" {
			fmt.Fprintf(&all, "--- %s\n%s\n", p, out)
		}
	}
	return all.String()
}

// tail is the last n lines of text.
func tail(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
