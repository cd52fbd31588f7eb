package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hawser-lb/hawser/router/internal/status"
	"github.com/hawser-lb/hawser/shared/lab"
)

const (
	svc  = "10.77.100.1"
	svc6 = "2001:db8:100::1"
)

func TestRoutesOfThreeNodesAreOneRouteWithThreeNextHops(t *testing.T) {
	s := newScene(t, home)
	s.start()
	one := s.node(1, svc+"/32", svc6+"/128 2001:db8:2::11")
	two := s.node(2, svc+"/32", svc6+"/128 2001:db8:2::12")
	three := s.node(3, svc+"/32", svc6+"/128 2001:db8:2::13")
	s.routed(svc, "10.77.2.11 10.77.2.12 10.77.2.13")
	s.routed(svc6, "2001:db8:2::11 2001:db8:2::12 2001:db8:2::13")
	s.eventually("the status says so", func(snap status.Snapshot) error {
		if len(snap.Routes) != 2 || len(snap.Routes[0].Installed) != 3 || snap.Routes[0].Installed[0].Interface != "br-lan" {
			return fmt.Errorf("routes: %+v", snap.Routes)
		}
		best, chosen := 0, 0
		for _, p := range snap.Routes[0].Paths {
			if p.Best {
				best++
			}
			if p.Multipath {
				chosen++
			}
			if p.ASPath != "65001" || p.Origin != "i" {
				return fmt.Errorf("path: %+v", p)
			}
		}
		if best != 1 || chosen != 3 {
			return fmt.Errorf("%d best, %d chosen", best, chosen)
		}
		c := snap.Clusters[0]
		if c.Name != "home" || c.Peers != 3 || c.Established != 3 || c.Accepted != 6 {
			return fmt.Errorf("cluster: %+v", c)
		}
		return nil
	})

	three.speaker.Kill()
	s.routed(svc, "10.77.2.11 10.77.2.12")
	s.routed(svc6, "2001:db8:2::11 2001:db8:2::12")
	two.announce()
	s.routed(svc, "10.77.2.11")
	three.start()
	s.routed(svc, "10.77.2.11 10.77.2.13")
	one.announce()
	three.announce()
	s.routed(svc, "")
	s.routed(svc6, "")
	if out, err := s.router.Run(t.Context(), "ip", "route", "show", "proto", "73"); err != nil || out != "" {
		t.Errorf("left behind: %s, %v", out, err)
	}
}

// TestANodeThatDiesWhileTheRouterIsAwayIsMissed has nobody whose session could
// break: the hosts themselves are asked, long before restart_time.
func TestANodeThatDiesWhileTheRouterIsAwayIsMissed(t *testing.T) {
	s := newScene(t, strings.Replace(home, "restart_time '60'", "restart_time '3600'", 1))
	s.start()
	one, two, silent := s.node(1, svc+"/32"), s.node(2, svc+"/32"), s.node(3, svc+"/32")
	s.routed(svc, "10.77.2.11 10.77.2.12 10.77.2.13")
	s.daemon.Kill()
	for _, n := range []*node{one, two, silent} {
		n.speaker.Kill()
	}
	s.check(two.SetLink("eth0", false))
	one.start()
	s.start()
	s.routed(svc, "10.77.2.11 10.77.2.13")
	s.check(silent.SetLink("eth0", false))
	s.routed(svc, "10.77.2.11")
	s.eventually("the gate is open", func(snap status.Snapshot) error {
		if snap.Kernel.Waiting != "" {
			return errors.New(snap.Kernel.Waiting)
		}
		return nil
	})
}

func TestARestartLosesNoRouteAndKeepsNoStaleOne(t *testing.T) {
	const gone = "10.77.100.2"
	s := newScene(t, home)
	s.start()
	one := s.node(1, svc+"/32", gone+"/32", svc6+"/128 2001:db8:2::11")
	two := s.node(2, svc+"/32", svc6+"/128 2001:db8:2::12")
	s.routed(svc, "10.77.2.11 10.77.2.12")
	s.routed(svc6, "2001:db8:2::11 2001:db8:2::12")
	s.routed(gone, "10.77.2.11")

	monitor, err := s.router.Start("ip", "monitor", "route")
	s.check(err)
	s.daemon.Kill()
	if got := s.kernel(svc); got != "10.77.2.11 10.77.2.12" {
		t.Fatalf("a crash took the route: %q", got)
	}
	one.announce(svc+"/32", svc6+"/128 2001:db8:2::11")
	two.speaker.Kill()
	s.start()
	s.eventually("node 1 is back", func(snap status.Snapshot) error {
		n, err := neighbor(snap, one.addr())
		if err == nil && n.Accepted != 2 {
			err = fmt.Errorf("%+v", n)
		}
		return err
	})
	// Node 2 has not been heard yet: its leg stays, and so does a route that
	// it might announce.
	s.eventually("the gate is shut", func(snap status.Snapshot) error {
		if !strings.HasPrefix(snap.Kernel.Waiting, "waiting for End-of-RIB from speakers") {
			return fmt.Errorf("waiting: %q", snap.Kernel.Waiting)
		}
		return nil
	})
	if a, b := s.kernel(svc), s.kernel(gone); a != "10.77.2.11 10.77.2.12" || b != "10.77.2.11" {
		t.Errorf("before everybody was heard: %q and %q", a, b)
	}
	two.start()
	s.routed(gone, "")
	s.routed(svc, "10.77.2.11 10.77.2.12")
	s.eventually("the gate is open", func(snap status.Snapshot) error {
		if snap.Kernel.Waiting != "" {
			return errors.New(snap.Kernel.Waiting)
		}
		return nil
	})
	for line := range strings.Lines(monitor.Output()) {
		if strings.Contains(line, svc+" ") || strings.Contains(line, svc6+" ") {
			t.Errorf("the restart touched a route that stayed the same: %s", line)
		}
	}
}

func TestAStartWaitsNoLongerThanTheRestartTime(t *testing.T) {
	s := newScene(t, strings.Replace(home, "'60'", "'2'", 1))
	s.ip("route add 10.77.100.9 via 10.77.2.19 metric 20 proto 73")
	s.start()
	s.routed("10.77.100.9", "")
}

func TestRoutesOfOthersStayAndOursComeBack(t *testing.T) {
	s := newScene(t, home)
	s.ip("route add 10.77.100.5 via 10.77.2.99 metric 20 proto static")
	s.ip("route add 10.77.101.0/24 via 10.77.2.99")
	s.start()
	s.node(1, svc+"/32", "10.77.100.5/32")
	s.routed(svc, "10.77.2.11")
	const words = "another program's route stands there: protocol static, metric 20: remove it or give hawser another metric"
	s.eventually("the status names the stranger", func(snap status.Snapshot) error {
		for _, r := range snap.Routes {
			if r.Prefix.String() == "10.77.100.5/32" && r.Error == words && strings.Contains(snap.Kernel.LastError, words) {
				return nil
			}
		}
		return fmt.Errorf("%+v, %+v", snap.Routes, snap.Kernel)
	})
	out, err := s.router.Run(t.Context(), "ip", "route", "show", "10.77.100.5")
	if err != nil || strings.TrimSpace(out) != "10.77.100.5 via 10.77.2.99 dev br-lan proto static metric 20" {
		t.Errorf("the stranger's route is now %s, %v", out, err)
	}
	s.ip("route del 10.77.100.5")
	s.routed("10.77.100.5", "10.77.2.11")

	for range 3 {
		s.ip("route del " + svc)
		s.routed(svc, "10.77.2.11")
		s.ip("route replace " + svc + " via 10.77.2.99 metric 20 proto static")
		s.ip("route del " + svc + " proto static")
		s.routed(svc, "10.77.2.11")
		s.ip("nexthop flush proto 73")
		s.routed(svc, "10.77.2.11")
	}
	s.ip("link set br-lan down")
	s.routed(svc, "")
	s.ip("link set br-lan up")
	s.routed(svc, "10.77.2.11")
	s.ip("addr del 10.77.2.1/24 dev br-lan")
	s.routed(svc, "")
	s.ip("addr add 10.77.2.1/24 dev br-lan")
	s.routed(svc, "10.77.2.11")
}

func TestConfigurationChangesResetNoSession(t *testing.T) {
	s := newScene(t, home)
	s.start()
	n := s.node(1, svc+"/32", "10.77.101.1/32")
	s.routed(svc, "10.77.2.11")
	s.eventually("the other is refused", func(snap status.Snapshot) error {
		p, err := pathOf(snap, "10.77.101.1/32", n.addr())
		if err == nil && (p.Reason != "notAllowed" || !strings.Contains(p.Detail, "10.77.101.1/32 is outside what the section allows")) {
			err = fmt.Errorf("%+v", p)
		}
		return err
	})

	// A file that is replaced is read by itself.
	s.configure(strings.Replace(home, "10.77.100.0/24", "10.77.101.0/24", 1))
	s.routed("10.77.101.1", "10.77.2.11")
	s.routed(svc, "")

	// Mistakes change nothing and are all named.
	s.configure("config globals\n\toption asn 'many'\n\toption metric '-1'\n")
	s.eventually("the mistakes are named", func(snap status.Snapshot) error {
		all := strings.Join(snap.Config.Problems, "\n")
		if !snap.Config.Rejected || !strings.Contains(all, "'asn'") || !strings.Contains(all, "'metric'") {
			return fmt.Errorf("%+v", snap.Config)
		}
		return nil
	})
	if got := s.kernel("10.77.101.1"); got != "10.77.2.11" {
		t.Errorf("a bad file changed the route: %q", got)
	}

	// SIGHUP does what the watch does; another metric keeps the route.
	s.configure(home + "\nconfig nonsense\n")
	s.signal(syscall.SIGHUP)
	s.routed(svc, "10.77.2.11")
	s.configure(strings.Replace(home, "option asn '65000'", "option asn '65000'\n\toption metric '33'", 1))
	lab.Eventually(t, "the metric changes", func() error {
		out, err := s.router.Run(t.Context(), "ip", "route", "show", svc)
		if err == nil && !strings.HasSuffix(strings.TrimSpace(out), " via 10.77.2.11 dev br-lan proto 73 metric 33") {
			err = errors.New(out)
		}
		return err
	})
	s.eventually("one session all along", func(snap status.Snapshot) error {
		n, err := neighbor(snap, n.addr())
		if err == nil && (n.EstablishedCount != 1 || n.DroppedCount != 0 || snap.Config.Rejected) {
			err = fmt.Errorf("%+v %+v", n, snap.Config)
		}
		return err
	})
}

func TestAnotherTableAndProtocolTakeTheRoutesAlong(t *testing.T) {
	s := newScene(t, home)
	s.start()
	s.node(1, svc+"/32")
	s.routed(svc, "10.77.2.11")
	s.configure(strings.Replace(home, "option asn '65000'", "option asn '65000'\n\toption table '100'\n\toption protocol '74'", 1))
	lab.Eventually(t, "the route moves", func() error {
		out, err := s.router.Run(t.Context(), "ip", "route", "show", "table", "all", svc)
		if err == nil && !strings.HasSuffix(strings.TrimSpace(out), " via 10.77.2.11 dev br-lan table 100 proto 74 metric 20") {
			err = errors.New(out)
		}
		return err
	})
}

func TestOtherListeningAddressesKeepTheRoutes(t *testing.T) {
	s := newScene(t, home)
	s.start()
	n := s.node(1, svc+"/32")
	s.routed(svc, "10.77.2.11")
	monitor, err := s.router.Start("ip", "monitor", "route")
	s.check(err)
	s.configure(strings.Replace(home, "option asn '65000'", "option asn '65000'\n\tlist listen_address '10.77.2.1'", 1))
	s.eventually("the session is back", func(snap status.Snapshot) error {
		if len(snap.Listening) != 1 || snap.Listening[0].Address.String() != "10.77.2.1:179" || snap.Kernel.Waiting != "" {
			return fmt.Errorf("%+v", snap.Listening)
		}
		n, err := neighbor(snap, n.addr())
		if err == nil && n.Accepted != 1 {
			err = fmt.Errorf("%+v", n)
		}
		return err
	})
	if got := s.kernel(svc); got != "10.77.2.11" || strings.Contains(monitor.Output(), svc) {
		t.Errorf("route %q, meanwhile:\n%s", got, monitor.Output())
	}
}

func TestAPeerWithTooManyPrefixesIsCutOff(t *testing.T) {
	s := newScene(t, strings.Replace(home, "option asn '65001'", "option asn '65001'\n\toption max_prefixes '10'", 1))
	s.start()
	s.node(2, svc+"/32")
	var flood []string
	for i := range 200 {
		flood = append(flood, fmt.Sprintf("10.77.100.%d/32", i))
	}
	n := s.node(1, flood...)
	s.eventually("Cease/1", func(snap status.Snapshot) error {
		n, err := neighbor(snap, n.addr())
		if err == nil && (n.DroppedCount == 0 || !strings.Contains(n.LastError, "Maximum Number of Prefixes Reached")) {
			err = fmt.Errorf("%+v", n)
		}
		return err
	})
	s.routed(svc, "10.77.2.12")
	s.eventually("the other node is undisturbed and its routes only are there", func(snap status.Snapshot) error {
		n, err := neighbor(snap, "10.77.2.12")
		if err == nil && (n.State != "Established" || n.DroppedCount != 0 || len(snap.Routes) != 1 || snap.Kernel.Routes != 1) {
			err = fmt.Errorf("%+v, %d routes", n, len(snap.Routes))
		}
		return err
	})
}

func TestGarbageAndStrangersDisturbNobody(t *testing.T) {
	s := newScene(t, home)
	s.start()
	n := s.node(1, svc+"/32")
	s.routed(svc, "10.77.2.11")
	s.ip("addr add 10.88.0.1/24 dev br-lan")
	stranger := s.lab.Host("stranger")
	s.lan.Attach(stranger, "eth0", "10.88.0.2/24")
	guest := s.lab.Host("guest")
	s.lan.Attach(guest, "eth0", "10.77.2.50/24")
	marker := bytes.Repeat([]byte{0xff}, 16)
	for _, garbage := range [][]byte{
		[]byte("GET / HTTP/1.1\r\nHost: router\r\n\r\n"),
		slices.Concat(marker, []byte{0, 19, 4}),                           // a KEEPALIVE before the OPEN
		slices.Concat(marker, []byte{0, 29, 1, 3}, make([]byte, 9)),       // an OPEN of version 3
		slices.Concat(marker, []byte{0xff, 0xff, 2, 0}, make([]byte, 99)), // longer than any message
		make([]byte, 100_000),
	} {
		shout(t, guest, "10.77.2.1:179", garbage)
	}
	shout(t, stranger, "10.88.0.1:179", []byte("hello"))
	s.eventually("strangers are counted", func(snap status.Snapshot) error {
		n, err := neighbor(snap, n.addr())
		if err == nil && (snap.RefusedConnections == 0 || n.EstablishedCount != 1 || n.State != "Established") {
			err = fmt.Errorf("%d refused, %+v", snap.RefusedConnections, n)
		}
		return err
	})
	if got := s.kernel(svc); got != "10.77.2.11" {
		t.Errorf("route %q", got)
	}
}

// shout sends bytes and waits until the other end hangs up.
func shout(t *testing.T, from *lab.Host, to string, garbage []byte) {
	t.Helper()
	c, err := from.Dial(t.Context(), "tcp", to)
	if errors.Is(err, syscall.ECONNRESET) {
		return // before a byte was sent
	}
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(garbage); err != nil && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
		t.Fatal(err)
	}
	var timeout net.Error
	if _, err := io.Copy(io.Discard, c); errors.As(err, &timeout) && timeout.Timeout() {
		t.Errorf("%q: nobody hung up", garbage[:min(20, len(garbage))])
	}
}

func TestWithdrawOnExitTakesTheRoutesAway(t *testing.T) {
	s := newScene(t, home)
	s.ip("route add 10.77.101.0/24 via 10.77.2.99")
	s.start("withdraw")
	s.node(1, svc+"/32")
	s.routed(svc, "10.77.2.11")
	s.check(s.daemon.Stop())
	if got := s.kernel(svc); got != "" {
		t.Errorf("left behind: via %s", got)
	}
	if err := s.daemon.Wait(t.Context()); err != nil {
		t.Error(err)
	}
	if out, err := s.router.Run(t.Context(), "ip", "route", "show", "10.77.101.0/24"); err != nil || out == "" {
		t.Errorf("a stranger's route went too: %v", err)
	}
}

func TestAStopLeavesTheRoutes(t *testing.T) {
	s := newScene(t, home)
	s.start()
	s.node(1, svc+"/32")
	s.routed(svc, "10.77.2.11")
	s.check(s.daemon.Stop())
	if err := s.daemon.Wait(t.Context()); err != nil {
		t.Error(err)
	}
	if got := s.kernel(svc); got != "10.77.2.11" {
		t.Errorf("route %q", got)
	}
}

func TestASecondDaemonTakesNothingAway(t *testing.T) {
	s := newScene(t, home)
	s.start()
	s.node(1, svc+"/32")
	s.routed(svc, "10.77.2.11")
	s.signal(syscall.SIGSTOP) // it repairs nothing meanwhile
	p := s.launch("withdraw")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := p.Wait(ctx); err == nil || !strings.Contains(p.Output(), "another hawser is running") {
		t.Errorf("the second one: %v\n%s", err, p.Output())
	}
	if got := s.kernel(svc); got != "10.77.2.11" {
		t.Errorf("the first one's route is %q", got)
	}
	s.signal(syscall.SIGCONT)
}

func TestARouterThatIsNotEnabledHasNoRoutes(t *testing.T) {
	s := newScene(t, home)
	disabled := strings.Replace(home, "option asn", "option enabled '0'\n\toption asn", 1)
	s.ip("route add 10.77.101.0/24 via 10.77.2.99")
	s.start()
	s.node(1, svc+"/32")
	s.routed(svc, "10.77.2.11")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s.configure(disabled)
	if err := s.daemon.Wait(ctx); err != nil {
		t.Error(err)
	}
	if got := s.kernel(svc); got != "" {
		t.Errorf("disabled while running, and still via %s", got)
	}
	s.ip("route add " + svc + " via 10.77.2.11 proto 73 metric 20") // as a stop leaves it
	if err := s.launch().Wait(ctx); err != nil {
		t.Error(err)
	}
	if got := s.kernel(svc); got != "" {
		t.Errorf("disabled at the start, and still via %s", got)
	}
	if out, err := s.router.Run(t.Context(), "ip", "route", "show", "10.77.101.0/24"); err != nil || out == "" {
		t.Errorf("a stranger's route went too: %v", err)
	}
}

func TestWhatEndsAStartAtOnce(t *testing.T) {
	s := newScene(t, "config globals\n\toption asn '0'\n\toption metric 'x'\nconfig cluster 'home'\n")
	p := s.launch()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := p.Wait(ctx); err == nil || !strings.Contains(err.Error(), "exit status 1") {
		t.Errorf("mistakes: %v", err)
	}
	for _, word := range []string{"'asn'", "'metric'", "'home'"} {
		if !strings.Contains(p.Output(), word) {
			t.Errorf("%s is not named:\n%s", word, p.Output())
		}
	}
	s.configure(strings.Replace(home, "option asn", "option enabled '0'\n\toption asn", 1))
	p = s.launch()
	if err := p.Wait(ctx); err != nil || !strings.Contains(p.Output(), "not enabled") {
		t.Errorf("not enabled: %v\n%s", err, p.Output())
	}
	s.check(os.Remove(s.file("etc/hawser")))
	p = s.launch()
	if err := p.Wait(ctx); err == nil || !strings.Contains(p.Output(), "no such file") {
		t.Errorf("no file: %v\n%s", err, p.Output())
	}
	s.configure(home)
	s.start()
	s.configure(strings.Replace(home, "option asn", "option enabled '0'\n\toption asn", 1))
	if err := s.daemon.Wait(ctx); err != nil {
		t.Errorf("disabled while running: %v", err)
	}
}

func TestWithoutPermissionTheDaemonEndsWithOneSentence(t *testing.T) {
	s := newScene(t, home)
	p, err := s.router.Start("setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin",
		"env", role+"=router", s.self, s.file("etc/hawser"), s.file("sock"))
	s.check(err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := p.Wait(ctx); err == nil || !strings.Contains(err.Error(), "exit status 1") {
		t.Errorf("ended with %v", err)
	}
	if want := "\nkernel: no permission to change routes: run as root or give CAP_NET_ADMIN\n"; !strings.HasSuffix("\n"+p.Output(), want) {
		t.Errorf("said %s", p.Output())
	}
}
