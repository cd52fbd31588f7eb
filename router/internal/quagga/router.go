package quagga

import (
	"net/netip"
	"slices"
	"strings"
)

// always is what hawser does without being told, or what says nothing to it.
var always = []string{
	"bgp log-neighbor-changes", "bgp default ipv4-unicast", "bgp bestpath as-path multipath-relax", "bgp network import-check",
	"bgp deterministic-med", "bgp graceful-restart preserve-fw-state", "no synchronization", "no auto-summary", "no bgp network import-check",
	"no bgp suppress-duplicates", "bgp suppress-duplicates", "bgp enforce-first-as", "no bgp default ipv4-unicast",
	"bgp ebgp-requires-policy", "no bgp ebgp-requires-policy", "bgp fast-external-failover", "no bgp graceful-restart",
}

// takeRouter reads a line of "router bgp".
func (c *config) takeRouter(l line) {
	switch {
	case l.is("address-family"):
		c.takeFamily(l)
	case c.family == other: // the family was named as lost, and with it all that is said of it
	case l.is("neighbor"):
		c.takeNeighbor(l, l.words[1:], false)
	case l.is("no neighbor"):
		c.takeNeighbor(l, l.words[2:], true)
	case l.is("network"):
		c.takeNetwork(l)
	case l.is("bgp router-id"):
		a, err := netip.ParseAddr(l.word(2))
		if err != nil || !a.Is4() || a.IsUnspecified() {
			c.lose(l, "no IPv4 address")
			return
		}
		c.routerID = a.String()
	case l.is("maximum-paths"):
		c.takeMaxPaths(l)
	case l.is("timers bgp"):
		c.timers = said{line: l, args: l.words[2:]}
	case l.is("bgp graceful-restart restart-time"):
		c.number(l, l.word(3), 1, 4095, &c.restartTime)
	case l.is("bgp graceful-restart") && len(l.words) == 2: // hawser's default
	case l.is("bgp listen limit"):
		c.number(l, l.word(3), 1, 4096, &c.maxPeers)
	case l.is("bgp listen range"):
		c.takeRange(l)
	case slices.ContainsFunc(always, l.is):
		c.noIPv4 = c.noIPv4 || l.is("no bgp default ipv4-unicast")
		c.noPolicy = c.noPolicy || l.is("no bgp ebgp-requires-policy")
		if l.is("no bgp graceful-restart") {
			c.restartTime = "0"
		}
	case l.is("redistribute"), l.is("aggregate-address"):
		c.lose(l, "hawser announces what option send names, and nothing else")
	default:
		c.lose(l, "hawser has nothing like it")
	}
}

func (c *config) number(l line, text string, low, high int, into *string) {
	n, ok := within(text, low, high)
	if !ok {
		c.lose(l, wrongValue(text, low, high))
		return
	}
	*into = n
}

func (c *config) takeFamily(l line) {
	what := strings.Join(l.words[1:], " ")
	switch what {
	case "ipv4", "ipv4 unicast":
		c.family = ipv4
	case "ipv6", "ipv6 unicast":
		c.family = ipv6
	default:
		c.family = other
		c.lose(l, "hawser speaks IPv4 and IPv6 unicast only; what is said of this family is left out")
	}
}

func (c *config) takeMaxPaths(l line) {
	text := l.word(1)
	if text == "ibgp" {
		text = l.word(2)
	}
	n, ok := within(text, 1, 255)
	switch {
	case !ok:
		c.lose(l, wrongValue(text, 1, 255))
	case c.maxPaths != "" && c.maxPaths != n:
		c.lose(l, "max_paths is one number for all: it stays "+c.maxPaths)
	default:
		c.maxPaths = n
	}
}

// takeNetwork knows "network 192.0.2.0/24", "… mask 255.255.255.0" and the
// classes of old.
func (c *config) takeNetwork(l line) {
	text, rest := l.word(1), l.words[min(2, len(l.words)):]
	p, ok := prefix(text)
	if !ok {
		a, err := netip.ParseAddr(text)
		if err != nil || !a.Is4() {
			c.lose(l, "no network that is understood")
			return
		}
		bits := class(a)
		if l.word(2) == "mask" {
			bits, ok = mask(l.word(3))
			rest = l.words[min(4, len(l.words)):]
			if !ok {
				c.lose(l, "no mask that is understood")
				return
			}
		}
		p = netip.PrefixFrom(a, bits).Masked()
	}
	if len(rest) > 0 {
		c.lose(l, strings.Join(rest, " ")+": a network is sent as it is")
	}
	c.networks = append(c.networks, network{l, p})
}

// class is the prefix length of an address's class (RFC 791 §3.2).
func class(a netip.Addr) int {
	switch b := a.As4()[0]; {
	case b < 128:
		return 8
	case b < 192:
		return 16
	}
	return 24
}

// mask is the length of a mask without holes.
func mask(text string) (int, bool) {
	a, err := netip.ParseAddr(text)
	if err != nil || !a.Is4() {
		return 0, false
	}
	for bits := 0; bits <= 32; bits++ {
		if netip.PrefixFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), bits).Masked().Addr() == a {
			return bits, true
		}
	}
	return 0, false
}

func (c *config) takeRange(l line) {
	p, ok := prefix(l.word(3))
	switch {
	case !ok || l.word(4) != "peer-group" || l.word(5) == "":
		c.lose(l, `not understood: "bgp listen range PREFIX peer-group NAME" is`)
	case slices.ContainsFunc(c.ranges, func(r listen) bool { return r.prefix == p }):
		c.lose(l, "a second range of the same addresses")
	default:
		c.ranges = append(c.ranges, listen{l, p, l.word(5)})
	}
}
