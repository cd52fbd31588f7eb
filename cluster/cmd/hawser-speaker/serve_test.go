package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

func TestOnlyTheNodeItselfIsAnsweredUnlessItIsSaidOtherwise(t *testing.T) {
	var o options
	if err := o.parse([]string{"--node-name", "node1"}); err != nil {
		t.Fatal(err)
	}
	for what, address := range map[string]string{"metrics": o.metricsAddress, "health": o.healthAddress} {
		if host, _, err := net.SplitHostPort(address); err != nil || !net.ParseIP(host).IsLoopback() {
			t.Errorf("%s are served on %s: %v", what, address, err)
		}
	}
	if o.listenPort != 0 {
		t.Errorf("connections are accepted on port %d", o.listenPort)
	}
}

// Whoever says nothing, or says it slowly, loses the connection; others are
// answered meanwhile.
func TestSlowClientsAreGivenUpAndKeepNobodyWaiting(t *testing.T) {
	apply(t, node("node1"))
	s := start(t, "node1")
	s.figure(t, "hawser_config_ok 1")
	var slow []net.Conn
	for i := range 200 {
		for _, at := range []string{s.metrics, s.health} {
			c, err := net.Dial("tcp", at)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			// The first half says nothing, a quarter half a request, the rest one
			// whole request and then nothing.
			said := ""
			if i >= 100 {
				said = "GET /metrics HTTP/1.1\r\nHost: x\r\n"
			}
			if i >= 150 {
				said += "\r\n"
			}
			if _, err := io.WriteString(c, said); err != nil {
				t.Fatal(err)
			}
			slow = append(slow, c)
		}
	}
	for _, url := range []string{"http://" + s.health + "/healthz", "http://" + s.metrics + "/metrics"} {
		if text, err := get(url); err != nil || text == "" {
			t.Errorf("%s: %v", url, err)
		}
	}
	for _, c := range slow {
		if err := c.SetDeadline(time.Now().Add(6 * slowest)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("a slow client has its connection for a minute")
		}
	}
}

func TestWhatIsNoQuestionGetsNoAnswer(t *testing.T) {
	apply(t, node("node1"))
	s := start(t, "node1")
	s.figure(t, "hawser_config_ok 1")
	for _, c := range []struct{ at, path, want string }{
		{s.health, "/metrics", "404"}, {s.metrics, "/healthz", "404"}, {s.metrics, "/debug/pprof/", "404"}, {s.health, "/../../etc/passwd", "404"},
		{s.health, "/" + strings.Repeat("x", 16<<10), "431"},
	} {
		if _, err := get(fmt.Sprintf("http://%s%s", c.at, c.path)); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%.40s: %.80v", c.path, err)
		}
	}
}
