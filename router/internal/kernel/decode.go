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
	object   fib.ID // 0: the legs are the route's own
	protocol uint8
	kind     uint8
	tos      uint8
	cloned   bool
	down     bool // its one link is
}

const routeHeaderLen = 12 // struct rtmsg

// route reads RTM_NEWROUTE or RTM_DELROUTE.
func route(body []byte) (standing, error) {
	if len(body) < routeHeaderLen {
		return standing{}, errShort
	}
	fam, bits := body[0], int(body[1])
	r := standing{
		tos: body[3], protocol: body[5], kind: body[7],
		cloned: native.Uint32(body[8:])&unix.RTM_F_CLONED != 0,
		down:   native.Uint32(body[8:])&(unix.RTNH_F_DEAD|unix.RTNH_F_LINKDOWN) != 0,
	}
	r.key.Table = uint32(body[4])
	dst := unspecified(fam)
	hop := fib.NextHop{Weight: 1}
	for kind, value := range each(body[routeHeaderLen:]) {
		switch kind {
		case unix.RTA_DST:
			dst, _ = netip.AddrFromSlice(value)
		case unix.RTA_PRIORITY:
			r.key.Metric = native.Uint32(four(value))
		case unix.RTA_TABLE:
			r.key.Table = native.Uint32(four(value))
		case attributeObject:
			r.object = fib.ID(native.Uint32(four(value)))
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

// two is value, or two zero bytes when it is shorter.
func two(value []byte) []byte {
	if len(value) < 2 {
		return make([]byte, 2)
	}
	return value
}

var families = []uint8{unix.AF_INET, unix.AF_INET6}

// Have reads back everything of ours: the objects, and the routes of every
// table, whatever their metric. What carries one of the former numbers is ours
// too.
func (k *Kernel) Have(former ...uint8) (*fib.Have, error) {
	have := fib.NewHave()
	k.former = former
	numbers := append([]uint8{k.cfg.Protocol}, former...)
	if k.kind != fib.Multipath {
		if err := k.readObjects(have, numbers); err != nil {
			return nil, fmt.Errorf("kernel: read next hops: %w", err)
		}
	}
	for _, protocol := range numbers {
		for _, f := range families {
			found, err := k.standing(f, 0, protocol)
			if err != nil {
				return nil, fmt.Errorf("kernel: read routes: %w", err)
			}
			for _, r := range found {
				out := fib.Route{Group: r.object, Protocol: protocol}
				if r.object == 0 {
					out.NextHops = r.hops
				}
				have.PutRoute(r.key, out)
			}
		}
	}
	return have, nil
}

// standing reads the routes of one family; table and protocol 0 are any.
// Routes for one TOS only are left out: we make none, and none is in the way.
func (k *Kernel) standing(family uint8, table uint32, protocol uint8) ([]standing, error) {
	body := routeHeader(nil, netip.PrefixFrom(unspecified(family), 0), table, protocol, 0, 0)
	if table != 0 {
		body = number(body, unix.RTA_TABLE, table)
	}
	var out []standing
	err := k.dump(netlink.Message{Header: netlink.Header{Type: unix.RTM_GETROUTE}, Data: body},
		func() { out = nil },
		func(_ uint16, body []byte) error {
			r, err := route(body)
			if err != nil {
				return err
			}
			if !r.cloned && r.tos == 0 && (table == 0 || r.key.Table == table) && (protocol == 0 || r.protocol == protocol) {
				out = append(out, r)
			}
			return nil
		})
	if errors.Is(err, unix.ENOENT) { // nobody has used the table yet
		return nil, nil
	}
	return out, err
}
