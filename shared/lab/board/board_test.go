package board_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hawser-lb/hawser/shared/lab"
	"github.com/hawser-lb/hawser/shared/lab/board"
)

const (
	build   = "../../../build"
	address = "10.77.100.1"
	service = address + "/32"
)

// config is what a user of such a router would write.
const config = `
config globals 'globals'
	option asn '65000'
	option router_id '10.77.2.1'

config cluster 'home'
	option asn '65001'
	list source '10.77.2.0/24'
	list allow '10.77.100.0/24'
`

const birdConfig = `
router id 10.77.2.11;
log stderr all;
protocol device {}
protocol static { ipv4; route ` + service + ` blackhole; }
protocol bgp board {
	local 10.77.2.11 as 65001;
	neighbor 10.77.2.1 as 65000;
	connect retry time 1; connect delay time 1; error wait time 1, 2;
	ipv4 { import none; export all; };
}
`

const bgpdConfig = `
router bgp 65001
 bgp router-id 10.77.2.12
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor 10.77.2.1 remote-as 65000
 neighbor 10.77.2.1 timers connect 1
 address-family ipv4 unicast
  network ` + service + `
`

// place is the board on a wire with two real peers, BIRD 2 and FRR's bgpd, a
// client, whose way to the services is the board, and eight hosts where nothing
// runs yet.
type place struct {
	*board.Board
	bird, frr, client *lab.Host
	eight             []*lab.Host
}

func scene(t *testing.T, files ...board.File) place {
	l := lab.Test(t)
	wire := l.Host("wire")
	bridge := l.Bridge(wire, "br0")
	bird, frr := l.Host("bird"), l.Host("frr")
	bridge.Attach(bird, "eth0", "10.77.2.11/24")
	bridge.Attach(frr, "eth0", "10.77.2.12/24")
	client := l.Host("client")
	bridge.Attach(client, "eth0", "10.77.2.50/24")
	client.Route("10.77.100.0/24 via 10.77.2.1")
	var eight []*lab.Host
	for i := range 8 {
		h := l.Host(fmt.Sprintf("peer%d", i))
		bridge.Attach(h, "eth0", fmt.Sprintf("10.77.2.%d/24", 20+i))
		eight = append(eight, h)
	}
	for _, words := range []string{"tuntap add tap0 mode tap", "link set tap0 master br0 up"} {
		if _, err := wire.Run(t.Context(), "ip", strings.Fields(words)...); err != nil {
			t.Fatal(err)
		}
	}
	b, err := board.Boot(t.Context(), board.Config{
		Parts: filepath.Join(build, "board"), Host: wire, Tap: "tap0",
		Address: netip.MustParsePrefix("10.77.2.1/24"), Files: append(files, routesProgram(t)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("console:\n%s", b.Console())
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	start(t, bird, "bird", birdConfig, "-f", "-c", "CONFIG", "-s", "DIR/bird.ctl", "-P", "DIR/bird.pid")
	start(t, frr, "/usr/lib/frr/bgpd", bgpdConfig, "-f", "CONFIG", "-Z",
		"-i", "DIR/bgpd.pid", "--vty_socket", "DIR", "-P", "0", "--log", "stdout")
	return place{b, bird, frr, client, eight}
}

// start starts a daemon with a configuration file and a directory of its own,
// which FRR's user may use: bgpd drops root's rights.
func start(t *testing.T, h *lab.Host, name, config string, args ...string) {
	t.Helper()
	dir := filepath.Join(h.Lab().Dir(), h.Name())
	file := filepath.Join(dir, "config")
	if err := errors.Join(os.Chmod(h.Lab().Dir(), 0o755), os.Mkdir(dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("chown", "-R", "frr", dir).CombinedOutput(); err != nil {
		t.Fatalf("chown: %v\n%s", err, out)
	}
	for i := range args {
		args[i] = strings.NewReplacer("CONFIG", file, "DIR", dir).Replace(args[i])
	}
	if _, err := h.Start(name, args...); err != nil {
		t.Fatal(err)
	}
}

// routesProgram is shared/lab/cmd/routes for the board.
func routesProgram(t *testing.T) board.File {
	t.Helper()
	program := filepath.Join(t.TempDir(), "routes")
	cmd := exec.Command("go", "build", "-trimpath",
		// As the Makefile builds for MIPS: the standard library is compiled once.
		"-gcflags=all=-l", "-gcflags=runtime/...=", "-gcflags=internal/...=", "-gcflags=runtime=", "-o", program, "../cmd/routes")
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=mipsle", "GOMIPS=softfloat", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the routes program for mipsle: %v\n%s", err, out)
	}
	return file(t, "/bin/routes", program)
}

func file(t *testing.T, to, from string) board.File {
	t.Helper()
	f, err := board.Host(to, from)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func run(t *testing.T, b place, command string) string {
	t.Helper()
	out, err := b.Run(t.Context(), command)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// want is the board's route to the service.
const want = service + " table 254 proto 73 type 1 metric 20" +
	" nexthop via 10.77.2.11 dev eth0 weight 1 nexthop via 10.77.2.12 dev eth0 weight 1\n"

func TestMIPSRouterInstallsWhatRealPeersTell(t *testing.T) {
	b := scene(t,
		file(t, "/bin/hawser", filepath.Join(build, "hawser-mipsle")),
		board.File{Path: "/etc/config/hawser", Mode: 0o600, Content: []byte(config)})
	t.Logf("hawser on the board: %s", run(t, b, "hawser version"))
	run(t, b, "hawser run >/tmp/hawser.log 2>&1 & echo $! >/tmp/hawser.pid")
	t.Cleanup(func() {
		if t.Failed() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			log, err := b.Run(ctx, "cat /tmp/hawser.log; hawser show ip bgp summary; hawser show ip bgp; routes")
			t.Logf("hawser on the board: %v\n%s", err, log)
		}
	})

	lab.Eventually(t, "one route with both peers in the board's kernel", func() error {
		if all := run(t, b, "routes"); !strings.Contains(all, want) {
			return fmt.Errorf("want %sof\n%s", want, all)
		}
		return nil
	})

	summary := run(t, b, "hawser show ip bgp summary")
	for _, peer := range []string{"10.77.2.11", "10.77.2.12"} {
		if !strings.Contains(summary, peer) {
			t.Errorf("the summary lacks %s", peer)
		}
	}
	if sessions := run(t, b, "hawser show ip bgp neighbors"); strings.Count(sessions, "Established") < 2 {
		t.Errorf("not both sessions are Established:\n%s", sessions)
	}
	t.Logf("the board says:\n%s\n%s", summary, run(t, b, "routes | grep 'proto 73'"))
	t.Logf("a summary's time on the board:\n%s", run(t, b, "time hawser show ip bgp summary 2>&1 >/dev/null"))
	t.Logf("a poll's time on the board:\n%s", run(t, b, "time hawser rpcd call overview 2>&1 >/dev/null </dev/null"))
	t.Logf("the daemon's memory on the board:\n%s", run(t, b, "grep -E 'VmRSS|VmHWM' /proc/$(cat /tmp/hawser.pid)/status"))

	run(t, b, "kill -9 $(cat /tmp/hawser.pid)")
	if all := run(t, b, "routes"); !strings.Contains(all, want) {
		t.Errorf("the route did not outlive the daemon:\n%s", all)
	}
}
