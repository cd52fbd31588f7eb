package bgp

import (
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

func TestConnectionsOfOneAddressAreBoundedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bucket
		for range 10 {
			passed := 0
			for range 1000 {
				if b.take(time.Now()) {
					passed++
				}
			}
			time.Sleep(time.Second)
			if passed > acceptBurst || passed < acceptRate {
				t.Errorf("%d passed in a second", passed)
			}
		}
	})
}

// refusals are the Refused events.
func (e *ear) refusals() (all []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, ev := range e.events {
		if r, ok := ev.(Refused); ok {
			all = append(all, r.Address.String()+": "+r.Reason)
		}
	}
	return all
}

func TestAPeerThatConnectsTooOftenIsTurnedAwayForAWhile(t *testing.T) {
	inWorld(t, []Peer{passive(peerA, settings(65000, "1.1.1.1"))}, nil, func(t *testing.T, w *world, us *ear) {
		for range 10 * acceptBurst {
			p := w.call(t, peerA)
			synctest.Wait()
			p.conn.Close()
			synctest.Wait()
		}
		if n := us.Refused(); n != 9*acceptBurst {
			t.Errorf("%d refused", n)
		}
		if got := us.refusals(); fmt.Sprint(got) != "[10.0.0.2: the peer connects too often]" {
			t.Errorf("told %q", got)
		}
		time.Sleep(time.Second)
		w.call(t, peerA).shake(65001, 90, "2.2.2.2")
		synctest.Wait()
		if !us.up(peerA) {
			t.Error("it has no session afterwards")
		}
	})
}

func TestStrangersDoNotTakeThePlacesOfNeighbors(t *testing.T) {
	conf := settings(65000, "1.1.1.1")
	ranges := []Range{{Settings: conf, Prefix: netip.MustParsePrefix("10.0.0.0/8")}}
	inWorld(t, []Peer{passive(peerA, conf)}, ranges, func(t *testing.T, w *world, us *ear) {
		for i := range maxHalfOpen + 1 {
			w.call(t, fmt.Sprintf("10.0.1.%d", i))
		}
		synctest.Wait()
		w.call(t, peerA).shake(65001, 90, "2.2.2.2")
		synctest.Wait()
		if !us.up(peerA) {
			t.Error("the neighbor has no session")
		}
	})
}

func TestTheSilentDoNotUseUpTheLimitOfPeers(t *testing.T) {
	conf := settings(65000, "1.1.1.1")
	ranges := []Range{{Settings: conf, Prefix: netip.MustParsePrefix("10.0.0.0/8"), MaxPeers: 2}}
	inWorld(t, nil, ranges, func(t *testing.T, w *world, us *ear) {
		for i := range 20 {
			w.call(t, fmt.Sprintf("10.0.1.%d", i))
			synctest.Wait()
		}
		for _, from := range []string{"10.0.2.1", "10.0.2.2"} {
			w.call(t, from).shake(65001, 90, from)
			synctest.Wait()
			if !us.up(from) {
				t.Errorf("%s has no session", from)
			}
		}
		got := w.call(t, "10.0.2.3").skip()
		synctest.Wait()
		if got != "EOF" || us.Refused() != 1 {
			t.Errorf("a third hears %s, %d refused", got, us.Refused())
		}
	})
}
