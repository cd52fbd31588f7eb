package status

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hawser-lb/hawser/router/internal/journal"
)

// fixed is a Source that always says the same.
type fixed struct {
	s *Snapshot
	j *journal.Journal
}

func (f fixed) Snapshot(withRoutes bool) Snapshot {
	s := *f.s
	if !withRoutes {
		s.Routes = nil
	}
	return s
}

func (f fixed) Routes(p Pick) Page {
	return Page{Routes: f.s.Routes[:min(p.Limit, len(f.s.Routes))], Total: len(f.s.Routes)}
}

func (f fixed) Journal() *journal.Journal { return f.j }

func (f fixed) History() History {
	return History{StepSeconds: 15, Established: []uint32{1}, Routes: []uint32{2}}
}

func (f fixed) Clear(peer netip.Addr, soft bool) (Cleared, error) {
	if peer == ip("192.168.1.99") {
		return Cleared{}, ErrNoNeighbor
	}
	return Cleared{Peers: []netip.Addr{peer}, Soft: soft}, nil
}

// start runs a Server for the length of the test and returns its socket, which
// answers, and a way to stop it before.
func start(t *testing.T, path string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	server := NewServer(path, fixed{home(), journal.New()}, slog.New(slog.DiscardHandler))
	if err := server.Open(); err != nil {
		t.Fatal(err)
	}
	go func() { done <- server.Run(ctx) }()
	stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the server ended with %v", err)
		}
		done <- nil
	}
	t.Cleanup(stop)
	eventually(t, "the socket answers", func() bool {
		_, err := Get(ctx, path, Request{Get: "snapshot"})
		return err == nil
	})
	return stop
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for !is() {
		if !pause(ctx, 5*time.Millisecond) {
			t.Fatalf("never came true: %s", what)
		}
	}
}

func dial(t *testing.T, path string) net.Conn {
	t.Helper()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestOneRequestALineOneAnswerALine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "hawser.sock")
	start(t, path)
	c := dial(t, path)
	lines := bufio.NewScanner(c)
	lines.Buffer(nil, 1<<20)
	for _, ask := range []struct{ request, has, hasNot string }{
		{`{"get":"snapshot"}`, `"routes":[]`, "192.168.10.1/32"},
		{`{"get":"snapshot","routes":true}`, `"prefix":"192.168.10.1/32"`, "null"},
		{`{"get":"weather"}`, `{"error":"get \"weather\": there is snapshot, overview, routes, events, history and follow"}`, "snapshot\":{"},
		{`{"get":"snapshot"}`, `"asn":65000`, "error\":"},
	} {
		if _, err := io.WriteString(c, ask.request+"\n"); err != nil {
			t.Fatal(err)
		}
		if !lines.Scan() {
			t.Fatalf("%s: no answer: %v", ask.request, lines.Err())
		}
		if got := lines.Text(); !strings.Contains(got, ask.has) || strings.Contains(got, ask.hasNot) {
			t.Errorf("%s is answered by %s", ask.request, got)
		}
	}
}

func TestTheClientGetsWhatTheDaemonKnows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hawser.sock")
	start(t, path)
	s, err := Get(t.Context(), path, Request{Get: "snapshot", Routes: true})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "summary", func(w io.Writer) { Summary(w, &s, IPv4) })
	golden(t, "bgp", func(w io.Writer) { Table(w, &s, IPv4) })
	golden(t, "route-ipv6", func(w io.Writer) { Routes(w, &s, s.RoutesOf(IPv6)) })
	if _, err := Get(t.Context(), path, Request{Get: "weather"}); err == nil || !strings.Contains(err.Error(), "there is snapshot") {
		t.Errorf("a request that the daemon does not know: %v", err)
	}
}

func TestNonsenseGetsAnErrorLineAndTheDoor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hawser.sock")
	start(t, path)
	for name, sent := range map[string]string{
		"garbage":         "\x00\xff hello\n",
		"an array":        "[]\n",
		"unknown field":   `{"get":"snapshot","colour":1}` + "\n",
		"two in a line":   `{"get":"snapshot"}{"get":"snapshot"}` + "\n",
		"empty line":      "\n",
		"10 MB in a line": strings.Repeat("x", 10<<20),
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, path)
			io.WriteString(c, sent) // a line that is too long is not read to its end
			answer, err := bufio.NewReader(c).ReadBytes('\n')
			if err != nil {
				t.Fatalf("no answer: %v", err)
			}
			var a Answer
			if err := json.Unmarshal(answer, &a); err != nil || a.Error == "" || a.Snapshot != nil {
				t.Errorf("answered by %s", answer)
			}
			if rest, err := io.ReadAll(c); len(rest) > 0 || err != nil && !errors.Is(err, os.ErrDeadlineExceeded) && !isReset(err) {
				t.Errorf("the connection stays open: %q, %v", rest, err)
			}
		})
	}
}

func isReset(err error) bool { return strings.Contains(err.Error(), "reset by peer") }

func TestManyConnectionsAreTurnedAwayWithAWord(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hawser.sock")
	start(t, path)
	// An answer on each says that it was let in.
	open := func() net.Conn {
		c := dial(t, path)
		io.WriteString(c, `{"get":"weather"}`+"\n")
		return c
	}
	answer := func(c net.Conn) string {
		line, _ := bufio.NewReader(c).ReadString('\n') // cut off says as much as an answer
		return line
	}
	first := open()
	if !strings.Contains(answer(first), "weather") {
		t.Fatal("the first connection is not answered")
	}
	full, tries := 1, 0
	for line := ""; !strings.Contains(line, "too many connections"); tries++ {
		if tries > 10*maxConnections {
			t.Fatalf("nobody is turned away: %d connections are open", full)
		}
		// Who is too slow to ask has no seat any more, and no answer.
		if line = answer(open()); strings.Contains(line, "weather") {
			full++
		}
	}
	if full > maxConnections {
		t.Errorf("%d connections are open at a time, want at most %d", full, maxConnections)
	}
	if _, err := Get(t.Context(), path, Request{Get: "snapshot"}); err == nil || !strings.Contains(err.Error(), "too many connections") {
		t.Errorf("one too many is told %v", err)
	}
	first.Close()
	eventually(t, "a seat is free again", func() bool {
		_, err := Get(t.Context(), path, Request{Get: "snapshot"})
		return err == nil
	})
}

func TestTheSilentDoNotKeepTheSeatsOfOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hawser.sock")
	start(t, path)
	for range 4 * maxConnections {
		dial(t, path)
	}
	eventually(t, "somebody with a question is answered", func() bool {
		_, err := Get(t.Context(), path, Request{Get: "snapshot"})
		return err == nil
	})
}

func TestTheSocketIsForItsOwnerOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hawser.sock")
	start(t, path)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != os.ModeSocket|0o600 {
		t.Errorf("mode %v", info.Mode())
	}
}

func TestASocketOfADeadDaemonIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hawser.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	if _, err := Get(t.Context(), path, Request{Get: "snapshot"}); !errors.Is(err, ErrNotRunning) {
		t.Errorf("nobody listens, yet: %v", err)
	}
	start(t, path)
}

func TestASocketOfALiveDaemonIsNotStolen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hawser.sock")
	stop := start(t, path)
	second := NewServer(path, fixed{home(), journal.New()}, slog.New(slog.DiscardHandler))
	if err := second.Open(); !errors.Is(err, ErrRunning) {
		t.Errorf("the second daemon ended with %v", err)
	}
	if _, err := Get(t.Context(), path, Request{Get: "snapshot"}); err != nil {
		t.Errorf("the first daemon is harmed: %v", err)
	}
	stop()
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket stays behind: %v", err)
	}
	if _, err := Get(t.Context(), path, Request{Get: "snapshot"}); !errors.Is(err, ErrNotRunning) {
		t.Errorf("after the end: %v", err)
	}
	start(t, path)
}

func TestOtherFilesAreNotOverwritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hawser.sock")
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := NewServer(path, fixed{home(), journal.New()}, slog.New(slog.DiscardHandler)).Open(); err == nil {
		t.Error("a file in the socket's place is no error")
	}
	if text, err := os.ReadFile(path); string(text) != "precious" {
		t.Errorf("%q, %v", text, err)
	}
	long := filepath.Join(t.TempDir(), strings.Repeat("x", 108))
	if err := NewServer(long, fixed{home(), journal.New()}, slog.New(slog.DiscardHandler)).Open(); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("a path that does not fit: %v", err)
	}
}

func TestAStrangerBehindTheSocketIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "other.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			io.WriteString(c, "220 ready\r\n")
			c.Close()
		}
	}()
	if _, err := Get(t.Context(), path, Request{Get: "snapshot"}); err == nil || !strings.Contains(err.Error(), "not one of hawser's") {
		t.Errorf("%v", err)
	}
}

func TestASilentDaemonIsGivenUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "silent.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Get(ctx, path, Request{Get: "snapshot"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// FuzzRequest says that no line harms the server, and that each is answered
// by one line of JSON.
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{"", `{"get":"snapshot"}`, `{"get":"snapshot","routes":true}`, `{"get":"x"}`, `[[[[`, `{"get":"snapshot"} x`, "null", `{"get":1e999}`} {
		f.Add([]byte(seed))
	}
	server := NewServer("", fixed{home(), journal.New()}, slog.New(slog.DiscardHandler))
	f.Fuzz(func(t *testing.T, line []byte) {
		r, a, end := parse(line)
		if a.Error == "" && r.Get != "follow" {
			if a = server.reply(r); a == (Answer{}) {
				t.Errorf("%q is not answered", line)
			}
		}
		if end && a.Error == "" {
			t.Errorf("%q ends the connection without a word", line)
		}
		text, err := json.Marshal(a)
		if err != nil || bytes.ContainsRune(text, '\n') {
			t.Errorf("%q: %s, %v", line, text, err)
		}
	})
}

func TestFollowersAreFewAndToldWhenTheyAreSlow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hawser.sock")
	j := journal.New()
	server := NewServer(path, fixed{home(), j}, slog.New(slog.DiscardHandler))
	if err := server.Open(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	follow := func() *bufio.Reader {
		c := dial(t, path)
		io.WriteString(c, `{"get":"follow"}`+"\n")
		return bufio.NewReader(c)
	}
	first := follow()
	for range maxFollowers {
		if line, err := first.ReadString('\n'); err != nil || !strings.Contains(line, `"events":{`) {
			t.Fatalf("%q, %v", line, err)
		}
		first = follow()
	}
	if line, err := first.ReadString('\n'); err != nil || !strings.Contains(line, "too many follow already") {
		t.Errorf("one too many is told %q, %v", line, err)
	}
	slow := bufio.NewReader(nil)
	eventually(t, "a place is free when one leaves", func() bool {
		for range 2000 { // nobody reads: those that follow are cut off
			j.Add(journal.Event{Kind: journal.SessionUp, Text: strings.Repeat("x", 500)})
		}
		slow = follow()
		line, err := slow.ReadString('\n')
		return err == nil && strings.Contains(line, `"events":{`)
	})
	for range 2000 {
		j.Add(journal.Event{Kind: journal.SessionUp, Text: "more than one can read"})
	}
	for {
		line, err := slow.ReadString('\n')
		if err != nil {
			t.Fatalf("cut off without a word: %v", err)
		}
		if strings.Contains(line, "you did not read as fast") {
			return
		}
	}
}

func TestRequestsThatMakeNoSenseAreNamed(t *testing.T) {
	for line, want := range map[string]string{
		`{"get":"snapshot","protocol":2}`:        "protocol 2 is not spoken here: this daemon speaks 1",
		`{}`:                                     "either get or do",
		`{"get":"events","do":"clear"}`:          "either get or do",
		`{"do":"reboot"}`:                        `do "reboot": there is clear only`,
		`{"get":"routes","offset":-1}`:           "not negative",
		`{"get":"routes","only":"best"}`:         "use installed, refused or failed",
		`{"get":"routes","family":"ipx"}`:        "use ipv4 or ipv6",
		`{"do":"clear","peer":"192.168.1.9999"}`: "no request",
	} {
		if _, a, _ := parse([]byte(line)); !strings.Contains(a.Error, want) {
			t.Errorf("%s is answered by %q, want %q", line, a.Error, want)
		}
	}
}
