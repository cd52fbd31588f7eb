package routes

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Route is one route of the kernel's tables.
type Route struct {
	Prefix   netip.Prefix
	Table    uint32
	Protocol uint8 // rtnetlink protocol number
	Type     uint8 // unix.RTN_UNICAST and so on
	Metric   uint32
	Hops     []Hop
}

// Hop is one next hop. Via is invalid on a directly connected route.
type Hop struct {
	Via    netip.Addr
	Link   int // interface index
	Weight int // 1 unless weighted
}

// String says the route in iproute2's manner, the protocol always as a number.
func (r Route) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s table %d proto %d type %d metric %d", r.Prefix, r.Table, r.Protocol, r.Type, r.Metric)
	for _, h := range r.Hops {
		b.WriteString(" nexthop")
		if h.Via.IsValid() {
			b.WriteString(" via " + h.Via.String())
		}
		b.WriteString(" dev " + linkName(h.Link) + " weight " + strconv.Itoa(h.Weight))
	}
	return b.String()
}

func linkName(index int) string {
	if link, err := net.InterfaceByIndex(index); err == nil {
		return link.Name
	}
	return strconv.Itoa(index)
}

// parseRoute reads the payload of an RTM_NEWROUTE or RTM_DELROUTE message:
// struct rtmsg and its attributes. What is too short to be one is not ok.
func parseRoute(b []byte) (r Route, ok bool) {
	if len(b) < unix.SizeofRtMsg {
		return Route{}, false
	}
	family, bits := b[0], int(b[1])
	r = Route{Table: uint32(b[4]), Protocol: b[5], Type: b[7]}
	addr := netip.IPv4Unspecified()
	if family == unix.AF_INET6 {
		addr = netip.IPv6Unspecified()
	}
	var single Hop
	for typ, value := range attributes(b[unix.SizeofRtMsg:]) {
		switch typ {
		case unix.RTA_DST:
			addr, _ = netip.AddrFromSlice(value)
		case unix.RTA_TABLE:
			r.Table = word(value)
		case unix.RTA_PRIORITY:
			r.Metric = word(value)
		case unix.RTA_GATEWAY:
			single.Via, _ = netip.AddrFromSlice(value)
		case unix.RTA_OIF:
			single.Link = int(word(value))
		case unix.RTA_MULTIPATH:
			r.Hops = parseHops(value)
		}
	}
	if len(r.Hops) == 0 && (single.Via.IsValid() || single.Link != 0) {
		single.Weight = 1
		r.Hops = []Hop{single}
	}
	r.Prefix = netip.PrefixFrom(addr, bits)
	return r, r.Prefix.IsValid()
}

// parseHops reads the struct rtnexthop list of an RTA_MULTIPATH attribute.
func parseHops(b []byte) []Hop {
	var hops []Hop
	for len(b) >= unix.SizeofRtNexthop {
		size := int(binary.NativeEndian.Uint16(b))
		if size < unix.SizeofRtNexthop || size > len(b) {
			break
		}
		hop := Hop{Weight: int(b[3]) + 1, Link: int(word(b[4:8]))}
		for typ, value := range attributes(b[unix.SizeofRtNexthop:size]) {
			if typ == unix.RTA_GATEWAY {
				hop.Via, _ = netip.AddrFromSlice(value)
			}
		}
		hops = append(hops, hop)
		b = b[min(align(size), len(b)):]
	}
	return hops
}

// attributes yields type and value of each rtattr.
func attributes(b []byte) func(yield func(uint16, []byte) bool) {
	return func(yield func(uint16, []byte) bool) {
		for len(b) >= unix.SizeofRtAttr {
			size := int(binary.NativeEndian.Uint16(b))
			if size < unix.SizeofRtAttr || size > len(b) {
				return
			}
			typ := binary.NativeEndian.Uint16(b[2:])
			if !yield(typ, b[unix.SizeofRtAttr:size]) {
				return
			}
			b = b[min(align(size), len(b)):]
		}
	}
}

func word(b []byte) uint32 {
	if len(b) < 4 {
		return 0
	}
	return binary.NativeEndian.Uint32(b)
}

// align rounds up to netlink's four bytes.
func align(n int) int { return (n + 3) &^ 3 }
