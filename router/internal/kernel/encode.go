package kernel

import (
	"iter"
	"net/netip"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/hawser-lb/hawser/router/internal/fib"
)

// align rounds up to the four bytes that netlink counts in.
func align(n int) int { return (n + 3) &^ 3 }

// attribute appends one attribute.
func attribute(b []byte, kind uint16, value []byte) []byte {
	b = native.AppendUint16(b, uint16(4+len(value)))
	b = native.AppendUint16(b, kind)
	b = append(b, value...)
	return pad(b)
}

func number(b []byte, kind uint16, value uint32) []byte {
	b = native.AppendUint16(b, 8)
	b = native.AppendUint16(b, kind)
	return native.AppendUint32(b, value)
}

func address(b []byte, kind uint16, a netip.Addr) []byte {
	if a.Is4() {
		raw := a.As4()
		return attribute(b, kind, raw[:])
	}
	raw := a.As16()
	return attribute(b, kind, raw[:])
}

func pad(b []byte) []byte {
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

// typeMask leaves the flags out of an attribute's type.
const typeMask = 0x3fff

// each goes over the attributes in b; it ends at the first that is malformed.
func each(b []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		for len(b) >= 4 {
			length := int(native.Uint16(b))
			if length < 4 || length > len(b) {
				return
			}
			if !yield(native.Uint16(b[2:])&typeMask, b[4:length]) {
				return
			}
			b = b[min(align(length), len(b)):]
		}
	}
}

func family(a netip.Addr) uint8 {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// message is a step in the kernel's language.
func message(s fib.Step) netlink.Message {
	if !s.Verb.OfRoute() {
		return objectMessage(s)
	}
	m := netlink.Message{Header: netlink.Header{Type: unix.RTM_NEWROUTE, Flags: netlink.Request}}
	scope, kind := uint8(unix.RT_SCOPE_UNIVERSE), uint8(unix.RTN_UNICAST)
	switch s.Verb {
	case fib.Add:
		m.Header.Flags |= netlink.Create | netlink.Excl
	case fib.Replace:
		// Without Create: what is gone is not ours to put back unseen.
		m.Header.Flags |= netlink.Replace
	case fib.Delete:
		m.Header.Type = unix.RTM_DELROUTE
		scope, kind = unix.RT_SCOPE_NOWHERE, unix.RTN_UNSPEC
	}
	if s.Verb != fib.Delete && s.ID == 0 && len(s.NextHops) == 0 {
		kind = unix.RTN_UNREACHABLE
	}
	const room = 64
	b := routeHeader(make([]byte, 0, room+len(s.NextHops)*28), s.Key.Prefix, s.Key.Table, s.Protocol, scope, kind)
	b = address(b, unix.RTA_DST, s.Key.Prefix.Addr())
	b = number(b, unix.RTA_PRIORITY, s.Key.Metric)
	b = number(b, unix.RTA_TABLE, s.Key.Table)
	switch {
	case s.Verb == fib.Delete:
	case s.ID != 0:
		b = number(b, attributeObject, uint32(s.ID))
	default:
		b = nextHops(b, s.NextHops)
	}
	m.Data = b
	return m
}

// routeHeader appends struct rtmsg.
func routeHeader(b []byte, p netip.Prefix, table uint32, protocol, scope, kind uint8) []byte {
	short := uint8(unix.RT_TABLE_COMPAT)
	if table < unix.RT_TABLE_COMPAT || table == unix.RT_TABLE_MAIN || table == unix.RT_TABLE_DEFAULT {
		short = uint8(table)
	}
	return append(b, family(p.Addr()), uint8(max(p.Bits(), 0)), 0, 0, short, protocol, scope, kind, 0, 0, 0, 0)
}

// nextHops appends the legs: one as plain attributes, several as RTA_MULTIPATH.
func nextHops(b []byte, hops []fib.NextHop) []byte {
	switch len(hops) {
	case 0:
		return b
	case 1:
		b = address(b, unix.RTA_GATEWAY, hops[0].Addr)
		if hops[0].Link != 0 {
			b = number(b, unix.RTA_OIF, uint32(hops[0].Link))
		}
		return b
	}
	start := len(b)
	b = append(b, 0, 0, 0, 0)
	native.PutUint16(b[start+2:], unix.RTA_MULTIPATH)
	for _, h := range hops {
		leg := len(b)
		b = append(b, 0, 0, 0, uint8(h.Weight-1)) // struct rtnexthop
		b = native.AppendUint32(b, uint32(h.Link))
		b = address(b, unix.RTA_GATEWAY, h.Addr)
		native.PutUint16(b[leg:], uint16(len(b)-leg))
	}
	native.PutUint16(b[start:], uint16(len(b)-start))
	return b
}
