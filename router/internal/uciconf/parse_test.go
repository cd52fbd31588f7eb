package uciconf

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hawser-lb/hawser/shared/bgp"
	"github.com/hawser-lb/hawser/shared/secret"
)

// noTables is a system without rt_tables.
func noTables(name string) (uint32, bool) { return lookUp("", name) }

func prefixes4(texts ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, t := range texts {
		all = append(all, netip.MustParsePrefix(t))
	}
	return all
}

// words are the problems of a text, one a line, without the file's name.
func words(p Problems) string {
	var all []string
	for _, one := range p {
		all = append(all, strings.TrimPrefix(one.String(), "hawser"))
	}
	return strings.Join(all, "\n")
}

func TestTheSmallestFileGetsEveryDefault(t *testing.T) {
	got, problems := Parse("hawser", []byte(`
config globals 'globals'
	option asn '65000'

config cluster 'home'
	option asn '65001'
	list source '192.168.1.0/24'
	list allow '192.168.10.0/24'
`), noTables)
	want := Config{
		Globals: Globals{
			Enabled: true, ASN: 65000, ListenPort: 179, Table: 254, Metric: 20, Protocol: 73, MaxPaths: 16, Resilient: true,
			HoldTime: 90 * time.Second, RestartTime: 120 * time.Second, LogLevel: slog.LevelInfo,
		},
		Clusters: []Cluster{{
			Name: "home", Source: prefixes4("192.168.1.0/24"), MaxPeers: 64,
			Session: Session{
				ASN: bgp.ASNRule{Exactly: 65001}, Allow: prefixes4("192.168.10.0/24"), MaxPrefixes: 1000,
				BFD: BFD{Interval: 300 * time.Millisecond, Multiplier: 3}, Guard: true,
			},
		}},
	}
	compare(t, want, got)
	if len(problems) > 0 {
		t.Errorf("problems:\n%s", words(problems))
	}
}

func compare(t *testing.T, want, got Config) {
	t.Helper()
	plain := cmp.Options{
		cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}, netip.AddrPort{}),
		cmp.Comparer(func(a, b secret.Text) bool { return a == b }),
	}
	if d := cmp.Diff(want, got, plain); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestEveryOptionIsRead(t *testing.T) {
	got, problems := Parse("hawser", []byte(`
config globals
	option enabled 'off'
	option asn '4200000000'
	option router_id '192.168.1.1'
	list listen_address '192.168.1.1'
	list listen_address 'fd00::1'
	option listen_port '1179'
	option table 'mesh'
	option metric '300'
	option protocol '74'
	option max_paths '4'
	option resilient 'no'
	option hold_time '0'
	option restart_time '0'
	option log_level 'debug'
	option metrics_listen '[fd00::1]:9342'

config cluster 'home'
	option enabled 'yes'
	option description 'k3s at home — 家'
	option asn 'external'
	list source '192.168.2.0/24'
	list source '192.168.1.0/24'
	list source '192.168.1.0/24'
	option allow '192.168.10.0/24 fd00:10::/64'
	option max_prefixes '10'
	option max_peers '3'
	option multihop '2'
	option bfd 'true'
	option bfd_interval '100'
	option bfd_multiplier '5'
	list send '0.0.0.0/0'
	option guard '0'

config neighbor 'one'
	option address '192.168.1.5'
	option cluster 'home'
	option passive '0'
	option description 'ubuntu-dev1'
	list allow '192.168.10.128/25'

config neighbor
	option address 'fd00::6'
	option asn 'any'
	list allow '10.0.0.0/8'

config neighbor 'gone'
	option enabled '0'
	option address '192.168.1.7'
	option cluster 'home'
`), func(name string) (uint32, bool) { return 42, name == "mesh" })
	home := Session{
		Description: "k3s at home — 家", ASN: bgp.ASNRule{External: true}, Allow: prefixes4("192.168.10.0/24", "fd00:10::/64"), MaxPrefixes: 10,
		Multihop: 2, BFD: BFD{Enabled: true, Interval: 100 * time.Millisecond, Multiplier: 5}, Send: prefixes4("0.0.0.0/0"),
	}
	one := home
	one.Description, one.Allow = "ubuntu-dev1", prefixes4("192.168.10.128/25")
	compare(t, Config{
		Globals: Globals{
			ASN: 4200000000, RouterID: netip.MustParseAddr("192.168.1.1"), ListenPort: 1179, Table: 42, Metric: 300, Protocol: 74, MaxPaths: 4,
			Listen: []netip.Addr{netip.MustParseAddr("192.168.1.1"), netip.MustParseAddr("fd00::1")}, LogLevel: slog.LevelDebug,
			MetricsListen: netip.MustParseAddrPort("[fd00::1]:9342"),
		},
		Clusters: []Cluster{{Name: "home", Session: home, Source: prefixes4("192.168.1.0/24", "192.168.2.0/24"), MaxPeers: 3}},
		Neighbors: []Neighbor{
			{Name: "one", Session: one, Address: netip.MustParseAddr("192.168.1.5"), Cluster: "home"},
			{
				Name: "@neighbor[1]", Address: netip.MustParseAddr("fd00::6"), Passive: true, Session: Session{
					ASN: bgp.ASNRule{Any: true}, Allow: prefixes4("10.0.0.0/8"), MaxPrefixes: 1000, BFD: BFD{Interval: 300 * time.Millisecond, Multiplier: 3}, Guard: true,
				},
			},
		},
	}, got)
	if err := problems.Err(); err != nil {
		t.Error(err)
	}
}

func TestEmptyIsUnset(t *testing.T) {
	c, problems := Parse("hawser", []byte(`
config globals
	option asn '65000'
	option router_id ''
	option hold_time ''
	option metrics_listen ''
config cluster 'home'
	option asn '65001'
	option password ''
	option ttl_security ''
	list source '192.168.1.0/24'
	list allow ''
	list allow '192.168.10.0/24'
`), noTables)
	if len(problems) > 0 || c.Globals.HoldTime != 90*time.Second || len(c.Clusters[0].Allow) != 1 {
		t.Errorf("%+v\n%s", c, words(problems))
	}
}

// globals and cluster begin files of which only one thing is wrong.
const (
	globals = "config globals 'globals'\n\toption asn 65000\n"
	cluster = "config cluster 'home'\n\toption asn 65001\n\tlist source 192.168.1.0/24\n\tlist allow 192.168.10.0/24\n"
)

func TestEachMistakeIsNamedWithItsPlaceAndWhatIsRight(t *testing.T) {
	both := globals + cluster
	for _, c := range []struct{ name, text, want string }{
		{"no globals", cluster, ": no section of type globals: add config globals 'globals' with option asn"},
		{"no asn", "config globals 'globals'\n" + cluster, ":1: section 'globals' (globals), option 'asn': missing: the router's own AS number, such as one from 64512 to 65534"},
		{"second globals", both + "config globals 'more'\n", ":7: section 'more' (globals): a second section of this type: only 'globals' counts, move the options there"},
		{"asn 0", "config globals\n\toption asn 0\n", ":2: section '@globals[0]' (globals), option 'asn' = '0': an AS number is a whole number from 1 to 4294967295"},
		{"asn too large", "config globals\n\toption asn 4294967296\n", ":2: section '@globals[0]' (globals), option 'asn' = '4294967296': an AS number is a whole number from 1 to 4294967295"},
		{"asn with a dot", "config globals\n\toption asn 1.10\n", ":2: section '@globals[0]' (globals), option 'asn' = '1.10': write the AS number as one integer: 65546"},
		{"AS_TRANS", "config globals\n\toption asn 23456\n", ":2: section '@globals[0]' (globals), option 'asn' = '23456': 23456 is reserved (AS_TRANS, RFC 6793): use the real number, such as one from 64512 to 65534"},
		{"reserved asn", "config globals\n\toption asn 65535\n", ":2: warning: section '@globals[0]' (globals), option 'asn' = '65535': is reserved (RFC 7300): private use is 64512 to 65534 and 4200000000 to 4294967294"},
		{"router_id", globals + "\toption router_id fd00::1\n", ":3: section 'globals' (globals), option 'router_id' = 'fd00::1': use an IPv4 address other than 0.0.0.0, such as one of the router's own"},
		{"listen_address", globals + "\tlist listen_address br-lan\n", ":3: section 'globals' (globals), option 'listen_address' = 'br-lan': use an address such as 192.0.2.1 or 2001:db8::1"},
		{"listen on all and one", globals + "\tlist listen_address 0.0.0.0\n\tlist listen_address 192.168.1.1\n", ":3: section 'globals' (globals), option 'listen_address' = '0.0.0.0': means every address and leaves nothing for the others: remove it or them"},
		{"listen_port", globals + "\toption listen_port 65536\n", ":3: section 'globals' (globals), option 'listen_port' = '65536': use a whole number from 1 to 65535"},
		{"table name", globals + "\toption table mesh\n", ":3: section 'globals' (globals), option 'table' = 'mesh': use a number from 1 to 4294967295, or a name that /etc/iproute2/rt_tables has"},
		{"table local", globals + "\toption table local\n", ":3: section 'globals' (globals), option 'table' = 'local': the table local is the kernel's own: use another, 254 is main"},
		{"table 0", globals + "\toption table 0\n", ":3: section 'globals' (globals), option 'table' = '0': use a number from 1 to 4294967295, or a name: 254 is main"},
		{"metric 0", globals + "\toption metric 0\n", ":3: section 'globals' (globals), option 'metric' = '0': use a whole number from 1 to 4294967295"},
		{"protocol static", globals + "\toption protocol 4\n", ":3: section 'globals' (globals), option 'protocol' = '4': is the number of static routes, whose routes would be taken for ours and removed: use another, 73 is free"},
		{"protocol zebra", globals + "\toption protocol 186\n", ":3: warning: section 'globals' (globals), option 'protocol' = '186': is the number of FRR's bgpd: its routes would be taken for ours and removed, if it runs here; 73 is free"},
		{"protocol BIRD", globals + "\toption protocol 12\n", ":3: warning: section 'globals' (globals), option 'protocol' = '12': is the number of BIRD: its routes would be taken for ours and removed, if it runs here; 73 is free"},
		{"protocol 256", globals + "\toption protocol 256\n", ":3: section 'globals' (globals), option 'protocol' = '256': use a whole number from 5 to 255; 73 is free"},
		{"max_paths", globals + "\toption max_paths 0\n", ":3: section 'globals' (globals), option 'max_paths' = '0': use a whole number from 1 to 255"},
		{"hold_time", globals + "\toption hold_time 2\n", ":3: section 'globals' (globals), option 'hold_time' = '2': use whole seconds from 3 to 65535, or 0 for no limit (RFC 4271)"},
		{"hold_time with a unit", globals + "\toption hold_time 90s\n", ":3: section 'globals' (globals), option 'hold_time' = '90s': use whole seconds from 3 to 65535, or 0 for no limit (RFC 4271)"},
		{"restart_time", globals + "\toption restart_time 4096\n", ":3: section 'globals' (globals), option 'restart_time' = '4096': use a whole number from 0 to 4095"},
		{"log_level", globals + "\toption log_level loud\n", ":3: section 'globals' (globals), option 'log_level' = 'loud': use error, warn, info or debug"},
		{"metrics_listen", globals + "\toption metrics_listen 9342\n", ":3: section 'globals' (globals), option 'metrics_listen' = '9342': use address:port, such as 192.168.1.1:9342 or [2001:db8::1]:9342"},
		{"boolean", globals + "\toption enabled True\n", ":3: section 'globals' (globals), option 'enabled' = 'True': neither yes nor no: write 1 or 0"},
		{"unknown option", globals + "\toption metrik 20\n", ":3: warning: section 'globals' (globals), option 'metrik': unknown option, ignored; is metric meant?"},
		{"quite unknown option", globals + "\toption colour red\n", ":3: warning: section 'globals' (globals), option 'colour': unknown option, ignored"},
		{"unknown type", globals + "config clusters 'x'\n\toption asn 0\n", ":3: warning: section 'x' (clusters): unknown type of section, ignored; is cluster meant?"},
		{"option as a list", globals + "\tlist metric 1\n\tlist metric 2\n", ":4: section 'globals' (globals), option 'metric' = '2': takes one value: write one line with option, not several with list"},

		{"cluster without asn", globals + "config cluster c\n\tlist source 10.0.0.0/8\n\tlist allow 10.1.0.0/16\n", ":3: section 'c' (cluster), option 'asn': missing: the AS number of the cluster's speakers, or external, or any"},
		{"cluster asn", globals + "config cluster c\n\toption asn internal\n\tlist source 10.0.0.0/8\n\tlist allow 10.1.0.0/16\n", ":4: section 'c' (cluster), option 'asn' = 'internal': an AS number is a whole number from 1 to 4294967295, or one of the words external and any"},
		{"no allow", globals + "config cluster c\n\toption asn any\n\tlist source 10.0.0.0/8\n", ":3: warning: section 'c' (cluster), option 'allow': missing: this cluster accepts nothing; name its pools, such as list allow '192.0.2.0/24'"},
		{"no source", globals + "config cluster c\n\toption asn any\n\tlist allow 10.1.0.0/16\n", ":3: warning: section 'c' (cluster), option 'source': missing, and no neighbor names this cluster: nobody can connect; say where its nodes are, such as list source '192.168.1.0/24'"},
		{"host bits", both + "\tlist allow 192.168.11.1/24\n", ":7: section 'home' (cluster), option 'allow' = '192.168.11.1/24': has host bits set: write 192.168.11.0/24, or 192.168.11.1/32 for the one address"},
		{"no length", both + "\tlist allow 192.168.11.1\n", ":7: section 'home' (cluster), option 'allow' = '192.168.11.1': the length is missing: write 192.168.11.1/32"},
		{"no prefix", both + "\tlist source lan\n", ":7: section 'home' (cluster), option 'source' = 'lan': use a prefix such as 192.0.2.0/24 or 2001:db8::/64"},
		{"mapped prefix", both + "\tlist allow ::ffff:10.0.0.0/104\n", ":7: section 'home' (cluster), option 'allow' = '::ffff:10.0.0.0/104': write the IPv4 form"},
		{"everything allowed", both + "\tlist allow ::/0\n", ":7: warning: section 'home' (cluster), option 'allow' = '::/0': ::/0 allows every address, the router's own networks too (never the default route itself): name the pool"},
		{"max_prefixes", both + "\toption max_prefixes -1\n", ":7: section 'home' (cluster), option 'max_prefixes' = '-1': use a whole number from 1 to 1000000"},
		{"description", both + "\toption description 'two\nlines'\n", `:7: section 'home' (cluster), option 'description' = 'two…': use printable text in UTF-8, on one line`},
		{"long description", both + "\toption description " + strings.Repeat("x", 256) + "\n", ":7: section 'home' (cluster), option 'description' = '" + strings.Repeat("x", 80) + "…': use at most 255 bytes"},
		{"password", both + "\toption password sekret\n", ""},
		{"password 0", both + "\toption password 0\n", ""},
		{"long password", both + "\toption password " + strings.Repeat("x", 81) + "\n", ":7: section 'home' (cluster), option 'password': use at most 80 bytes, the kernel's limit for TCP MD5"},
		{"a neighbor without the password around it", both + "\toption password sekret\nconfig neighbor n\n\toption address 192.168.1.7\n\toption asn 1\n\tlist allow 10.0.0.0/8\n",
			":9: section 'n' (neighbor), option 'address' = '192.168.1.7': lies inside 192.168.1.0/24 of cluster 'home', whose password the kernel asks of everybody there: give this section a password too"},
		{"a neighbor with one of its own", both + "\toption password sekret\nconfig neighbor n\n\toption address 192.168.1.7\n\toption asn 1\n\tlist allow 10.0.0.0/8\n\toption password x\n", ""},
		{"a neighbor that inherits it", both + "\toption password sekret\nconfig neighbor n\n\toption address 192.168.1.7\n\toption cluster home\n", ""},
		{"a cluster without the password around it", both + "\toption password sekret\nconfig cluster b\n\toption asn 1\n\tlist source 192.168.1.64/26\n\tlist allow 10.9.0.0/16\n",
			":10: section 'b' (cluster), option 'source' = '192.168.1.64/26': lies inside 192.168.1.0/24 of cluster 'home', whose password the kernel asks of everybody there: give this section a password too"},
		{"misspelt password", both + "\toption pasword sekret\n", ":7: warning: section 'home' (cluster), option 'pasword': unknown option, ignored; is password meant?"},
		{"ttl_security", both + "\toption ttl_security 1\n", ""},
		{"ttl_security too far", both + "\toption ttl_security 255\n", ":7: section 'home' (cluster), option 'ttl_security' = '255': use a whole number from 0 to 254"},
		{"ttl_security off", both + "\toption ttl_security 0\n\toption multihop 0\n\toption bfd 0\n\toption guard 0\n", ""},
		{"ttl_security and multihop", both + "\toption ttl_security 1\n\toption multihop 2\n", ":8: section 'home' (cluster), option 'multihop' = '2': ttl_security and multihop exclude each other: ttl_security takes the number of hops itself"},
		{"bfd", both + "\toption bfd 1\n\toption bfd_interval 5\n", ":8: section 'home' (cluster), option 'bfd_interval' = '5': use a whole number from 10 to 60000"},
		{"send and guard", both + "\tlist send 0.0.0.0/0\n\toption guard 1\n", ""},
		{"same source", both + "config cluster b\n\toption asn any\n\tlist allow 10.0.0.0/8\n\tlist source 10.9.0.0/16\n\tlist source 192.168.1.0/24\n", ":11: section 'b' (cluster), option 'source' = '192.168.1.0/24': is a source of cluster 'home' as well: one prefix tells one cluster"},
		{"same source, disabled", both + "config cluster b\n\toption enabled 0\n\toption asn any\n\tlist allow 192.168.10.0/24\n\tlist source 192.168.1.0/24\n", ""},
		{"overlapping pools", both + "config cluster b\n\toption asn any\n\tlist allow 192.168.0.0/16\n\tlist source 192.168.2.0/24\n", ":9: warning: section 'b' (cluster), option 'allow' = '192.168.0.0/16': overlaps what cluster 'home' may announce: either can take the other's addresses"},

		{"neighbor alone", both + "config neighbor n\n\toption address 192.168.1.5\n", ":7: section 'n' (neighbor), option 'asn': missing: the neighbor's AS number, or external, or any, or option cluster to inherit it\n" +
			":7: warning: section 'n' (neighbor), option 'allow': missing: nothing is accepted from this neighbor; name its pools, such as list allow '192.0.2.0/24'"},
		{"neighbor without address", both + "config neighbor n\n\toption cluster home\n", ":7: section 'n' (neighbor), option 'address': missing: the neighbor's address"},
		{"neighbor's address", both + "config neighbor n\n\toption cluster home\n\toption address 192.168.1.0/24\n", ":9: section 'n' (neighbor), option 'address' = '192.168.1.0/24': use an address without a length: 192.168.1.0"},
		{"neighbor at nowhere", both + "config neighbor n\n\toption cluster home\n\toption address 224.0.0.5\n", ":9: section 'n' (neighbor), option 'address' = '224.0.0.5': no host has this address: use the speaker's own"},
		{"neighbor link-local", both + "config neighbor n\n\toption cluster home\n\toption address fe80::1\n", ":9: section 'n' (neighbor), option 'address' = 'fe80::1': link-local addresses are not supported: use a global or unique local one"},
		{"neighbor with a zone", both + "config neighbor n\n\toption cluster home\n\toption address fe80::1%br-lan\n", ":9: section 'n' (neighbor), option 'address' = 'fe80::1%br-lan': an address with a zone is not supported: use a global or unique local one"},
		{"unknown cluster", both + "config neighbor n\n\toption cluster hom\n\toption address 192.168.1.5\n", ":8: section 'n' (neighbor), option 'cluster' = 'hom': no section config cluster 'hom' in this file; is 'home' meant?"},
		{"same address", both + "config neighbor n\n\toption cluster home\n\toption address 192.168.1.5\nconfig neighbor m\n\toption cluster home\n\toption address 192.168.1.5\n", ":12: section 'm' (neighbor), option 'address' = '192.168.1.5': is the address of neighbor 'n' as well: remove one of them"},
		{"own address", globals + "\tlist listen_address 192.168.1.1\n" + cluster + "config neighbor n\n\toption cluster home\n\toption address 192.168.1.1\n", ":10: section 'n' (neighbor), option 'address' = '192.168.1.1': is the router's own (listen_address)"},
		{"neighbor of a disabled cluster", both + "\toption enabled 0\nconfig neighbor n\n\toption cluster home\n\toption address 192.168.1.5\n", ":9: warning: section 'n' (neighbor), option 'cluster' = 'home': is disabled, and this neighbor with it"},

		{"dropped by a semicolon", globals + "\toption metric 5; option max_paths 3\n" + cluster, ":3: warning: what follows the ';' is dropped, as by uci itself: put it on a line of its own"},
		{"nothing dropped by a semicolon", globals + "\toption metric 5; # that is all\n" + cluster, ""},
		{"zero byte", globals + "\x00", ":3: holds a zero byte: this is no text"},
		{"too large", strings.Repeat("#", 1<<20+1), ": larger than 1048576 bytes, which no configuration is"},
		{"too many lines", globals + strings.Repeat("\tlist x 1\n", 5000), ": 5002 lines, at most 4096 are read"},
		{"too many sections", strings.Repeat("config x\n", 1025), ": 1025 sections, at most 1024 are read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, problems := Parse("hawser", []byte(c.text), noTables)
			if d := cmp.Diff(c.want, words(problems)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestAllMistakesAreFoundAtOnce(t *testing.T) {
	_, problems := Parse("hawser", []byte(`config globals 'globals'
	option asn '0'
	option metric '5' '6'
	opton max_paths '4'
config cluster 'my-home'
	option asn 'no number, but of a section that is not read'
config cluster 'home'
	option asn '65001'
	list source '192.168.1.0/24'
	list allow '192.168.10.0/24
config cluster 'swallowed by the quote'
`), noTables)
	want := `:2: section 'globals' (globals), option 'asn' = '0': an AS number is a whole number from 1 to 4294967295
:3: too many arguments (byte 23): a value with blanks needs quotes around it
:4: invalid command (byte 1): a line begins with config, option or list
:5: invalid character in name field (byte 25): names are of letters, digits and _
:11: too many arguments (byte 58): a value with blanks needs quotes around it; it begins in line 10: is a quote missing there?`
	if d := cmp.Diff(want, words(problems)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if lines := strings.Split(fmt.Sprint(problems.Err()), "\n"); len(lines) != 5 {
		t.Errorf("the error has %d lines", len(lines))
	}
}

func TestWarningsAreNoError(t *testing.T) {
	c, problems := Parse("hawser", []byte(globals+cluster+"\toption colour red\n"), noTables)
	if err := problems.Err(); err != nil || len(c.Clusters) != 1 {
		t.Errorf("%v, %+v", err, c)
	}
	if wrong, warnings := problems.Count(); wrong != 0 || warnings != 1 {
		t.Errorf("%d mistakes, %d warnings", wrong, warnings)
	}
}

func TestAPasswordNeverPrints(t *testing.T) {
	const password = "hunter2"
	c, problems := Parse("hawser", []byte(globals+cluster+"\toption password "+password+"\n\toption passwrd "+password+"\n"), noTables)
	if c.Clusters[0].Password.Reveal() != password || !c.Clusters[0].Password.IsSet() {
		t.Error("the password is not read")
	}
	asJSON, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	problemsJSON, err := json.Marshal(problems)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "config", c, "password", c.Clusters[0].Password)
	for _, text := range []string{
		fmt.Sprintf("%v %+v %#v %s", c, c, c, c.Clusters[0].Password), fmt.Sprint(problems), string(asJSON), string(problemsJSON), log.String(),
	} {
		if strings.Contains(text, password) {
			t.Errorf("%s", text)
		}
	}
}

func TestAPasswordThatOthersCanReadIsWarnedOf(t *testing.T) {
	file := filepath.Join(t.TempDir(), "hawser")
	for _, c := range []struct {
		text string
		mode os.FileMode
		want int
	}{
		{globals + cluster + "\toption password x\n", 0o644, 1},
		{globals + cluster + "\toption password x\n", 0o600, 0},
		{globals + cluster, 0o644, 0},
	} {
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, c.mode); err != nil {
			t.Fatal(err)
		}
		if _, problems := Load(file); len(problems) != c.want || problems.Err() != nil {
			t.Errorf("mode %o: %v", c.mode, problems)
		}
	}
}

func TestTablesAreFoundByName(t *testing.T) {
	text := "# reserved\n255\tlocal\n254\tmain # the usual one\n\n100 mesh\n0x65 hex\nx broken\n"
	for name, want := range map[string]uint32{"main": 254, "default": 253, "mesh": 100, "hex": 101} {
		if got, ok := lookUp(text, name); !ok || got != want {
			t.Errorf("%s is %d, %v; want %d", name, got, ok, want)
		}
	}
	if _, ok := lookUp(text, "broken"); ok {
		t.Error("a broken line gives a table")
	}
	if n, ok := SystemTables("main"); !ok || n != 254 {
		t.Errorf("main is %d, %v", n, ok)
	}
}

func TestFilesAreReadWithinLimits(t *testing.T) {
	dir := t.TempDir()
	good := filepath.Join(dir, "hawser")
	if err := os.WriteFile(good, []byte(globals+cluster), 0o600); err != nil {
		t.Fatal(err)
	}
	big := filepath.Join(dir, "big")
	if err := os.WriteFile(big, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(big, 1<<40); err != nil {
		t.Fatal(err)
	}
	if c, problems := Load(good); len(problems) > 0 || c.Globals.ASN != 65000 {
		t.Errorf("%v, %+v", problems, c)
	}
	for path, want := range map[string]string{
		big:                           "larger than 1048576 bytes",
		dir:                           "not a plain file",
		"/dev/zero":                   "not a plain file",
		filepath.Join(dir, "nowhere"): "no such file: write one (docs/uci.md has every option), or name another with -c",
		filepath.Join(good, "inside"): "not a directory",
	} {
		_, problems := Load(path)
		if err := problems.Err(); err == nil || !strings.Contains(err.Error(), path+": "+want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
}
