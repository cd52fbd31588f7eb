package daemon

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/hawser-lb/hawser/router/internal/status"
)

const birdWithBFD = `log stderr all;
router id 10.77.2.11;
protocol device {}
protocol bfd { interface "eth0" { interval 100 ms; multiplier 3; }; }
protocol static four { ipv4; route 10.77.100.1/32 blackhole; }
protocol bgp hawser {
 local 10.77.2.11 as 65001;
 neighbor 10.77.2.1 as 65000;
 hold time 90;
 connect delay time 1;
 connect retry time 1;
 error wait time 1, 1;
 bfd on;
 ipv4 { import all; export where source = RTS_STATIC; };
}
`

// TestANodeWithoutPowerIsGoneLongBeforeItsHoldTime has a hold time that the
// test would not outlive.
func TestANodeWithoutPowerIsGoneLongBeforeItsHoldTime(t *testing.T) {
	watched := strings.Replace(home, "hold_time '9'", "hold_time '600'", 1) + "\toption bfd '1'\n\toption bfd_interval '100'\n"
	s := newScene(t, watched)
	s.start()
	bird := s.lab.Host("bird")
	s.lan.Attach(bird, "eth0", "10.77.2.11/24")
	s.check(os.WriteFile(s.file("bird.conf"), []byte(birdWithBFD), 0o644))
	_, err := bird.Start("bird", "-f", "-c", s.file("bird.conf"), "-s", s.file("bird.ctl"), "-P", s.file("bird.pid"))
	s.check(err)
	s.node(2, svc+"/32") // speaks no BFD: it has nothing to miss
	s.routed(svc, "10.77.2.11 10.77.2.12")
	up := func(snap status.Snapshot) error {
		n, err := neighbor(snap, "10.77.2.11")
		if err == nil && (n.BFD == nil || n.BFD.State != "Up" || n.BFD.DetectMilliseconds != 300) {
			err = fmt.Errorf("%+v", n.BFD)
		}
		return err
	}
	s.eventually("BFD is up and fast", up)

	s.check(bird.SetLink("eth0", false))
	s.routed(svc, "10.77.2.12")
	s.eventually("the session was told why", func(snap status.Snapshot) error {
		n, err := neighbor(snap, "10.77.2.11")
		if err == nil && (n.State == "Established" || !strings.Contains(n.LastError, "BFD Down")) {
			err = fmt.Errorf("%s, %s", n.State, n.LastError)
		}
		return err
	})

	s.check(bird.SetLink("eth0", true))
	s.routed(svc, "10.77.2.11 10.77.2.12")
	s.eventually("BFD is up again", up)
	s.configure(strings.Replace(watched, "bfd '1'", "bfd '0'", 1))
	s.eventually("nobody is watched any more", func(snap status.Snapshot) error {
		n, err := neighbor(snap, "10.77.2.11")
		if err == nil && (n.BFD != nil || n.State != "Established") {
			err = fmt.Errorf("%s, %+v", n.State, n.BFD)
		}
		return err
	})
	s.routed(svc, "10.77.2.11 10.77.2.12")
}
