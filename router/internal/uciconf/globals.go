package uciconf

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hawser-lb/hawser/shared/logging"
)

// globalFields are the options of the section "globals". "enabled" is read
// apart, for all section types alike.
func globalFields(tables Tables) []field[Globals] {
	return []field[Globals]{
		{name: "asn", kind: "1..4294967295", read: func(g *Globals, text string) (err error) {
			g.ASN, err = asn(text)
			return err
		}},
		{name: "router_id", kind: "IPv4 address", read: func(g *Globals, text string) (err error) {
			g.RouterID, err = routerID(text)
			return err
		}},
		{name: "listen_address", kind: "address", many: true, read: func(g *Globals, text string) error {
			a, err := address(text)
			if err == nil && a.IsMulticast() {
				err = errors.New("a multicast address cannot be listened on")
			}
			if err == nil && !slices.Contains(g.Listen, a) {
				g.Listen = append(g.Listen, a)
			}
			return err
		}},
		number("listen_port", "179", 1, 65535, "", func(g *Globals, n uint64) { g.ListenPort = uint16(n) }),
		{name: "table", kind: "1..4294967295 except 255, or a name", def: "254", read: func(g *Globals, text string) (err error) {
			g.Table, err = table(text, tables)
			return err
		}},
		number("metric", "20", 1, 4294967295, "", func(g *Globals, n uint64) { g.Metric = uint32(n) }),
		{name: "protocol", kind: "5..255", def: "73", read: func(g *Globals, text string) (err error) {
			g.Protocol, err = protocol(text)
			return err
		}},
		number("max_paths", "16", 1, 255, "", func(g *Globals, n uint64) { g.MaxPaths = int(n) }),
		flag("resilient", "1", func(g *Globals, on bool) { g.Resilient = on }),
		{name: "hold_time", kind: "0 or 3..65535 s", def: "90", read: func(g *Globals, text string) error {
			n, err := integer(text, 0, 65535)
			if err != nil || n == 1 || n == 2 {
				return errors.New("use whole seconds from 3 to 65535, or 0 for no limit (RFC 4271)")
			}
			g.HoldTime = time.Duration(n) * time.Second
			return nil
		}},
		number("restart_time", "120", 0, 4095, "s", func(g *Globals, n uint64) { g.RestartTime = time.Duration(n) * time.Second }),
		{name: "log_level", kind: "error, warn, info, debug", def: "info", read: func(g *Globals, text string) error {
			level, err := logging.Level(text)
			if err != nil {
				return errors.New("use error, warn, info or debug")
			}
			g.LogLevel = level
			return nil
		}},
		{name: "metrics_listen", kind: "address:port", read: func(g *Globals, text string) (err error) {
			g.MetricsListen, err = addrPort(text)
			return err
		}},
		{name: "memory_limit", kind: "number and KiB, MiB or GiB", read: func(_ *Globals, text string) error { return memoryLimit(text) }},
		{name: "gc_percent", kind: "1..1000 or off", read: func(_ *Globals, text string) error { return gcPercent(text) }},
	}
}

// memoryLimit checks what the init script hands to Go's runtime as GOMEMLIMIT,
// before the daemon starts; the daemon itself has no use for it.
func memoryLimit(text string) error {
	for _, unit := range []string{"KiB", "MiB", "GiB"} {
		if number, ok := strings.CutSuffix(text, unit); ok {
			if _, err := integer(number, 1, 1<<20); err == nil {
				return nil
			}
		}
	}
	return errors.New("use a whole number up to 1048576 and a unit, KiB, MiB or GiB, such as 32MiB")
}

// gcPercent checks what the init script hands to Go's runtime as GOGC.
func gcPercent(text string) error {
	if text == "off" {
		return nil
	}
	if _, err := integer(text, 1, 1000); err != nil {
		return errors.New("use a whole number from 1 to 1000, or off")
	}
	return nil
}

// localTable holds the kernel's own routes to this host.
const localTable = 255

// table reads a routing table by number or by a name that tables knows.
func table(text string, tables Tables) (uint32, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		named, ok := tables(text)
		if !ok {
			return 0, fmt.Errorf("use a number from 1 to 4294967295, or a name that %s has", tablesFile)
		}
		n = uint64(named)
	}
	switch n {
	case 0:
		return 0, errors.New("use a number from 1 to 4294967295, or a name: 254 is main")
	case localTable:
		return 0, errors.New("the table local is the kernel's own: use another, 254 is main")
	}
	return uint32(n), nil
}

// systemProtocols are those whose routes the system itself makes
// (linux/rtnetlink.h, RTPROT_…): what carries our number we take for ours.
var systemProtocols = map[uint64]string{
	0: "none", 1: "ICMP redirects", 2: "the kernel", 3: "boot", 4: "static routes", 9: "router advertisements", 16: "DHCP",
}

// daemonProtocols are those of other routing programs.
var daemonProtocols = map[uint8]string{
	8: "GateD", 10: "MRT", 11: "Zebra", 12: "BIRD", 13: "DECnet", 14: "XORP", 15: "Netsukuku", 17: "mrouted", 18: "keepalived",
	42: "Babel", 99: "Open/R", 186: "FRR's bgpd", 187: "FRR's isisd", 188: "FRR's ospfd", 189: "FRR's ripd", 192: "FRR's eigrpd",
}

// protocol reads an rtnetlink protocol number.
func protocol(text string) (uint8, error) {
	n, err := integer(text, 0, 255)
	if err != nil {
		return 0, errors.New("use a whole number from 5 to 255; 73 is free")
	}
	if whose, ok := systemProtocols[n]; ok {
		return 0, fmt.Errorf("is the number of %s, whose routes would be taken for ours and removed: use another, 73 is free", whose)
	}
	return uint8(n), nil
}

// checkGlobals sees what no single option shows.
func checkGlobals(s *section, g Globals, say *report) {
	if whose, ok := daemonProtocols[g.Protocol]; ok {
		say.warn(s, "protocol", "is the number of "+whose+": its routes would be taken for ours and removed, if it runs here; 73 is free")
	}
	if g.ASN == 65535 || g.ASN == 1<<32-1 {
		say.warn(s, "asn", "is reserved (RFC 7300): private use is 64512 to 65534 and 4200000000 to 4294967294")
	}
	for _, a := range g.Listen {
		if a.IsUnspecified() && len(g.Listen) > 1 && slices.ContainsFunc(g.Listen, func(b netip.Addr) bool { return b != a && b.Is4() == a.Is4() }) {
			say.wrongValue(s, "listen_address", a.String(), "means every address and leaves nothing for the others: remove it or them")
		}
	}
}
