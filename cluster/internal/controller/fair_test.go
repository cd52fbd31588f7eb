package controller

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawser-lb/hawser/cluster/internal/kube"
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
	synctest.Test(t, func(t *testing.T) {
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
	})
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

func TestRoutesWaitForNoWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := harbour()
		f.snapshot.Services[0].Holds, f.snapshot.Services[0].HoldsFrom = []netip.Addr{netip.MustParseAddr("10.0.0.9")}, "home"
		f.snapshot.Services = append(f.snapshot.Services, aService("new", "node1"))
		f.hangs = func(model.Key) bool { return true }
		c, r := worker(f)
		go c.pass(t.Context())
		synctest.Wait()
		expect(t, "routes while the write hangs", r.table(), "10.0.0.9/32 to [192.0.2.254]")
		time.Sleep(writeTime)
		synctest.Wait()
		f.snapshot.Services[0].Endpoints = nil
		go c.pass(t.Context())
		synctest.Wait()
		expect(t, "routes without the endpoint", r.table())
		time.Sleep(writeTime)
		synctest.Wait()
	})
}

func TestWritesThatHangHoldUpTheOthersForAWhileOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := crowd(100)
		f.hangs = func(k model.Key) bool { return k.Name < "web020" }
		c, _ := worker(f)
		for range 10 {
			began := time.Now()
			c.pass(t.Context())
			if took := time.Since(began); took > 2*writeTime {
				t.Fatalf("a round takes %s", took)
			}
		}
		if len(f.writes) != 80 {
			t.Errorf("%d of the 80 that do not hang are written", len(f.writes))
		}
		began := time.Now()
		if again := c.pass(t.Context()); !again || time.Since(began) != 0 {
			t.Errorf("those that hang hold it up for %s at once; tried again later: %v", time.Since(began), again)
		}
		time.Sleep(restTime)
		f.hangs = nil
		c.pass(t.Context())
		if len(f.writes) != 100 {
			t.Errorf("%d of 100 are written in the end", len(f.writes))
		}
	})
}

func TestAStatusThatHangsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := harbour()
		c, _ := worker(f)
		c.pass(t.Context())
		c.Writer = hangingStatus{f}
		began := time.Now()
		c.tell()
		if took := time.Since(began); took > writeTime || !c.untold {
			t.Errorf("it takes %s; to be told again: %v", took, c.untold)
		}
		began = time.Now()
		c.tell()
		if took := time.Since(began); took != 0 || !c.untold {
			t.Errorf("the next time it takes %s; to be told again: %v", took, c.untold)
		}
	})
}

// hangingStatus is an API server that does not answer when statuses of pools
// and peers are written.
type hangingStatus struct{ *fakeCluster }

func (hangingStatus) SetPoolStatus(ctx context.Context, _ string, _ *model.PoolUse, _ kube.Verdict) error {
	<-ctx.Done()
	return ctx.Err()
}

func (h hangingStatus) SetPeerStatus(ctx context.Context, peer string, _ *kube.SessionCount, _ kube.Verdict) error {
	return h.SetPoolStatus(ctx, peer, nil, kube.Verdict{})
}
