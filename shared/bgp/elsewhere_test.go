package bgp

import (
	"context"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawser-lb/hawser/shared/secret"
)

// cable is a Network of one connection.
type cable struct{ puppets chan net.Conn }

func (c cable) Dial(_ context.Context, _ netip.Addr, to netip.AddrPort) (net.Conn, error) {
	ours, theirs := pipe(here, to)
	select {
	case c.puppets <- theirs:
		return ours, nil
	default:
		return nil, syscall.ECONNREFUSED
	}
}

func (cable) Listen(netip.AddrPort) (net.Listener, error) { return nil, syscall.EADDRNOTAVAIL }

func (cable) Sibling(netip.Addr, Family) (netip.Addr, error) {
	return netip.Addr{}, syscall.EADDRNOTAVAIL
}

func TestASpeakerSpeaksOverAnotherNetworkThanTheMachines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cable{make(chan net.Conn, 1)}
		s := New(Config{Network: c, Chance: func() float64 { return 1 }, Log: testLog(t)})
		mustSet(t, s, []Peer{{Settings: settings(65001, "10.0.0.1"), Address: netip.MustParseAddr("10.0.0.2")}}, nil)
		hear(t, s)
		p := newPuppet(t, <-c.puppets)
		p.shake(65002, 90, "10.0.0.2")
		p.skip("UPDATE", "KEEPALIVE")
	})
}

func TestANetworkThatProtectsNothingHasNoSessionThatMustBeProtected(t *testing.T) {
	signed, near := settings(65001, "10.0.0.1"), settings(65001, "10.0.0.1")
	signed.Password, near.TTLSecurity = secret.New("sesame"), 1
	for what, conf := range map[string]Settings{"a password": signed, "TTL security": near} {
		synctest.Test(t, func(t *testing.T) {
			c := cable{make(chan net.Conn, 1)}
			s := New(Config{Network: c, Log: testLog(t)})
			mustSet(t, s, []Peer{{Settings: conf, Address: netip.MustParseAddr("10.0.0.2")}}, nil)
			hear(t, s)
			time.Sleep(time.Minute)
			if len(c.puppets) > 0 {
				t.Errorf("with %s a connection is opened", what)
			}
			if st := s.Status()[0]; st.Obstacle == "" && st.LastError == "" {
				t.Errorf("with %s the status says nothing", what)
			}
		})
	}
}
