package controller

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/hawser-lb/hawser/cluster/internal/model"
	"github.com/hawser-lb/hawser/shared/bfd"
	"github.com/hawser-lb/hawser/shared/bgp"
)

func TestARouterIsWatchedAsItsPeerSaysWhileItsSessionIsUp(t *testing.T) {
	watch := model.BFD{Enabled: true, Transmit: 50 * time.Millisecond, Receive: 100 * time.Millisecond, Multiplier: 4}
	near, far, plain := aPeer("near", "192.0.2.1"), aPeer("far", "198.51.100.1"), aPeer("plain", "192.0.2.3")
	near.BFD, far.BFD, far.EBGPMultiHop = watch, watch, true
	up := func(name, address string, state bgp.State) bgp.PeerStatus {
		return bgp.PeerStatus{
			PeerID: bgp.PeerID{Name: name, Address: netip.MustParseAddr(address)}, State: state,
			LocalAddress: netip.MustParseAddrPort("192.0.2.11:50000"),
		}
	}
	status := []bgp.PeerStatus{
		up("near", "192.0.2.1", bgp.StateEstablished), up("far", "198.51.100.1", bgp.StateEstablished),
		up("plain", "192.0.2.3", bgp.StateEstablished), up("near", "192.0.2.4", bgp.Active), up("gone", "192.0.2.5", bgp.StateEstablished),
	}
	local := netip.MustParseAddr("192.0.2.11")
	want := []bfd.Session{
		{Key: bfd.Key{Remote: netip.MustParseAddr("192.0.2.1"), Local: local}, Transmit: 50 * time.Millisecond, Receive: 100 * time.Millisecond, Multiplier: 4},
		{Key: bfd.Key{Remote: netip.MustParseAddr("198.51.100.1"), Local: local, Multihop: true}, Transmit: 50 * time.Millisecond, Receive: 100 * time.Millisecond, Multiplier: 4},
	}
	if got := watched([]model.Peer{near, far, plain}, status); !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
}

func TestADeadRouterLosesItsSessionAndNoOther(t *testing.T) {
	c, r := worker(newFakeCluster())
	for _, e := range []bfd.Event{{State: bfd.Up}, {State: bfd.AdminDown}, {State: bfd.Down}} {
		e.Remote = netip.MustParseAddr("192.0.2.1")
		c.alive(e)
	}
	if want := []string{"192.0.2.1 Cease/BFD Down"}; !slices.Equal(r.resets, want) {
		t.Errorf("%q, want %q", r.resets, want)
	}
}
