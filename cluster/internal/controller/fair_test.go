package controller

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawser-lb/hawser/cluster/internal/model"
)

// crowd is a harbour with n Services, web000 and so on.
func crowd(n int) *fakeCluster {
	f := harbour()
	f.snapshot.Services = nil
	for i := range n {
		f.snapshot.Services = append(f.snapshot.Services, aService(fmt.Sprintf("web%03d", i), "node1"))
	}
	return f
}

func TestServicesThatCannotBeWrittenKeepNobodyElseWaiting(t *testing.T) {
	f := crowd(100)
	f.denied = func(k model.Key) error {
		if k.Name < "web064" {
			return errors.New("denied by a webhook")
		}
		return nil
	}
	c, _ := worker(f)
	for range 2 {
		c.pass(context.Background())
	}
	if len(f.writes) != 36 {
		t.Errorf("%d of the 36 that may be written are", len(f.writes))
	}
	f.denied = nil
	for range 2 {
		c.pass(context.Background())
	}
	if len(f.writes) != 100 || len(c.failed) != 0 {
		t.Errorf("with the webhook gone %d of 100 are written, %d are remembered as failed", len(f.writes), len(c.failed))
	}
}

func TestWhatFailsIsTriedAgainAfterPausesThatGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := crowd(100)
		tries := 0
		f.denied = func(model.Key) error { tries++; return errors.New("no API server") }
		c, _ := worker(f)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		c.work(ctx)
		if rounds := tries / batch; rounds < 5 || rounds > 20 {
			t.Errorf("in a minute it tries %d times", rounds)
		}
	})
}
