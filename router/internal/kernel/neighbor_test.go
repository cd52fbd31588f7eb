package kernel_test

import (
	"fmt"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hawser-lb/hawser/router/internal/kernel"
	"github.com/hawser-lb/hawser/shared/lab"
)

// look looks at a host n times in a row, half a second apart, until it is gone.
func look(t *testing.T, k *kernel.Kernel, host string, n int) (gone bool) {
	t.Helper()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for range n {
		gone, sure, err := k.Gone(netip.MustParseAddr(host))
		if err != nil {
			t.Fatal(err)
		}
		if !sure {
			t.Fatalf("nothing can be said of %s, which is on the link", host)
		}
		if gone {
			return true
		}
		<-tick.C
	}
	return false
}

func TestAHostThatIsNotThereIsMissed(t *testing.T) {
	for host, bits := range map[string]string{"10.77.2.11": "/24", "2001:db8:2::11": "/64"} {
		t.Run(host, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			k := s.main()
			if look(t, k, host, 12) {
				t.Fatal("a host that is there, and was never heard of before, is missed")
			}
			if _, err := s.node.Run(t.Context(), "ip", "addr", "flush", "dev", "eth0"); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			if !look(t, k, host, 60) {
				t.Fatalf("it is not missed within half a minute: %s", s.ip("neigh"))
			}
			t.Logf("missed after %v", time.Since(began).Round(10*time.Millisecond))
			if out, err := s.node.Run(t.Context(), "ip", "addr", "replace", host+bits, "dev", "eth0"); err != nil {
				t.Fatal(err, out)
			}
			lab.Eventually(t, "the host to be there again", func() error {
				if look(t, k, host, 1) {
					return fmt.Errorf("it is missed: %s", s.ip("neigh"))
				}
				return nil
			})
		})
	}
}

func TestAHostThatNobodyHasIsMissed(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	if !look(t, s.main(), "10.77.2.99", 60) {
		t.Fatalf("it is not missed within half a minute: %s", s.ip("neigh"))
	}
}

func TestAHostBehindALinkThatIsDownIsMissedWhenThatLasts(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	k := s.main()
	began := time.Now()
	if look(t, k, "10.77.2.11", 2) {
		t.Fatal("it is missed, and is there")
	}
	if err := s.node.SetLink("eth0", false); err != nil {
		t.Fatal(err)
	}
	// A machine that stands still meanwhile has waited long enough.
	if look(t, k, "10.77.2.11", 2) && time.Since(began) < 2500*time.Millisecond {
		t.Error("it is missed at once")
	}
	if !look(t, k, "10.77.2.11", 60) {
		t.Error("it is not missed within half a minute")
	}
}

func TestOfAHostBehindAnotherRouterNothingIsKnown(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	k := s.main()
	s.ip("route add 10.88.0.0/16 via 10.77.2.11")
	for _, host := range []string{"10.88.0.1", "10.99.0.1", "10.77.2.1", "127.0.0.1"} {
		if gone, sure, err := k.Gone(netip.MustParseAddr(host)); gone || sure || err != nil {
			t.Errorf("%s: gone %t, sure %t, %v", host, gone, sure, err)
		}
	}
}

// pointToPoint makes an interface without hardware addresses, as VPNs and PPP
// have them, with 10.9.0.1/24 on it.
func (s *scene) pointToPoint() {
	s.t.Helper()
	err := s.host.Do(func() error {
		f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
		if err != nil {
			return err
		}
		s.t.Cleanup(func() { f.Close() })
		r, err := unix.NewIfreq("vpn")
		if err != nil {
			return err
		}
		r.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		return unix.IoctlIfreq(int(f.Fd()), unix.TUNSETIFF, r)
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.ip("link set vpn up")
	s.ip("addr add 10.9.0.1/24 dev vpn")
	s.ip("addr add 2001:db8:9::1/64 dev vpn nodad")
}

func TestOfAHostOnAPointToPointLinkNothingIsKnown(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.pointToPoint()
	k := s.main()
	for _, host := range []string{"10.9.0.2", "2001:db8:9::2"} {
		addr := netip.MustParseAddr(host)
		// The first look makes the entry that says so.
		if gone, _, err := k.Gone(addr); gone || err != nil {
			t.Errorf("%s: gone %t, %v", host, gone, err)
		}
		if gone, sure, err := k.Gone(addr); gone || sure || err != nil {
			t.Errorf("%s: gone %t, sure %t, %v", host, gone, sure, err)
		}
	}
}

func TestOfALinkLocalAddressWithoutItsLinkNothingIsKnown(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	if gone, sure, err := s.main().Gone(netip.MustParseAddr("fe80::5")); gone || sure || err != nil {
		t.Errorf("gone %t, sure %t, %v", gone, sure, err)
	}
}
