package scene_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hawser-lb/hawser/shared/lab"
	"github.com/hawser-lb/hawser/shared/lab/scene"
)

// wrongConfig has three mistakes, in lines 2, 6 and 7.
const wrongConfig = `config globals 'globals'
	option asn 'sixty'

config cluster 'home'
	option asn '65001'
	list source '10.77.2.0/99'
	list allow 'everything'
`

func TestAWrongConfigurationChangesNothingAndEachMistakeIsNamed(t *testing.T) {
	s := harbour(t)
	apply(t, service("web"))
	address := addresses(t, "web", 1)[0]
	nextHops(t, address, everyNode...)
	if err := s.Router.Configure(wrongConfig); err != nil {
		t.Fatal(err)
	}
	out, err := s.Router.Run(t.Context(), s.Binary("hawser"), "check", "-c", s.Router.ConfigFile())
	if err == nil || !strings.Contains(err.Error(), "exit status 1") {
		t.Errorf("hawser check ended with %v, want exit status 1", err)
	}
	for _, words := range [][]string{{":2:", "asn", "sixty"}, {":6:", "source", "10.77.2.0/99"}, {":7:", "allow", "everything"}} {
		for _, word := range words {
			if !strings.Contains(out, word) {
				t.Errorf("hawser check does not say %q:\n%s", word, out)
			}
		}
	}
	lab.Eventually(t, "the daemon to say that it did not take the file", func() error {
		out, err := s.Router.Hawser(t.Context(), "show", "ip", "bgp", "summary")
		if err == nil && (!strings.Contains(out, "mistakes") || !strings.Contains(out, "everything")) {
			err = errors.New(out)
		}
		return err
	})
	sessions(t, 3)
	nextHops(t, address, everyNode...)
	answers(t, address)
}

func TestAPeerFromAnUnknownAddressIsClosedAndCounted(t *testing.T) {
	s := harbour(t)
	conn, err := s.Client.Dial(t.Context(), "tcp", "10.77.1.1:179")
	if err == nil { // the reset may be there before Dial has looked
		defer conn.Close()
		var n int
		if n, err = conn.Read(make([]byte, 1)); err == nil {
			t.Errorf("the router spoke: %d bytes", n)
		}
	}
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	lab.Eventually(t, "the refused connection in the summary", func() error {
		out, err := s.Router.Hawser(t.Context(), "show", "ip", "bgp", "summary", "--json")
		if err == nil && (!strings.Contains(out, `"refusedConnections"`) || strings.Contains(out, `"refusedConnections": 0`)) {
			err = errors.New(out)
		}
		return err
	})
	sessions(t, 3)
}

const foreignPool = `apiVersion: hawser.dev/v1alpha1
kind: AddressPool
metadata: {name: foreign}
spec: {addresses: [10.99.0.0/24], autoAssign: false}
`

func TestARouteOutsideAllowIsRefusedWithItsReason(t *testing.T) {
	s := harbour(t)
	apply(t, foreignPool)
	apply(t, service("web", "loadBalancerIP: 10.99.0.5"))
	lab.Eventually(t, "the refusal in show ip bgp", func() error {
		out, err := s.Router.Hawser(t.Context(), "show", "ip", "bgp")
		if err == nil && (!strings.Contains(out, "10.99.0.5") || !strings.Contains(out, "notAllowed")) {
			err = errors.New(out)
		}
		return err
	})
	if hops, err := s.Router.NextHops(t.Context(), "10.99.0.5"); err != nil || len(hops) > 0 {
		t.Errorf("the kernel has it: %v, %v", hops, err)
	}
}

func pool(name, addresses string) string {
	return fmt.Sprintf("apiVersion: hawser.dev/v1alpha1\nkind: AddressPool\nmetadata: {name: %s}\nspec: {addresses: [%s]}\n", name, addresses)
}

func TestAPoolThatIsWrongIsRefusedByTheAPIServer(t *testing.T) {
	s := harbour(t)
	for name, addresses := range map[string]string{
		"no-range":    `"10.1.0.0/33"`,
		"no-address":  `"ten to twenty"`,
		"backwards":   `"10.1.0.20-10.1.0.10"`,
		"two-kinds":   `"10.1.0.1-fd00::1"`,
		"empty":       ``,
		"overlapping": `"10.1.0.0/24", "10.1.0.128/25"`,
	} {
		t.Run(name, func(t *testing.T) {
			if err := s.Kube.Apply(t.Context(), pool(name, addresses)); err == nil || !strings.Contains(err.Error(), "spec.addresses") {
				t.Errorf("the pool with %s: %v", addresses, err)
			}
		})
	}
}

func TestAPoolThatOverlapsAnOlderOneSaysSo(t *testing.T) {
	s := harbour(t)
	apply(t, pool("younger", `"10.77.100.128/25"`))
	lab.Eventually(t, "the condition on the younger pool", func() error {
		out, err := s.Kube.Kubectl(t.Context(), "get", "pool", "younger", "-o", "jsonpath={.status.conditions}")
		if err == nil && (!strings.Contains(out, "Overlaps") || !strings.Contains(out, "home")) {
			err = fmt.Errorf("got %q", out)
		}
		return err
	})
	apply(t, service("web"))
	nextHops(t, addresses(t, "web", 1)[0], everyNode...)
}

func TestWithoutTheRightToRouteHawserSaysSoInOneSentence(t *testing.T) {
	s := harbour(t)
	config := filepath.Join(s.Lab.Dir(), "no-rights")
	if err := os.WriteFile(config, []byte(scene.RouterConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := s.Client.Run(t.Context(), "timeout", "60", "setpriv", "--inh-caps=-net_admin", "--bounding-set=-net_admin",
		s.Binary("hawser"), "run", "-c", config, "--socket", filepath.Join(s.Lab.Dir(), "no-rights.sock"))
	if err == nil || !strings.Contains(err.Error(), "exit status 1") {
		t.Fatalf("hawser ended with %v, want exit status 1", err)
	}
	lines := strings.Split(strings.TrimSpace(err.Error()), "\n")
	last := lines[len(lines)-1]
	if !strings.Contains(last, "permitted") && !strings.Contains(last, "NET_ADMIN") {
		t.Errorf("the last line does not say what is missing: %q", last)
	}
}
