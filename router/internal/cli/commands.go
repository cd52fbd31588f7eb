package cli

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/hawser-lb/hawser/router/internal/status"
)

// root is where every command begins. It is filled by init, since help walks
// the tree that it is part of.
var root = &word{}

func init() {
	root.next = []*word{
		{text: "run", help: "the daemon, in the foreground", flags: []string{"config", "socket", "log-level", "withdraw-on-exit"}, do: (*call).run},
		{text: "check", help: "every mistake in the configuration, with its line", flags: []string{"config", "json"}, do: (*call).check},
		{text: "show", next: []*word{
			{text: "ip", next: family("show ip", status.IPv4), enter: func(c *call) { c.family = status.IPv4 }},
			{text: "ipv6", next: family("show ipv6", status.IPv6), enter: func(c *call) { c.family = status.IPv6 }},
			{text: "clusters", help: "who may announce what, and what came of it", flags: showing, do: (*call).clusters},
			{text: "bfd", help: "every peer that is watched by BFD, and the packets that were nobody's", flags: showing, do: (*call).bfd},
			{text: "log", help: "the last 200 events", flags: showing, do: (*call).showLog},
		}},
		{text: "monitor", help: "events as they happen, one a line", flags: asking, do: (*call).monitor},
		{text: "clear", next: []*word{{text: "ip", next: clearing()}, {text: "ipv6", next: clearing()}}},
		{text: "import-quagga", help: "Quagga's or FRR's bgpd.conf in UCI's words; 3 when something is left out", next: []*word{
			{text: "FILE", help: "a bgpd.conf, or - for what vtysh prints for show running-config", do: (*call).importQuagga, takes: takesFile},
		}},
		{text: "rpcd", next: []*word{
			{text: "list", help: "the methods, as OpenWrt's rpcd asks for them", do: (*call).rpcdList},
			{text: "call", next: []*word{
				{text: "METHOD", help: "one method, its arguments as JSON on standard input", flags: []string{"socket", "config"}, do: (*call).rpcdCall, takes: takesMethod},
			}},
		}},
		{text: "version", help: "which hawser this is", flags: []string{"json"}, do: (*call).version},
		{text: "help", help: "this list; after other words, what may follow them", do: (*call).helpAll, next: []*word{
			{text: "WORDS", takes: func(*call, string) error { return nil }},
		}},
	}
	// help takes any number of words.
	words := root.next[len(root.next)-1].next[0]
	words.do = (*call).helpWords
	words.next = []*word{words}
}

// asking are the flags of commands that ask the daemon, showing those of
// commands whose answer may be watched.
var (
	asking  = []string{"json", "socket"}
	showing = []string{"json", "socket", "watch"}
)

// family are the words behind "show ip" and "show ipv6".
func family(path string, f status.Family) []*word {
	network := "ADDRESS|PREFIX"
	return []*word{
		{text: "bgp", help: "every path, refused ones with the reason", flags: showing, do: (*call).table, next: []*word{
			{text: "summary", help: "one line a neighbor", flags: showing, do: (*call).summary},
			{text: "neighbors", help: "everything about the sessions", flags: showing, do: (*call).neighbors, next: []*word{
				{text: "ADDRESS", help: "everything about one session", flags: showing, do: (*call).neighbors, takes: takesAddress},
			}},
			{text: network, help: "every path to one network", flags: showing, do: (*call).entry, takes: takesNetwork(path, f)},
		}},
		{text: "route", help: "what is in the kernel, and what should be", flags: showing, do: (*call).routes, next: []*word{
			{text: network, help: "one network", flags: showing, do: (*call).routes, takes: takesNetwork(path, f)},
		}},
	}
}

// clearing are the words behind "clear ip".
func clearing() []*word {
	soft := []*word{{text: "soft", help: "has the routes of both ends told again, no session ends", flags: asking, do: (*call).clearSoft}}
	return []*word{{text: "bgp", next: []*word{
		{text: "all", help: "ends every session; they come back by themselves", flags: asking, do: (*call).clearHard, next: soft},
		{text: "ADDRESS", help: "ends the session with one neighbor", flags: asking, do: (*call).clearHard, takes: takesPeer, next: soft},
	}}}
}

func takesAddress(c *call, text string) error {
	if _, err := netip.ParseAddr(text); err != nil {
		return fmt.Errorf("%q is no address", text)
	}
	c.argument = text
	return nil
}

// takesNetwork takes an address or a prefix of the family.
func takesNetwork(path string, f status.Family) func(*call, string) error {
	return func(c *call, text string) error {
		p, err := network(text)
		if err != nil {
			return err
		}
		if !f.Of(p.Addr()) {
			other := "show ip"
			if f == status.IPv4 {
				other = "show ipv6"
			}
			return fmt.Errorf("%s is of the other family: use %s instead of %s", text, other, path)
		}
		c.argument = text
		return nil
	}
}

// network reads a prefix, or an address as the prefix of one.
func network(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
	}
	if p, err := netip.ParsePrefix(text); err == nil {
		return p.Masked(), nil
	}
	if strings.ContainsAny(text, ".:/") {
		return netip.Prefix{}, fmt.Errorf("%q is no address and no prefix", text)
	}
	return netip.Prefix{}, fmt.Errorf("unknown word %q", text)
}

// about puts the argument in front of an error that is about it.
func (c *call) about(err error) error {
	if errors.Is(err, status.ErrNotInTable) || errors.Is(err, status.ErrNoNeighbor) {
		return fmt.Errorf("%s: %w", c.argument, err)
	}
	return err
}
