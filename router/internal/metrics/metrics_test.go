package metrics

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/hawser-lb/hawser/router/internal/status"
)

type router struct{}

func (router) Snapshot(bool) status.Snapshot {
	at := time.Date(2026, 11, 24, 12, 0, 0, 500e6, time.UTC)
	return status.Snapshot{
		Version: "1.0", Started: at, ASN: 65000, RouterID: netip.MustParseAddr("192.0.2.1"),
		Config:             status.Config{LoadedAt: at, Rejected: true},
		Listening:          []status.Listen{{Address: netip.MustParseAddrPort("0.0.0.0:179")}, {Address: netip.MustParseAddrPort("[::]:179"), Error: "no"}},
		RefusedConnections: 7,
		BFDIgnored:         map[string]uint64{"ttl": 5, "flood": 100000},
		Clusters:           []status.Cluster{{Name: `ho"me\`, Peers: 3, Established: 2}},
		Neighbors: []status.Neighbor{
			{Name: `ho"me\`, Address: netip.MustParseAddr("192.0.2.5"), State: "Established", Accepted: 4, DroppedCount: 1, BFD: &status.BFD{State: "Up", Received: 9}, Refused: map[string]int{"notAllowed": 2, "martian": 1}},
			{Name: `ho"me\`, Address: netip.MustParseAddr("fd00::6"), State: "Active"},
		},
		Kernel: status.Kernel{Routes: 4, Groups: 1, Steps: 9},
	}
}

// running serves on loopback for the length of the test.
func running(t *testing.T) *Server {
	t.Helper()
	s := NewServer(router{}, slog.New(slog.DiscardHandler))
	s.Listen(netip.MustParseAddrPort("127.0.0.1:0"))
	ended := make(chan error, 1)
	go func() { ended <- s.Run(t.Context()) }()
	t.Cleanup(func() {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s
}

// eventually asks until fn has no objection.
func eventually(t *testing.T, fn func() error) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(30 * time.Second); ; <-tick.C {
		err := fn()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

// address is where it listens.
func address(t *testing.T, s *Server) (at netip.AddrPort) {
	t.Helper()
	eventually(t, func() (err error) {
		if at, err = s.Listening(); err == nil && at.Port() == 0 {
			err = errors.New("it does not listen yet")
		}
		return err
	})
	return at
}

func get(url string) (int, string, error) {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get(url)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(body), err
}

func TestPrometheusReadsEverySample(t *testing.T) {
	at := address(t, running(t))
	code, text, err := get("http://" + at.String() + "/metrics?x=y")
	if err != nil || code != http.StatusOK {
		t.Fatal(code, err)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	doc, err := os.ReadFile("../../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range families {
		kind := strings.ToLower(f.GetType().String())
		if row := fmt.Sprintf("| `%s` | %s |", name, kind); !strings.Contains(string(doc), row) || f.GetHelp() == "" {
			t.Errorf("docs/metrics.md has no row %q", row)
		}
		if strings.HasSuffix(name, "_total") != (kind == "counter") {
			t.Errorf("%s is a %s", name, kind)
		}
	}
	started := float64(router{}.Snapshot(false).Started.UnixMilli()) / 1000
	for _, want := range []string{
		`hawser_router_info{version="1.0",asn="65000",router_id="192.0.2.1"} 1`,
		`hawser_router_start_time_seconds ` + strconv.FormatFloat(started, 'g', -1, 64),
		`hawser_router_config_ok 0`,
		`hawser_router_listening{address="[::]:179"} 0`,
		`hawser_router_cluster_peers{cluster="ho\"me\\",established="false"} 1`,
		`hawser_router_session_up{name="ho\"me\\",address="192.0.2.5"} 1`,
		`hawser_router_session_up{name="ho\"me\\",address="fd00::6"} 0`,
		`hawser_router_prefixes_refused{name="ho\"me\\",address="192.0.2.5",reason="notAllowed"} 2`,
		`hawser_router_kernel_steps_total 9`,
		`hawser_router_bfd_up{name="ho\"me\\",address="192.0.2.5"} 1`,
		`hawser_router_bfd_packets_received_total{name="ho\"me\\",address="192.0.2.5"} 9`,
		`hawser_router_bfd_packets_ignored_total{reason="ttl"} 5`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no line %s in\n%s", want, text)
		}
	}
}

func TestWhatIsNoScrapeGetsAnAnswerAndHarmsNobody(t *testing.T) {
	at := address(t, running(t))
	for _, c := range []struct{ request, answer string }{
		{"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 404 Not Found\r\n"},
		{"POST /metrics HTTP/1.1\r\n\r\n", "HTTP/1.1 405 Method Not Allowed\r\n"},
		{"hello\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n"},
		{"GET /metrics HTTP/1.1\r\n" + strings.Repeat("x", maxRequest), "HTTP/1.1 400 Bad Request\r\n"},
		{"GET /metrics HTTP/1.0\n\n", "HTTP/1.1 200 OK\r\n"},
	} {
		eventually(t, func() error { // a seat may be taken for a moment
			conn, err := net.Dial("tcp", at.String())
			if err != nil {
				return err
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, c.request); err != nil {
				return err
			}
			answer, err := io.ReadAll(conn)
			if !strings.HasPrefix(string(answer), c.answer) {
				return fmt.Errorf("%.40q is answered by %.60q, %w", c.request, answer, err)
			}
			return nil
		})
	}
}

func TestManySilentClientsTakeTheSeatsAndNoMore(t *testing.T) {
	at := address(t, running(t))
	var closed int
	for range 20 * maxConnections {
		conn, err := net.Dial("tcp", at.String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 1)); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			closed++
		}
	}
	if closed < 10*maxConnections {
		t.Errorf("%d of %d were sent away", closed, 20*maxConnections)
	}
}

func TestTheAddressFollowsTheConfiguration(t *testing.T) {
	s := running(t)
	first := address(t, s)
	s.Listen(netip.MustParseAddrPort("192.0.2.77:9342")) // nobody's
	eventually(t, func() error {
		if at, err := s.Listening(); err == nil {
			return fmt.Errorf("it listens on %s", at)
		}
		return nil
	})
	if _, _, err := get("http://" + first.String() + "/metrics"); err == nil {
		t.Error("the address of before still answers")
	}
	s.Listen(first)
	eventually(t, func() error {
		_, _, err := get("http://" + first.String() + "/metrics")
		return err
	})
	s.Listen(netip.AddrPort{})
	eventually(t, func() error {
		if at, err := s.Listening(); at.IsValid() || err != nil {
			return fmt.Errorf("it is not off: %v %v", at, err)
		}
		return nil
	})
}
