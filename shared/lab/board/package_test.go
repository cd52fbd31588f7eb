package board_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hawser-lb/hawser/openwrt-feed/packer"
	"github.com/hawser-lb/hawser/shared/lab"
	"github.com/hawser-lb/hawser/shared/lab/board"
)

const tree = "../../.."

// installed are the files of the package for this kind of router, as a package
// manager would unpack them, and a stand-in for what OpenWrt has of services.
func installed(t *testing.T) []board.File {
	t.Helper()
	program, err := os.ReadFile(filepath.Join(build, "hawser-mipsle"))
	if err != nil {
		t.Fatalf("%v (make cross builds it)", err)
	}
	p, err := packer.Release{Tree: tree, Version: "1.2.3-r1"}.Hawser("mipsel_24kc", program, nil)
	if err != nil {
		t.Fatal(err)
	}
	files := []board.File{file(t, "/etc/rc.common", tree+"/openwrt-feed/hawser/testdata/rc.common")}
	for _, f := range p.Files {
		files = append(files, board.File{Path: f.Path, Mode: f.Mode, Content: f.Content, Link: f.Link})
	}
	return files
}

// initScript has the init script do one command, and returns what it asked for.
func initScript(t *testing.T, b place, command string) string {
	t.Helper()
	return run(t, b, "CONFIG_FILE=/etc/config/hawser PROG=/usr/sbin/hawser JAIL=/sbin/ujail "+
		"CAPABILITIES=/etc/capabilities/hawser.json RUN_DIR=/var/run/hawser sh /etc/rc.common /etc/init.d/hawser "+command)
}

// serve answers each connection to the service on a node with the node's name.
func serve(t *testing.T, h *lab.Host) {
	t.Helper()
	if _, err := h.Run(t.Context(), "ip", "address", "add", service, "dev", "lo"); err != nil {
		t.Fatal(err)
	}
	l, err := h.Listen("tcp4", address+":80")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			io.WriteString(c, h.Name())
			c.Close()
		}
	}()
}

// visit is who answers a client's connection to the service.
func visit(t *testing.T, client *lab.Host) (string, error) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	c, err := client.Dial(ctx, "tcp4", address+":80")
	if err != nil {
		return "", err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return "", err
	}
	name, err := io.ReadAll(c)
	return string(name), err
}

// call has rpcd's plugin answer as rpcd calls it, by the link in its directory.
func call(method string) string {
	return "echo '{}' | /usr/libexec/rpcd/hawser call " + method
}

// plugin asks everything that LuCI asks.
func plugin(t *testing.T, b place) {
	t.Helper()
	if methods := run(t, b, "/usr/libexec/rpcd/hawser list"); !strings.Contains(methods, `"status"`) {
		t.Errorf("the plugin lists %s", methods)
	}
	for method, want := range map[string]string{
		"status": `"running":true`, "neighbors": `"Established"`, "routes": service, "events": "10.77.2.11", "history": "[", "check": `"valid":true`,
	} {
		if said := run(t, b, call(method)); !strings.Contains(said, want) {
			t.Errorf("%s has no %s: %s", method, want, said)
		}
	}
	t.Logf("a poll's time on the board:\n%s", run(t, b, "time "+strings.TrimPrefix(call("status"), "echo '{}' | ")+" </dev/null 2>&1 >/dev/null"))
}

func TestTheInstalledPackageMakesTheBoardARouterForTheCluster(t *testing.T) {
	b := scene(t, installed(t)...)
	if said := initScript(t, b, "start"); !strings.Contains(said, "not configured yet: set hawser.globals.asn") || strings.Contains(said, "procd_open_instance") {
		t.Errorf("as installed:\n%s", said)
	}
	// What `uci set` and `uci commit` would write.
	for _, line := range strings.Split(strings.TrimSpace(config), "\n") {
		run(t, b, "echo \""+strings.TrimSpace(line)+"\" >>/tmp/config")
	}
	run(t, b, "cp /tmp/config /etc/config/hawser; sysctl -p /etc/sysctl.d/50-hawser.conf")
	// What OpenWrt sets itself.
	run(t, b, "sysctl -w net.ipv4.ip_forward=1 net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.eth0.send_redirects=0")

	_, command, ok := strings.Cut(initScript(t, b, "start"), "procd_set_param command ")
	command, _, _ = strings.Cut(command, "\n")
	if !ok {
		t.Fatal("configured, and nothing is started")
	}
	run(t, b, command+" >/tmp/hawser.log 2>&1 & echo $! >/tmp/hawser.pid")
	t.Cleanup(func() {
		if t.Failed() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			log, err := b.Run(ctx, "cat /etc/config/hawser /tmp/hawser.log; hawser show ip bgp summary; routes")
			t.Logf("hawser on the board: %v\n%s", err, log)
		}
	})
	lab.Eventually(t, "one route with both peers in the board's kernel", func() error {
		if all := run(t, b, "routes"); !strings.Contains(all, want) {
			return fmt.Errorf("want %sof\n%s", want, all)
		}
		return nil
	})

	serve(t, b.bird)
	serve(t, b.frr)
	met := map[string]int{}
	lab.Eventually(t, "both nodes are met through the board", func() error {
		name, err := visit(t, b.client)
		if met[name]++; err != nil || met["bird"] == 0 || met["frr"] == 0 {
			return errors.Join(err, fmt.Errorf("met so far: %v", met))
		}
		return nil
	})
	t.Logf("nodes met through the board: %v", met)
	plugin(t, b)
	t.Logf("the daemon's memory on the board:\n%s", run(t, b, "grep -E 'VmRSS|VmHWM' /proc/$(cat /tmp/hawser.pid)/status"))

	run(t, b, "kill $(cat /tmp/hawser.pid)")
	lab.Eventually(t, "the plugin says that nothing runs", func() error {
		if said := run(t, b, call("status")); !strings.Contains(said, `"running":false`) {
			return errors.New(said)
		}
		return nil
	})
	initScript(t, b, "withdraw")
	if all := run(t, b, "routes"); strings.Contains(all, "proto 73") {
		t.Errorf("withdraw left a route behind:\n%s", all)
	}
}
