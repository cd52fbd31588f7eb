package wire

import (
	"context"
	"log/slog"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawser-lb/hawser/shared/bfd"
)

// watch runs BFD on p with the neighbour, and returns what it tells.
func watch(t *testing.T, ctx context.Context, p *Process, neighbour netip.Addr) <-chan bfd.Event {
	s := bfd.New(bfd.Config{Log: slog.New(slog.DiscardHandler), Network: p, Chance: func() float64 { return 0 }})
	go func() {
		if err := s.Run(ctx); err != nil {
			t.Errorf("BFD ends with %v", err)
		}
	}()
	s.Set([]bfd.Session{{
		Key: bfd.Key{Remote: neighbour}, Transmit: 300 * time.Millisecond, Receive: 300 * time.Millisecond, Multiplier: 3,
	}})
	return s.Events()
}

func TestBFDSpeaksOverTheWireAndMissesWhoIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New()
		a, b := n.Host(time.Millisecond, left), n.Host(time.Millisecond, right.Addr())
		ctx, end := context.WithCancel(t.Context())
		one, two := watch(t, ctx, a.Process(), right.Addr()), watch(t, ctx, b.Process(), left)
		for _, events := range []<-chan bfd.Event{one, two} {
			if e := <-events; e.State != bfd.Up {
				t.Errorf("at first: %v", e)
			}
		}
		time.Sleep(5 * time.Second) // until they are as fast as they may be
		broke := time.Now()
		b.Link(true, false)
		if e := <-two; e.State != bfd.Down || e.At.Sub(broke) > 900*time.Millisecond {
			t.Errorf("who hears nothing: %v after %v", e, e.At.Sub(broke))
		}
		if e := <-one; e.State != bfd.Down {
			t.Errorf("who is told so: %v", e)
		}
		end()
		synctest.Wait()
	})
}
