package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/hawser-lb/hawser/shared/lab"
	"github.com/hawser-lb/hawser/shared/lab/scene"
)

// paper is where the teller writes while the test reads.
type paper struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (p *paper) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *paper) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

func TestTheLabIsEnteredAsItSays(t *testing.T) {
	l := lab.Test(t)
	s, err := scene.Start(t.Context(), l, scene.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, leave := context.WithCancel(t.Context())
	said, done := &paper{}, make(chan error, 1)
	go func() { done <- stay(ctx, newTeller(said), s) }()
	var commands []string
	lab.Eventually(t, "the words that say how to enter", func() error {
		_, text, found := strings.Cut(said.String(), "as root:\n\n")
		instructions, _, whole := strings.Cut(text, "\n\n")
		if !found || !whole {
			select {
			case err := <-done:
				t.Fatal(err)
			default:
			}
			return errors.New(said.String())
		}
		for line := range strings.Lines(instructions) {
			commands = append(commands, strings.TrimSpace(line))
		}
		return nil
	})
	// The last one is a shell; nobody types into it.
	script := "set -eu\n" + strings.Join(commands, "\n") + " </dev/null\n"
	out, err := l.Machine().Run(t.Context(), "bash", "-c", script)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"10.77.2.13 ", "B>* 10.77.100.0/32", "service/web", "addresspool.hawser.dev/home", "bgppeer.hawser.dev/router", "HTTP/1.1 200 OK"} {
		if !strings.Contains(out, want) {
			t.Errorf("the commands do not print %q:\n%s", want, out)
		}
	}
	leave()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
