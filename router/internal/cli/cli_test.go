package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hawser-lb/hawser/router/internal/journal"
	"github.com/hawser-lb/hawser/router/internal/status"
)

// router is a daemon's snapshot, small enough to know by heart.
type router struct{}

func (router) Snapshot(withRoutes bool) status.Snapshot {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	peer := netip.MustParseAddr("192.168.1.5")
	s := status.Snapshot{
		Now: now, ASN: 65000, RouterID: netip.MustParseAddr("192.168.1.1"), Metric: 20,
		Clusters: []status.Cluster{{Name: "home", ASN: "65001"}},
		Neighbors: []status.Neighbor{
			{Address: peer, Name: "home", ASN: 65001, State: "Established", Since: now.Add(-time.Minute), Families: []string{"ipv4Unicast"}, Accepted: 1},
			{Address: netip.MustParseAddr("fd00::6"), Name: "home", State: "Active"},
		},
	}
	if withRoutes {
		s.Routes = []status.Route{
			{
				Prefix:    netip.MustParsePrefix("192.168.10.1/32"),
				Paths:     []status.Path{{Peer: peer, NextHop: peer, Best: true, Origin: "i", ASPath: "65001"}},
				Installed: []status.NextHop{{Address: peer, Interface: "br-lan", Weight: 1}}, InstalledAt: now.Add(-6 * time.Second),
			},
			{
				Prefix: netip.MustParsePrefix("0.0.0.0/0"),
				Paths:  []status.Path{{Peer: peer, NextHop: peer, Reason: "defaultRoute", Origin: "i", ASPath: "65001"}},
			},
			{Prefix: netip.MustParsePrefix("fd00:10::1/128"), Paths: []status.Path{{Peer: peer, NextHop: netip.MustParseAddr("fd00::5"), Best: true, Origin: "i"}}},
		}
	}
	return s
}

func (r router) Routes(p status.Pick) status.Page {
	all := r.Snapshot(true).Routes
	return status.Page{Routes: all, Total: len(all)}
}

func (router) Journal() *journal.Journal { return events }

func (router) History() status.History { return status.History{StepSeconds: 15} }

func (router) Clear(peer netip.Addr, soft bool) (status.Cleared, error) {
	five := netip.MustParseAddr("192.168.1.5")
	switch {
	case peer.IsValid() && peer != five:
		return status.Cleared{}, fmt.Errorf("%s: %w", peer, status.ErrNoNeighbor)
	case soft && !peer.IsValid():
		return status.Cleared{Soft: true, Peers: []netip.Addr{five}, Unable: []netip.Addr{netip.MustParseAddr("fd00::6")}}, nil
	}
	return status.Cleared{Soft: soft, Peers: []netip.Addr{five}}, nil
}

// events are those of every router here.
var events = journal.New()

// running serves a snapshot for the length of the test.
func running(t *testing.T) (socket string) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "hawser.sock")
	t.Cleanup(serving(t, socket))
	return socket
}

// serving serves a snapshot until stop is called.
func serving(t *testing.T, socket string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	server := status.NewServer(socket, router{}, slog.New(slog.DiscardHandler))
	if err := server.Open(); err != nil {
		t.Fatal(err)
	}
	go func() { ended <- server.Run(ctx) }()
	eventually(t, "the daemon answers", func() bool {
		_, err := status.Get(ctx, socket, status.Request{Get: "snapshot"})
		return err == nil
	})
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-deadline:
			t.Fatalf("never came true: %s", what)
		case <-tick.C:
		}
	}
}

// result is what a command left behind.
type result struct {
	status   int
	out, err string
}

// hawser runs one command line, cut at blanks.
func hawser(t *testing.T, line string, env ...string) result {
	t.Helper()
	var out, err bytes.Buffer
	p := Program{Stdout: &out, Stderr: &err, Getenv: func(name string) string {
		for _, e := range env {
			if value, ok := strings.CutPrefix(e, name+"="); ok {
				return value
			}
		}
		return ""
	}}
	status := p.Main(t.Context(), strings.Fields(line))
	return result{status, out.String(), err.String()}
}

func TestWordsMayBeCutShort(t *testing.T) {
	socket := running(t)
	for full, short := range map[string]string{
		"show ip bgp summary":               "sh ip bgp su",
		"show ip bgp":                       "s ip b",
		"show ip bgp neighbors":             "sho ip bgp n",
		"show ip bgp neighbors 192.168.1.5": "sh ip b neigh 192.168.1.5",
		"show ip bgp 192.168.10.1":          "sh ip b 192.168.10.1/32",
		"show ip route":                     "sh ip r",
		"show ipv6 route":                   "sh ipv r",
		"show clusters":                     "sh c",
		"version":                           "v",
		"help":                              "h",
	} {
		a, b := hawser(t, full, "HAWSER_SOCKET="+socket), hawser(t, short, "HAWSER_SOCKET="+socket)
		if a != b || a.status != 0 || a.out == "" || a.err != "" {
			t.Errorf("%q answers %+v, %q %+v", full, a, short, b)
		}
	}
}

func TestAnswersAreOfTheFamilyAsked(t *testing.T) {
	socket := running(t)
	for line, want := range map[string]string{
		"show ip route":                    "B>* 192.168.10.1/32 [20/0] via 192.168.1.5, br-lan, 00:00:06",
		"show ip route 192.168.10.1":       "B>* 192.168.10.1/32",
		"show ipv6 route":                  "B>  fd00:10::1/128 [20/0] via fd00::5 inactive",
		"show ip bgp":                      "refused, defaultRoute",
		"show ip bgp 0.0.0.0/0":            "Refused, defaultRoute",
		"show ipv6 bgp":                    "fd00:10::1/128",
		"show ipv6 bgp fd00:10::1":         "routing table entry for fd00:10::1/128",
		"show ip bgp neighbors fd00::6":    "BGP neighbor is fd00::6",
		"show ip bgp summary":              "192.168.1.5     4      65001",
		"show clusters":                    "Cluster home",
		"show ip bgp --json":               `"prefix": "192.168.10.1/32"`,
		"--json show ip route":             `"interface": "br-lan"`,
		"show --json ip bgp summary":       `"routerId": "192.168.1.1"`,
		"show clusters --json":             `"name": "home"`,
		"show ip bgp n 192.168.1.5 --json": `"state": "Established"`,
		"show ip bgp 192.168.10.1 --json":  `"asPath": "65001"`,
		"version --json":                   `"version": `,
	} {
		r := hawser(t, line, "HAWSER_SOCKET="+socket)
		if r.status != 0 || !strings.Contains(r.out, want) || r.err != "" {
			t.Errorf("%q answers %+v, want %q", line, r, want)
		}
		if strings.Contains(line, "json") && !json.Valid([]byte(r.out)) {
			t.Errorf("%q is no JSON: %s", line, r.out)
		}
	}
	for line, hasNot := range map[string]string{
		"show ip bgp --json":         "fd00:10::1",
		"show ip route --json":       "0.0.0.0/0",
		"show ip bgp summary --json": `"routes": [`,
		"show ip bgp n 192.168.1.5":  "fd00::6",
	} {
		if r := hawser(t, line, "HAWSER_SOCKET="+socket); strings.Contains(r.out, hasNot) || r.status != 0 {
			t.Errorf("%q answers %+v", line, r)
		}
	}
}

func TestWhatIsNoCommandListsThePossibleWords(t *testing.T) {
	for line, want := range map[string]string{
		"":                                  "a command is missing",
		"shwo":                              `unknown word "shwo", possible: run, check, show, monitor, clear, import-quagga, rpcd, version, help`,
		"show":                              "show: more words are needed: ip, ipv6, clusters, bfd, log",
		"show i":                            "show i: ambiguous: ip, ipv6",
		"show ip":                           "show ip: more words are needed: bgp, route",
		"show ip ospf":                      `unknown word "ospf", possible: bgp, route`,
		"show ip bgp sumary":                `unknown word "sumary", possible: summary, neighbors, ADDRESS|PREFIX`,
		"show ip bgp 192.168.1.300":         `"192.168.1.300" is no address and no prefix`,
		"show ip bgp fd00::1":               "use show ipv6 instead of show ip",
		"show ipv6 route 10.0.0.0/8":        "use show ip instead of show ipv6",
		"show ip bgp neighbors x":           `"x" is no address`,
		"show clusters now":                 `nothing follows "show clusters"`,
		"version --socket x":                "--socket does not belong to this command",
		"show ip bgp --config x":            "--config does not belong to this command",
		"show ip bgp --nonsense":            "unknown flag: --nonsense",
		"help show nothing":                 `unknown word "nothing"`,
		"run --log-level loud":              "use error, warn, info or debug",
		"show ip bgp su --withdraw-on-exit": "--withdraw-on-exit does not belong",
	} {
		r := hawser(t, line)
		if r.status != 2 || !strings.Contains(r.err, want) || r.out != "" {
			t.Errorf("%q answers %+v, want %q", line, r, want)
		}
	}
}

func TestNoDaemonIsSaidInOneSentence(t *testing.T) {
	gone := filepath.Join(t.TempDir(), "gone.sock")
	for _, line := range []string{"show ip bgp summary", "show ip route --json", "show clusters"} {
		r := hawser(t, line+" --socket "+gone)
		if r.status != 1 || r.out != "" || strings.Count(r.err, "\n") != 1 ||
			!strings.Contains(r.err, "hawser is not running (nobody listens on "+gone+"): start it with hawser run") {
			t.Errorf("%q answers %+v", line, r)
		}
	}
	if r := hawser(t, "show clusters --socket "+gone, "HAWSER_SOCKET="+running(t)); r.status != 1 {
		t.Errorf("the environment overrides the flag: %+v", r)
	}
}

func TestWhatIsNotInTheTableIsAnError(t *testing.T) {
	socket := running(t)
	for line, want := range map[string]string{
		"show ipv6 bgp fd00:11::1":          "fd00:11::1: network not in table",
		"show ip route 192.168.10.0/24":     "192.168.10.0/24: network not in table",
		"show ip route 0.0.0.0/0":           "0.0.0.0/0: network not in table", // refused
		"show ip route 192.168.20.1":        "192.168.20.1: network not in table",
		"show ip bgp neighbors 192.168.1.9": "192.168.1.9: no such neighbor",
	} {
		if r := hawser(t, line, "HAWSER_SOCKET="+socket); r.status != 1 || !strings.Contains(r.err, want) || r.out != "" {
			t.Errorf("%q answers %+v, want %q", line, r, want)
		}
	}
}

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "hawser")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

const good = "config globals\n\toption asn 65000\nconfig cluster home\n\toption asn 65001\n\tlist source 192.168.1.0/24\n\tlist allow 192.168.10.0/24\n"

func TestCheckNamesEveryMistake(t *testing.T) {
	for _, c := range []struct {
		name, text string
		status     int
		says       []string
	}{
		{"no mistake", good, 0, []string{": no mistakes, no warnings\n"}},
		{"a warning", good + "\toption colour red\n", 0, []string{":7: warning: section 'home' (cluster), option 'colour': unknown option", "no mistakes, 1 warning"}},
		{"two mistakes", good + "\toption max_peers 0\nconfig neighbor n\n\toption cluster away\n\toption address 192.168.1.5\n", 1, []string{
			":7: section 'home' (cluster), option 'max_peers' = '0': use a whole number", ":9: section 'n' (neighbor), option 'cluster' = 'away': no section", "2 mistakes, no warnings",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := write(t, c.text)
			r := hawser(t, "check -c "+file)
			if r.status != c.status || r.err != "" {
				t.Errorf("%+v", r)
			}
			for _, s := range c.says {
				if !strings.Contains(r.out, s) {
					t.Errorf("%s\nhas not %q", r.out, s)
				}
			}
			var got struct {
				Valid    bool
				Problems []map[string]any
			}
			j := hawser(t, "check --json --config "+file)
			if err := json.Unmarshal([]byte(j.out), &got); err != nil || j.status != c.status || got.Valid != (c.status == 0) || got.Problems == nil {
				t.Errorf("as JSON: %+v, %v", j, err)
			}
		})
	}
	if r := hawser(t, "check -c /nonexistent"); r.status != 1 || !strings.Contains(r.out, "/nonexistent: no such file: write one") {
		t.Errorf("%+v", r)
	}
}

func TestHelpListsEveryCommandAndFlag(t *testing.T) {
	all := hawser(t, "help")
	for _, part := range []string{
		"hawser show ip bgp neighbors ADDRESS", "hawser show ipv6 route ADDRESS|PREFIX", "hawser check", "-c, --config FILE", "--withdraw-on-exit", status.DefaultSocket,
	} {
		if !strings.Contains(all.out, part) {
			t.Errorf("help has not %q:\n%s", part, all.out)
		}
	}
	for _, line := range []string{"--help", "-h", "help help", "show --help", "help show ip bgp"} {
		if r := hawser(t, line); r.status != 0 || r.out == "" || r.err != "" {
			t.Errorf("%q answers %+v", line, r)
		}
	}
	if r := hawser(t, "help sh ip b"); !strings.Contains(r.out, "hawser show ip bgp summary") || strings.Contains(r.out, "hawser check") {
		t.Errorf("help sh ip b: %s", r.out)
	}
}

// daemon is a Daemon that notes what is done to it.
type daemon struct {
	Settings
	running chan struct{}
	reloads chan struct{}
	err     error
}

func (d *daemon) Run(ctx context.Context) error {
	close(d.running)
	if d.err != nil {
		return d.err
	}
	<-ctx.Done()
	return nil
}

func (d *daemon) Reload() { d.reloads <- struct{}{} }

// starting returns a Program whose daemon is d.
func starting(d *daemon) (*Program, *bytes.Buffer) {
	d.running, d.reloads = make(chan struct{}), make(chan struct{})
	var out bytes.Buffer
	return &Program{Stdout: &out, Stderr: &out, Getenv: func(string) string { return "" }, NewDaemon: func(s Settings) Daemon {
		d.Settings = s
		return d
	}}, &out
}

func TestSignalsReloadAndEndTheDaemon(t *testing.T) {
	d := &daemon{}
	p, out := starting(d)
	ended := make(chan int, 1)
	go func() {
		ended <- p.Main(t.Context(), strings.Fields("run -c /tmp/c --socket /tmp/s --withdraw-on-exit"))
	}()
	<-d.running
	if d.ConfigFile != "/tmp/c" || d.Socket != "/tmp/s" || !d.WithdrawOnExit || d.Log == nil || d.Level == nil {
		t.Errorf("settings %+v", d.Settings)
	}
	for range 2 {
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		<-d.reloads
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if s := <-ended; s != 0 {
		t.Errorf("ends with %d: %s", s, out)
	}
}

func TestTheCommandLinesLogLevelStays(t *testing.T) {
	for line, want := range map[string]bool{"run": true, "run --log-level error": false} {
		d := &daemon{err: errors.New("over")}
		p, _ := starting(d)
		p.Main(t.Context(), strings.Fields(line))
		d.Level.Set(slog.LevelDebug) // as the configuration says
		if got := d.Log.Enabled(t.Context(), slog.LevelDebug); got != want {
			t.Errorf("%q: debug lines are written: %v", line, got)
		}
	}
}

func TestADaemonThatCannotRunSaysSoOnce(t *testing.T) {
	d := &daemon{err: errors.New("kernel: no permission to change routes: run as root")}
	p, out := starting(d)
	if s := p.Main(t.Context(), []string{"run"}); s != 1 || out.String() != "hawser: kernel: no permission to change routes: run as root\n" {
		t.Errorf("ends with %d: %s", s, out)
	}
}

func TestImportQuaggaPrintsUCIAndNamesWhatIsLost(t *testing.T) {
	const conf = "router bgp 65000\n neighbor 192.168.1.5 remote-as 65001\n neighbor 192.168.1.5 passive\n"
	const uci = "config globals 'globals'\n\toption asn '65000'\n"
	file := filepath.Join(t.TempDir(), "bgpd.conf")
	if err := os.WriteFile(file, []byte(conf+" neighbor 192.168.1.5 weight 5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		arg, out, complaint string
		status              int
	}{
		{"-", uci, "", done},
		{file, uci, "hawser: " + file + ": line 4: neighbor 192.168.1.5 weight 5: ", partly},
		{file + ".no", "", "no such file", failed},
	} {
		var out, complaints bytes.Buffer
		p := Program{Stdin: strings.NewReader(conf), Stdout: &out, Stderr: &complaints, Getenv: func(string) string { return "" }}
		status := p.Main(t.Context(), []string{"import-quagga", c.arg})
		if status != c.status || !strings.Contains(out.String(), c.out) || !strings.Contains(complaints.String(), c.complaint) {
			t.Errorf("import-quagga %s: %d\n%s\n%s", c.arg, status, out.String(), complaints.String())
		}
	}
}

func TestEventsAreShownOneALine(t *testing.T) {
	events.Add(journal.Event{Kind: journal.SessionDown, Text: "192.168.1.5 (home): session down: received Cease: one\ntwo"})
	socket := "HAWSER_SOCKET=" + running(t)
	if r := hawser(t, "sh log", socket); r.status != 0 || !strings.Contains(r.out, " sessionDown 192.168.1.5 (home): session down: received Cease: one two\n") {
		t.Errorf("%+v", r)
	}
	if r := hawser(t, "show log --json", socket); r.status != 0 || !strings.Contains(r.out, `"kind": "sessionDown"`) {
		t.Errorf("%+v", r)
	}
}

func TestClearSaysWhatItDid(t *testing.T) {
	socket := "HAWSER_SOCKET=" + running(t)
	for line, want := range map[string]result{
		"clear ip bgp 192.168.1.5":        {0, "192.168.1.5: session ended, it comes back by itself\n", ""},
		"clear ip bgp all":                {0, "192.168.1.5: session ended, it comes back by itself\n", ""},
		"cl ipv6 b 192.168.1.5 s":         {0, "192.168.1.5: asked to tell its routes again, and told ours again\n", ""},
		"clear ip bgp all soft":           {1, "192.168.1.5: asked to tell its routes again, and told ours again\n", "fd00::6: cannot tell its routes again (no route refresh was negotiated): clear it without soft\n"},
		"clear ip bgp 192.168.1.9":        {1, "", "192.168.1.9: no such neighbor\n"},
		"clear ip bgp":                    {2, "", "clear ip bgp: more words are needed: all, ADDRESS\n"},
		"clear ip bgp x":                  {2, "", `"x" is no address`},
		"clear ip bgp 192.168.1.5 gently": {2, "", "possible: soft\n"},
	} {
		r := hawser(t, line, socket)
		if r.status != want.status || r.out != want.out || !strings.Contains(r.err, want.err) {
			t.Errorf("%q answers %+v, want %+v", line, r, want)
		}
	}
}

// written is a text that grows, safe for several goroutines.
type written struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (w *written) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(b)
}

func (w *written) has(part string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Contains(w.text.String(), part)
}

func TestMonitorTellsWhatHappensFromNowOn(t *testing.T) {
	socket := running(t)
	var out written
	p := Program{Stdout: &out, Stderr: &out, Getenv: func(string) string { return "" }}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() { ended <- p.Main(ctx, []string{"monitor", "--socket", socket}) }()
	eventually(t, "it follows", func() bool { return out.has("hawser is there") })
	events.Tell(journal.Event{Kind: journal.RouteAdded, Text: "192.168.10.1/32: route added"})
	eventually(t, "it tells", func() bool { return out.has(" routeAdded 192.168.10.1/32: route added\n") })
	cancel()
	if s := <-ended; s != 0 {
		t.Errorf("ends with %d", s)
	}
	if r := hawser(t, "monitor --socket "+socket+".gone"); r.status != 1 || !strings.Contains(r.err, "hawser is not running") {
		t.Errorf("without a daemon: %+v", r)
	}
}

func TestALinkInRpcdsDirectoryIsThePlugin(t *testing.T) {
	var out bytes.Buffer
	p := Program{
		Name: "/usr/libexec/rpcd/hawser", Stdin: strings.NewReader("{}"), Stdout: &out, Stderr: &out,
		Getenv: func(string) string { return filepath.Join(t.TempDir(), "gone") },
	}
	if s := p.Main(t.Context(), []string{"list"}); s != 0 || !strings.Contains(out.String(), `"check":{`) {
		t.Errorf("list: %d, %s", s, out.String())
	}
	out.Reset()
	if s := p.Main(t.Context(), []string{"call", "status"}); s != 0 || !strings.HasPrefix(out.String(), `{"running":false,`) {
		t.Errorf("call: %d, %s", s, out.String())
	}
}

func TestWatchAndColoursAreForTerminals(t *testing.T) {
	socket := running(t)
	if r := hawser(t, "show ip bgp --watch --socket "+socket); r.status != 2 || !strings.Contains(r.err, "--watch is for text on a terminal") {
		t.Errorf("into a file: %+v", r)
	}
	var out written
	p := Program{Stdout: &out, Stderr: &out, Terminal: true, Getenv: func(string) string { return "" }}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() { ended <- p.Main(ctx, []string{"show", "ip", "bgp", "--watch", "--socket", socket}) }()
	eventually(t, "it is shown, the refused one red", func() bool {
		return out.has(clearScreen) && out.has(red+"x  0.0.0.0/0") && out.has("*> 192.168.10.1/32")
	})
	cancel()
	if s := <-ended; s != 0 {
		t.Errorf("ends with %d", s)
	}
	var plainOut bytes.Buffer
	p = Program{Stdout: &plainOut, Stderr: &plainOut, Terminal: true, Getenv: func(name string) string { return map[string]string{"NO_COLOR": "1"}[name] }}
	if s := p.Main(t.Context(), []string{"show", "ip", "bgp", "--socket", socket}); s != 0 || strings.Contains(plainOut.String(), "\x1b") {
		t.Errorf("%d, %q", s, plainOut.String())
	}
}

func TestMonitorWaitsForTheDaemonToComeBack(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "hawser.sock")
	stop := serving(t, socket)
	var out written
	p := Program{Stdout: &out, Stderr: &out, Getenv: func(string) string { return "" }}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() { ended <- p.Main(ctx, []string{"monitor", "--socket", socket}) }()
	eventually(t, "it follows", func() bool { return out.has("% hawser is there\n") })
	stop()
	eventually(t, "it says that the daemon is gone", func() bool { return out.has("% waiting for hawser: ") })
	defer serving(t, socket)()
	eventually(t, "it follows the next one", func() bool {
		events.Tell(journal.Event{Kind: journal.RouteAdded, Text: "after the restart"})
		return out.has("after the restart\n")
	})
	cancel()
	if s := <-ended; s != 0 {
		t.Errorf("ends with %d", s)
	}
}
