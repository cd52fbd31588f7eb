package bgp

import "testing"

// What gobgp is known to stumble over and version 3 has no fix for. We hand its
// codec single attributes and capabilities whose length we have checked, so
// that none of it comes through. docs/dependencies.md has the list.
func TestWhatTheCodecIsKnownToStumbleOverDoesNotReachIt(t *testing.T) {
	ipv4 := []byte{1, 4, 0, 1, 0, 1}
	for _, c := range []struct {
		advisory string
		says     []byte // capabilities
	}{
		// A length of 0, so that the AS number is read out of what follows.
		{"GHSA-gjrg-jjr3-56cm", append([]byte{65, 0}, ipv4...)},
		{"GHSA-gjrg-jjr3-56cm", append([]byte{65, 3, 0, 1, 2}, ipv4...)},
		{"CVE-2025-43971", append([]byte{75, 1, 0}, ipv4...)},
	} {
		body := append(hello(100, 90, "2.2.2.2")[:9], byte(2+len(c.says)), 2, byte(len(c.says)))
		o, err := parseOpen(append(body, c.says...))
		if err != nil {
			t.Errorf("%s: %v", c.advisory, err)
		} else if o.asn != 100 || o.fourOctet || len(o.families) != 1 {
			t.Errorf("%s: AS %d, of four octets: %v, families %v", c.advisory, o.asn, o.fourOctet, o.families)
		}
	}

	for _, c := range []struct {
		advisory string
		body     []byte
		want     string
	}{
		// Withdrawn routes or attributes longer than the message.
		{"CVE-2026-37462", []byte{0xff, 0xff, 0, 0}, malformed},
		{"CVE-2026-37462", []byte{0, 0, 0xff, 0xff, 1}, malformed},
		{"CVE-2026-37462", []byte{0, 0, 0}, malformed},
		{"CVE-2026-30405", updateBody(nil, attrs(origin, path4, attr(0x40, 3, 10, 0, 0)), net1), gone1},
		{"CVE-2026-30405", updateBody(nil, attrs(origin, path4, attr(0x40, 3)), net1), gone1},
		{"GHSA-frrj-87jh-2772", updateBody(nil, attrs(origin, attr(0x40, 2), nexthop), net1), gone1},
		{"CVE-2026-41643", updateBody(nil, attrs(attr(0xc0, 17, 2, 9), origin, path4, nexthop), net1), good1},
		{"CVE-2026-37461", updateBody(nil, attrs(base, attr(0xc0, 25, 0, 1, 2)), net1), good1},
		{"CVE-2025-43972", updateBody(nil, attrs(base, reach(1, 133, nil, 19, 1, 2, 3)), net1), good1},
	} {
		if got := say(reader(true, true), c.body); got != c.want {
			t.Errorf("%s, %x: %s, want %s", c.advisory, c.body, got, c.want)
		}
	}
}
