package rpcd

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hawser-lb/hawser/router/internal/journal"
	"github.com/hawser-lb/hawser/router/internal/status"
)

// router has one neighbor and many routes.
type router struct {
	j      *journal.Journal
	routes int
}

func (r router) Snapshot(bool) status.Snapshot {
	peer := netip.MustParseAddr("192.168.1.5")
	return status.Snapshot{ASN: 65000, Now: time.Now(), Neighbors: []status.Neighbor{{Address: peer, State: "Established"}, {Address: netip.MustParseAddr("fd00::5")}}}
}

func (r router) Routes(p status.Pick) status.Page {
	page := status.Page{Total: r.routes, Offset: p.Offset}
	for i := range min(p.Limit, r.routes) {
		page.Routes = append(page.Routes, status.Route{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 32)})
	}
	return page
}

func (r router) Journal() *journal.Journal { return r.j }
func (r router) History() status.History {
	return status.History{StepSeconds: 15, Established: []uint32{1}, Routes: []uint32{2}}
}
func (r router) Clear(netip.Addr, bool) (status.Cleared, error) { return status.Cleared{}, nil }

// daemon answers on a socket for the length of the test.
func daemon(t *testing.T) (socket string) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "s")
	r := router{journal.New(), 1000}
	r.j.Add(journal.Event{Kind: journal.SessionUp, Text: "up"})
	r.j.Add(journal.Event{Kind: journal.SessionDown, Text: "down"})
	s := status.NewServer(socket, r, slog.New(slog.DiscardHandler))
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return socket
}

func file(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "hawser")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// call answers one call as rpcd would read it: a JSON object.
func call(t *testing.T, p Plugin, method, arguments string) (map[string]any, string) {
	t.Helper()
	var out bytes.Buffer
	p.Stdin, p.Stdout = strings.NewReader(arguments), &out
	if err := p.Call(t.Context(), method); err != nil {
		t.Fatalf("%s %s: %v", method, arguments, err)
	}
	var answer map[string]any
	if err := json.Unmarshal(out.Bytes(), &answer); err != nil || strings.Count(out.String(), "\n") != 1 {
		t.Fatalf("%s %s: %v\n%s", method, arguments, err, out.String())
	}
	return answer, out.String()
}

const good = "config globals 'globals'\n\toption asn '65000'\nconfig cluster 'home'\n\toption asn '65001'\n\tlist source '192.168.1.0/24'\n\tlist allow '192.168.10.0/24'\n"

func TestTheListNamesEveryMethodWithItsArguments(t *testing.T) {
	var out bytes.Buffer
	p := Plugin{Stdout: &out}
	if err := p.List(); err != nil {
		t.Fatal(err)
	}
	var methods map[string]map[string]any
	if err := json.Unmarshal(out.Bytes(), &methods); err != nil {
		t.Fatal(err)
	}
	for _, m := range []string{"status", "neighbors", "routes", "events", "history", "overview", "check"} {
		if methods[m] == nil {
			t.Errorf("no %s", m)
		}
	}
}

func TestTheDaemonsAnswersPassThrough(t *testing.T) {
	p := Plugin{Socket: daemon(t)}
	for _, c := range []struct{ method, arguments, has string }{
		{"status", "", `{"running":true,"version":`},
		{"status", `{"ubus_rpc_session":"0123"}`, `"asn":65000`},
		{"neighbors", `{}`, `"address":"fd00::5"`},
		{"neighbors", `{"address":"192.168.1.5"}`, `"state":"Established"`},
		{"routes", `{"limit":2}`, `{"running":true,"routes":[{"prefix":"10.0.0.0/32"`},
		{"events", `{"after":1}`, `"text":"down"}],"last":2}`},
		{"events", `{"limit":1}`, `"text":"down"`},
		{"history", "", `{"running":true,"stepSeconds":15,"established":[1],"routes":[2]}`},
		{"overview", `{"limit":1}`, `"routes":{"routes":[{"prefix":"10.0.0.0/32"`},
		{"routes", `{"only":"red"}`, `{"error":"only \"red\": use installed, refused or failed"}`},
		{"routes", `{"limit":-1}`, `{"error":"offset, limit and events are not negative"}`},
		{"routes", `{"limit":"many"}`, `{"error":"argument limit is a string, which is the wrong type"}`},
		{"routes", `nonsense`, `{"error":"the arguments are not one JSON object"}`},
		{"routes", strings.Repeat(" ", 2<<20), `{"error":"arguments of more than`},
		{"neighbors", `{"address":"x"}`, `{"error":"\"x\" is no address"}`},
	} {
		if _, text := call(t, p, c.method, c.arguments); !strings.Contains(text, c.has) {
			t.Errorf("%s %.40s: has not %s\n%s", c.method, c.arguments, c.has, text)
		}
	}
	if one, text := call(t, p, "neighbors", `{"address":"192.168.1.5"}`); strings.Contains(text, "fd00::5") || one["running"] != true {
		t.Errorf("more than one neighbor: %s", text)
	}
	if err := p.Call(t.Context(), "reboot"); err == nil || !strings.Contains(err.Error(), "no such method: use status") {
		t.Errorf("an unknown method: %v", err)
	}
}

func TestADaemonThatIsDownIsAnAnswer(t *testing.T) {
	gone := filepath.Join(t.TempDir(), "gone")
	for _, c := range []struct{ config, why, reason string }{
		{good, "stopped", "start it"},
		{strings.Replace(good, "config cluster", "\toption enabled '0'\nconfig cluster", 1), "disabled", "set option enabled"},
		{strings.Replace(good, "65000", "none", 1), "mistakes", "'asn' = 'none'"},
		{strings.ReplaceAll(good, "6500", "x"), "mistakes", "has 2 mistakes"},
	} {
		for _, method := range []string{"status", "neighbors", "routes", "events", "history", "overview"} {
			answer, text := call(t, Plugin{Socket: gone, Config: file(t, c.config)}, method, "")
			if answer["running"] != false || answer["why"] != c.why || !strings.Contains(fmt.Sprint(answer["reason"]), c.reason) {
				t.Errorf("%s: %s, want %s, %s", method, text, c.why, c.reason)
			}
		}
	}
}

func TestCheckTakesWhatIsNotSavedYet(t *testing.T) {
	p := Plugin{Socket: "/nonexistent", Config: file(t, good)}
	const globals = `{".type":"globals",".name":"globals",".anonymous":false,"asn":"65000"}`
	sections := func(more string) string { return `{"sections":[` + globals + `,` + more + `]}` }
	for _, c := range []struct {
		arguments string
		valid     bool
		has       string
	}{
		{"", true, `"mistakes":0`},
		{`{"config":"config globals\n\toption asn x\n"}`, false, `"line":2,"section":"@globals[0]","type":"globals","option":"asn","value":"x"`},
		{sections(`{".type":"cluster",".name":"cfg02ab12",".anonymous":true,"asn":"65001","source":["192.168.1.0/24"],"allow":["192.168.10.0/24"]}`), true, `"problems":`},
		{sections(`{".type":"cluster",".name":"cfg02ab12","asn":"65001","source":["nowhere"],"allow":["192.168.10.0/24"]}`), false,
			`"section":"cfg02ab12","type":"cluster","option":"source","value":"nowhere"`},
		{sections(`{".type":"cluster",".name":"home","asn":"65001","source":["192.168.1.0/24"],"allow":["192.168.10.0/24"],"description":"it's 'mine'\nlist allow 0.0.0.0/0"}`), false, `"value":"it's 'mine'…","message":"use printable`},
	} {
		answer, text := call(t, p, "check", c.arguments)
		if answer["valid"] != c.valid || !strings.Contains(text, c.has) {
			t.Errorf("%s: want valid %v, %s\n%s", c.arguments, c.valid, c.has, text)
		}
	}
	for arguments, want := range map[string]string{
		`{"sections":[1]}`:                                       "number 1 is no object",
		`{"sections":[{".type":"a b",".name":"x"}]}`:             "letters, digits and _",
		`{"sections":[{".type":"t",".name":"x","o\nlist":"x"}]}`: "is not made of letters",
		`{"sections":[],"config":""}`:                            "either config or sections",
		`{"config":"` + strings.Repeat("x", 1<<20) + `"}`:        "more than",
	} {
		if answer, _ := call(t, p, "check", arguments); !strings.Contains(fmt.Sprint(answer["error"]), want) {
			t.Errorf("%.60s: %v, want %s", arguments, answer["error"], want)
		}
	}
}

func TestAPasswordIsInNoAnswer(t *testing.T) {
	const secret = "squeamish"
	p := Plugin{Socket: "/nonexistent", Config: file(t, good+"\toption password '"+secret+"'\n\toption max_peers '0'\n")}
	for method, arguments := range map[string]string{
		"check": "", "status": "",
		"check ": `{"sections":[{".type":"cluster",".name":"home","password":"` + strings.Repeat(secret, 20) + `"}]}`,
	} {
		if _, text := call(t, p, strings.TrimSpace(method), arguments); strings.Contains(text, secret) {
			t.Errorf("%s: %s", method, text)
		}
	}
}
