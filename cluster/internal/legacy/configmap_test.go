package legacy

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hawser-lb/hawser/cluster/internal/model"
)

// told prints what was read, one object a line.
func told(c Config) string {
	var b strings.Builder
	for _, p := range c.Peers {
		fmt.Fprintf(&b, "peer %s %d->%d %s port %d hold %s keepalive %s", p.Name, p.MyASN, p.PeerASN, p.Address, p.Port, p.HoldTime, p.Keepalive)
		if p.SourceAddress.IsValid() {
			fmt.Fprintf(&b, " from %s", p.SourceAddress)
		}
		if p.RouterID.IsValid() {
			fmt.Fprintf(&b, " id %s", p.RouterID)
		}
		if p.EBGPMultiHop {
			b.WriteString(" multihop")
		}
		if p.Password.IsSet() {
			b.WriteString(" password " + p.Password.Reveal())
		}
		for _, s := range p.NodeSelectors {
			fmt.Fprintf(&b, " on {%s}", s)
		}
		b.WriteString("\n")
	}
	for _, p := range c.Pools {
		fmt.Fprintf(&b, "pool %s %v auto=%t buggy=%t\n", p.Name, p.Ranges, p.AutoAssign, !p.AvoidBuggyIPs)
	}
	for _, a := range c.Advertisements {
		fmt.Fprintf(&b, "advertisement %s of %v /%d /%d pref %v communities %x\n", a.Name, a.Pools, a.AggregationLength, a.AggregationLengthV6, a.LocalPref, a.Communities)
	}
	for _, w := range c.Warnings {
		fmt.Fprintf(&b, "warning: %s\n", w)
	}
	return b.String()
}

func TestAGoodTextMeansWhatItMeantBefore(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing at all is an empty configuration", "", ""},
		{"a comment is nothing at all", "# nothing yet\n", ""},
		{"the file that everybody starts with", `
peers:
- my-asn: 64512
  peer-asn: 64513
  peer-address: 192.0.2.1
address-pools:
- name: default
  protocol: bgp
  addresses:
  - 198.51.100.0/24
`, `
peer 192.0.2.1 64512->64513 192.0.2.1 port 179 hold 1m30s keepalive 30s
pool default [198.51.100.0/24] auto=true buggy=true
advertisement default/1 of [default] /32 /128 pref {0 false} communities []
`},
		{"every field of a peer", `
bfd-profiles:
- name: fast
  receive-interval: 50
  transmit-interval: 50
  detect-multiplier: 3
  echo-interval: 50
  echo-mode: false
  passive-mode: true
  minimum-ttl: 254
peers:
- my-asn: 64512
  peer-asn: 4200000001
  peer-address: 2001:db8::1
  source-address: 2001:db8::2
  peer-port: 1179
  hold-time: 9s
  keepalive-time: 2s
  router-id: 10.0.0.1
  ebgp-multihop: true
  password: "open sesame"
  bfd-profile: fast
  node-selectors:
  - match-labels:
      rack: r1
    match-expressions:
    - {key: zone, operator: NotIn, values: [b, a]}
    - {key: bgp, operator: Exists}
  - match-expressions:
    - key: gone
      operator: DoesNotExist
`, `
peer 2001:db8::1 64512->4200000001 2001:db8::1 port 1179 hold 9s keepalive 2s from 2001:db8::2 id 10.0.0.1 multihop password open sesame on {bgp,rack=r1,zone notin (a,b)} on {!gone}
warning: line 22: peers[0].bfd-profile: echo-mode, passive-mode and minimum-ttl of profile "fast" are not spoken
`},
		{"every field of a pool, with communities by name", `
bgp-communities:
  no-export: 65535:65281
  vpn-only: 1234:1
address-pools:
- name: wide
  protocol: bgp
  auto-assign: no
  avoid-buggy-ips: true
  addresses:
  - 198.51.100.0/25
  - 203.0.113.10-203.0.113.20
  - 2001:db8:1::/64
  bgp-advertisements:
  - communities: [no-export, "64512:7"]
    localpref: 100
- name: summed
  protocol: bgp
  addresses: ["198.18.0.0/22"]
  bgp-advertisements:
  - aggregation-length: 32
  - aggregation-length: 24
    aggregation-length-v6: 64
    communities: [vpn-only]
`, `
pool wide [198.51.100.0/25 203.0.113.10-203.0.113.20 2001:db8:1::/64] auto=false buggy=false
pool summed [198.18.0.0/22] auto=true buggy=true
advertisement wide/1 of [wide] /32 /128 pref {100 true} communities [ffffff01 fc000007]
advertisement summed/1 of [summed] /32 /128 pref {0 false} communities []
advertisement summed/2 of [summed] /24 /64 pref {0 false} communities [4d20001]
`},
		{"host bits are masked as they were, and warned of", `
address-pools:
- name: a
  protocol: bgp
  addresses: [198.51.100.7/24]
`, `
pool a [198.51.100.0/24] auto=true buggy=true
advertisement a/1 of [a] /32 /128 pref {0 false} communities []
warning: line 5: address-pools[0].addresses[0]: "198.51.100.7/24" is read as 198.51.100.0/24; write that, or a range such as 198.51.100.7-198.51.100.255
`},
		{"two peers at one address for different nodes, and an anchor", `
peers:
- &p
  my-asn: 1
  peer-asn: 2
  peer-address: 192.0.2.1
  keepalive-time: 1s
  node-selectors: [{match-labels: {rack: a}}]
- my-asn: 1
  peer-asn: 2
  peer-address: 192.0.2.1
  hold-time: 0s
  node-selectors: [{match-labels: {rack: b}}]
`, `
peer 192.0.2.1 1->2 192.0.2.1 port 179 hold 3s keepalive 1s on {rack=a}
peer 192.0.2.1#2 1->2 192.0.2.1 port 179 hold 0s keepalive 0s on {rack=b}
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ConfigMap(c.text)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(strings.TrimPrefix(c.want, "\n"), told(got)); d != "" {
				t.Error("want - got +\n" + d)
			}
		})
	}
}

func TestSelectorsOfTheTextMatchNodes(t *testing.T) {
	c, err := ConfigMap(`
peers:
- my-asn: 1
  peer-asn: 2
  peer-address: 192.0.2.1
  node-selectors:
  - match-labels: {rack: a}
`)
	if err != nil {
		t.Fatal(err)
	}
	for rack, want := range map[string]bool{"a": true, "b": false} {
		if got := model.AnyMatches(c.Peers[0].NodeSelectors, model.Labels{"rack": rack}); got != want {
			t.Errorf("rack %s: %t", rack, got)
		}
	}
	if c.Peers[0].ConnectRetry != 2*time.Second {
		t.Error(c.Peers[0].ConnectRetry)
	}
}

func TestABadTextIsRefusedWithEveryMistakeAndItsLine(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"not YAML", "peers:\n\t- x", "line 2: no valid YAML: found character that cannot start any token"},
		{"a list where fields are wanted", "- a\n", `line 1: must have fields ("name: value"), not a list`},
		{"two documents", "peers: []\n---\npeers: []\n", "line 2: no valid YAML: a second document begins here; only one is read"},
		{"not YAML further down", "peers: []\n---\n\t- x", "line 3: no valid YAML: found character that cannot start any token"},
		{"an unknown field names its neighbour", "adress-pools: []\n", `line 1: adress-pools: unknown field; do you mean "address-pools"?`},
		{"an unknown field that is like nothing", "flux: 1\n", `line 1: flux: unknown field; known here: peers, address-pools, bgp-communities, bfd-profiles`},
		{"the spelling of the CRDs", "peers:\n- myASN: 1\n  peer-asn: 2\n  peer-address: 192.0.2.1\n",
			"line 2: peers[0].my-asn: is missing\n" + `line 2: peers[0].myASN: unknown field; do you mean "my-asn"?`},
		{"a field twice", "peers: []\npeers: []\n", "line 2: peers: stands here a second time; which one is meant?"},
		{"a merge key", "peers:\n- <<: {my-asn: 1}\n  my-asn: 1\n  peer-asn: 2\n  peer-address: 192.0.2.1\n",
			"line 2: peers[0]: keys are plain words here: merge keys (<<) and nested keys are not read, write the fields out"},
		{"a peer that says nothing", "peers:\n- {}\n", `
line 2: peers[0].my-asn: is missing
line 2: peers[0].peer-address: is missing
line 2: peers[0].peer-asn: is missing`},
		{"a peer with wrong values", `peers:
- my-asn: 0
  peer-asn: "64513"
  peer-address: router.example
  source-address: fe80::1%eth0
  peer-port: 70000
  hold-time: 90
  router-id: 2001:db8::1
  ebgp-multihop: maybe
  password: 12345
  bfd-profile: none
`, `
line 2: peers[0].my-asn: 0 is not between 1 and 4294967295
line 3: peers[0].peer-asn: must be a number, without quotes, not text
line 4: peers[0].peer-address: "router.example" is no IP address
line 5: peers[0].source-address: "fe80::1%eth0" is no IP address
line 6: peers[0].peer-port: 70000 is not between 1 and 65535
line 7: peers[0].hold-time: must be a time with its unit, such as "90s", not a number
line 8: peers[0].router-id: 2001:db8::1: a router ID is written as an IPv4 address other than 0.0.0.0
line 9: peers[0].ebgp-multihop: must be true or false, not "maybe"
line 10: peers[0].password: must be text (in quotes if it looks like something else), not a number
line 11: peers[0].bfd-profile: there is no profile "none" under bfd-profiles`},
		{"timers that BGP does not have", `peers:
- {my-asn: 1, peer-asn: 2, peer-address: 192.0.2.1, hold-time: 2s}
- {my-asn: 1, peer-asn: 2, peer-address: 192.0.2.2, hold-time: 20h}
- {my-asn: 1, peer-asn: 2, peer-address: 192.0.2.3, hold-time: 3500ms}
- {my-asn: 1, peer-asn: 2, peer-address: 192.0.2.4, hold-time: 9s, keepalive-time: 10s}
- {my-asn: 1, peer-asn: 2, peer-address: 192.0.2.5, hold-time: 9s, keepalive-time: 0s}
- {my-asn: 1, peer-asn: 2, peer-address: 192.0.2.6, hold-time: soon}
- {my-asn: 1, peer-asn: 2, peer-address: 192.0.2.7, keepalive-time: 1ms, hold-time: 9s}
`, `
line 2: peers[0].hold-time: 2s is too short: 0s (no hold time) or at least 3s
line 3: peers[1].hold-time: 20h0m0s is not between 0s and 65535s
line 4: peers[2].hold-time: 3.5s has a fraction: BGP counts whole seconds
line 5: peers[3].keepalive-time: 10s is longer than the hold time 9s
line 6: peers[4].keepalive-time: 0s would let the session expire; leave it out for a third of the hold time
line 7: peers[5].hold-time: "soon" is no time with its unit, such as "90s"
line 8: peers[6].keepalive-time: 1ms is too short: at least 1s`},
		{"addresses that no session can have", `peers:
- {my-asn: 1, peer-asn: 2, peer-address: 0.0.0.0}
- {my-asn: 1, peer-asn: 2, peer-address: "ff02::1"}
- {my-asn: 1, peer-asn: 2, peer-address: 192.0.2.3, source-address: 0.0.0.0}
- {my-asn: 1, peer-asn: 2, peer-address: 192.0.2.4, router-id: 0.0.0.0}
`, `
line 2: peers[0].peer-address: 0.0.0.0 is the address of no single machine
line 3: peers[1].peer-address: ff02::1 is the address of no single machine
line 4: peers[2].source-address: 0.0.0.0 is the address of no single machine
line 5: peers[3].router-id: 0.0.0.0: a router ID is written as an IPv4 address other than 0.0.0.0`},
		{"empty text where something must stand", `peers:
- {my-asn: 1, peer-asn: 2, peer-address: ""}
address-pools:
- name: ""
  protocol: ""
  addresses: ["", ~]
  bgp-advertisements:
  - communities: [""]
bgp-communities:
  no-export: ""
bfd-profiles:
- name: ""
`, `
line 2: peers[0].peer-address: is empty
line 4: address-pools[0].name: is empty
line 5: address-pools[0].protocol: is empty
line 6: address-pools[0].addresses[0]: is empty
line 6: address-pools[0].addresses[1]: is missing
line 8: address-pools[0].bgp-advertisements[0].communities[0]: is empty
line 10: bgp-communities.no-export: is empty
line 12: bfd-profiles[0].name: is empty`},
		{"a peer twice, families that differ, multihop inside an AS", `peers:
- {my-asn: 1, peer-asn: 2, peer-address: 192.0.2.1}
- {my-asn: 1, peer-asn: 2, peer-address: 192.0.2.1}
- {my-asn: 1, peer-asn: 2, peer-address: 192.0.2.2, source-address: "2001:db8::1"}
- {my-asn: 1, peer-asn: 1, peer-address: 192.0.2.3, ebgp-multihop: true}
`, `
line 3: peers[1]: peer 192.0.2.1 stands here a second time for the same nodes
line 4: peers[2].source-address: 2001:db8::1 is not of the family of peer-address 192.0.2.2
line 5: peers[3].ebgp-multihop: the peer is in the same AS 1, so the session is not eBGP; leave this out`},
		{"selectors without meaning", `peers:
- my-asn: 1
  peer-asn: 2
  peer-address: 192.0.2.1
  node-selectors:
  - match-expressions:
    - {key: a, operator: Near, values: [b]}
    - {key: a, operator: In}
    - {key: a, operator: Exists, values: [b]}
    - {operator: Exists}
  - match-lables: {a: b}
  - match-labels: {a: 1}
`, `
line 7: peers[0].node-selectors[0].match-expressions[0]: label "a": operator "Near" is none of In, NotIn, Exists, DoesNotExist
line 8: peers[0].node-selectors[0].match-expressions[1]: label "a": operator In needs values
line 9: peers[0].node-selectors[0].match-expressions[2]: label "a": operator Exists takes no values
line 10: peers[0].node-selectors[0].match-expressions[3].key: is missing
line 11: peers[0].node-selectors[1].match-lables: unknown field; do you mean "match-labels"?
line 12: peers[0].node-selectors[2].match-labels.a: must be text (in quotes if it looks like something else), not a number`},
		{"layer 2", "address-pools:\n- name: a\n  protocol: layer2\n  addresses: [192.0.2.0/24]\n",
			"line 3: address-pools[0].protocol: " + ErrLayer2.Error()},
		{"a pool that says nothing", "address-pools:\n- {}\n", `
line 2: address-pools[0].addresses: is missing
line 2: address-pools[0].name: is missing
line 2: address-pools[0].protocol: is missing`},
		{"pools with wrong addresses", `address-pools:
- name: a
  protocol: bgp
  addresses:
  - 192.0.2.1
  - 192.0.2.9-192.0.2.1
  - 192.0.2.0/33
  - 192.0.2.0/25
  - 192.0.2.127-192.0.2.130
- name: b
  protocol: ospf
  addresses: [192.0.2.64/26]
- name: b
  protocol: bgp
  addresses: []
`, `
line 5: address-pools[0].addresses[0]: "192.0.2.1" is neither a CIDR nor first-last: write 192.0.2.1/32 or 192.0.2.1-192.0.2.1
line 6: address-pools[0].addresses[1]: "192.0.2.9-192.0.2.1": the first address is above the last
line 7: address-pools[0].addresses[2]: "192.0.2.0/33" is no CIDR such as 192.0.2.0/24: prefix length out of range
line 9: address-pools[0].addresses[4]: 192.0.2.127-192.0.2.130 overlaps 192.0.2.0/25 of pool "a" in line 8
line 11: address-pools[1].protocol: "ospf" is no protocol: write "bgp"
line 12: address-pools[1].addresses[0]: 192.0.2.64/26 overlaps 192.0.2.0/25 of pool "a" in line 8
line 13: address-pools[2]: a pool "b" stands above already
line 15: address-pools[2].addresses: a pool needs one address at least`},
		{"advertisements that would not do", `bgp-communities:
  good: 1:2
  bad: 70000:1
address-pools:
- name: a
  protocol: bgp
  addresses: [192.0.2.0/25]
  bgp-advertisements:
  - aggregation-length: 24
  - aggregation-length: 33
  - localpref: -1
  - communities: [god, "1:2:3", "65536:1"]
- name: b
  protocol: bgp
  addresses: [192.0.2.128/25]
  bgp-advertisements:
  - localpref: 100
  - localpref: 200
`, `
line 3: bgp-communities.bad: "70000:1" is no community: write two numbers up to 65535, such as "65535:65281"
line 9: address-pools[0].bgp-advertisements[0].aggregation-length: prefixes of length 24 reach outside 192.0.2.0/25 of the pool
line 10: address-pools[0].bgp-advertisements[1].aggregation-length: 33 is not between 1 and 32
line 11: address-pools[0].bgp-advertisements[2].localpref: -1 is not between 0 and 4294967295
line 12: address-pools[0].bgp-advertisements[3].communities[0]: "god" is no community: write two numbers up to 65535, such as "65535:65281", or a name under bgp-communities; do you mean "good"?
line 12: address-pools[0].bgp-advertisements[3].communities[1]: "1:2:3" is no community: write two numbers up to 65535, such as "65535:65281"
line 12: address-pools[0].bgp-advertisements[3].communities[2]: "65536:1" is no community: write two numbers up to 65535, such as "65535:65281"
line 18: address-pools[1].bgp-advertisements[1]: has another localpref than advertisement b/1 of the same aggregation length`},
		{"profiles that would not do", `bfd-profiles:
- {name: a, receive-interval: 5, detect-multiplier: 1, minimum-ttl: 255}
- {name: a}
- {}
`, `
line 2: bfd-profiles[0].detect-multiplier: 1 is not between 2 and 255
line 2: bfd-profiles[0].minimum-ttl: 255 is not between 1 and 254
line 2: bfd-profiles[0].receive-interval: 5 is not between 10 and 60000
line 3: bfd-profiles[1].name: a profile "a" stands above already
line 4: bfd-profiles[2].name: is missing`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ConfigMap(c.text)
			if err == nil {
				t.Fatalf("was read as\n%s", told(got))
			}
			if d := cmp.Diff(strings.TrimPrefix(c.want, "\n"), err.Error()); d != "" {
				t.Error("want - got +\n" + d)
			}
		})
	}
}

func TestLayer2IsAnErrorOfItsOwn(t *testing.T) {
	_, err := ConfigMap("address-pools:\n- {name: a, protocol: layer2, addresses: [192.0.2.0/24]}\n")
	if !errors.Is(err, ErrLayer2) {
		t.Error(err)
	}
}

func TestAPasswordIsNeverSaid(t *testing.T) {
	for _, password := range []string{"12345678", "[secretword]", "{secretword: x}", "!x secretword"} {
		_, err := ConfigMap("peers:\n- {my-asn: 1, peer-asn: 2, peer-address: 192.0.2.1, password: " + password + "}\n")
		if err == nil {
			t.Errorf("password %s was read", password)
			continue
		}
		if strings.Contains(err.Error(), "secretword") || strings.Contains(err.Error(), "12345678") {
			t.Error(err)
		}
	}
}

func FuzzConfigMap(f *testing.F) {
	f.Add("peers:\n- my-asn: 1\n  peer-asn: 2\n  peer-address: 192.0.2.1\n")
	f.Add("a: &a [*a]\npeers: *a\n")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := ConfigMap(text); err != nil && err.Error() == "" {
			t.Error("a mistake without words")
		}
	})
}
