package bgp

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/hawser-lb/hawser/shared/route"
)

// hasAll reports whether all that the other end originates is known; some tell
// us our own routes, too.
func (e *ear) hasAll(job task) bool {
	for _, prefix := range job.originate {
		if _, known := e.route(job.local, prefix); !known {
			return false
		}
	}
	return true
}

// GoBGP never asks: it looks at what it has been told once more.
func TestRoutesAreToldAgainWhicheverEndAsks(t *testing.T) {
	for name, o := range map[string]asker{"FRR": &frr{}, "BIRD": &bird{}} {
		t.Run(name, func(t *testing.T) {
			a, b := wire(t)
			job := task{asn: 65001, peerASN: 65000, peer: "10.0.0.1", local: "10.0.0.2", hold: 90,
				passive: true, originate: []string{"203.0.113.1/32", "2001:db8:2::1/128"}}
			addr := netip.MustParseAddr(job.local)
			us := listening(t, a, Peer{Settings: settings(65000, "10.255.0.1"), Address: addr})
			us.Announce(announce(dressed, "198.51.100.1/32", "2001:db8:1::1/128"))
			o.start(t, b, job)
			eventually(t, "their routes", func() bool { return us.hasAll(job) })
			until(t, "our routes", "1 1", counts(o))

			before := us.status(t, job.local)
			if !us.Refresh(addr) {
				t.Fatal("they cannot be asked")
			}
			eventually(t, "them to tell both again", func() bool {
				now := us.status(t, job.local)
				return now.MsgSent.RouteRefresh == 2 && now.MsgRcvd.Update >= before.MsgRcvd.Update+2
			})
			before = us.status(t, job.local)
			o.refresh(t)
			eventually(t, "them to have been told both again", func() bool {
				now := us.status(t, job.local)
				return now.MsgRcvd.RouteRefresh >= 2 && now.MsgSent.Update >= before.MsgSent.Update+2
			})
			before = us.status(t, job.local)
			if !us.Retell(addr) {
				t.Fatal("they cannot be told")
			}
			eventually(t, "both to be told again unasked", func() bool {
				now := us.status(t, job.local)
				return now.MsgSent.Update >= before.MsgSent.Update+2
			})
			if st := us.status(t, job.local); st.State != StateEstablished || st.Dropped != 0 || !us.hasAll(job) {
				t.Errorf("afterwards: %s, %d times down, all their routes: %v", st.State, st.Dropped, us.hasAll(job))
			}
		})
	}
}

func TestRoutesThatNeedLongMessagesCrossWhereTheOtherEndHasThem(t *testing.T) {
	for name, o := range map[string]oracle{"FRR": &frr{}, "BIRD": &bird{}} {
		t.Run(name, func(t *testing.T) {
			a, b := wire(t)
			job := task{asn: 65001, peerASN: 65000, peer: "10.0.0.1", local: "10.0.0.2", hold: 90,
				passive: true, originate: []string{"203.0.113.1/32"}, long: true}
			us := listening(t, a, Peer{Settings: settings(65000, "10.255.0.1"), Address: netip.MustParseAddr(job.local)})
			heavy := &route.Attributes{}
			for n := range job.dresses() {
				heavy.Communities = append(heavy.Communities, 65000<<16|uint32(n+1))
			}
			us.Announce(announce(heavy, "198.51.100.1/32"))
			o.start(t, b, job)
			// What it prints is cut, what it got is not.
			containing(t, "our route", " 65000:40 ", func() (string, error) { return o.sees("198.51.100.1/32") })
			eventually(t, "their route", func() bool { return us.hasAll(job) })
			if st := us.status(t, job.local); st.MaxMessage != 65535 || st.Withheld != 0 {
				t.Errorf("messages of %d bytes, %d withheld: %s", st.MaxMessage, st.Withheld, st.WithheldWhy)
			}
			r, _ := us.route(job.local, "203.0.113.1/32")
			if dressing := len(r.Communities); name == "BIRD" && (dressing != 2+job.dresses() || !strings.Contains(describe(r), " 65001:2023")) {
				t.Errorf("their route has %d communities", dressing)
			}
		})
	}
}
