package quagga

import (
	"net/netip"
	"slices"
)

// carried are the statements about a neighbor that have a counterpart.
var carried = []string{
	"remote-as", "description", "password", "timers", "ebgp-multihop", "ttl-security", "prefix-list", "route-map",
	"maximum-prefix", "shutdown", "passive", "bfd", "default-originate", "activate",
}

// needless are statements that hawser obeys without being told, or that change
// nothing for it.
var needless = []string{
	"next-hop-self", "soft-reconfiguration", "send-community", "capability", "advertisement-interval", "enforce-first-as", "graceful-restart-helper",
}

// reasons say why a statement is left out.
var reasons = map[string]string{
	"update-source":           "hawser answers from the address that was dialled, and dials from the one the kernel takes",
	"port":                    "hawser dials port 179",
	"interface":               "hawser knows neighbors by their address, or by list source of a cluster",
	"local-as":                "hawser has one AS number",
	"weight":                  "all paths that are equal are used",
	"route-reflector-client":  "hawser passes no routes on",
	"route-server-client":     "hawser passes no routes on",
	"distribute-list":         "hawser filters by prefix: name the prefixes with list allow",
	"filter-list":             "hawser filters by prefix only",
	"unsuppress-map":          "hawser sends no aggregates",
	"allowas-in":              "a path with the router's own AS number is always refused",
	"disable-connected-check": "option multihop says how far away a neighbor may be",
}

// takeNeighbor reads what is said about the neighbor or group words[0].
func (c *config) takeNeighbor(l line, words []string, no bool) {
	if len(words) < 2 {
		c.lose(l, "not understood")
		return
	}
	name, what, args := words[0], words[1], words[2:]
	if what == "peer-group" {
		c.takeGroup(l, name, args, no)
		return
	}
	p := c.peer(l, name)
	switch {
	case p == nil && what == "interface":
		c.lose(l, reasons[what])
	case p == nil:
		c.lose(l, "not the address of a neighbor, nor a peer-group that a line before has named")
	case slices.Contains(needless, what):
	case !slices.Contains(carried, what):
		why := reasons[what]
		if why == "" {
			why = "hawser has nothing like it"
		}
		if !no {
			c.lose(l, why)
		}
	case what == "timers" && len(args) > 0 && args[0] == "connect":
		c.lose(l, "hawser chooses when to try again: within ten seconds")
	default:
		p.say(what, said{line: l, args: args, no: no}, c.family)
	}
}

// say keeps a statement; a later one about the same replaces it.
func (p *peer) say(what string, s said, f family) {
	switch what {
	case "prefix-list", "route-map":
		if direction := s.arg(1); direction == "in" || direction == "out" {
			what += " " + direction
		}
		p.said[key(what, f)] = s
	case "activate", "default-originate":
		p.said[key(what, f)] = s
	case "maximum-prefix":
		if f == ipv4 || p.said[what].number == 0 {
			p.said[what] = s
		}
	default:
		p.said[what] = s
	}
}

// takeGroup reads "neighbor GROUP peer-group" and "neighbor ADDRESS peer-group
// GROUP".
func (c *config) takeGroup(l line, name string, args []string, no bool) {
	switch {
	case no:
		if p := c.byName[canonical(name)]; p != nil {
			p.group = ""
		}
	case len(args) == 0:
		if _, err := netip.ParseAddr(name); err == nil {
			c.lose(l, "an address cannot be a peer-group")
			return
		}
		c.add(l, name, netip.Addr{})
	default:
		p := c.peer(l, name)
		if p == nil || !p.address.IsValid() {
			c.lose(l, "not the address of a neighbor")
			return
		}
		p.group = args[0]
	}
}

// peer finds or makes the neighbor with the address name, or finds a group.
func (c *config) peer(l line, name string) *peer {
	if p := c.byName[canonical(name)]; p != nil {
		return p
	}
	a, err := netip.ParseAddr(name)
	if err != nil {
		return nil
	}
	if a = a.Unmap(); a.Zone() != "" || a.IsUnspecified() || a.IsMulticast() || a.IsLinkLocalUnicast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return nil
	}
	return c.add(l, name, a)
}

func (c *config) add(l line, name string, a netip.Addr) *peer {
	if p := c.byName[canonical(name)]; p != nil {
		return p
	}
	p := &peer{line: l, name: name, address: a, said: map[string]said{}}
	c.peers = append(c.peers, p)
	c.byName[canonical(name)] = p
	return p
}

// canonical is one spelling of an address; other names are their own.
func canonical(name string) string {
	if a, err := netip.ParseAddr(name); err == nil {
		return a.Unmap().String()
	}
	return name
}

// of is what was said about p, by itself or its group.
func (c *config) of(p *peer, what string) said {
	if s, ok := p.said[what]; ok {
		return s
	}
	if g := c.byName[p.group]; g != nil && g != p {
		return g.said[what]
	}
	return said{}
}

// yes reports whether it was said, and not denied.
func (s said) yes() bool { return s.number != 0 && !s.no }
