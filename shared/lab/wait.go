package lab

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	deadline = 60 * time.Second
	interval = 20 * time.Millisecond
)

// Eventually asks fn again and again until it has no objection. After a minute
// the test fails with the last one. what completes "waiting for …".
func Eventually(t testing.TB, what string, fn func() error) {
	t.Helper()
	if err := Until(context.Background(), what, fn); err != nil {
		t.Fatal(err)
	}
}

// Until is Eventually without a test: the deadline is that of ctx, and a minute
// when it has none.
func Until(ctx context.Context, what string, fn func() error) error {
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, deadline)
		defer cancel()
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		err := fn()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w: %w", what, context.Cause(ctx), err)
		case <-tick.C:
		}
	}
}

// waitExited blocks until a child has ended and leaves it a zombie.
func waitExited(pid int) error {
	for {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
