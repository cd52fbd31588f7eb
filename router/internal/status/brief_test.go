package status

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"testing"

	"github.com/hawser-lb/hawser/router/internal/journal"
)

func TestABriefNeighborSaysWhatTheWholeOneDoes(t *testing.T) {
	s := home()
	s.complete()
	whole, brief := asMaps(t, s.Neighbors), asMaps(t, digest(s).Neighbors)
	for i := range brief {
		for name, value := range brief[i] {
			if want := whole[i][name]; name != "bfd" && !reflect.DeepEqual(value, want) {
				t.Errorf("%s of neighbor %d is %v, want %v", name, i, value, want)
			}
		}
	}
	for name := range fields(reflect.TypeFor[Brief]()) {
		if _, known := fields(reflect.TypeFor[Neighbor]())[name]; !known {
			t.Errorf("a whole neighbor has no %s", name)
		}
	}
}

func asMaps(t *testing.T, v any) (all []map[string]any) {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// large is a router with 64 peers and 1,000 routes over eight of them each,
// whose page is as large as it may be.
func large() Overview {
	s := home()
	peer := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{192, 168, 111, byte(100 + i)}) }
	one := s.Neighbors[0]
	one.LastError, one.LastErrorAt = "received NOTIFICATION: Cease/Administrative Shutdown", noon.Add(123456789)
	one.CapabilitiesSent = []string{
		"multiprotocol IPv4 unicast", "multiprotocol IPv6 unicast", "route refresh", "4-octet AS 65000", "extended message",
		"graceful restart, 120 s, IPv4 forwarding, IPv6 forwarding",
	}
	one.CapabilitiesRcvd, s.Neighbors = one.CapabilitiesSent, nil
	for i := range 64 {
		one.Address = peer(i)
		s.Neighbors = append(s.Neighbors, one)
	}
	s.complete()
	page := Page{Total: 1000, Next: 20}
	for size := 0; size < PageBytes; {
		r := Route{Prefix: prefix("192.168.100.100/32"), InstalledAt: noon}
		for i := range 8 {
			r.Paths = append(r.Paths, Path{Peer: peer(i), NextHop: peer(i), Multipath: true, Origin: "i", ASPath: "65001", Since: noon.Add(123456789)})
			r.Installed = append(r.Installed, NextHop{Address: peer(i), Interface: "br-lan", Weight: 1})
		}
		text, _ := json.Marshal(r)
		size += len(text)
		page.Routes = append(page.Routes, r)
	}
	h := History{End: noon, StepSeconds: 15}
	for range journal.Samples {
		h.Established, h.Routes = append(h.Established, 64), append(h.Routes, 1000)
	}
	return Overview{Status: digest(s), Routes: page, Events: Events{Events: []journal.Event{}}, History: h}
}

func TestAPollOfALargeRouterIsBelow100kB(t *testing.T) {
	o := large()
	text, err := json.Marshal(Answer{Overview: &o})
	if err != nil {
		t.Fatal(err)
	}
	whole, err := json.Marshal(o.Status.Snapshot.Neighbors)
	if err != nil {
		t.Fatal(err)
	}
	brief, err := json.Marshal(o.Status.Neighbors)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("a poll has %d bytes; 64 neighbors in brief have %d, whole %d", len(text), len(brief), len(whole))
	if len(text) >= 100_000 {
		t.Errorf("%d bytes", len(text))
	}
}
