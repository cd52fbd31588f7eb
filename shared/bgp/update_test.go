package bgp

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/osrg/gobgp/v3/pkg/packet/bgp"

	"github.com/hawser-lb/hawser/shared/route"
)

func header(length int, kind byte) []byte {
	b := bytes.Repeat([]byte{0xff}, 16)
	return append(binary.BigEndian.AppendUint16(b, uint16(length)), kind)
}

func TestTheDoorLetsSoundHeadersThroughAlone(t *testing.T) {
	for name, c := range map[string]struct {
		bytes []byte
		want  string // NOTIFICATION, or "" for a message
		data  []byte
	}{
		"keepalive":           {header(19, 4), "", nil},
		"largest update":      {append(header(4096, 2), make([]byte, 4077)...), "", nil},
		"marker":              {append([]byte{0}, header(19, 4)[1:]...), "Message Header Error/Connection Not Synchronized", nil},
		"not BGP":             {[]byte("GET / HTTP/1.1\r\nHost: router\r\n\r\n"), "Message Header Error/Connection Not Synchronized", nil},
		"length 18":           {header(18, 4), "Message Header Error/Bad Message Length", []byte{0, 18}},
		"length 0":            {header(0, 4), "Message Header Error/Bad Message Length", []byte{0, 0}},
		"length 4097":         {header(4097, 2), "Message Header Error/Bad Message Length", []byte{0x10, 1}},
		"length 65535":        {header(65535, 2), "Message Header Error/Bad Message Length", []byte{0xff, 0xff}},
		"type 0":              {header(19, 0), "Message Header Error/Bad Message Type", []byte{0}},
		"type 6":              {header(19, 6), "Message Header Error/Bad Message Type", []byte{6}},
		"type 255":            {header(19, 255), "Message Header Error/Bad Message Type", []byte{255}},
		"short open":          {header(28, 1), "Message Header Error/Bad Message Length", []byte{0, 28}},
		"short update":        {header(22, 2), "Message Header Error/Bad Message Length", []byte{0, 22}},
		"short notification":  {header(20, 3), "Message Header Error/Bad Message Length", []byte{0, 20}},
		"long keepalive":      {header(20, 4), "Message Header Error/Bad Message Length", []byte{0, 20}},
		"short route refresh": {header(22, 5), "Message Header Error/Bad Message Length", []byte{0, 22}},
		"long route refresh":  {header(24, 5), "Message Header Error/Bad Message Length", []byte{0, 24}},
	} {
		kind, _, err := newDoor(bytes.NewReader(c.bytes)).next()
		var f *fault
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want == "" && kind != c.bytes[18]:
			t.Errorf("%s: type %d", name, kind)
		case c.want != "" && (!errors.As(err, &f) || f.n.String() != c.want || !bytes.Equal(f.n.Data, c.data)):
			t.Errorf("%s: %v", name, err)
		}
	}
}

// reader is a decoder for one kind of session.
func reader(external, fourOctet bool) *decoder {
	return &decoder{
		terms: terms{peerASN: 65001, peerID: netip.MustParseAddr("2.2.2.2"), external: external, fourOctet: fourOctet, families: families},
		self:  settings(65000, "1.1.1.1"), local: netip.MustParseAddr("10.0.0.1"),
	}
}

// say puts the outcome of one UPDATE into a line.
func say(d *decoder, body []byte) string {
	u, err := d.decode(body)
	var ev Update
	if err == nil {
		err = u.addTo(&ev)
	}
	var f *fault
	if errors.As(err, &f) {
		return f.n.String()
	}
	var out []string
	if len(ev.Withdrawn) > 0 {
		out = append(out, fmt.Sprint("withdraw ", ev.Withdrawn))
	}
	for _, r := range ev.Reachable {
		out = append(out, fmt.Sprintf("%s %s", r.Prefix, attributesText(r.Attributes)))
	}
	for _, f := range ev.EndOfRIB {
		out = append(out, "end of "+f.String())
	}
	return strings.Join(out, "; ")
}

func attributesText(a *route.Attributes) string {
	s := fmt.Sprint("via ", a.NextHop, " origin ", a.Origin, " path")
	for _, p := range a.Path {
		s += fmt.Sprintf(" %d%v", p.Type, p.ASNs)
	}
	if a.LocalPref.Set {
		s += fmt.Sprint(" pref ", a.LocalPref.Value)
	}
	if a.MED.Set {
		s += fmt.Sprint(" med ", a.MED.Value)
	}
	if len(a.Communities) > 0 {
		s += fmt.Sprintf(" comm %x", a.Communities)
	}
	if len(a.LargeCommunities) > 0 {
		s += fmt.Sprint(" large ", a.LargeCommunities)
	}
	if a.LinkBandwidth != 0 {
		s += fmt.Sprint(" bandwidth ", a.LinkBandwidth)
	}
	return s
}

var (
	origin  = attr(0x40, 1, 0)
	path4   = attr(0x40, 2, 2, 1, 0, 0, 0xfd, 0xe9)
	path2   = attr(0x40, 2, 2, 1, 0xfd, 0xe9)
	nexthop = attr(0x40, 3, 10, 0, 0, 2)
	base    = attrs(origin, path4, nexthop)
	net1    = []byte{24, 192, 0, 2}
	v6hop   = netip.MustParseAddr("2001:db8::2").AsSlice()
	v6net   = []byte{32, 0x20, 0x01, 0x0d, 0xb8}
)

func reach(afi, safi byte, hop []byte, nlri ...byte) []byte {
	v := append([]byte{0, afi, safi, byte(len(hop))}, hop...)
	return attr(0x80, 14, append(append(v, 0), nlri...)...)
}

const (
	good1     = "192.0.2.0/24 via 10.0.0.2 origin 0 path 2[65001]"
	gone1     = "withdraw [192.0.2.0/24]"
	malformed = "UPDATE Message Error/Malformed Attribute List"
	optional  = "UPDATE Message Error/Optional Attribute Error"
	network10 = "UPDATE Message Error/Invalid Network Field"
)

func TestWhatAnUpdateFromAnExternalPeerMeans(t *testing.T) {
	for name, c := range map[string]struct {
		body []byte
		want string
	}{
		"a route":              {updateBody(nil, base, net1), good1},
		"host bits are masked": {updateBody(nil, base, []byte{20, 192, 0, 255}), "192.0.240.0/20 via 10.0.0.2 origin 0 path 2[65001]"},
		"default route":        {updateBody(nil, base, []byte{0}), "0.0.0.0/0 via 10.0.0.2 origin 0 path 2[65001]"},
		"withdrawal":           {updateBody(net1, nil, nil), gone1},
		"both":                 {updateBody([]byte{8, 10}, base, net1), "withdraw [10.0.0.0/8]; " + good1},
		"end of IPv4":          {updateBody(nil, nil, nil), "end of IPv4"},
		"end of IPv6":          {updateBody(nil, attr(0x80, 15, 0, 2, 1), nil), "end of IPv6"},
		"end of IPv4, new way": {updateBody(nil, attr(0x80, 15, 0, 1, 1), nil), "end of IPv4"},
		"end of VPNv4":         {updateBody(nil, attr(0x80, 15, 0, 1, 128), nil), ""},
		"IPv6":                 {updateBody(nil, attrs(origin, path4, reach(2, 1, v6hop, v6net...)), nil), "2001:db8::/32 via 2001:db8::2 origin 0 path 2[65001]"},
		"IPv6, two next hops": {updateBody(nil, attrs(origin, path4, reach(2, 1, append(slices.Clone(v6hop), netip.MustParseAddr("fe80::2").AsSlice()...), v6net...)), nil),
			"2001:db8::/32 via 2001:db8::2 origin 0 path 2[65001]"},
		"IPv6, only a link-local one": {updateBody(nil, attrs(origin, path4, reach(2, 1, append(make([]byte, 16), netip.MustParseAddr("fe80::2").AsSlice()...), v6net...)), nil),
			"2001:db8::/32 via fe80::2 origin 0 path 2[65001]"},
		"IPv4 in MP_REACH":     {updateBody(nil, attrs(origin, path4, reach(1, 1, []byte{10, 0, 0, 2}, net1...)), nil), good1},
		"IPv6 withdrawal":      {updateBody(nil, attr(0x80, 15, append([]byte{0, 2, 1}, v6net...)...), nil), "withdraw [2001:db8::/32]"},
		"IPv6 beside IPv4":     {updateBody(nil, attrs(base, reach(2, 1, v6hop, v6net...)), net1), "2001:db8::/32 via 2001:db8::2 origin 0 path 2[65001]; " + good1},
		"family not in use":    {updateBody(nil, attrs(base, reach(25, 70, v6hop, 2, 3, 1, 2, 3)), net1), good1},
		"short MP_REACH":       {updateBody(nil, attrs(base, attr(0x80, 14, 0, 2, 1)), nil), optional},
		"long next hop":        {updateBody(nil, attrs(base, attr(0x80, 14, 0, 2, 1, 200, 0, 0)), nil), optional},
		"IPv6 hop of 4 bytes":  {updateBody(nil, attrs(base, reach(2, 1, []byte{10, 0, 0, 2}, v6net...)), nil), optional},
		"IPv4 hop of 16":       {updateBody(nil, attrs(base, reach(1, 1, v6hop, net1...)), nil), optional},
		"MP_REACH twice":       {updateBody(nil, attrs(base, reach(2, 1, v6hop, v6net...), reach(2, 1, v6hop, v6net...)), nil), malformed},
		"short MP_UNREACH":     {updateBody(nil, attr(0x80, 15, 0, 2), nil), optional},
		"prefix of 33 bits":    {updateBody(nil, base, []byte{33, 1, 2, 3, 4, 5}), network10},
		"withdrawn 33 bits":    {updateBody([]byte{33, 1, 2, 3, 4, 5}, nil, nil), network10},
		"prefix cut short":     {updateBody(nil, base, []byte{24, 192, 0}), network10},
		"IPv6 of 129 bits":     {updateBody(nil, attrs(origin, path4, reach(2, 1, v6hop, append([]byte{129}, make([]byte, 17)...)...)), nil), optional},
		"withdrawn overrun":    {[]byte{0, 9, 24}, malformed},
		"attributes overrun":   {[]byte{0, 0, 0, 9, 0x40}, malformed},
		"attribute overrun":    {updateBody(nil, append(slices.Clone(base), 0x40, 5, 9, 1), net1), gone1},
		"half an attribute":    {updateBody(nil, append(slices.Clone(base), 0x40), net1), gone1},
		"overrun, no route":    {updateBody(nil, append(slices.Clone(base), 0x40, 5, 9, 1), nil), malformed},
		"MED":                  {updateBody(nil, attrs(base, attr(0x80, 4, 0, 0, 0, 9)), net1), good1 + " med 9"},
		"MED of 3 bytes":       {updateBody(nil, attrs(base, attr(0x80, 4, 0, 0, 9)), net1), gone1},
		"LOCAL_PREF":           {updateBody(nil, attrs(base, attr(0x40, 5, 0, 0, 0, 9)), net1), good1},
		"LOCAL_PREF, short":    {updateBody(nil, attrs(base, attr(0x40, 5, 9)), net1), good1},
		"origin 3":             {updateBody(nil, attrs(attr(0x40, 1, 3), path4, nexthop), net1), gone1},
		"origin of 2 bytes":    {updateBody(nil, attrs(attr(0x40, 1, 0, 0), path4, nexthop), net1), gone1},
		"origin with flags":    {updateBody(nil, attrs(attr(0xc0, 1, 0), path4, nexthop), net1), gone1},
		"no origin":            {updateBody(nil, attrs(path4, nexthop), net1), gone1},
		"no path":              {updateBody(nil, attrs(origin, nexthop), net1), gone1},
		"no next hop":          {updateBody(nil, attrs(origin, path4), net1), gone1},
		"next hop 0.0.0.0":     {updateBody(nil, attrs(origin, path4, attr(0x40, 3, 0, 0, 0, 0)), net1), gone1},
		"next hop multicast":   {updateBody(nil, attrs(origin, path4, attr(0x40, 3, 224, 0, 0, 5)), net1), gone1},
		"next hop is us":       {updateBody(nil, attrs(origin, path4, attr(0x40, 3, 10, 0, 0, 1)), net1), gone1},
		"next hop of 16":       {updateBody(nil, attrs(origin, path4, attr(0x40, 3, v6hop...)), net1), gone1},
		"empty path":           {updateBody(nil, attrs(origin, attr(0x40, 2), nexthop), net1), gone1},
		"another first AS":     {updateBody(nil, attrs(origin, attr(0x40, 2, 2, 1, 0, 0, 0xfd, 0xea), nexthop), net1), gone1},
		"path with a set":      {updateBody(nil, attrs(origin, attr(0x40, 2, 2, 1, 0, 0, 0xfd, 0xe9, 1, 2, 0, 0, 0, 1, 0, 0, 0, 2), nexthop), net1), good1 + " 1[1 2]"},
		"path with AS 0":       {updateBody(nil, attrs(origin, attr(0x40, 2, 2, 2, 0, 0, 0xfd, 0xe9, 0, 0, 0, 0), nexthop), net1), gone1},
		"confederation":        {updateBody(nil, attrs(origin, attr(0x40, 2, 3, 1, 0, 0, 0xfd, 0xe9), nexthop), net1), gone1},
		"segment type 5":       {updateBody(nil, attrs(origin, attr(0x40, 2, 5, 1, 0, 0, 0xfd, 0xe9), nexthop), net1), gone1},
		"empty segment":        {updateBody(nil, attrs(origin, attr(0x40, 2, 2, 0), nexthop), net1), gone1},
		"segment overrun":      {updateBody(nil, attrs(origin, attr(0x40, 2, 2, 2, 0, 0, 0xfd, 0xe9), nexthop), net1), gone1},
		"two-octet path":       {updateBody(nil, attrs(origin, path2, nexthop), net1), gone1},
		"communities":          {updateBody(nil, attrs(base, attr(0xc0, 8, 0xff, 0xff, 0, 0, 0xfd, 0xe9, 0, 1)), net1), good1 + " comm [ffff0000 fde90001]"},
		"no communities":       {updateBody(nil, attrs(base, attr(0xc0, 8)), net1), gone1},
		"half a community":     {updateBody(nil, attrs(base, attr(0xc0, 8, 1, 2)), net1), gone1},
		"communities, flags":   {updateBody(nil, attrs(base, attr(0x40, 8, 1, 2, 3, 4)), net1), gone1},
		"communities, partial": {updateBody(nil, attrs(base, attr(0xe0, 8, 0, 0, 0, 1)), net1), good1 + " comm [1]"},
		"large community":      {updateBody(nil, attrs(base, attr(0xc0, 32, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3)), net1), good1 + " large [[1 2 3]]"},
		"half a large one":     {updateBody(nil, attrs(base, attr(0xc0, 32, 0, 0, 0, 1)), net1), gone1},
		"link bandwidth":       {updateBody(nil, attrs(base, attr(0xc0, 16, 0, 2, 0, 1, 0, 0, 0, 1, 0x40, 4, 0, 1, 0x49, 0x74, 0x24, 0)), net1), good1 + " bandwidth 1e+06"},
		"short extended":       {updateBody(nil, attrs(base, attr(0xc0, 16, 0x40, 4, 0)), net1), gone1},
		"twice, first counts":  {updateBody(nil, attrs(base, attr(0x80, 4, 0, 0, 0, 1), attr(0x80, 4, 0, 0, 0, 2)), net1), good1 + " med 1"},
		"unknown optional":     {updateBody(nil, attrs(base, attr(0xc0, 99, 1, 2, 3)), net1), good1},
		"unknown well-known":   {updateBody(nil, attrs(base, attr(0x40, 99, 1)), net1), "UPDATE Message Error/Unrecognized Well-known Attribute"},
		"bad aggregator":       {updateBody(nil, attrs(base, attr(0xc0, 7, 1)), net1), good1},
		"bad atomic":           {updateBody(nil, attrs(base, attr(0x40, 6, 1)), net1), good1},
		"AS4_PATH, not wanted": {updateBody(nil, attrs(attr(0xc0, 17, 2, 1, 0, 0, 0, 7), base), net1), good1},
		"reflector's marks":    {updateBody(nil, attrs(base, attr(0x80, 9, 1, 1, 1, 1), attr(0x80, 10, 1)), net1), good1},
		// Bytes that crash the codec when they reach it.
		"Prefix-SID, cut":   {updateBody(nil, attrs(base, attr(0xc0, 40, 1, 0)), net1), good1},
		"Prefix-SID, SRv6":  {updateBody(nil, attrs(base, attr(0xc0, 40, 5, 0, 1, 0)), net1), good1},
		"EVPN NLRI, cut":    {updateBody(nil, attrs(base, reach(25, 70, []byte{10, 0, 0, 2}, 2, 33, 0, 0)), net1), good1},
		"VPNv4 NLRI, cut":   {updateBody(nil, attrs(base, reach(1, 128, make([]byte, 12), 112, 0, 0, 1)), net1), good1},
		"tunnel encap, cut": {updateBody(nil, attrs(base, attr(0xc0, 23, 0, 1, 0, 9, 1)), net1), good1},
		"BGP-LS, cut":       {updateBody(nil, attrs(base, attr(0x80, 29, 4, 1, 0, 99)), net1), good1},
	} {
		if got := say(reader(true, true), c.body); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, c.want)
		}
	}
}

func TestWhatAnUpdateFromAnInternalPeerMeans(t *testing.T) {
	for name, c := range map[string]struct {
		attributes []byte
		want       string
	}{
		"LOCAL_PREF":      {attrs(base, attr(0x40, 5, 0, 0, 0, 200)), good1 + " pref 200"},
		"bad LOCAL_PREF":  {attrs(base, attr(0x40, 5, 200)), gone1},
		"empty path":      {attrs(origin, attr(0x40, 2), nexthop), "192.0.2.0/24 via 10.0.0.2 origin 0 path"},
		"reflected":       {attrs(base, attr(0x80, 9, 7, 7, 7, 7), attr(0x80, 10, 7, 7, 7, 7)), good1},
		"our own":         {attrs(base, attr(0x80, 9, 1, 1, 1, 1)), gone1},
		"bad originator":  {attrs(base, attr(0x80, 9, 7)), gone1},
		"no cluster list": {attrs(base, attr(0x80, 10)), gone1},
	} {
		if got := say(reader(false, true), updateBody(nil, c.attributes, net1)); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, c.want)
		}
	}
}

func TestATwoOctetPeersPathIsMergedWithAS4Path(t *testing.T) {
	path := func(asns ...uint16) []byte {
		v := []byte{2, byte(len(asns))}
		for _, a := range asns {
			v = binary.BigEndian.AppendUint16(v, a)
		}
		return attr(0x40, 2, v...)
	}
	as4 := func(asns ...uint32) []byte {
		v := []byte{2, byte(len(asns))}
		for _, a := range asns {
			v = binary.BigEndian.AppendUint32(v, a)
		}
		return attr(0xc0, 17, v...)
	}
	agg := func(asn uint16) []byte { return attr(0xc0, 7, byte(asn>>8), byte(asn), 9, 9, 9, 9) }
	agg4 := attr(0xc0, 18, 0, 3, 0, 0, 9, 9, 9, 9)
	const head = "192.0.2.0/24 via 10.0.0.2 origin 0 path "
	for name, c := range map[string]struct {
		attributes []byte
		want       string
	}{
		"none":                {attrs(origin, path(65001, 7), nexthop), head + "2[65001 7]"},
		"whole":               {attrs(origin, path(65001, asTrans, 7), nexthop, as4(65001, 200000, 7)), head + "2[65001 200000 7]"},
		"the end":             {attrs(origin, path(65001, asTrans, 7), nexthop, as4(200000, 7)), head + "2[65001 200000 7]"},
		"before AS_PATH":      {attrs(as4(200000, 7), origin, path(65001, asTrans, 7), nexthop), head + "2[65001 200000 7]"},
		"longer than AS_PATH": {attrs(origin, path(65001), nexthop, as4(200000, 7)), head + "2[65001]"},
		"malformed":           {attrs(origin, path(65001, asTrans), nexthop, attr(0xc0, 17, 2, 9, 0)), head + "2[65001 23456]"},
		"void by aggregator":  {attrs(origin, path(65001, asTrans), nexthop, agg(7), agg4, as4(200000)), head + "2[65001 23456]"},
		"kept by aggregator":  {attrs(origin, path(65001, asTrans), nexthop, agg(asTrans), agg4, as4(200000)), head + "2[65001 200000]"},
	} {
		if got := say(reader(true, false), updateBody(nil, c.attributes, net1)); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, c.want)
		}
	}
	// The codec counts the bytes of more than 127 AS numbers wrongly.
	long := make([]uint16, 200)
	for i := range long {
		long[i] = 65001
	}
	if got := say(reader(true, false), updateBody(nil, attrs(origin, path(long...), nexthop), net1)); !strings.HasPrefix(got, head+"2[65001 65001") {
		t.Errorf("200 AS numbers: %s", got)
	}
	if got := say(reader(true, false), updateBody(nil, attrs(origin, attr(0x40, 2, 2, 200, 0xfd, 0xe9), nexthop), net1)); got != gone1 {
		t.Errorf("200 AS numbers that are not there: %s", got)
	}
}

func TestRoutesOfEqualAttributesShareThem(t *testing.T) {
	d := reader(true, true)
	var ev Update
	for i := range 3 {
		u, err := d.decode(updateBody(nil, base, []byte{24, 192, 0, byte(i)}))
		if err == nil {
			err = u.addTo(&ev)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if ev.Reachable[0].Attributes != ev.Reachable[2].Attributes {
		t.Error("three routes, several Attributes")
	}
	for i := range 5000 {
		med := binary.BigEndian.AppendUint32(nil, uint32(i))
		if _, err := d.decode(updateBody(nil, attrs(base, attr(0x80, 4, med...)), net1)); err != nil {
			t.Fatal(err)
		}
	}
	if len(d.cache) > cacheBytes/setBytes {
		t.Errorf("%d sets remembered", len(d.cache))
	}
}

// A message that was told reads back as what was to be told.
func TestWhatIsToldReadsBack(t *testing.T) {
	full := &route.Attributes{
		NextHop: netip.MustParseAddr("10.0.0.77"), Origin: route.Incomplete,
		Path:      []route.Segment{{Type: route.Sequence, ASNs: []uint32{1, 4200000000}}, {Type: route.Set, ASNs: []uint32{5, 6}}},
		LocalPref: route.Some(300), MED: route.Some(4), Communities: []uint32{1, route.NoExport},
		LargeCommunities: []route.LargeCommunity{{1, 2, 3}}, LinkBandwidth: 1.25e8,
	}
	full6 := *full
	full6.NextHop = netip.MustParseAddr("2001:db8::77")
	for _, c := range []struct {
		external, fourOctet bool
		a                   *route.Attributes
		prefix, want        string
	}{
		{true, true, full, "192.0.2.0/24", "via 10.0.0.77 origin 2 path 2[65000 1 4200000000] 1[5 6] med 4 comm [1 ffffff01] large [[1 2 3]] bandwidth 1.25e+08"},
		{true, false, full, "192.0.2.0/24", "via 10.0.0.77 origin 2 path 2[65000 1 4200000000] 1[5 6] med 4 comm [1 ffffff01] large [[1 2 3]] bandwidth 1.25e+08"},
		{false, true, full, "192.0.2.0/24", "via 10.0.0.77 origin 2 path 2[1 4200000000] 1[5 6] pref 300 med 4 comm [1 ffffff01] large [[1 2 3]] bandwidth 1.25e+08"},
		{true, true, &full6, "2001:db8:1::/48", "via 2001:db8::77 origin 2 path 2[65000 1 4200000000] 1[5 6] med 4 comm [1 ffffff01] large [[1 2 3]] bandwidth 1.25e+08"},
		{true, true, nil, "192.0.2.0/24", "via 10.0.0.1 origin 0 path 2[65000]"},
		{false, true, nil, "192.0.2.0/24", "via 10.0.0.1 origin 0 path pref 100"},
		{true, true, nil, "2001:db8:1::/48", "via 2001:db8::1 origin 0 path 2[65000]"},
	} {
		o := teller(c.external, c.fourOctet)
		p := o.plan(announce(c.a, c.prefix), nil)
		if len(p.tell) != 1 {
			t.Fatalf("plan %+v", p)
		}
		msg, n := packTell(p.tell[0], maxMessage)
		d := reader(c.external, c.fourOctet)
		d.terms.peerASN, d.local = 65000, netip.MustParseAddr("10.0.0.2")
		if got := say(d, msg[headerLen:]); n != 1 || got != c.prefix+" "+c.want {
			t.Errorf("\n got %s\nwant %s %s", got, c.prefix, c.want)
		}
	}
}

func teller(external, fourOctet bool) *outbound {
	return &outbound{
		terms: terms{peerASN: 65001, external: external, fourOctet: fourOctet, families: families},
		self:  settings(65000, "1.1.1.1"), local: netip.MustParseAddr("10.0.0.1"), peer: netip.MustParseAddr("10.0.0.2"),
		sibling: newWorld().sibling, have: make(map[netip.Prefix]*block),
	}
}

func TestMessagesAreFullButNotTooLong(t *testing.T) {
	for _, f := range families {
		o := teller(true, true)
		var all []Announcement
		for _, p := range many(f, 5000) {
			all = append(all, announce(dressed, p)...)
		}
		p := o.plan(all, nil)
		rest, messages, total := p.tell[0], 0, 0
		for len(rest.prefixes) > 0 {
			msg, n := packTell(rest, maxMessage)
			if len(msg) > maxMessage || int(binary.BigEndian.Uint16(msg[16:])) != len(msg) || n < len(rest.prefixes) && len(msg) < maxMessage-17 {
				t.Fatalf("%s: a message of %d bytes with %d of %d", f, len(msg), n, len(rest.prefixes))
			}
			rest.prefixes = rest.prefixes[n:]
			messages, total = messages+1, total+n
		}
		var gone []netip.Prefix
		for _, a := range all {
			gone = append(gone, a.Prefix)
		}
		for len(gone) > 0 {
			msg, n := packWithdraw(gone, maxMessage)
			if len(msg) > maxMessage || n < len(gone) && len(msg) < maxMessage-17 {
				t.Fatalf("%s: a withdrawal of %d bytes with %d of %d", f, len(msg), n, len(gone))
			}
			gone = gone[n:]
		}
		if total != 5000 || messages > 22 {
			t.Errorf("%s: %d prefixes in %d messages", f, total, messages)
		}
	}
}

// planText is a plan as one reads it.
func planText(p plan) string {
	var out []string
	if len(p.withdraw) > 0 {
		out = append(out, fmt.Sprint("withdraw ", p.withdraw))
	}
	for _, g := range p.tell {
		out = append(out, fmt.Sprint("tell ", g.prefixes, " via ", g.block.nextHop))
	}
	if p.withheld > 0 {
		out = append(out, fmt.Sprintf("withhold %d: %s", p.withheld, p.why))
	}
	return strings.Join(out, "; ")
}

func TestThePlanIsTheDifferenceForOnePeer(t *testing.T) {
	a, b := &route.Attributes{}, &route.Attributes{MED: route.Some(1)}
	only := func(all []Announcement, to ...string) []Announcement {
		for i := range all {
			all[i].To = []netip.Addr{}
			for _, x := range to {
				all[i].To = append(all[i].To, netip.MustParseAddr(x))
			}
		}
		return all
	}
	o := teller(true, true)
	for i, c := range []struct {
		all   []Announcement
		again []Family
		want  string
	}{
		{announce(a, "192.0.2.2/32", "192.0.2.1/32", "2001:db8:1::/48"), nil, "tell [192.0.2.1/32 192.0.2.2/32] via 10.0.0.1; tell [2001:db8:1::/48] via 2001:db8::1"},
		{announce(&route.Attributes{}, "192.0.2.1/32", "192.0.2.2/32", "2001:db8:1::/48"), nil, ""},
		{announce(a, "192.0.2.1/32", "192.0.2.2/32", "2001:db8:1::/48"), []Family{IPv6}, "tell [2001:db8:1::/48] via 2001:db8::1"},
		{append(announce(a, "192.0.2.1/32", "192.0.2.2/32"), announce(b, "192.0.2.2/32")...), nil, "withdraw [2001:db8:1::/48]; tell [192.0.2.2/32] via 10.0.0.1"},
		{only(announce(a, "192.0.2.1/32"), "10.0.0.3"), nil, "withdraw [192.0.2.1/32 192.0.2.2/32]"},
		{append(only(announce(a, "192.0.2.1/32"), "10.0.0.3", "10.0.0.2"), only(announce(a, "192.0.2.9/32"))...), nil, "tell [192.0.2.1/32] via 10.0.0.1"},
		{announce(&route.Attributes{NextHop: netip.MustParseAddr("fd00::9")}, "192.0.2.1/32"), nil, "withdraw [192.0.2.1/32]; withhold 1: 192.0.2.1/32: the next hop fd00::9 is not IPv4"},
		{announce(&route.Attributes{NextHop: netip.MustParseAddr("10.0.0.2")}, "192.0.2.1/32", "192.0.2.2/32"), nil, "withhold 2: 192.0.2.1/32: the next hop 10.0.0.2 is the peer itself"},
		{announce(&route.Attributes{Communities: make([]uint32, 1100)}, "192.0.2.1/32"), nil, "withhold 1: 192.0.2.1/32: 4424 bytes of attributes do not fit a message"},
		{[]Announcement{{}}, nil, ""},
	} {
		p := o.plan(c.all, c.again)
		if got := planText(p); got != c.want {
			t.Errorf("step %d:\n got %s\nwant %s", i, got, c.want)
		}
		apply(o, p)
	}
}

// apply takes the plan as told.
func apply(o *outbound, p plan) {
	o.blocks = p.blocks
	for _, prefix := range p.withdraw {
		delete(o.have, prefix)
	}
	for _, g := range p.tell {
		for _, prefix := range g.prefixes {
			o.have[prefix] = g.block
		}
	}
}

func TestTheNextHopOfTheOtherFamilyIsSetOrFoundOrSaidToBeMissing(t *testing.T) {
	o := teller(true, true)
	v6 := announce(nil, "2001:db8:1::/48")
	if got := planText(o.plan(v6, nil)); got != "tell [2001:db8:1::/48] via 2001:db8::1" {
		t.Error(got)
	}
	o.self.NextHop6 = netip.MustParseAddr("2001:db8::5")
	if got := planText(o.plan(v6, nil)); got != "tell [2001:db8:1::/48] via 2001:db8::5" {
		t.Error(got)
	}
	o.self.NextHop6, o.sibling = netip.Addr{}, (&world{}).sibling
	if got := planText(o.plan(v6, nil)); got != "withhold 1: 2001:db8:1::/48: no IPv6 address on eth0 to be the next hop" {
		t.Error(got)
	}
	o.terms.families = []Family{IPv4}
	if got := planText(o.plan(v6, nil)); got != "withhold 1: 2001:db8:1::/48: the peer does not speak IPv6" {
		t.Error(got)
	}
}

func TestNotificationsInWordsAndBytes(t *testing.T) {
	long := strings.Repeat("é", 200)
	for _, c := range []struct {
		n     Notification
		words string
		bytes []byte
	}{
		{Notification{}, "", []byte{0, 0}},
		{Notification{Code: 4}, "Hold Timer Expired", []byte{4, 0}},
		{CeaseMaxPrefixes, "Cease/Maximum Number of Prefixes Reached", []byte{6, 1}},
		{Notification{Code: 6, Subcode: 2, Text: "bye"}, "Cease/Administrative Shutdown: bye", []byte{6, 2, 3, 'b', 'y', 'e'}},
		{Notification{Code: 6, Subcode: 99}, "Cease/subcode 99", []byte{6, 99}},
		{Notification{Code: 99, Subcode: 1, Data: []byte{7}}, "code 99/subcode 1", []byte{99, 1, 7}},
		{Notification{Code: 6, Subcode: 4, Text: long}, "Cease/Administrative Reset: " + long, append([]byte{6, 4, 254}, long[:254]...)},
	} {
		if got := c.n.String(); got != c.words {
			t.Errorf("got %q, want %q", got, c.words)
		}
		if got := c.n.payload(); !bytes.Equal(got, c.bytes) {
			t.Errorf("%s: got %x, want %x", c.words, got, c.bytes)
		}
	}
	for body, want := range map[string]string{
		"\x06\x02":               "Cease/Administrative Shutdown",
		"\x06\x02\x05ab":         "Cease/Administrative Shutdown",
		"\x06\x02\x02a\xff":      "Cease/Administrative Shutdown: a?",
		"\x06\x03\x02ab":         "Cease/Peer De-configured",
		"\x06\x04\x03a\nb extra": "Cease/Administrative Reset: a?b",
	} {
		if got := parseNotification([]byte(body)).String(); got != want {
			t.Errorf("%q: got %q, want %q", body, got, want)
		}
	}
}

// FuzzTheDoor lets any bytes in: they are messages, or an error that says
// which NOTIFICATION to send; never a panic.
func FuzzTheDoor(f *testing.F) {
	f.Add(frame(bgp.BGP_MSG_OPEN, hello(65001, 90, "2.2.2.2", modern(65001)...)))
	f.Add(frame(bgp.BGP_MSG_UPDATE, updateBody(net1, attrs(base, attr(0xc0, 40, 1, 0), reach(2, 1, v6hop, v6net...)), net1)))
	f.Add(frame(bgp.BGP_MSG_NOTIFICATION, []byte{6, 2, 3, 'b', 'y', 'e'}))
	f.Add(slices.Concat(keepaliveMessage, endOfRIB(IPv4), endOfRIB(IPv6)))
	f.Fuzz(func(t *testing.T, b []byte) {
		door := newDoor(bytes.NewReader(b))
		readers := []*decoder{reader(true, true), reader(true, false), reader(false, true)}
		for {
			kind, body, err := door.next()
			if err != nil {
				return
			}
			switch kind {
			case bgp.BGP_MSG_OPEN:
				if o, err := parseOpen(body); err == nil {
					if _, err := negotiate(settings(65000, "1.1.1.1"), o); err != nil {
						mustBeFault(t, err)
					}
				} else {
					mustBeFault(t, err)
				}
			case bgp.BGP_MSG_UPDATE:
				for _, d := range readers {
					var ev Update
					u, err := d.decode(body)
					if err == nil {
						err = u.addTo(&ev)
					}
					if err != nil {
						mustBeFault(t, err)
					}
					for _, r := range ev.Reachable {
						if !r.Prefix.IsValid() || r.Prefix != r.Prefix.Masked() || r.Attributes == nil || !r.NextHop.IsValid() {
							t.Fatalf("route %+v", r)
						}
					}
				}
			case bgp.BGP_MSG_NOTIFICATION:
				_ = parseNotification(body).String()
			}
		}
	})
}

func mustBeFault(t *testing.T, err error) {
	t.Helper()
	var f *fault
	if !errors.As(err, &f) || f.n.Code == 0 {
		t.Fatalf("no NOTIFICATION for %v", err)
	}
}

// FuzzOpen reads any OPEN: what it says can be agreed on or refused, and shown.
func FuzzOpen(f *testing.F) {
	f.Add(hello(65001, 90, "2.2.2.2", offered(65001, grace{60 * time.Second, true, true})...))
	f.Add(append(hello(65001, 90, "2.2.2.2")[:9], 255, 255, 0, 4, 2, 0, 1, 1))
	f.Add(hello(65001, 90, "2.2.2.2", bgp.NewCapUnknown(64, []byte{0x80, 60, 0, 1, 1})))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < minLength[bgp.BGP_MSG_OPEN]-headerLen {
			return
		}
		o, err := parseOpen(b)
		if err == nil {
			var agreed terms
			if agreed, err = negotiate(settings(65000, "1.1.1.1"), o); err == nil {
				agreed.restart.ours = time.Minute
				families, wait := agreed.keeps()
				if len(families) > 2 || wait > time.Minute || len(o.capabilities) > maxCapabilities {
					t.Fatalf("%v for %s, %d capabilities", families, wait, len(o.capabilities))
				}
				return
			}
		}
		mustBeFault(t, err)
	})
}

// FuzzASession lets any bytes into an established session. It may end, and
// never by a panic; with the bytes no event may come that breaks the order.
func FuzzASession(f *testing.F) {
	f.Add(frame(bgp.BGP_MSG_UPDATE, updateBody(nil, base, net1)))
	f.Add(slices.Concat(endOfRIB(IPv4), frame(bgp.BGP_MSG_ROUTE_REFRESH, []byte{0, 1, 0, 1}), keepaliveMessage))
	f.Add(frame(bgp.BGP_MSG_NOTIFICATION, []byte{6, 2, 3, 'b', 'y', 'e'}))
	f.Fuzz(func(t *testing.T, b []byte) {
		w := newWorld()
		s := New(Config{Listen: []netip.AddrPort{here}, Log: slog.New(slog.NewTextHandler(writerFunc(func(line []byte) (int, error) {
			if bytes.Contains(line, []byte("panic")) {
				t.Errorf("%s", line)
			}
			return len(line), nil
		}), nil))})
		s.net = w
		mustSet(t, s, []Peer{passive(peerA, patient())}, nil)
		ctx, cancel := context.WithCancel(t.Context())
		us := hearUntil(t, ctx, s)
		p := w.call(t, peerA)
		back(p, once)
		p.raw(b)
		p.conn.Close()
		eventually(t, "the session to be over", func() bool { return len(us.downs()) == 1 })
		cancel()
		us.wait()
	})
}
