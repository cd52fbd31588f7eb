package kernel

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/hawser-lb/hawser/router/internal/fib"
)

var errShort = errors.New("a message that is too short")

// standing is a route as the kernel tells it.
type standing struct {
	key      fib.Key
	hops     []fib.NextHop
	table    uint32
	protocol uint8
	kind     uint8
	tos      uint8
	cloned   bool
}

const routeHeaderLen = 12 // struct rtmsg

// route reads RTM_NEWROUTE or RTM_DELROUTE.
func route(body []byte) (standing, error) {
	if len(body) < routeHeaderLen {
		return standing{}, errShort
	}
	fam, bits := body[0], int(body[1])
	r := standing{
		tos: body[3], table: uint32(body[4]), protocol: body[5], kind: body[7],
		cloned: native.Uint32(body[8:])&unix.RTM_F_CLONED != 0,
	}
	dst := unspecified(fam)
	hop := fib.NextHop{Weight: 1}
	for kind, value := range each(body[routeHeaderLen:]) {
		switch kind {
		case unix.RTA_DST:
			dst, _ = netip.AddrFromSlice(value)
		case unix.RTA_PRIORITY:
			r.key.Metric = native.Uint32(four(value))
		case unix.RTA_TABLE:
			r.table = native.Uint32(four(value))
		case unix.RTA_GATEWAY, unix.RTA_VIA:
			hop.Addr = gateway(kind, value)
		case unix.RTA_OIF:
			hop.Link = int(native.Uint32(four(value)))
		case unix.RTA_MULTIPATH:
			r.hops = multipath(value)
		}
	}
	if !dst.IsValid() {
		return standing{}, errShort
	}
	r.key.Prefix = netip.PrefixFrom(dst, bits)
	if len(r.hops) == 0 && r.kind == unix.RTN_UNICAST {
		r.hops = []fib.NextHop{hop}
	}
	slices.SortFunc(r.hops, fib.NextHop.Compare)
	return r, nil
}

// multipath reads the legs of RTA_MULTIPATH, each a struct rtnexthop with
// attributes.
func multipath(b []byte) []fib.NextHop {
	const legLen = 8
	var hops []fib.NextHop
	for len(b) >= legLen {
		length := int(native.Uint16(b))
		if length < legLen || length > len(b) {
			break
		}
		h := fib.NextHop{Link: int(native.Uint32(b[4:])), Weight: int(b[3]) + 1}
		for kind, value := range each(b[legLen:length]) {
			if kind == unix.RTA_GATEWAY || kind == unix.RTA_VIA {
				h.Addr = gateway(kind, value)
			}
		}
		hops = append(hops, h)
		b = b[min(align(length), len(b)):]
	}
	return hops
}

// gateway reads RTA_GATEWAY, or RTA_VIA, which has a family in front.
func gateway(kind uint16, value []byte) netip.Addr {
	if kind == unix.RTA_VIA && len(value) > 2 {
		value = value[2:]
	}
	a, _ := netip.AddrFromSlice(value)
	return a
}

func unspecified(family uint8) netip.Addr {
	if family == unix.AF_INET {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}

// four is value, or four zero bytes when it is shorter.
func four(value []byte) []byte {
	if len(value) < 4 {
		return make([]byte, 4)
	}
	return value
}

var families = []uint8{unix.AF_INET, unix.AF_INET6}

// Routes reads back every route of ours, whatever its metric.
func (k *Kernel) Routes() (fib.Table, error) {
	table := fib.Table{}
	for _, f := range families {
		found, err := k.standing(f, k.cfg.Protocol)
		if err != nil {
			return nil, fmt.Errorf("kernel: read routes: %w", err)
		}
		for _, r := range found {
			table[r.key] = r.hops
		}
	}
	return table, nil
}

// standing reads the routes of one family in our table; protocol 0 is anyone's.
// Routes for one TOS only are left out: we make none, and none is in the way.
func (k *Kernel) standing(family, protocol uint8) ([]standing, error) {
	filter := Config{Table: k.cfg.Table, Protocol: protocol}
	body := filter.routeHeader(nil, netip.PrefixFrom(unspecified(family), 0), 0, 0)
	body = number(body, unix.RTA_TABLE, k.cfg.Table)
	var out []standing
	err := k.dump(netlink.Message{Header: netlink.Header{Type: unix.RTM_GETROUTE}, Data: body},
		func() { out = nil },
		func(_ uint16, body []byte) error {
			r, err := route(body)
			if err != nil {
				return err
			}
			if r.table == k.cfg.Table && !r.cloned && r.tos == 0 && (protocol == 0 || r.protocol == protocol) {
				out = append(out, r)
			}
			return nil
		})
	if errors.Is(err, unix.ENOENT) { // nobody has used the table yet
		return nil, nil
	}
	return out, err
}
