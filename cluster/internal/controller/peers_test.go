package controller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hawser-lb/hawser/cluster/internal/model"
	"github.com/hawser-lb/hawser/shared/bgp"
)

var bothGateways = []netip.Addr{netip.MustParseAddr("192.0.2.254"), netip.MustParseAddr("fe80::1%eth0")}

func TestAPeerThatNoSessionCanBeHadWithStopsNoOther(t *testing.T) {
	speaker := bgp.New(bgp.Config{Log: slog.New(slog.DiscardHandler)})
	for _, test := range []struct {
		why  string
		turn func(*model.Peer)
	}{
		{"224.0.0.5 is no address", func(p *model.Peer) { p.Address = netip.MustParseAddr("224.0.0.5") }},
		{"ff02::1 is no address", func(p *model.Peer) { p.Address = netip.MustParseAddr("ff02::1") }},
		{"0.0.0.0 is no address", func(p *model.Peer) { p.Address = netip.IPv4Unspecified() }},
		{"::ffff:192.0.2.9 is no address", func(p *model.Peer) { p.Address = netip.MustParseAddr("::ffff:192.0.2.9") }},
		{"no address", func(p *model.Peer) { p.Address = netip.Addr{} }},
		{"not of one family", func(p *model.Peer) { p.SourceAddress = netip.MustParseAddr("2001:db8::1") }},
		{"AS number", func(p *model.Peer) { p.MyASN = 0 }},
		{"router identifier ::1", func(p *model.Peer) { p.RouterID = netip.IPv6Loopback() }},
		{"router identifier 0.0.0.0", func(p *model.Peer) { p.RouterID = netip.IPv4Unspecified() }},
		{"hold time of 2s", func(p *model.Peer) { p.HoldTime = 2 * time.Second }},
		{"hold time of 3.5s", func(p *model.Peer) { p.HoldTime = 3500 * time.Millisecond }},
		{"hold time of 20h0m0s", func(p *model.Peer) { p.HoldTime = 20 * time.Hour }},
		{"negative", func(p *model.Peer) { p.Keepalive = -1 }},
	} {
		bad := aPeer("bad", "192.0.2.8")
		test.turn(&bad)
		if err := speaker.SetPeers([]bgp.Peer{session(bad, bad.Address, aNode("node1"))}, nil); err == nil {
			t.Errorf("%s: the speaker would have taken it", test.why)
		}
		d := directory([]model.Peer{bad, aPeer("good", "192.0.2.9")}, aNode("node1"), nil)
		if err := speaker.SetPeers(d.peers, nil); err != nil || len(d.peers) != 1 {
			t.Errorf("%s: %d peers, %v", test.why, len(d.peers), err)
		}
		if why := d.silent["bad"]; !strings.Contains(why, test.why) {
			t.Errorf("it says %q, nothing of %q", why, test.why)
		}
	}
}

func TestASourceAddressChoosesTheGatewayOfItsFamily(t *testing.T) {
	p := aPeer("gateway", "")
	for source, want := range map[string]string{"192.0.2.1": "[192.0.2.254]", "2001:db8::1": "[fe80::1%eth0]"} {
		p.SourceAddress = netip.MustParseAddr(source)
		d := directory([]model.Peer{p}, aNode("node1"), bothGateways)
		if got := fmt.Sprint(d.byName["gateway"]); got != want || len(d.silent) != 0 {
			t.Errorf("from %s it speaks to %s, silent %v", source, got, d.silent)
		}
	}
	p.SourceAddress = netip.MustParseAddr("2001:db8::1")
	d := directory([]model.Peer{p}, aNode("node1"), bothGateways[:1])
	if why := d.silent["gateway"]; !strings.Contains(why, "of the family of the source address 2001:db8::1") {
		t.Errorf("without an IPv6 gateway it says %q", why)
	}
}

func TestAPeerIsSilentOnlyWhenNoneOfItsAddressesIsLeft(t *testing.T) {
	d := directory([]model.Peer{aPeer("a", "192.0.2.254"), aPeer("b", "")}, aNode("node1"), bothGateways)
	if got := fmt.Sprint(d.byName["b"]); got != "[fe80::1%eth0]" || len(d.silent) != 0 {
		t.Errorf("it speaks to %s, silent %v", got, d.silent)
	}
}

func TestThatAPeerCannotBeIsTheVerdictOnIt(t *testing.T) {
	f := harbour()
	f.snapshot.Peers = append(f.snapshot.Peers, aPeer("bad", "224.0.0.5"))
	c, _ := worker(f)
	c.pass(context.Background())
	c.tell()
	if v := f.verdicts["peer bad"]; v.Accepted || v.Reason != "Invalid" || !strings.Contains(v.Message, "224.0.0.5") {
		t.Errorf("the verdict is %+v", v)
	}
	if v := f.verdicts["peer router"]; !v.Accepted {
		t.Errorf("the verdict on the other is %+v", v)
	}
}

func TestReadinessNamesWhatStandsInItsWay(t *testing.T) {
	f := harbour()
	c, r := worker(f)
	r.refuses = errors.New("peer 192.0.2.254: there are two")
	c.pass(context.Background())
	if err := c.Health().Ready(); err == nil || !strings.Contains(err.Error(), "there are two") {
		t.Errorf("it says %v", err)
	}
	r.refuses = nil
	c.pass(context.Background())
	if err := c.Health().Ready(); err == nil || !strings.Contains(err.Error(), "router at 192.0.2.254") {
		t.Errorf("once the peers are taken it says %v", err)
	}
}
