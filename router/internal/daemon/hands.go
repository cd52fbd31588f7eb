package daemon

import "context"

// job is work with the kernel. It runs off the line, and what it returns runs
// on the line.
type job func() (after func())

// hands do one job at a time.
type hands struct {
	jobs chan job
	done chan func()
}

func newHands() *hands { return &hands{jobs: make(chan job, 1), done: make(chan func(), 1)} }

func (h *hands) run(ctx context.Context) error {
	for {
		select {
		case j := <-h.jobs:
			h.done <- j()
		case <-ctx.Done():
			return nil
		}
	}
}
