package quagga

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// config is what the lines said.
type config struct {
	asn         uint32
	routerID    string
	maxPaths    string
	restartTime string
	maxPeers    string
	timers      said
	noIPv4      bool // no bgp default ipv4-unicast
	frr         bool // FRR refuses what no policy allows (RFC 8212)
	noPolicy    bool // unless told otherwise
	networks    []network
	ranges      []listen
	peers       []*peer // neighbors and peer-groups, as they came
	byName      map[string]*peer
	lists       map[string]*prefixList // by family and name
	maps        map[string]*routeMap
	lost        []Loss
	losses      map[Loss]bool

	inside block // where the next line belongs
	family family
	entry  *mapEntry
}

// block is what an indented line belongs to.
type block int

const (
	nowhere block = iota
	ours          // router bgp
	aMap          // route-map
	foreign       // another daemon's: named once, its lines passed over
)

// family is the address family that a line speaks of.
type family int

const (
	ipv4 family = iota
	ipv6
	other // VPN, EVPN, multicast: hawser has none of them
)

func familyOf(p netip.Prefix) family {
	if p.Addr().Is4() {
		return ipv4
	}
	return ipv6
}

// said is one statement about a peer, or none when line is zero.
type said struct {
	line
	args []string
	no   bool
}

func (s said) arg(i int) string {
	if i < len(s.args) {
		return s.args[i]
	}
	return ""
}

type network struct {
	line
	prefix netip.Prefix
}

type listen struct {
	line
	prefix netip.Prefix
	group  string
}

// peer is a neighbor, or a peer-group when address is not valid.
type peer struct {
	line
	name    string
	address netip.Addr
	group   string
	said    map[string]said // by key
}

// key tells apart what is said per family.
func key(word string, f family) string {
	if f == ipv6 {
		return word + " ipv6"
	}
	return word
}

func newConfig() *config {
	return &config{losses: map[Loss]bool{}, byName: map[string]*peer{}, lists: map[string]*prefixList{}, maps: map[string]*routeMap{}}
}

// silent begin lines that are about bgpd, zebra and their terminals, or that a
// terminal printed.
var silent = []string{
	"Building", "Current", "hostname", "password", "enable", "log", "debug", "service", "line", "banner", "username", "agentx",
	"exec-timeout", "login", "access-class", "end", "exit", "frr version", "frr defaults", "domainname", "ip forwarding", "ipv6 forwarding",
	"no ip forwarding", "no ipv6 forwarding", "no service", "no log", "zebra", "access-list", "ipv6 access-list",
	"rpki", "interface", "exit-vrf",
}

// take reads one line.
func (c *config) take(l line) {
	if c.opens(l) {
		return
	}
	switch c.inside {
	case ours:
		c.takeRouter(l)
	case aMap:
		c.takeMap(l)
	case foreign:
	default:
		c.lose(l, "not understood")
	}
}

// opens reads lines that stand for themselves or begin a block.
func (c *config) opens(l line) bool {
	switch {
	case l.is("router bgp"):
		c.takeASN(l)
	case l.is("router"):
		c.inside = foreign
		c.lose(l, "hawser speaks BGP only, this protocol stays without a daemon")
	case l.is("route-map"):
		c.takeRouteMap(l)
	case l.is("ip prefix-list"), l.is("ipv6 prefix-list"):
		c.inside = nowhere
		c.takePrefixList(l)
	case l.is("ip route"), l.is("ipv6 route"):
		c.inside = nowhere
		c.lose(l, "a static route of zebra's: it belongs into /etc/config/network")
	case l.is("ip community-list"), l.is("bgp community-list"), l.is("ip as-path"), l.is("bgp as-path"), l.is("ip extcommunity-list"):
		c.inside = nowhere
		c.lose(l, "hawser filters by prefix only")
	case c.inside == ours && (l.is("exit-address-family") || l.is("exit")), c.inside == aMap && l.is("exit"):
		c.family = ipv4
	case c.silent(l):
		c.frr = c.frr || l.is("frr version")
		c.inside = nowhere
		if l.is("interface") || l.is("line") || l.is("rpki") {
			c.inside = foreign
		}
	default:
		return false
	}
	return true
}

func (c *config) silent(l line) bool {
	for _, start := range silent {
		if l.is(start) {
			return true
		}
	}
	prompt := len(l.words) == 1 && strings.HasSuffix(l.text, "#")
	return prompt || strings.Contains(l.text, "# show run") || strings.Contains(l.text, "# sh run")
}

func (c *config) takeASN(l line) {
	c.inside, c.family = foreign, ipv4
	n, ok := asn(l.word(2))
	switch {
	case len(l.words) > 3:
		c.lose(l, "views and VRFs have no counterpart")
	case !ok:
		c.lose(l, "no AS number that a router may have")
	case c.asn != 0:
		c.lose(l, "one instance of BGP is carried over, the first")
	default:
		c.asn, c.inside = n, ours
	}
}

// asn reads an AS number, plain or with a dot (RFC 5396). 23456 is nobody's.
func asn(text string) (uint32, bool) {
	if high, low, dotted := strings.Cut(text, "."); dotted {
		h, err1 := strconv.ParseUint(high, 10, 16)
		l, err2 := strconv.ParseUint(low, 10, 16)
		return uint32(h<<16 | l), err1 == nil && err2 == nil && h > 0
	}
	n, err := strconv.ParseUint(text, 10, 32)
	return uint32(n), err == nil && n != 0 && n != 23456
}

// within is text when it is a whole number from low to high.
func within(text string, low, high int) (string, bool) {
	n, err := strconv.Atoi(text)
	return strconv.Itoa(n), err == nil && n >= low && n <= high
}

// prefix reads a network and takes its host bits off.
func prefix(text string) (netip.Prefix, bool) {
	p, err := netip.ParsePrefix(text)
	if err != nil || p.Addr().Is4In6() {
		return netip.Prefix{}, false
	}
	return p.Masked(), true
}

// wrongValue is the reason of a line whose value is out of bounds.
func wrongValue(text string, low, high int) string {
	return fmt.Sprintf("%s is not from %d to %d", visible(text), low, high)
}
