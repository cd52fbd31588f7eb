package board_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hawser-lb/hawser/shared/lab"
	"github.com/hawser-lb/hawser/shared/lab/board"
)

// anotherPeer is BIRD's configuration on the i-th of the eight hosts. When they
// are told to, the first two tell a hundred routes, and the first a thousand
// more.
func anotherPeer(i int) string {
	var c strings.Builder
	fmt.Fprintf(&c, `router id 10.77.2.%[1]d;
log stderr all;
protocol device {}
protocol bgp {
	local 10.77.2.%[1]d as 65001;
	neighbor 10.77.2.1 as 65000;
	connect retry time 1; connect delay time 1; error wait time 1, 2;
	ipv4 { import none; export all; };
}
`, 20+i)
	static(&c, "hundred", 112, 100)
	static(&c, "thousand", 120, 1000)
	return c.String()
}

// static has BIRD make n routes from 10.77.third.0 on.
func static(c *strings.Builder, name string, third, n int) {
	fmt.Fprintf(c, "protocol static %s {\n\tdisabled;\n\tipv4;\n", name)
	for i := range n {
		fmt.Fprintf(c, "\troute 10.77.%d.%d/32 blackhole;\n", third+i/256, i%256)
	}
	c.WriteString("}\n")
}

func TestMIPSRouterHoldsTenPeersAndAThousandRoutes(t *testing.T) {
	b := scene(t,
		file(t, "/bin/hawser", filepath.Join(build, "hawser-mipsle")),
		board.File{Path: "/etc/config/hawser", Mode: 0o600,
			Content: []byte(strings.ReplaceAll(config, "10.77.100.0/24", "10.77.96.0/19") + "\toption max_prefixes '2000'\n")})
	run(t, b, "hawser run >/tmp/hawser.log 2>&1 & echo $! >/tmp/hawser.pid")
	for i, h := range b.eight {
		start(t, h, "bird", anotherPeer(i), "-f", "-c", "CONFIG", "-s", "DIR/bird.ctl", "-P", "DIR/bird.pid")
	}
	lab.Eventually(t, "ten sessions", func() error {
		if got := run(t, b, "hawser show ip bgp neighbors | grep -c Established || true"); strings.TrimSpace(got) != "10" {
			return fmt.Errorf("%s\n%s", got, run(t, b, "hawser show ip bgp summary; tail -20 /tmp/hawser.log"))
		}
		return nil
	})

	for _, load := range []struct {
		routes  string
		tellers []*lab.Host
		count   int
	}{{"hundred", b.eight[:2], 101}, {"thousand", b.eight[:1], 1101}} {
		begin := time.Now()
		for _, h := range load.tellers {
			control := filepath.Join(h.Lab().Dir(), h.Name(), "bird.ctl")
			if _, err := h.Run(t.Context(), "birdc", "-s", control, "enable", load.routes); err != nil {
				t.Fatal(err)
			}
		}
		// Up, by a gateway, to a host: 7.
		run(t, b, fmt.Sprintf("n=0; until [ $(grep -cw 0007 /proc/net/route) -ge %d ] || [ $((n+=1)) -gt 1000 ]; do usleep 20000; done", load.count))
		t.Logf("a %s routes more are in the board's kernel after %v", load.routes, time.Since(begin).Round(10*time.Millisecond))
		if got := strings.TrimSpace(run(t, b, "routes | grep -c 'proto 73 type 1'")); got != fmt.Sprint(load.count) {
			t.Errorf("%s routes are in the kernel, not %d", got, load.count)
		}
		t.Logf("the daemon's memory with them:\n%s", run(t, b, "grep -E 'VmRSS|VmHWM|RssAnon' /proc/$(cat /tmp/hawser.pid)/status"))
		t.Logf("a summary's time with them, ten times:\n%s", run(t, b,
			"for i in 0 1 2 3 4 5 6 7 8 9; do time hawser show ip bgp summary 2>&1 >/dev/null; done | grep real"))
	}
}
