package board_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hawser-lb/hawser/shared/lab"
	"github.com/hawser-lb/hawser/shared/lab/board"
)

var watch = flag.Duration("bfd", 5*time.Second, "how long false alarms of BFD are looked for on the busy board")

// watchedPeer is BIRD with BFD at 300 ms three times, as it is set on the board
// unless something else is written.
const watchedPeer = `router id 10.77.2.20;
log stderr all;
protocol device {}
protocol bfd { interface "eth0" { interval 300 ms; multiplier 3; }; }
protocol static { ipv4; route 10.77.100.9/32 blackhole; }
protocol bgp board {
	local 10.77.2.20 as 65001;
	neighbor 10.77.2.1 as 65000;
	connect retry time 1; connect delay time 1; error wait time 1, 2;
	hold time 240;
	bfd on;
	ipv4 { import none; export all; };
}
`

// TestABusyMIPSRouterMissesAPeerByBFDAndNoOther has the board's one core busy
// with a program that does nothing else, and with a thousand routes that come
// and go. The alarms are printed; make bench-bfd has it look for ten minutes.
func TestABusyMIPSRouterMissesAPeerByBFDAndNoOther(t *testing.T) {
	b := scene(t,
		file(t, "/bin/hawser", filepath.Join(build, "hawser-mipsle")),
		board.File{Path: "/etc/config/hawser", Mode: 0o600,
			Content: []byte(strings.ReplaceAll(config, "10.77.100.0/24", "10.77.96.0/19") + "\toption max_prefixes '2000'\n\toption bfd '1'\n")})
	run(t, b, "hawser run >/tmp/hawser.log 2>&1 & echo $! >/tmp/hawser.pid")
	t.Cleanup(func() {
		if t.Failed() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			log, err := b.Run(ctx, "cat /tmp/hawser.log; hawser show bfd; routes")
			t.Logf("hawser on the board: %v\n%s", err, log)
		}
	})
	peer, feeder := b.eight[0], b.eight[1]
	start(t, peer, "bird", watchedPeer, "-f", "-c", "CONFIG", "-s", "DIR/bird.ctl", "-P", "DIR/bird.pid")
	start(t, feeder, "bird", anotherPeer(1), "-f", "-c", "CONFIG", "-s", "DIR/bird.ctl", "-P", "DIR/bird.pid")
	up := func() error {
		said := run(t, b, "hawser show bfd 2>&1 || true")
		if !strings.Contains(said, "Up for") || !strings.Contains(said, "down after 900 ms") {
			return fmt.Errorf("%s", said)
		}
		return nil
	}
	routed := func() error {
		if all := run(t, b, "routes"); !strings.Contains(all, "10.77.100.9/32") {
			return fmt.Errorf("%s", all)
		}
		return nil
	}
	lab.Eventually(t, "hawser answers on the board", func() error {
		said := run(t, b, "hawser show bfd 2>&1 || true")
		if strings.Contains(said, "not running") {
			return errors.New(said)
		}
		return nil
	})
	lab.Eventually(t, "the watched peer's route is in the board's kernel", routed)
	lab.Eventually(t, "BFD is up on the board", up)

	run(t, b, "while :; do :; done >/dev/null 2>&1 & echo $! >/tmp/busy.pid")
	loads := 0
	for begin, word := time.Now(), "enable"; time.Since(begin) < *watch || loads < 2; loads++ {
		control := filepath.Join(feeder.Lab().Dir(), feeder.Name(), "bird.ctl")
		if _, err := feeder.Run(t.Context(), "birdc", "-s", control, word, "thousand"); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"enable": "-ge 1000", "disable": "-lt 1000"}[word]
		run(t, b, "n=0; until [ $(grep -cw 0007 /proc/net/route) "+want+" ] || [ $((n+=1)) -gt 200 ]; do usleep 100000; done")
		word = map[string]string{"enable": "disable", "disable": "enable"}[word]
	}
	t.Logf("alarms in %v, while a thousand routes came or went %d times:\n%s\n%s", *watch, loads,
		run(t, b, "grep 'msg=bfd.*state=Down' /tmp/hawser.log || echo none"), run(t, b, "hawser show bfd; uptime"))

	before := strings.TrimSpace(run(t, b, "wc -l < /tmp/hawser.log"))
	lab.Eventually(t, "BFD is up still, or again", up)
	lab.Eventually(t, "so is the route", routed)
	if err := peer.SetLink("eth0", false); err != nil {
		t.Fatal(err)
	}
	lab.Eventually(t, "the route is gone", func() error {
		if all := run(t, b, "routes"); strings.Contains(all, "10.77.100.9/32") {
			return fmt.Errorf("%s", all)
		}
		return nil
	})
	if log := run(t, b, "tail -n +$(("+before+"+1)) /tmp/hawser.log | grep 'msg=bfd' || true"); !strings.Contains(log, "control detection time expired") {
		t.Errorf("it was not BFD that found out:\n%s", log)
	}
	lab.Eventually(t, "the three other sessions to stand alone", func() error {
		if n := strings.TrimSpace(run(t, b, "hawser show ip bgp neighbors | grep -c Established || true")); n != "3" {
			return fmt.Errorf("%s stand", n)
		}
		return nil
	})
}
