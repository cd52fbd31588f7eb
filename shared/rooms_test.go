// Package shared_test holds the rooms of the tree apart: who may import what.
package shared_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/hawser-lb/hawser/"

// pkg is what `go list -json` says of one package.
type pkg struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

// oneRoom names the only rooms that may import a library, by path prefix.
var oneRoom = map[string][]string{
	"github.com/osrg/gobgp":               {"shared/bgp"},
	"github.com/mdlayher/netlink":         {"router/internal/kernel"},
	"github.com/vishvananda/netlink":      {"router/internal/kernel"},
	"github.com/jsimonetti/rtnetlink":     {"router/internal/kernel"},
	"github.com/digineo/go-uci":           {"router/internal/uciconf"},
	"k8s.io/client-go":                    {"cluster/internal/kube"},
	"k8s.io/api":                          {"cluster/internal/kube"},
	"k8s.io/apimachinery":                 {"cluster/internal/kube", "cluster/api"},
	"github.com/prometheus/client_golang": {"cluster"},
}

// strangers lists rooms that must not know one another.
var strangers = map[string][]string{
	"shared":  {"router", "cluster"},
	"router":  {"cluster"},
	"cluster": {"router"},
}

// meeting is the one room that knows both sides: its test tells what befalls
// router and cluster together. Nothing may import it, and the sims that it is
// made of are in no program.
const meeting = "shared/lab/together"

var sims = []string{"router/sim", "cluster/sim", "shared/lab"}

// programs are what ships.
var programs = []string{"./router/cmd/...", "./cluster/cmd/..."}

// pure rooms decide and touch nothing: no file, socket, process or goroutine
// tool may be imported there.
var pure = []string{
	"router/internal/rib", "router/internal/fib",
	"cluster/internal/model", "cluster/internal/alloc", "cluster/internal/announce",
	"shared/route", "shared/addr",
}

var impure = []string{"os", "os/exec", "net", "net/http", "syscall", "sync", "context", "log/slog", "golang.org/x/sys"}

// tooHeavy must not be in the router's binary at any depth: flash is scarce.
var tooHeavy = []string{"net/http", "text/template", "html/template", "crypto/tls", "expvar", "google.golang.org/grpc", "google.golang.org/protobuf"}

func list(t *testing.T, args ...string) []pkg {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Imports,TestImports,XTestImports"}, args...)...)
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %s", exit.Stderr)
		}
		t.Fatal(err)
	}
	var all []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) == 0 {
		t.Fatal("go list names no package")
	}
	return all
}

func within(path, room string) bool { return path == room || strings.HasPrefix(path, room+"/") }

func TestOneRoomKnowsEachForeignLibrary(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range list(t, "./...") {
		room := strings.TrimPrefix(p.ImportPath, module)
		for _, imp := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			for library, rooms := range oneRoom {
				if !within(imp, library) {
					continue
				}
				seen[library] = true
				if !slices.ContainsFunc(rooms, func(r string) bool { return within(room, r) }) {
					t.Errorf("%s imports %s, which only %s may", room, imp, strings.Join(rooms, ", "))
				}
			}
		}
	}
	for _, prescribed := range []string{"github.com/osrg/gobgp", "github.com/digineo/go-uci", "k8s.io/client-go"} {
		if !seen[prescribed] {
			t.Errorf("nobody imports %s: this test looks at the wrong tree", prescribed)
		}
	}
}

func TestRouterAndClusterAreStrangers(t *testing.T) {
	for _, p := range list(t, "./...") {
		room := strings.TrimPrefix(p.ImportPath, module)
		for side, others := range strangers {
			if !within(room, side) || room == meeting {
				continue
			}
			for _, imp := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
				for _, other := range others {
					if within(strings.TrimPrefix(imp, module), other) && strings.HasPrefix(imp, module) {
						t.Errorf("%s imports %s", room, imp)
					}
				}
			}
		}
	}
}

func TestNoProgramHoldsAWorldThatIsNotThere(t *testing.T) {
	for _, p := range list(t, append([]string{"-deps"}, programs...)...) {
		room := strings.TrimPrefix(p.ImportPath, module)
		if slices.ContainsFunc(sims, func(s string) bool { return within(room, s) }) {
			t.Errorf("%s is in a program", room)
		}
	}
	for _, p := range list(t, "./...") {
		if slices.Contains(p.Imports, module+meeting) {
			t.Errorf("%s imports %s", p.ImportPath, meeting)
		}
	}
}

func TestDecidingRoomsTouchNothing(t *testing.T) {
	for _, p := range list(t, "./...") {
		room := strings.TrimPrefix(p.ImportPath, module)
		if !slices.Contains(pure, room) {
			continue
		}
		for _, imp := range p.Imports {
			if slices.ContainsFunc(impure, func(i string) bool { return imp == i || i == "golang.org/x/sys" && within(imp, i) }) {
				t.Errorf("%s decides and must not import %s", room, imp)
			}
		}
	}
}

func TestRouterBinaryStaysLight(t *testing.T) {
	for _, p := range list(t, "-deps", "./router/cmd/hawser") {
		for _, heavy := range tooHeavy {
			if within(p.ImportPath, heavy) {
				t.Errorf("the router's binary holds %s", p.ImportPath)
			}
		}
	}
}
