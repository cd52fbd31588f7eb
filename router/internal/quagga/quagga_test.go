package quagga_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hawser-lb/hawser/router/internal/quagga"
	"github.com/hawser-lb/hawser/router/internal/uciconf"
)

func noTables(string) (uint32, bool) { return 0, false }

// TestEachSampleBecomesTheUCIBesideIt reads testdata/*.conf. The file beside it
// is what a person gets; uciconf takes it without a mistake.
func TestEachSampleBecomesTheUCIBesideIt(t *testing.T) {
	samples, err := filepath.Glob("testdata/*.conf")
	if err != nil || len(samples) == 0 {
		t.Fatalf("%d samples, %v", len(samples), err)
	}
	for _, sample := range samples {
		text, err := os.ReadFile(sample)
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(strings.TrimSuffix(sample, ".conf") + ".uci")
		if err != nil {
			t.Fatal(err)
		}
		got, err := quagga.Read(string(text))
		if err != nil {
			t.Errorf("%s: %v", sample, err)
			continue
		}
		if got.UCI != string(want) {
			t.Errorf("%s becomes\n%s\nwant\n%s", sample, got.UCI, want)
		}
		if _, problems := uciconf.Parse(sample, []byte(got.UCI), noTables); problems.Err() != nil {
			t.Errorf("uciconf refuses it:\n%v", problems.Err())
		}
	}
}

const router = "router bgp 65000\n"

// TestWhatOneLineBecomes has the lines below "router bgp 65000", a part of the
// UCI text, and a part of what is lost ("" for nothing).
func TestWhatOneLineBecomes(t *testing.T) {
	const n = " neighbor 192.0.2.5 remote-as 65001\n"
	for _, c := range []struct{ lines, uci, lost string }{
		{" neighbor 192.0.2.5 remote-as external", "option asn 'external'", ""},
		{" neighbor 192.0.2.5 remote-as internal", "option asn '65000'", ""},
		{" neighbor 192.0.2.5 remote-as 1.10", "option asn '65546'", ""},
		{" neighbor 192.0.2.5 remote-as 0", "", "line 2: neighbor 192.0.2.5 remote-as 0: no AS number"},
		{" neighbor 192.0.2.5 description x", "", "has no remote-as"},
		{" neighbor fe80::1 remote-as 65001", "", "not the address of a neighbor"},
		{" neighbor eth0 interface remote-as 65001", "", "knows neighbors by their address"},
		{n + " neighbor 192.0.2.5 passive", "address '192.0.2.5'\n\toption asn '65001'\n\tlist allow '0.0.0.0/0'\n\toption guard '0'\n", ""},
		{n + " neighbor 192.0.2.5 shutdown", "option enabled '0'", ""},
		{n + " no neighbor 192.0.2.5 shutdown", "option passive '0'", ""},
		{n + " neighbor 192.0.2.5 next-hop-self", "passive '0'", ""},
		{n + " neighbor 192.0.2.5 ebgp-multihop", "option multihop '255'", ""},
		{n + " neighbor 192.0.2.5 ebgp-multihop 1", "passive", ""},
		{n + " neighbor 192.0.2.5 ttl-security hops 2", "option ttl_security '2'", ""},
		{n + " neighbor 192.0.2.5 password it's", `option password 'it'\''s'`, ""},
		{n + " neighbor 192.0.2.5 maximum-prefix 50 80 restart 5", "option max_prefixes '50'", "tried again after a minute"},
		{n + " neighbor 192.0.2.5 bfd 4 100 100", "option bfd '1'\n\toption bfd_interval '100'\n\toption bfd_multiplier '4'", ""},
		{n + " neighbor 192.0.2.5 timers 3 9", "option hold_time '9'", ""},
		{n + " neighbor 192.0.2.5 timers 1 9", "option hold_time '9'", "a third"},
		{n + " neighbor 192.0.2.5 timers 3 9\n timers bgp 10 30", "option hold_time '9'", "the shortest"},
		{n + " neighbor 192.0.2.5 timers connect 5", "", "hawser chooses when"},
		{n + " neighbor 192.0.2.5 default-originate", "list send '0.0.0.0/0'", ""},
		{n + " neighbor 192.0.2.5 local-as 5", "", "one AS number"},
		{n + " neighbor 192.0.2.5 update-source lo", "", "answers from the address"},
		{n + " neighbor 192.0.2.5 peer-group g", "address '192.0.2.5'", "no such peer-group"},
		{n + " network 10.1.0.0 mask 255.255.0.0", "list send '10.1.0.0/16'", ""},
		{n + " network 10.1.0.0", "list send '10.0.0.0/8'", ""},
		{n + " network 10.1.0.0 mask 255.0.255.0", "", "no mask"},
		{n + " address-family ipv6\n  network 2001:db8::/32\n  neighbor 192.0.2.5 activate\n exit-address-family", "list send '2001:db8::/32'", ""},
		{n + " address-family vpnv4\n  neighbor 192.0.2.5 activate\n exit-address-family\n neighbor 192.0.2.5 description x", "description 'x'", "unicast only"},
		{n + " no bgp default ipv4-unicast", "# Nothing is accepted", ""},
		{n + " maximum-paths 300", "", "300 is not from 1 to 255"},
		{n + " maximum-paths ibgp 4", "option max_paths '4'", ""},
		{n + " bgp graceful-restart restart-time 60", "option restart_time '60'", ""},
		{n + " bgp cluster-id 192.0.2.1", "", "nothing like it"},
		{n + "router ospf\n network 10.0.0.0/8 area 0", "", "speaks BGP only"},
		{n + "router bgp 65009 vrf red\n neighbor 192.0.2.9 remote-as 1", "", "views and VRFs"},
		{n + "ip route 10.0.0.0/8 192.0.2.9", "", "/etc/config/network"},
		{" neighbor g peer-group\n bgp listen range 192.0.2.9/24 peer-group g", "", "nobody is let in"},
		{" neighbor g peer-group\n neighbor g remote-as 65001\n bgp listen range 192.0.2.9/24 peer-group g\n bgp listen limit 9",
			"list source '192.0.2.0/24'\n\toption max_peers '9'", ""},
		// Policy.
		{n + " neighbor 192.0.2.5 prefix-list P in\nip prefix-list P permit 10.0.0.0/24 le 32", "list allow '10.0.0.0/24'\n\toption passive", ""},
		{n + " neighbor 192.0.2.5 prefix-list P in\nip prefix-list P permit 10.0.0.0/24", "list allow '10.0.0.0/24'", "any length inside 10.0.0.0/24"},
		{n + " neighbor 192.0.2.5 prefix-list P in\nip prefix-list P seq 9 permit 10.0.0.0/24 le 32\nip prefix-list P seq 5 deny 10.0.0.8/32", "list allow '10.0.0.0/24'", "no exceptions"},
		{n + " neighbor 192.0.2.5 prefix-list P in\nip prefix-list P deny any\nip prefix-list P permit 10.0.0.0/24 le 32", "# Nothing is accepted", ""},
		{n + " neighbor 192.0.2.5 prefix-list P in", "# Nothing is accepted", "prefix-list P is not in this text"},
		{n + " neighbor 192.0.2.5 route-map M in\nroute-map M permit 10\n match ip address prefix-list P\nip prefix-list P permit 10.0.0.0/24 le 32", "list allow '10.0.0.0/24'", ""},
		{n + " neighbor 192.0.2.5 route-map M in\nroute-map M permit 10\n set metric 5", "list allow '0.0.0.0/0'", "routes as they are"},
		{n + " neighbor 192.0.2.5 route-map M in\nroute-map M permit 10\n match community 5", "# Nothing is accepted", "lets nothing pass"},
		{n + " neighbor 192.0.2.5 route-map M in\nroute-map M deny 10", "# Nothing is accepted", ""},
		{n + " neighbor 192.0.2.5 route-map M in", "# Nothing is accepted", "not in this text"},
		{n + " network 10.0.0.0/8\n network 10.1.0.0/16\n neighbor 192.0.2.5 prefix-list P out\nip prefix-list P permit 10.1.0.0/16", "list send '10.1.0.0/16'\n\toption guard", ""},
		{n + " network 10.0.0.0/8\n neighbor 192.0.2.5 route-map M out\nroute-map M deny 5\n match ip address prefix-list P\nroute-map M permit 10\nip prefix-list P permit 10.0.0.0/8", "allow '0.0.0.0/0'\n\toption guard", ""},
		{n + "frr version 8.4", "# Nothing is accepted", ""},
		{n + " no bgp ebgp-requires-policy\nfrr version 8.4", "list allow '0.0.0.0/0'", ""},
	} {
		got, err := quagga.Read(router + c.lines + "\n")
		if err != nil {
			t.Errorf("%s: %v", c.lines, err)
			continue
		}
		if !strings.Contains(got.UCI, c.uci) {
			t.Errorf("%s\nbecomes\n%s\nwant in it\n\t%s", c.lines, got.UCI, c.uci)
		}
		if lost := fmt.Sprint(got.Lost); c.lost == "" && len(got.Lost) > 0 || !strings.Contains(lost, c.lost) {
			t.Errorf("%s\nloses %s\nwant %q", c.lines, lost, c.lost)
		}
	}
}

func TestAPasswordIsInTheTextAndNowhereElse(t *testing.T) {
	got, err := quagga.Read(router + " neighbor nobody password s3cret\n neighbor 192.0.2.5 remote-as 5\n neighbor 192.0.2.5 password s3cret" + strings.Repeat("t", 80) + "\n")
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Lost) != 2 || strings.Contains(got.UCI+fmt.Sprint(got.Lost), "s3cret") {
		t.Errorf("%v\n%s", got.Lost, got.UCI)
	}
}

func TestATextWithoutBGPIsAnError(t *testing.T) {
	for _, text := range []string{"", "hostname x\n", "router bgp 0\n", "router bgp 65000 view x\n"} {
		if got, err := quagga.Read(text); err == nil || !strings.Contains(err.Error(), "router bgp") {
			t.Errorf("%q becomes %q, %v", text, got.UCI, err)
		}
	}
	if _, err := quagga.Read(router + " neighbor 192.0.2.5 password a\x00\n"); err == nil {
		t.Error("a zero byte is taken")
	}
	if _, err := quagga.Read(strings.Repeat("!", quagga.MaxText+1)); err == nil {
		t.Error("a text without end is taken")
	}
	var many bytes.Buffer
	many.WriteString(router)
	for i := range 300 {
		fmt.Fprintf(&many, "neighbor 10.0.%d.%d remote-as 65001\n", i/200, i%200+1)
	}
	if _, err := quagga.Read(many.String()); err == nil || !strings.Contains(err.Error(), "list source") {
		t.Errorf("more than UCI takes: %v", err)
	}
}

// FuzzRead says that whatever is read becomes UCI that the router takes, and
// that what is lost is fit for a terminal.
func FuzzRead(f *testing.F) {
	samples, err := filepath.Glob("testdata/*.conf")
	if err != nil {
		f.Fatal(err)
	}
	for _, sample := range samples {
		text, err := os.ReadFile(sample)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := quagga.Read(text)
		if err != nil {
			return
		}
		if _, problems := uciconf.Parse("f", []byte(got.UCI), noTables); problems.Err() != nil {
			t.Errorf("%q becomes\n%s\n%v", text, got.UCI, problems.Err())
		}
		for _, l := range got.Lost {
			if l.Line < 1 || strings.ContainsAny(l.String(), "\n\x00\x1b") {
				t.Errorf("not fit for a terminal: %q", l)
			}
		}
	})
}
