package lab_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/hawser-lb/hawser/shared/lab"
)

// pair is two hosts joined by one link of both families.
func pair(l *lab.Lab) (a, b *lab.Host) {
	a, b = l.Host("a"), l.Host("b")
	l.Link(a, "eth0", []string{"10.0.0.1/24", "fd00::1/64"}, b, "eth0", []string{"10.0.0.2/24", "fd00::2/64"})
	return a, b
}

// talk sends a line from one host to an address of another and fails when it
// does not come back.
func talk(t *testing.T, from, to *lab.Host, address string) {
	t.Helper()
	ln, err := to.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		if c, err := ln.Accept(); err == nil {
			io.Copy(c, c)
			c.Close()
		}
	}()
	c, err := from.Dial(t.Context(), "tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintln(c, "ahoy")
	if line, err := bufio.NewReader(c).ReadString('\n'); line != "ahoy\n" {
		t.Fatalf("got %q, %v", line, err)
	}
}

func TestLinkedHostsTalkAtOnceInBothFamilies(t *testing.T) {
	l := lab.Test(t)
	a, b := pair(l)
	talk(t, a, b, "10.0.0.2:0")
	talk(t, a, b, "[fd00::2]:0")
	if err := a.SetLink("eth0", false); err != nil {
		t.Fatal(err)
	}
	if out, err := b.Run(t.Context(), "ip", "-o", "link", "show", "eth0"); err != nil || !strings.Contains(out, "NO-CARRIER") {
		t.Errorf("the far end of a link that is down says %q, %v", out, err)
	}
}

func TestHostsOnABridgeTalkThroughARouter(t *testing.T) {
	l := lab.Test(t)
	router, client := l.Host("router"), l.Host("client")
	l.Link(client, "eth0", []string{"10.1.0.2/24"}, router, "wan", []string{"10.1.0.1/24"})
	br := l.Bridge(router, "br-lan", "10.2.0.1/24")
	router.Forward()
	client.Route("default", "via", "10.1.0.1")
	for i := range 3 {
		node := l.Host(fmt.Sprintf("node%d", i+1))
		br.Attach(node, "eth0", fmt.Sprintf("10.2.0.%d/24", 11+i))
		node.Route("default", "via", "10.2.0.1")
		talk(t, client, node, fmt.Sprintf("10.2.0.%d:0", 11+i))
	}
}

func TestTwoLabsStandSideBySide(t *testing.T) {
	a1, b1 := pair(lab.Test(t))
	a2, b2 := pair(lab.Test(t))
	talk(t, a1, b1, "10.0.0.2:0")
	talk(t, a2, b2, "10.0.0.2:0")
}

func TestAProcessRunsInItsHostAndEndsWhenTold(t *testing.T) {
	l := lab.Test(t)
	h := l.Host("a")
	p, err := h.Launch(lab.Command{Name: "sh", Args: []string{"-c", `trap 'exit 3' TERM; echo "$WORD in $(pwd)"; ip netns identify $$; while :; do sleep 0.1; done`}, Env: []string{"WORD=ahoy"}, Dir: l.Dir()})
	if err != nil {
		t.Fatal(err)
	}
	lab.Eventually(t, "its output", func() error {
		if want := "ahoy in " + l.Dir() + "\n" + h.Namespace() + "\n"; p.Output() != want {
			return fmt.Errorf("got %q, want %q", p.Output(), want)
		}
		return nil
	})
	if err := p.Stop(); err != nil {
		t.Error(err)
	}
	var exit *exec.ExitError
	if err := p.Wait(t.Context()); !errors.As(err, &exit) || exit.ExitCode() != 3 {
		t.Errorf("ended with %v, want exit status 3", err)
	}
	if err := p.Signal(syscall.SIGHUP); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("a signal after the end: %v", err)
	}
}

func TestARunThatFailsSaysWhatItWroteToStderr(t *testing.T) {
	h := lab.Test(t).Host("a")
	out, err := h.Run(t.Context(), "sh", "-c", "echo out; echo wrong >&2; exit 4")
	if out != "out\n" || err == nil || !strings.Contains(err.Error(), "wrong") {
		t.Errorf("got %q, %v", out, err)
	}
}

func TestUntilFailsWithTheLastObjection(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	objection := errors.New("not yet")
	n := 0
	err := lab.Until(ctx, "a thing that never comes", func() error {
		if n++; n == 3 {
			cancel()
		}
		return objection
	})
	if n < 3 || !errors.Is(err, objection) || !errors.Is(err, context.Canceled) {
		t.Errorf("after %d tries: %v", n, err)
	}
}

func TestAMistakeWhileBuildingStopsTheRest(t *testing.T) {
	l, err := lab.New(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a, b := l.Host("a"), l.Host("b")
	l.Link(a, "eth0", []string{"10.0.0.1"}, b, "eth0", nil)
	first := l.Err()
	if first == nil || !strings.Contains(first.Error(), "10.0.0.1") {
		t.Fatalf("a link with an address that is no prefix: %v", first)
	}
	b.Route("default", "via", "10.0.0.1")
	if l.Err() != first {
		t.Errorf("the first mistake was replaced by %v", l.Err())
	}
}

func namespaces(t *testing.T, tag string) []string {
	t.Helper()
	entries, err := os.ReadDir("/run/netns")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "hawser-"+tag+"-") {
			found = append(found, e.Name())
		}
	}
	return found
}

func TestCloseLeavesNothingBehind(t *testing.T) {
	l, err := lab.New(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a, _ := pair(l)
	p, err := a.Start("sh", "-c", "setsid sleep 600 & sleep 600")
	if err != nil {
		t.Fatal(err)
	}
	if len(namespaces(t, l.Tag())) != 2 {
		t.Fatal("two hosts, but not two namespaces")
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if left := namespaces(t, l.Tag()); left != nil {
		t.Errorf("left: %v", left)
	}
	if err := syscall.Kill(p.PID(), 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the process is still there: %v", err)
	}
	if _, err := os.Stat(l.Dir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the directory is still there: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Errorf("a second Close: %v", err)
	}
}
