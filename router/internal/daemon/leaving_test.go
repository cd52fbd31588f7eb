package daemon

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/hawser-lb/hawser/router/internal/fib"
	"github.com/hawser-lb/hawser/shared/bgp"
	"github.com/hawser-lb/hawser/shared/route"
)

// tellLeaving has the peer tell a prefix as the last resort.
func (s *fakeSpeaker) tellLeaving(peer netip.Addr, prefix netip.Prefix) {
	attrs := &route.Attributes{NextHop: peer, Communities: []uint32{route.GracefulShutdown}}
	s.update(bgp.Update{Reachable: []route.Route{{Prefix: prefix, Attributes: attrs}}}, peer)
}

// bothTell has both neighbours up and the service told by both.
func (w *world) bothTell() {
	for _, peer := range []netip.Addr{five, six} {
		w.s.up(peer)
		w.s.tell(peer, service, service2)
		w.s.end(peer)
	}
}

func TestANextHopThatLeavesGoesInThreeSteps(t *testing.T) {
	within(t, twoNeighbors, func(w *world) {
		w.bothTell()
		w.expect("at first", via(service, five, six)+via(service2, five, six))
		time.Sleep(time.Second)
		w.s.tellLeaving(six, service)
		other := via(service2, five, six)
		stands := func(stage int) string {
			text := ""
			if stage > 1 {
				text = fmt.Sprintf(" weight %d", stage)
			}
			return fmt.Sprintf("%s metric 20 via %s link 3 weight 256, via %s link 3%s\n", service, five, six, text) + other
		}
		w.expect("it begins to leave", stands(int(fib.Parting)))
		time.Sleep(partingTime - time.Second)
		w.expect("it is leaving", stands(int(fib.Parting)))
		snap := w.status()
		if got := snap.Routes[0].Installed; len(got) != 2 || got[0].Leaving || got[0].Weight != 1 || !got[1].Leaving || got[1].Address != six {
			t.Errorf("status: installed %+v", got)
		}
		if p := snap.Routes[0].Paths; p[0].Leaving || !p[0].Best || !p[1].Leaving || p[1].Multipath {
			t.Errorf("status: paths %+v", p)
		}
		time.Sleep(2 * time.Second)
		w.expect("it has almost left", stands(int(fib.AlmostGone)))
		time.Sleep(5 * time.Minute)
		w.expect("it stays like that", stands(int(fib.AlmostGone)))
		w.s.withdraw(six, service)
		w.expect("it is gone", via(service, five)+other)
		w.s.tell(six, service)
		w.expect("it is back", via(service, five, six)+other)
		time.Sleep(time.Second)
		w.s.tellLeaving(six, service)
		w.expect("and leaves again, from the beginning", stands(int(fib.Parting)))
	})
}

func TestWithoutResilientGroupsWhoLeavesIsGoneAtOnce(t *testing.T) {
	for _, kind := range []fib.Kind{fib.Multipath, fib.HashGroups} {
		within(t, twoNeighbors, func(w *world) {
			w.k.kind = kind
			w.bothTell()
			time.Sleep(time.Second)
			w.s.tellLeaving(six, service)
			w.expect(kind.String(), via(service, five)+via(service2, five, six))
		})
	}
}

func TestWhereAllLeaveAllStay(t *testing.T) {
	within(t, twoNeighbors, func(w *world) {
		w.bothTell()
		time.Sleep(time.Second)
		w.s.tellLeaving(six, service)
		w.s.tellLeaving(five, service)
		time.Sleep(10 * time.Second)
		w.expect("both leave", via(service, five, six)+via(service2, five, six))
		w.s.withdraw(six, service)
		time.Sleep(time.Second)
		w.expect("one has left", via(service, five)+via(service2, five, six))
	})
}
