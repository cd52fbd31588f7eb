package kernel

import (
	"net/netip"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/hawser-lb/hawser/router/internal/fib"
)

// The kernel replaces the first route at a destination and metric, whosever it
// is. Somebody may have put his own in front of ours there, so before a route is
// replaced, the kernel is asked which one it would take.

// manyReplaced is from how many routes on one reading of the table costs less
// than a question about each.
const manyReplaced = 64

// behindForeign are those of the keys where another program's route comes
// before ours. What cannot be found out is taken to be ours.
func (k *Kernel) behindForeign(keys []fib.Key) map[fib.Key]uint8 {
	if len(keys) >= manyReplaced {
		return k.allForeign(keys)
	}
	out := map[fib.Key]uint8{}
	for _, key := range keys {
		first, err := k.lookup(key.Prefix.Addr())
		if err == nil && first.key == key && first.protocol != k.cfg.Protocol {
			out[key] = first.protocol
		}
	}
	return out
}

// lookup is the route that the kernel would use for the address.
func (k *Kernel) lookup(to netip.Addr) (standing, error) {
	body := routeHeader(nil, netip.PrefixFrom(to, to.BitLen()), 0, 0, 0, 0)
	flags := uint32(unix.RTM_F_FIB_MATCH)
	if to.Is4() { // IPv6 tells the table unasked, and refuses the flag
		flags |= unix.RTM_F_LOOKUP_TABLE
	}
	native.PutUint32(body[8:], flags)
	body = address(body, unix.RTA_DST, to)
	var out standing
	err := k.ask(netlink.Message{Header: netlink.Header{Type: unix.RTM_GETROUTE}, Data: body},
		func(_ uint16, body []byte) (err error) {
			out, err = route(body)
			return err
		})
	return out, err
}

// allForeign reads the table, in which what comes first is told first.
func (k *Kernel) allForeign(keys []fib.Key) map[fib.Key]uint8 {
	out := map[fib.Key]uint8{}
	for _, f := range families {
		all, err := k.standing(f, k.cfg.Table, unix.RTPROT_UNSPEC)
		if err != nil {
			continue
		}
		seen := make(map[fib.Key]uint8, len(all))
		for _, r := range all {
			if _, before := seen[r.key]; !before {
				seen[r.key] = r.protocol
			}
		}
		for _, key := range keys {
			if protocol, stands := seen[key]; stands && protocol != k.cfg.Protocol {
				out[key] = protocol
			}
		}
	}
	return out
}
