package daemon

import (
	"fmt"
	"os"
	"testing"

	"github.com/hawser-lb/hawser/router/internal/status"
	"github.com/hawser-lb/hawser/shared/lab"
)

// frrConfig and birdConfig announce the service from a node, in both families.
const frrConfig = `router bgp 65001
 bgp router-id 10.77.2.11
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor 10.77.2.1 remote-as 65000
 neighbor 10.77.2.1 timers 3 9
 neighbor 10.77.2.1 timers connect 1
 address-family ipv4 unicast
  network 10.77.100.1/32
  network 0.0.0.0/0
 exit-address-family
 address-family ipv6 unicast
  neighbor 10.77.2.1 activate
  neighbor 10.77.2.1 route-map six out
  network 2001:db8:100::1/128
 exit-address-family
exit
route-map six permit 10
 set ipv6 next-hop global 2001:db8:2::11
exit
`

const birdConfig = `log stderr all;
router id 10.77.2.12;
protocol device {}
protocol static four { ipv4; route 10.77.100.1/32 blackhole; }
protocol static six { ipv6; route 2001:db8:100::1/128 blackhole; }
protocol bgp hawser {
 local 10.77.2.12 as 65001;
 neighbor 10.77.2.1 as 65000;
 hold time 9;
 connect delay time 1;
 connect retry time 1;
 ipv4 { import all; export where source = RTS_STATIC; };
 ipv6 { import all; export where source = RTS_STATIC; next hop address 2001:db8:2::12; };
}
`

func TestFRRAndBIRDAnnounceOneService(t *testing.T) {
	s := newScene(t, home)
	s.start()
	frr, bird := s.lab.Host("frr"), s.lab.Host("bird")
	s.lan.Attach(frr, "eth0", "10.77.2.11/24", "2001:db8:2::11/64")
	s.lan.Attach(bird, "eth0", "10.77.2.12/24", "2001:db8:2::12/64")
	s.check(os.MkdirAll(s.file("frr"), 0o755))
	s.check(os.WriteFile(s.file("frr/bgpd.conf"), []byte(frrConfig), 0o644))
	s.check(os.WriteFile(s.file("bird.conf"), []byte(birdConfig), 0o644))
	bgpd, err := frr.Start("/usr/lib/frr/bgpd", "-Z", "-n", "-S", "-f", s.file("frr/bgpd.conf"),
		"--vty_socket", s.file("frr"), "-i", s.file("frr/pid"), "-P", "0", "--log", "stdout")
	s.check(err)
	birdd, err := bird.Start("bird", "-f", "-c", s.file("bird.conf"), "-s", s.file("bird.ctl"), "-P", s.file("bird.pid"))
	s.check(err)

	s.routed(svc, "10.77.2.11 10.77.2.12")
	s.routed(svc6, "2001:db8:2::11 2001:db8:2::12")
	s.eventually("FRR's default route is refused", func(snap status.Snapshot) error {
		p, err := pathOf(snap, "0.0.0.0/0", "10.77.2.11")
		if err == nil && p.Reason != "defaultRoute" {
			err = fmt.Errorf("%+v", p)
		}
		return err
	})
	bgpd.Kill()
	s.routed(svc, "10.77.2.12")
	s.routed(svc6, "2001:db8:2::12")
	s.check(birdd.Stop())
	s.routed(svc, "")
	s.routed(svc6, "")
}

// TestTenThousandRoutesFromOnePeer keeps the whole way honest under load; how
// long it takes is the benchmark's business.
func TestTenThousandRoutesFromOnePeer(t *testing.T) {
	s := newScene(t, home+"\tlist allow '172.16.0.0/12'\n\toption max_prefixes '20000'\n")
	s.start()
	n := s.node(1, lines(10000)...)
	all := func(want int) func(status.Snapshot) error {
		return func(snap status.Snapshot) error {
			if snap.Kernel.Routes != want || snap.Kernel.Errors != 0 {
				return fmt.Errorf("%+v", snap.Kernel)
			}
			return nil
		}
	}
	s.eventually("all in the kernel", all(10000))
	n.announce(lines(5000)...)
	s.eventually("half of them withdrawn", all(5000))
	n.speaker.Kill()
	s.eventually("none left", all(0))
	lab.Eventually(t, "an empty table", func() error {
		out, err := s.router.Run(t.Context(), "ip", "route", "show", "proto", "73")
		if err == nil && out != "" {
			err = fmt.Errorf("%d bytes of routes", len(out))
		}
		return err
	})
}

func lines(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("172.16.%d.%d/32", i>>8, i&255)
	}
	return out
}
