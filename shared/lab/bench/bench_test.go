package bench

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// nlri counts the /32 prefixes that the messages announce and withdraw.
func nlri(t *testing.T, stream []byte) (announced, withdrawn int) {
	t.Helper()
	in := bufio.NewReader(bytes.NewReader(stream))
	for {
		typ, body, err := read(in)
		if errors.Is(err, io.EOF) {
			return announced, withdrawn
		}
		if err != nil || typ != typeUpdate {
			t.Fatalf("message of type %d: %v", typ, err)
		}
		if len(body)+headerSize > maxMessage {
			t.Errorf("a message of %d bytes is longer than BGP allows", len(body)+headerSize)
		}
		gone := int(binary.BigEndian.Uint16(body))
		attributes := int(binary.BigEndian.Uint16(body[2+gone:]))
		withdrawn += gone / prefix32
		announced += (len(body) - 4 - gone - attributes) / prefix32
	}
}

func TestEveryPrefixIsToldOnceAndTakenBackOnce(t *testing.T) {
	r := run{scene: Scene{Senders: 1, Prefixes: 10_000, Hops: 1}}
	prefixes := r.share(0)
	told, none := nlri(t, announcement(senderASN, netip.MustParseAddr("10.77.2.1"), prefixes))
	if told != 10_000 || none != 0 {
		t.Errorf("the announcement tells %d prefixes and withdraws %d", told, none)
	}
	none, gone := nlri(t, withdrawal(prefixes))
	if gone != 10_000 || none != 0 {
		t.Errorf("the withdrawal takes %d prefixes back and tells %d", gone, none)
	}
}

func TestEachPrefixHasAsManyTellersAsTheSceneSays(t *testing.T) {
	for _, scene := range Scenes() {
		r := run{scene: scene}
		tellers := map[netip.Addr]int{}
		for sender := range scene.Senders {
			for _, p := range r.share(sender) {
				if !pool.Contains(p) {
					t.Fatalf("%s: %s is outside of %s", scene.Name, p, pool)
				}
				tellers[p]++
			}
		}
		if len(tellers) != scene.Prefixes {
			t.Errorf("%s: %d prefixes", scene.Name, len(tellers))
		}
		for p, n := range tellers {
			if n != scene.Hops {
				t.Fatalf("%s: %s is told by %d senders, want %d", scene.Name, p, n, scene.Hops)
			}
		}
	}
}

func TestReportShowsMediansAndRatios(t *testing.T) {
	one, other := Router{Name: "one"}, Router{Name: "other"}
	report := NewReport([]Router{one, other})
	for _, ms := range []int{9, 1, 2} {
		figures := []Figures{{Phase: "load", Time: time.Duration(ms) * time.Millisecond, Resident: 1 << 20}}
		report.Add(Scene{Name: "s"}, one, figures)
		figures[0].Time *= 2
		report.Add(Scene{Name: "s"}, other, figures)
	}
	var b strings.Builder
	if err := report.Print(&b); err != nil {
		t.Fatal(err)
	}
	want := `
| scene | phase | what   | one     | other   | × other |
|---    |---    |---     |---:     |---:     |---:     |
| s     | load  | time   | 2.0 ms  | 4.0 ms  | 0.50    |
| s     | load  | memory | 1.0 MiB | 1.0 MiB | 1.00    |
`
	if got := "\n" + b.String(); got != want {
		t.Errorf("got%s\nwant%s", got, want)
	}
}

func TestBrokenPromisesAreNamed(t *testing.T) {
	load := func(ms, megabytes int64) []Figures {
		return []Figures{{Phase: "load", Time: time.Duration(ms) * time.Millisecond, Resident: megabytes << 20}}
	}
	scenes := Scenes()
	first, last := scenes[0], scenes[len(scenes)-1]
	report := NewReport([]Router{Hawser(""), FRR()})
	report.Add(first, FRR(), load(100, 40))
	report.Add(first, Hawser(""), load(100, 40))
	report.Add(last, Hawser(""), load(9, 14))
	if broken := report.Broken(); len(broken) > 0 {
		t.Errorf("kept promises are called broken: %q", broken)
	}
	report = NewReport([]Router{Hawser(""), FRR()})
	report.Add(first, FRR(), load(100, 40))
	report.Add(first, Hawser(""), load(101, 40))
	report.Add(last, Hawser(""), load(9, 15))
	if broken := report.Broken(); len(broken) != 2 {
		t.Errorf("two promises are broken, named are %q", broken)
	}
}

// hawser is the daemon, built from this tree.
func hawser(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "hawser")
	cmd := exec.Command("go", "build", "-trimpath", "-o", binary, "github.com/hawser-lb/hawser/router/cmd/hawser")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build hawser: %v\n%s", err, out)
	}
	return binary
}

func TestEachRouterIsMeasured(t *testing.T) {
	scene := Scene{Name: "small", Senders: 2, Prefixes: 50, Hops: 2, Die: true}
	for _, router := range []Router{Hawser(hawser(t)), FRR(), BIRD()} {
		figures, err := Measure(t.Context(), scene, router)
		if err != nil {
			t.Fatal(err)
		}
		for i, phase := range []string{"load", "one peer dies", "withdraw all"} {
			f := figures[i]
			if f.Phase != phase || f.Time <= 0 || f.Routes < 50 && f.NextHops == 0 || f.Resident < 1<<20 {
				t.Errorf("%s: %+v is not a figure of phase %q", router.Name, f, phase)
			}
		}
	}
}
