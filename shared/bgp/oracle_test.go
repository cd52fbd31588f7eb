package bgp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hawser-lb/hawser/shared/lab"
)

// hostNet is the real network as a host of the laboratory sees it.
type hostNet struct{ *lab.Host }

func (n hostNet) dial(ctx context.Context, local netip.Addr, remote netip.AddrPort, p protection) (c net.Conn, err error) {
	err = n.Do(func() (err error) {
		c, err = tcp{}.dial(ctx, local, remote, p)
		return err
	})
	return c, err
}

func (n hostNet) secure(nc net.Conn, p protection) error { return tcp{}.secure(nc, p) }

func (n hostNet) signing() error { return tcp{}.signing() }

func (n hostNet) dropped() (d drops, err error) {
	err = n.Do(func() (err error) {
		d, err = tcp{}.dropped()
		return err
	})
	return d, err
}

func (n hostNet) listen(ctx context.Context, at netip.AddrPort, w ward) (l listener, err error) {
	err = n.Do(func() (err error) {
		l, err = tcp{}.listen(ctx, at, w)
		return err
	})
	return l, err
}

func (n hostNet) sibling(local netip.Addr, f Family) (a netip.Addr, err error) {
	err = n.Do(func() (err error) {
		a, err = tcp{}.sibling(local, f)
		return err
	})
	return a, err
}

// task is what another implementation is configured to do, on one session
// with us.
type task struct {
	asn, peerASN uint32
	peer         string // our address
	local        string
	passive      bool
	twoOctet     bool // speak without the 4-octet AS capability
	classic      bool // no capabilities at all
	hold         int  // seconds
	originate    []string
	password     string
	near         bool // TTL security for a peer on the link (RFC 5082)
	graceful     bool // restart gracefully, within 60 s (RFC 4724)
	again        bool // it is a restart
	long         bool // offer long messages (RFC 8654), and need them where it can be had to
}

// dresses is how many communities more a route has that takes a long message.
func (j task) dresses() int {
	if j.long {
		return maxMessage / 4
	}
	return 0
}

// oracle is another implementation of BGP, running on a host.
type oracle interface {
	// start runs it; the test has it stopped.
	start(t *testing.T, h *lab.Host, job task)
	// sees is one route that we told: "path 65000 | via 10.0.0.1 | med 50 |
	// communities 65000:1 | large 65000:1:2", "" when it has none.
	sees(prefix string) (string, error)
	// count is the number of routes that we told.
	count(f Family) (int, error)
	// withdraw takes back everything it originates, without a reset.
	withdraw(t *testing.T)
	// complaint is what it says about the last NOTIFICATION that it got.
	complaint() (string, error)
	process() *lab.Process
}

// asker is an oracle that can be made to ask for our routes again (RFC 2918).
type asker interface {
	oracle
	refresh(t *testing.T)
}

// oracles by name; each test runs against all.
var oracles = map[string]func() oracle{
	"FRR":   func() oracle { return &frr{} },
	"BIRD":  func() oracle { return &bird{} },
	"GoBGP": func() oracle { return &gobgp{} },
}

// runner is what the oracles have in common.
type runner struct {
	host *lab.Host
	dir  string
	proc *lab.Process
	job  task
}

func (r *runner) process() *lab.Process { return r.proc }

func (r *runner) begin(t *testing.T, h *lab.Host, job task, file, config, name string, args ...string) {
	t.Helper()
	r.host, r.job = h, job
	if err := os.WriteFile(filepath.Join(r.dir, file), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := h.Start(name, args...)
	if err != nil {
		t.Fatal(err)
	}
	r.proc = p
}

func (r *runner) ask(name string, args ...string) (string, error) {
	return r.host.Run(context.Background(), name, args...)
}

// said is the last line of its log with the word.
func (r *runner) said(word string) (string, error) {
	last := ""
	for line := range strings.Lines(r.proc.Output()) {
		if strings.Contains(line, word) {
			last = line
		}
	}
	return last, nil
}

func fields(path, via, med, communities, large string) string {
	var out []string
	for _, f := range [][2]string{{"path", path}, {"via", via}, {"med", med}, {"communities", communities}, {"large", large}} {
		if f[1] != "" {
			out = append(out, f[0]+" "+f[1])
		}
	}
	return strings.Join(out, " | ")
}

func is4(prefix string) bool { return !strings.Contains(prefix, ":") }

// frr is FRRouting's bgpd, alone.
type frr struct{ runner }

func (o *frr) start(t *testing.T, h *lab.Host, job task) {
	o.dir = t.TempDir()
	var b strings.Builder
	fmt.Fprintf(&b, "router bgp %d\n bgp router-id 10.255.0.2\n bgp log-neighbor-changes\n no bgp ebgp-requires-policy\n no bgp network import-check\n", job.asn)
	fmt.Fprintf(&b, " neighbor %[1]s remote-as %[2]d\n neighbor %[1]s timers %[3]d %[4]d\n neighbor %[1]s timers connect 1\n", job.peer, job.peerASN, job.hold/3, job.hold)
	if job.password != "" {
		fmt.Fprintf(&b, " neighbor %s password %s\n", job.peer, job.password)
	}
	if job.near {
		fmt.Fprintf(&b, " neighbor %s ttl-security hops 1\n", job.peer)
	}
	if job.passive {
		fmt.Fprintf(&b, " neighbor %s passive\n", job.peer)
	}
	if job.classic || job.twoOctet {
		fmt.Fprintf(&b, " neighbor %[1]s dont-capability-negotiate\n neighbor %[1]s override-capability\n", job.peer)
	}
	for _, family := range []string{"ipv4", "ipv6"} {
		fmt.Fprintf(&b, " address-family %s unicast\n  neighbor %[2]s activate\n  neighbor %[2]s soft-reconfiguration inbound\n", family, job.peer)
		fmt.Fprintf(&b, "  neighbor %s route-map %s out\n", job.peer, family)
		for _, p := range job.originate {
			if is4(p) == (family == "ipv4") {
				fmt.Fprintf(&b, "  network %s\n", p)
			}
		}
		b.WriteString(" exit-address-family\n")
	}
	b.WriteString("exit\n")
	for family, hop := range map[string]string{"ipv4": "ip next-hop 10.0.0.2", "ipv6": "ipv6 next-hop global fd00::2"} {
		// Without zebra it knows no interface's addresses.
		fmt.Fprintf(&b, "route-map %s permit 10\n set metric 77\n set community 65001:5 65001:6\n set large-community 65001:7:8\n set %s\nexit\n", family, hop)
	}
	o.begin(t, h, job, "bgpd.conf", b.String(), "/usr/lib/frr/bgpd", "-Z", "-n", "-S", "-f", o.dir+"/bgpd.conf",
		"--vty_socket", o.dir, "-i", o.dir+"/pid", "-P", "0", "--log", "stdout")
}

func (o *frr) vtysh(words ...string) (string, error) {
	args := []string{"--vty_socket", o.dir, "--config_dir", o.dir}
	for _, w := range words {
		args = append(args, "-c", w)
	}
	return o.ask("vtysh", args...)
}

func (o *frr) sees(prefix string) (string, error) {
	family := "ipv6"
	if is4(prefix) {
		family = "ipv4"
	}
	text, err := o.vtysh("show bgp " + family + " unicast " + prefix + " json")
	if err != nil {
		return "", err
	}
	var r struct {
		Paths []struct {
			ASPath         struct{ String string }
			Metric         *uint32
			Nexthops       []struct{ IP string }
			Community      struct{ String string }
			LargeCommunity struct{ String string }
		}
	}
	if err := json.Unmarshal([]byte(text), &r); err != nil || len(r.Paths) == 0 {
		return "", err
	}
	p, med := r.Paths[0], ""
	if p.Metric != nil {
		med = fmt.Sprint(*p.Metric)
	}
	return fields(p.ASPath.String, p.Nexthops[0].IP, med, p.Community.String, p.LargeCommunity.String), nil
}

func (o *frr) count(f Family) (int, error) {
	text, err := o.vtysh(fmt.Sprintf("show bgp ipv%d unicast neighbors %s received-routes json", f, o.job.peer))
	if err != nil {
		return 0, err
	}
	var r struct{ TotalPrefixCounter int }
	err = json.Unmarshal([]byte(text), &r)
	return r.TotalPrefixCounter, err
}

func (o *frr) withdraw(t *testing.T) {
	t.Helper()
	if _, err := o.vtysh("configure", "route-map ipv4 deny 5", "exit", "route-map ipv6 deny 5", "end", "clear bgp * soft out"); err != nil {
		t.Fatal(err)
	}
}

func (o *frr) refresh(t *testing.T) {
	t.Helper()
	words := []string{"configure", fmt.Sprintf("router bgp %d", o.job.asn)}
	for _, family := range []string{"ipv4", "ipv6"} { // what it remembers it does not ask for
		words = append(words, "address-family "+family+" unicast", "no neighbor "+o.job.peer+" soft-reconfiguration inbound", "exit")
	}
	if _, err := o.vtysh(append(words, "end", "clear bgp * soft in")...); err != nil {
		t.Fatal(err)
	}
}

func (o *frr) complaint() (string, error) { return o.said("NOTIFICATION: received") }

// bird is BIRD 2.
type bird struct{ runner }

func (o *bird) start(t *testing.T, h *lab.Host, job task) {
	o.dir = t.TempDir()
	var b strings.Builder
	b.WriteString("log stderr all;\ngraceful restart wait 10;\nrouter id 10.255.0.2;\nprotocol device {}\n")
	for _, f := range []Family{IPv4, IPv6} {
		fmt.Fprintf(&b, "protocol static origin%d {\n ipv%d;\n", f, f)
		for _, p := range job.originate {
			if is4(p) == (f == IPv4) {
				fmt.Fprintf(&b, " route %s blackhole;\n", p)
			}
		}
		b.WriteString("}\n")
	}
	b.WriteString("filter dress {\n if source != RTS_STATIC then reject;\n bgp_med = 77;\n bgp_community.add((65001,5));\n bgp_community.add((65001,6));\n bgp_large_community.add((65001,7,8));\n")
	for n := range job.dresses() {
		fmt.Fprintf(&b, " bgp_community.add((65001,%d));\n", 1000+n)
	}
	b.WriteString(" accept;\n}\n")
	fmt.Fprintf(&b, "protocol bgp hawser {\n local %s as %d;\n neighbor %s as %d;\n hold time %d;\n connect delay time 1;\n connect retry time 1;\n error wait time 1, 2;\n", job.local, job.asn, job.peer, job.peerASN, job.hold)
	if job.password != "" {
		fmt.Fprintf(&b, " password %q;\n", job.password)
	}
	if job.near {
		b.WriteString(" ttl security on;\n")
	}
	if job.graceful {
		b.WriteString(" graceful restart on;\n graceful restart time 60;\n")
	}
	if job.long {
		b.WriteString(" enable extended messages on;\n")
	}
	if job.passive {
		b.WriteString(" passive on;\n")
	}
	if job.twoOctet {
		b.WriteString(" enable as4 off;\n")
	}
	if job.classic {
		b.WriteString(" capabilities off;\n")
	}
	for _, f := range []Family{IPv4, IPv6} {
		if job.classic && f == IPv6 {
			continue
		}
		hop := ""
		if is4(job.local) != (f == IPv4) {
			hop = " next hop address " + map[Family]string{IPv4: "10.0.0.2", IPv6: "fd00::2"}[f] + ";"
		}
		fmt.Fprintf(&b, " ipv%d { import all; export filter dress;%s };\n", f, hop)
	}
	b.WriteString("}\n")
	args := []string{"-f", "-c", o.dir + "/bird.conf", "-s", o.dir + "/ctl", "-P", o.dir + "/pid"}
	if job.again {
		args = append(args, "-R")
	}
	o.begin(t, h, job, "bird.conf", b.String(), "bird", args...)
}

func (o *bird) birdc(words ...string) (string, error) {
	return o.ask("birdc", append([]string{"-s", o.dir + "/ctl"}, words...)...)
}

var birdAttribute = regexp.MustCompile(`(?m)^\s+BGP\.(\w+): (.*)$`)

func (o *bird) sees(prefix string) (string, error) {
	text, err := o.birdc("show", "route", prefix, "protocol", "hawser", "all")
	if err != nil || strings.Contains(text, "not found") {
		return "", nil
	}
	a := make(map[string]string)
	for _, m := range birdAttribute.FindAllStringSubmatch(text, -1) {
		a[m[1]] = m[2]
	}
	colons := func(s string) string {
		return strings.NewReplacer("(", "", ")", "", ", ", ":", ",", ":").Replace(s)
	}
	return fields(a["as_path"], strings.Fields(a["next_hop"] + " ")[0], a["med"], colons(a["community"]), colons(a["large_community"])), nil
}

func (o *bird) count(f Family) (int, error) {
	text, err := o.birdc("show", "route", "protocol", "hawser", "table", fmt.Sprintf("master%d", f), "count")
	if err != nil {
		return 0, err
	}
	var n int
	line := text[strings.Index(text, "ready.\n")+len("ready.\n"):]
	_, err = fmt.Sscanf(line, "%d of", &n)
	return n, err
}

func (o *bird) withdraw(t *testing.T) {
	t.Helper()
	for _, p := range []string{"origin4", "origin6"} {
		if _, err := o.birdc("disable", p); err != nil {
			t.Fatal(err)
		}
	}
}

func (o *bird) refresh(t *testing.T) {
	t.Helper()
	if _, err := o.birdc("reload", "in", "hawser"); err != nil {
		t.Fatal(err)
	}
}

func (o *bird) complaint() (string, error) {
	text, err := o.birdc("show", "protocols", "all", "hawser")
	for _, line := range strings.Split(text, "\n") {
		if strings.Contains(line, "Last error:") {
			return strings.TrimSpace(line), err
		}
	}
	return "", err
}

// gobgp is GoBGP's server.
type gobgp struct{ runner }

func (o *gobgp) start(t *testing.T, h *lab.Host, job task) {
	o.dir = t.TempDir()
	var b strings.Builder
	fmt.Fprintf(&b, "[global.config]\n as = %d\n router-id = \"10.255.0.2\"\n local-address-list = [%q]\n", job.asn, job.local)
	fmt.Fprintf(&b, "[[neighbors]]\n[neighbors.config]\n neighbor-address = %q\n peer-as = %d\n auth-password = %q\n", job.peer, job.peerASN, job.password)
	fmt.Fprintf(&b, "[neighbors.ttl-security.config]\n enabled = %v\n ttl-min = 255\n", job.near)
	fmt.Fprintf(&b, "[neighbors.timers.config]\n connect-retry = 1\n idle-hold-time-after-reset = 1\n hold-time = %d\n keepalive-interval = %d\n", job.hold, job.hold/3)
	fmt.Fprintf(&b, "[neighbors.transport.config]\n passive-mode = %v\n local-address = %q\n", job.passive, job.local)
	if job.graceful {
		b.WriteString("[neighbors.graceful-restart.config]\n enabled = true\n restart-time = 60\n")
	}
	for _, f := range []string{"ipv4", "ipv6"} {
		fmt.Fprintf(&b, "[[neighbors.afi-safis]]\n[neighbors.afi-safis.config]\n afi-safi-name = \"%s-unicast\"\n", f)
		if job.graceful {
			b.WriteString("[neighbors.afi-safis.mp-graceful-restart.config]\n enabled = true\n")
		}
	}
	args := []string{"-f", o.dir + "/gobgpd.conf", "--api-hosts", "127.0.0.1:50051", "--pprof-disable", "-l", "debug"}
	if job.again {
		args = append(args, "-r")
	}
	o.begin(t, h, job, "gobgpd.conf", b.String(), "gobgpd", args...)
	lab.Eventually(t, "gobgpd to answer", func() error {
		out, err := o.gobgp("global")
		if err == nil && !strings.Contains(out, fmt.Sprint(job.asn)) { // it answers before BGP has begun
			err = errors.New(out)
		}
		return err
	})
	for _, p := range job.originate {
		args := []string{"global", "rib", "add", p, "med", "77", "community", "65001:5,65001:6", "large-community", "65001:7:8"}
		if !is4(p) {
			args = append(args, "nexthop", "fd00::2", "-a", "ipv6")
		} else {
			args = append(args, "nexthop", "10.0.0.2")
		}
		if _, err := o.gobgp(args...); err != nil {
			t.Fatal(err)
		}
	}
}

func (o *gobgp) gobgp(words ...string) (string, error) {
	return o.ask("gobgp", append([]string{"-u", "127.0.0.1"}, words...)...)
}

func (o *gobgp) sees(prefix string) (string, error) {
	family := "ipv6"
	if is4(prefix) {
		family = "ipv4"
	}
	text, err := o.gobgp("neighbor", o.job.peer, "adj-in", prefix, "-a", family, "-j")
	if err != nil || !strings.HasPrefix(text, "{") && !strings.HasPrefix(text, "[") {
		return "", nil
	}
	return gobgpFields(text)
}

func (o *gobgp) count(f Family) (int, error) {
	text, err := o.gobgp("neighbor", o.job.peer, "adj-in", "-a", fmt.Sprintf("ipv%d", f), "-j")
	if err != nil || !strings.HasPrefix(text, "{") {
		return 0, err
	}
	var all map[string]json.RawMessage
	err = json.Unmarshal([]byte(text), &all)
	return len(all), err
}

// gobgpFields reads the attributes of the one route in the JSON.
func gobgpFields(text string) (string, error) {
	var all map[string][]struct {
		Attrs []struct {
			Type    int
			Nexthop string
			ASPaths []struct{ ASNs []uint32 } `json:"as_paths"`
			Metric  *uint32
			Value   json.RawMessage
			// of communities
			Communities []uint32
		}
	}
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return "", fmt.Errorf("%w: %s", err, text)
	}
	var path, via, med, comm, large string
	for _, paths := range all {
		for _, a := range paths[0].Attrs {
			switch a.Type {
			case 2:
				for _, s := range a.ASPaths {
					path = strings.Trim(fmt.Sprint(s.ASNs), "[]")
				}
			case 3, 14:
				via = a.Nexthop
			case 4:
				med = fmt.Sprint(*a.Metric)
			case 8:
				for _, c := range a.Communities {
					comm = strings.TrimSpace(fmt.Sprintf("%s %d:%d", comm, c>>16, c&0xffff))
				}
			case 32:
				var v []struct{ ASN, LocalData1, LocalData2 uint32 }
				if err := json.Unmarshal(a.Value, &v); err != nil {
					return "", err
				}
				for _, c := range v {
					large = strings.TrimSpace(fmt.Sprintf("%s %d:%d:%d", large, c.ASN, c.LocalData1, c.LocalData2))
				}
			}
		}
	}
	return fields(path, via, med, comm, large), nil
}

func (o *gobgp) withdraw(t *testing.T) {
	t.Helper()
	for _, f := range []string{"ipv4", "ipv6"} {
		if _, err := o.gobgp("global", "rib", "del", "all", "-a", f); err != nil {
			t.Fatal(err)
		}
	}
}

// complaint: it forgets what a NOTIFICATION before Established said.
func (o *gobgp) complaint() (string, error) {
	if line, _ := o.said(`"new":"BGP_FSM_IDLE","old":"BGP_FSM_OPENCONFIRM"`); line != "" {
		return "bad peer as, for all it knows: " + line, nil
	}
	return "", nil
}
