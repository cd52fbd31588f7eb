package alloc

import (
	"os"
	"strings"
	"testing"

	"github.com/hawser-lb/hawser/cluster/internal/model"
)

func TestEveryWordIsExplainedToUsers(t *testing.T) {
	text, err := os.ReadFile("../../../docs/reasons.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range append(Events(), Overlaps) {
		if !strings.Contains(string(text), "\n| `"+word+"` | ") {
			t.Errorf("docs/reasons.md does not explain %s", word)
		}
	}
}

// TestEverySentenceIsExplainedToUsers makes one Service fail for each reason
// there is and looks for the sentence in the table of docs/pools.md.
func TestEverySentenceIsExplainedToUsers(t *testing.T) {
	text, err := os.ReadFile("../../../docs/pools.md")
	if err != nil {
		t.Fatal(err)
	}
	p := New(cluster(
		pool("a 192.0.2.0/24"), pool("closed 198.51.100.0/24", notAuto), pool("team 198.51.101.0/24", forNamespace("team")),
		pool("label 198.51.102.0/24", forServicesWith("l", "1")), pool("again 192.0.2.1/32"), pool("full 198.51.103.1/32", notAuto),
		pool("odd 198.51.104.0/24", avoidBuggy, notAuto),
		pool("garbled 198.51.105.0/24", func(p *model.Pool) { p.Closed = true }), service("garbled", asksPool("garbled")),
		service("holder", holds("198.51.103.1")), service("plain", holds("192.0.2.1")), service("keyed", holds("192.0.2.2"), shares("k")),
		service("local", holds("192.0.2.3"), shares("k"), local("app=x")),
		service("no-such", asksPool("none")), service("nobody-has", asks("203.0.113.1")), service("contradiction", asks("192.0.2.9"), asksPool("closed")),
		service("namespace", asksPool("team")), service("labels", asksPool("label")), service("overlapping", asksPool("again")),
		service("in-use", asksPool("full")), service("family", asks("2001:db8::1")), service("two", asks("192.0.2.8", "192.0.2.7")),
		service("buggy", asks("198.51.104.0")), service("no-key", asks("192.0.2.1")), service("one-key", asks("192.0.2.2")),
		service("other-key", asks("192.0.2.2"), shares("l")), service("same-port", asks("192.0.2.2"), shares("k")),
		service("e/elsewhere", asks("192.0.2.2"), shares("k"), port("TCP", 1)),
		service("policy", asks("192.0.2.3"), shares("k"), port("TCP", 1)), service("pods", asks("192.0.2.3"), shares("k"), local("app=y"), port("TCP", 1)),
		service("early", stack("")), service("six", stack(model.SingleStack, model.IPv6)),
	).Snapshot)
	said := ""
	for _, a := range p.Assignments {
		if strings.HasPrefix(a.Service.Name, "holder") || len(a.Addresses) > 0 {
			continue
		}
		if a.Change != Failed {
			t.Errorf("%s %s", a.Service, a.Change)
		}
		said += a.Unmet + "\n"
	}
	said += told(New(cluster(service("x")).Snapshot))
	for _, sentence := range []string{
		"there is no pool", "addresses are in use", "has no IPv6 addresses", "gives only to those who ask for it", "not for namespace",
		"not for a Service with these labels", "overlaps an older pool and gives nothing", "cannot be read and gives nothing", "there is no such pool", "no pool has it", "is asked for too",
		"avoids addresses that end in .0 or .255", "neither has a sharing key", "only one of the two has a sharing key", "the sharing keys differ",
		"both use TCP port 80", "it is in another namespace", "only one of the two has externalTrafficPolicy Local", "externalTrafficPolicy is Local",
		"the Service has no IPv6 cluster IP", "a Service has one address of each family", "the Service has no cluster IP yet",
	} {
		if !strings.Contains(said, sentence) {
			t.Errorf("no Service is told %q", sentence)
		}
		if !strings.Contains(string(text), sentence) {
			t.Errorf("docs/pools.md does not explain %q", sentence)
		}
	}
}
