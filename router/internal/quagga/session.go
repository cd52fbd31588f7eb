package quagga

import (
	"net/netip"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// session are the options of a neighbor or group, in uciconf's order.
func (c *config) session(p *peer) []option {
	var s []option
	add := func(name, value string) {
		if value != "" {
			s = append(s, option{name: name, values: []string{value}})
		}
	}
	add("description", description(c.of(p, "description")))
	add("asn", c.remoteAS(p))
	allow := c.allow(p)
	s = append(s, many("allow", allow))
	add("max_prefixes", c.maxPrefixes(p))
	add("password", c.password(p))
	hops, away := c.hops(p)
	add("ttl_security", hops)
	add("multihop", away)
	s = append(s, c.bfd(p)...)
	s = append(s, many("send", c.send(p)))
	if slices.ContainsFunc(allow, func(p netip.Prefix) bool { return p.Bits() == 0 }) {
		add("guard", "0")
	}
	return slices.DeleteFunc(s, func(o option) bool { return len(o.values) == 0 })
}

func many(name string, all []netip.Prefix) option {
	slices.SortFunc(all, netip.Prefix.Compare)
	o := option{name: name, list: true}
	for _, p := range slices.Compact(all) {
		o.values = append(o.values, p.String())
	}
	return o
}

// longestText is how many bytes a description may have in UCI.
const longestText = 255

func description(s said) string {
	text := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, strings.Join(s.args, " "))
	for len(text) > longestText {
		_, n := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-n]
	}
	return strings.TrimSpace(text)
}

// remoteAS is "" when nothing that is understood was said.
func (c *config) remoteAS(p *peer) string {
	s := c.of(p, "remote-as")
	if !s.yes() {
		return ""
	}
	switch s.arg(0) {
	case "external":
		return "external"
	case "internal":
		return decimal(c.asn)
	}
	n, ok := asn(s.arg(0))
	if !ok {
		c.lose(s.line, "no AS number that a neighbor may have")
		return ""
	}
	return decimal(n)
}

func (c *config) maxPrefixes(p *peer) string {
	s := c.of(p, "maximum-prefix")
	if !s.yes() {
		return ""
	}
	n, ok := within(s.arg(0), 1, 1000000)
	if !ok {
		c.lose(s.line, wrongValue(s.arg(0), 1, 1000000))
		return ""
	}
	if slices.Contains(s.args, "warning-only") || slices.Contains(s.args, "restart") {
		c.lose(s.line, "above max_prefixes a session is closed, and tried again after a minute")
	}
	return n
}

// longestPassword is TCP_MD5SIG_MAXKEYLEN (linux/tcp.h).
const longestPassword = 80

func (c *config) password(p *peer) string {
	s := c.of(p, "password")
	if !s.yes() {
		return ""
	}
	if len(s.arg(0)) > longestPassword {
		c.lose(s.line, "longer than 80 bytes, the kernel's limit for TCP MD5")
		return ""
	}
	return s.arg(0)
}

// hops are ttl_security and multihop, of which a session has one at the most.
func (c *config) hops(p *peer) (security, multihop string) {
	if s := c.of(p, "ttl-security"); s.yes() {
		n, ok := within(s.arg(1), 1, 254)
		if ok && s.arg(0) == "hops" {
			return n, ""
		}
		c.lose(s.line, "hops are not from 1 to 254")
	}
	s := c.of(p, "ebgp-multihop")
	switch n, ok := within(s.arg(0), 1, 255); {
	case !s.yes():
		return "", ""
	case len(s.args) == 0:
		return "", "255"
	case !ok:
		c.lose(s.line, wrongValue(s.arg(0), 1, 255))
		return "", ""
	case n == "1": // what a neighbor on the same network has anyway
		return "", ""
	default:
		return "", n
	}
}

func (c *config) bfd(p *peer) []option {
	s := c.of(p, "bfd")
	if !s.yes() {
		return nil
	}
	all := []option{{name: "bfd", values: []string{"1"}}}
	if len(s.args) != 3 {
		if len(s.args) > 0 {
			c.lose(s.line, "of BFD the interval and the multiplier are carried over")
		}
		return all
	}
	multiplier, ok1 := within(s.args[0], 2, 255)
	interval, ok2 := within(s.args[2], 50, 60000)
	if !ok1 || !ok2 {
		c.lose(s.line, "the multiplier is not from 2 to 255, or the interval not from 50 to 60000")
		return all
	}
	if s.args[1] != s.args[2] {
		c.lose(s.line, "BFD has one interval both ways, the one for sending")
	}
	return append(all, option{name: "bfd_interval", values: []string{interval}}, option{name: "bfd_multiplier", values: []string{multiplier}})
}

// active reports whether routes of the family are spoken of.
func (c *config) active(p *peer, f family) bool {
	s := c.of(p, key("activate", f))
	if s.number == 0 {
		return f == ipv4 && !c.noIPv4
	}
	return !s.no
}

// allow are the prefixes inside which the peer's routes were taken.
func (c *config) allow(p *peer) []netip.Prefix {
	var all []netip.Prefix
	for _, f := range []family{ipv4, ipv6} {
		if c.active(p, f) {
			all = append(all, c.allowFamily(p, f)...)
		}
	}
	return all
}

func (c *config) allowFamily(p *peer, f family) []netip.Prefix {
	byList, byMap := c.of(p, key("prefix-list in", f)), c.of(p, key("route-map in", f))
	m := c.maps[byMap.arg(0)]
	switch {
	case byList.yes():
		if byMap.yes() && (m == nil || !m.trivial()) {
			c.lose(byMap.line, "beside a prefix-list it is left out: option allow names what the prefix-list permits")
		}
		if list := c.list(byList.line, byList.arg(0), f); list != nil {
			return c.allowed(list)
		}
		return nil
	case byMap.yes() && m == nil:
		c.lose(byMap.line, "the route-map is not in this text: nothing passes")
		return nil
	case byMap.yes():
		return c.passed(m, f)
	case c.frr && !c.noPolicy && c.remoteAS(p) != decimal(c.asn): // RFC 8212
		return nil
	}
	return []netip.Prefix{whole(f)}
}

// send are the networks that the peer was told.
func (c *config) send(p *peer) []netip.Prefix {
	var all []netip.Prefix
	for _, n := range c.networks {
		f := familyOf(n.prefix)
		if c.active(p, f) && c.sends(p, n.prefix, f) {
			all = append(all, n.prefix)
		}
	}
	for _, f := range []family{ipv4, ipv6} {
		if s := c.of(p, key("default-originate", f)); s.yes() && c.active(p, f) {
			all = append(all, whole(f))
			if len(s.args) > 0 {
				c.lose(s.line, "the default route is sent as long as the session is up")
			}
		}
	}
	return all
}

// sends reports whether the peer's policy lets a network out.
func (c *config) sends(p *peer, n netip.Prefix, f family) bool {
	byList, byMap := c.of(p, key("prefix-list out", f)), c.of(p, key("route-map out", f))
	if byList.yes() {
		if list := c.list(byList.line, byList.arg(0), f); list == nil || !list.permits(n) {
			return false
		}
	}
	if byMap.yes() {
		m := c.maps[byMap.arg(0)]
		if m == nil {
			c.lose(byMap.line, "the route-map is not in this text: nothing passes")
			return false
		}
		return c.lets(m, n)
	}
	return byList.yes() || !c.frr || c.noPolicy || c.remoteAS(p) == decimal(c.asn)
}
