package quagga

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
)

// prefixList is what "ip prefix-list NAME" and "ipv6 prefix-list NAME" say.
type prefixList struct{ entries []listEntry }

type listEntry struct {
	line
	seq      int
	permit   bool
	any      bool // every prefix of the family
	prefix   netip.Prefix
	low, top int // the lengths that match
}

// matches reports whether the entry speaks of p.
func (e listEntry) matches(p netip.Prefix) bool {
	return e.prefix.Contains(p.Addr()) && p.Bits() >= e.low && p.Bits() <= e.top
}

func (c *config) takePrefixList(l line) {
	f := ipv4
	if l.is("ipv6") {
		f = ipv6
	}
	words := l.words[2:]
	if len(words) < 2 || words[0] == "sequence-number" || words[1] == "description" {
		return
	}
	list := c.lists[key(words[0], f)]
	if list == nil {
		list = &prefixList{}
		c.lists[key(words[0], f)] = list
	}
	e, ok := listLine(l, words[1:], f)
	if !ok {
		c.lose(l, "not understood")
		return
	}
	if e.seq == 0 {
		e.seq = 5
		if n := len(list.entries); n > 0 {
			e.seq += list.entries[n-1].seq
		}
	}
	i, _ := slices.BinarySearchFunc(list.entries, e, func(a, b listEntry) int { return cmp.Compare(a.seq, b.seq) })
	list.entries = slices.Insert(list.entries, i, e)
}

// listLine reads "[seq N] permit|deny PREFIX|any [ge N] [le N]".
func listLine(l line, words []string, f family) (e listEntry, ok bool) {
	e.line = l
	if len(words) > 2 && words[0] == "seq" {
		n, err := strconv.ParseUint(words[1], 10, 32)
		if err != nil || n == 0 {
			return e, false
		}
		e.seq, words = int(n), words[2:]
	}
	if len(words) < 2 || words[0] != "permit" && words[0] != "deny" {
		return e, false
	}
	e.permit = words[0] == "permit"
	most := map[family]int{ipv4: 32, ipv6: 128}[f]
	if words[1] == "any" {
		e.any, e.prefix, e.top = true, whole(f), most
		return e, len(words) == 2
	}
	if e.prefix, ok = prefix(words[1]); !ok || familyOf(e.prefix) != f {
		return e, false
	}
	e.low, e.top = e.prefix.Bits(), e.prefix.Bits()
	for i, words := 0, words[2:]; i < len(words); i += 2 {
		if i+1 == len(words) {
			return e, false
		}
		n, err := strconv.Atoi(words[i+1])
		if err != nil || n < e.prefix.Bits() || n > most {
			return e, false
		}
		switch words[i] {
		case "ge":
			e.low = n
			if e.top == e.prefix.Bits() {
				e.top = most
			}
		case "le":
			e.top = n
		default:
			return e, false
		}
	}
	e.any = e.prefix.Bits() == 0 && e.low == 0 && e.top == most
	return e, true
}

// whole is every address of the family.
func whole(f family) netip.Prefix {
	if f == ipv6 {
		return netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	}
	return netip.PrefixFrom(netip.IPv4Unspecified(), 0)
}

// permits reports whether a route of exactly this prefix passes.
func (p *prefixList) permits(route netip.Prefix) bool {
	for _, e := range p.entries {
		if e.matches(route) {
			return e.permit
		}
	}
	return false
}

// allowed are the prefixes inside which routes pass. What is told by length or
// by exception is lost.
func (c *config) allowed(list *prefixList) []netip.Prefix {
	var all []netip.Prefix
	for i, e := range list.entries {
		switch {
		case e.permit:
			all = append(all, e.prefix)
			if e.low > e.prefix.Bits() || e.top < e.prefix.Addr().BitLen() {
				c.lose(e.line, "option allow takes any length inside "+e.prefix.String()+"; lengths are not told apart")
			}
		case e.any:
		case slices.ContainsFunc(list.entries[i+1:], func(o listEntry) bool { return o.permit && o.prefix.Overlaps(e.prefix) }):
			c.lose(e.line, "option allow has no exceptions: name the prefixes around it")
		}
		if e.any {
			break
		}
	}
	return all
}
