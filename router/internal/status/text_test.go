package status

import (
	"bytes"
	"flag"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares text with testdata/NAME.txt.
func golden(t *testing.T, name string, write func(io.Writer)) {
	t.Helper()
	var got bytes.Buffer
	write(&got)
	file := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got.String()); d != "" {
		t.Errorf("%s (-want +got):\n%s", file, d)
	}
}

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func ago(d time.Duration) time.Time { return noon.Add(-d) }

func ip(text string) netip.Addr { return netip.MustParseAddr(text) }

func prefix(text string) netip.Prefix { return netip.MustParsePrefix(text) }

func some(n uint32) *uint32 { return &n }

// home is a router with one cluster of three nodes: one is down, and one tells
// what it may not.
func home() *Snapshot {
	return &Snapshot{
		Version: "0.1.0", Started: ago(50 * time.Hour), Now: noon, PID: 4711,
		ASN: 65000, RouterID: ip("192.168.1.1"), Table: 254, Metric: 20, Protocol: 73, MaxPaths: 16,
		NextHops: "multipath", TableVersion: 7,
		Config:             Config{File: "/etc/config/hawser", LoadedAt: ago(50 * time.Hour)},
		Listening:          []Listen{{Address: netip.MustParseAddrPort("0.0.0.0:179")}},
		RefusedConnections: 3,
		Clusters: []Cluster{{
			Name: "home", Description: "k3s at home", ASN: "65001",
			Source: []netip.Prefix{prefix("192.168.1.0/24")}, Allow: []netip.Prefix{prefix("192.168.10.0/24"), prefix("fd00:10::/64")},
			MaxPeers: 64, MaxPrefixes: 1000, Peers: 3, Established: 2, Accepted: 5, Refused: map[string]int{"notAllowed": 1, "defaultRoute": 1},
		}},
		Neighbors: neighbors(), Routes: routes(),
		Kernel: Kernel{Routes: 2, Steps: 9, Guards: []netip.Prefix{prefix("192.168.10.0/24")}, Advice: []string{}},
	}
}

func neighbors() []Neighbor {
	capabilities := []string{"multiprotocol IPv4 unicast", "4-octet AS"}
	return []Neighbor{
		{
			Address: ip("192.168.1.6"), Name: "home", Cluster: "home", Dynamic: true, Passive: true, ASN: 65001, RouterID: ip("192.168.1.6"),
			LocalASN: 65000, LocalID: ip("192.168.1.1"), LocalAddress: "192.168.1.1:179", RemotePort: 41234,
			State: "Established", Since: ago(26 * time.Hour), HoldSeconds: 90, KeepaliveSeconds: 30,
			Families: []string{"ipv4Unicast", "ipv6Unicast"}, CapabilitiesSent: append(capabilities, "multiprotocol IPv6 unicast"),
			CapabilitiesRcvd: append(capabilities, "route refresh"), MsgRcvd: Messages{Open: 1, Update: 4, Keepalive: 3120, Total: 3125},
			MsgSent: Messages{Open: 1, Update: 2, Keepalive: 3121, Total: 3124}, TableVersion: 7, Received: 5, Accepted: 3, AcceptedIPv6: 1,
			Refused: map[string]int{"notAllowed": 1, "defaultRoute": 1}, EstablishedCount: 1, CanRefresh: true, MaxMessage: 65535,
			Restart: Restart{
				OfferedSeconds: 120, PeerSeconds: 60, Negotiated: true, Families: []string{"ipv4Unicast", "ipv6Unicast"},
				PeerRestarted: true, Kept: 1, Stale: []string{"ipv6Unicast"}, StaleUntil: noon.Add(100 * time.Second),
			},
			Stale: 1, BFD: &BFD{State: "Up", Since: ago(26 * time.Hour), RemoteState: "Up", TransmitMilliseconds: 300, DetectMilliseconds: 900,
				Multiplier: 3, Discriminator: 7, RemoteDiscriminator: 9, RemoteDiagnostic: "no diagnostic", Diagnostic: "no diagnostic", RemoteMultiplier: 3,
				RemoteTransmitMilliseconds: 300, RemoteReceiveMilliseconds: 300, Sent: 320_000, Received: 320_001, Ups: 1},
		},
		{
			Address: ip("192.168.1.5"), Name: "ubuntu_dev1", Description: "ubuntu-dev1", Cluster: "home", Passive: true, ASN: 65001, RouterID: ip("192.168.1.5"),
			LocalASN: 65000, LocalID: ip("192.168.1.1"), LocalAddress: "192.168.1.1:179", RemotePort: 45678,
			State: "Established", Since: ago(83 * time.Second), HoldSeconds: 90, KeepaliveSeconds: 30,
			Families: []string{"ipv4Unicast"}, CapabilitiesSent: capabilities, CapabilitiesRcvd: capabilities,
			MsgRcvd: Messages{Open: 1, Update: 1, Keepalive: 3, Total: 5}, MsgSent: Messages{Open: 1, Update: 1, Keepalive: 4, Total: 6},
			TableVersion: 7, Received: 2, Accepted: 2, EstablishedCount: 2, DroppedCount: 1, MaxMessage: 4096,
			LastError: "received NOTIFICATION: Cease/Administrative Shutdown", LastErrorAt: ago(90 * time.Second),
			NotificationRcvd: "Cease/Administrative Shutdown: back at noon", Malformed: 2, MalformedWhy: "ORIGIN of 2 bytes",
			Withheld: 1, WithheldWhy: "2001:db8::/32: the peer does not speak IPv6",
		},
		{
			Address: ip("2001:db8:1:2:3:4:5:6"), Name: "far", Description: "the node in the shed", ASN: 4200000000, LocalASN: 65000,
			LocalID: ip("192.168.1.1"), State: "Active", Since: ago(15 * 24 * time.Hour), HoldSeconds: 90, KeepaliveSeconds: 30,
			LastError: "dial: no route to host", LastErrorAt: ago(4 * time.Second),
			Restart: Restart{OfferedSeconds: 120, Stale: []string{"ipv4Unicast"}, StaleUntil: noon.Add(5 * time.Second), Kept: 2}, Stale: 3,
		},
		{Address: ip("192.168.1.7"), Name: "@neighbor[2]", Passive: true, LocalASN: 65000, State: "Idle", HoldSeconds: 90, KeepaliveSeconds: 30},
	}
}

func routes() []Route {
	five, six := ip("192.168.1.5"), ip("192.168.1.6")
	return []Route{
		{
			Prefix: prefix("192.168.10.2/32"),
			Paths:  []Path{{Peer: five, NextHop: five, Best: true, Origin: "?", ASPath: "65001", MED: some(50), Since: ago(80 * time.Second)}},
			Error:  "no such device",
		},
		{
			Prefix: prefix("192.168.10.1/32"),
			Paths: []Path{
				{Peer: five, NextHop: five, Best: true, Multipath: true, Origin: "i", ASPath: "65001", Since: ago(80 * time.Second)},
				{Peer: six, NextHop: six, Multipath: true, Origin: "i", ASPath: "65001", Communities: []string{"65001:100", "no-export"}, Since: ago(26 * time.Hour)},
			},
			Installed:   []NextHop{{Address: five, Interface: "br-lan", Weight: 1}, {Address: six, Interface: "br-lan", Weight: 2, Dead: true}},
			InstalledAt: ago(6 * time.Second),
		},
		{
			Prefix: prefix("0.0.0.0/0"),
			Paths: []Path{{
				Peer: six, NextHop: six, Reason: "defaultRoute", Detail: "a default route is never accepted", Origin: "i", ASPath: "65001", Since: ago(26 * time.Hour),
			}},
		},
		{
			Prefix: prefix("192.168.100.128/25"),
			Paths: []Path{{
				Peer: six, NextHop: six, Reason: "notAllowed", Detail: "outside what cluster 'home' may announce (list allow)", Origin: "i",
				ASPath: "65001 {65002,65003}", LocalPref: some(200), Since: ago(26 * time.Hour),
			}},
		},
		{
			Prefix: prefix("fd00:10::1/128"),
			Paths: []Path{
				{Peer: six, NextHop: ip("fd00:1::c0a8:106"), Best: true, Origin: "i", ASPath: "65001", Stale: true, Since: ago(26 * time.Hour)},
				{Peer: five, NextHop: ip("fd00:1::5"), Origin: "i", ASPath: "65001 65001", Since: ago(26 * time.Hour)},
			},
			Installed:   []NextHop{{Address: ip("fd00:1::c0a8:106"), Interface: "br-lan", Weight: 1}},
			InstalledAt: ago(26 * time.Hour),
		},
		{ // of before the daemon's start
			Prefix: prefix("192.168.10.3/32"), Installed: []NextHop{{Address: six, Interface: "br-lan", Weight: 1}}, InstalledAt: ago(50 * time.Hour),
		},
	}
}

func TestSummaryHasQuaggasColumns(t *testing.T) {
	golden(t, "summary", func(w io.Writer) { Summary(w, home(), IPv4) })
	golden(t, "summary-ipv6", func(w io.Writer) { Summary(w, home(), IPv6) })
}

func TestTableSaysWhyAPathIsRefused(t *testing.T) {
	golden(t, "bgp", func(w io.Writer) { Table(w, home(), IPv4) })
	golden(t, "bgp-ipv6", func(w io.Writer) { Table(w, home(), IPv6) })
}

func TestRoutesHaveQuaggasLayout(t *testing.T) {
	golden(t, "route", func(w io.Writer) { s := home(); Routes(w, s, s.RoutesOf(IPv4)) })
	golden(t, "route-ipv6", func(w io.Writer) { s := home(); Routes(w, s, s.RoutesOf(IPv6)) })
}

func TestEntrySaysThatAPathIsStale(t *testing.T) {
	s := home()
	r, err := RouteFor(s.RoutesOf(IPv6), prefix("fd00:10::1/128"))
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "entry-stale", func(w io.Writer) { Entry(w, s, r) })
}

func TestEntryOfOneNetwork(t *testing.T) {
	s := home()
	for name, network := range map[string]string{"entry": "192.168.10.1/32", "entry-refused": "192.168.100.200/32", "entry-error": "192.168.10.2/32"} {
		r, err := RouteFor(s.RoutesOf(IPv4), prefix(network))
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name, func(w io.Writer) { Entry(w, s, r) })
	}
}

func TestNeighborsShowBothEndsAndTheLastError(t *testing.T) {
	golden(t, "neighbors", func(w io.Writer) {
		s := home()
		all, err := s.NeighborsAt(zeroAddr)
		if err != nil {
			t.Fatal(err)
		}
		Neighbors(w, s, all)
	})
}

func TestBFDShowsBothEndsAndWhatWasIgnored(t *testing.T) {
	golden(t, "bfd", func(w io.Writer) {
		s := home()
		s.BFDIgnored = map[string]uint64{"ttl": 12, "flood": 1_234_567}
		BFDPeers(w, s)
	})
	golden(t, "bfd-none", func(w io.Writer) {
		s := home()
		s.Neighbors = nil
		BFDPeers(w, s)
	})
}

func TestClustersShowWhatCameOfThem(t *testing.T) {
	golden(t, "clusters", func(w io.Writer) { Clusters(w, home()) })
}

func TestTroubleOfTheDaemonComesFirst(t *testing.T) {
	s := &Snapshot{
		Now: noon, ASN: 65000, RouterID: ip("192.168.1.1"), Metric: 20,
		Config: Config{
			File: "/etc/config/hawser", LoadedAt: ago(time.Hour), Rejected: true,
			Problems: []string{"/etc/config/hawser:2: section 'globals' (globals), option 'asn' = '0': an AS number is a whole number from 1 to 4294967295"},
		},
		Listening: []Listen{{Address: netip.MustParseAddrPort("192.168.1.1:179"), Error: "cannot assign requested address"}},
		Kernel:    Kernel{Waiting: "waiting for End-of-RIB from 192.168.1.5", LastError: "route 192.168.10.2/32: no such device", LastErrorAt: ago(4 * time.Second)},
	}
	golden(t, "trouble", func(w io.Writer) {
		Summary(w, s, IPv4)
		Table(w, s, IPv4)
		Neighbors(w, s, nil)
		Clusters(w, s)
		Routes(w, s, nil)
	})
}

func TestARouteThatStandsAsBeforeIsNotSaidToBeMissing(t *testing.T) {
	s := home()
	r := s.RoutesOf(IPv4)[1]
	r.Error = "no such device"
	var out strings.Builder
	Routes(&out, s, []Route{r})
	Entry(&out, s, r)
	if text := out.String(); strings.Contains(text, "not in the kernel") ||
		!strings.Contains(text, "      not changed in the kernel: no such device\n") ||
		!strings.Contains(text, "Kernel: table 254, metric 20, protocol 73, 2 next hops, for 00:00:06, multipath; not changed: no such device\n") {
		t.Error(text)
	}
}

func TestADaemonWithoutAnIdentifierSaysSo(t *testing.T) {
	s := home()
	s.RouterID = netip.Addr{}
	var out strings.Builder
	Summary(&out, s, IPv4)
	Table(&out, s, IPv4)
	if text := out.String(); strings.Contains(text, "invalid") || strings.Count(text, "0.0.0.0,") != 1 || !strings.Contains(text, "local router ID is 0.0.0.0\n") {
		t.Error(text)
	}
}

func TestUptimeIsInQuaggasForm(t *testing.T) {
	for since, want := range map[time.Time]string{
		{}:                                "never",
		noon.Add(time.Hour):               "00:00:00",
		ago(6 * time.Second):              "00:00:06",
		ago(86399 * time.Second):          "23:59:59",
		ago(86400 * time.Second):          "1d00h00m",
		ago(7*24*time.Hour - time.Second): "6d23h59m",
		ago(7 * 24 * time.Hour):           "01w0d00h",
		ago(400*24*time.Hour + time.Hour): "57w1d01h",
	} {
		if got := uptime(since, noon); got != want {
			t.Errorf("%s is shown as %s, want %s", since, got, want)
		}
	}
}

func TestAnAddressFindsTheLongestPrefixThatHoldsIt(t *testing.T) {
	all := []Route{{Prefix: prefix("10.0.0.0/8")}, {Prefix: prefix("10.1.0.0/16")}, {Prefix: prefix("2001:db8::/32")}}
	for asked, want := range map[string]string{
		"10.1.2.3/32": "10.1.0.0/16", "10.2.0.1/32": "10.0.0.0/8", "10.0.0.0/8": "10.0.0.0/8", "2001:db8::1/128": "2001:db8::/32",
		"10.1.0.0/24": "", "192.0.2.1/32": "",
	} {
		r, err := RouteFor(all, prefix(asked))
		if want == "" {
			if err != ErrNotInTable {
				t.Errorf("%s: %v, %v", asked, r.Prefix, err)
			}
		} else if err != nil || r.Prefix != prefix(want) {
			t.Errorf("%s: %v, %v; want %s", asked, r.Prefix, err, want)
		}
	}
}
