package kernel

import (
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Cover says which of the prefixes lie in routes of other programs in our
// table, default routes apart, and whose these are. It reads the whole table.
func (k *Kernel) Cover(prefixes []netip.Prefix) (map[netip.Prefix]string, error) {
	covered := map[netip.Prefix]string{}
	for _, f := range families {
		all, err := k.standing(f, k.cfg.Table, unix.RTPROT_UNSPEC)
		if err != nil {
			return nil, fmt.Errorf("kernel: read routes of others: %w", err)
		}
		for _, r := range all {
			p := r.key.Prefix
			if r.protocol == k.cfg.Protocol || p.Bits() == 0 {
				continue
			}
			for _, c := range prefixes {
				if p.Bits() <= c.Bits() && p.Contains(c.Addr()) {
					covered[c] = fmt.Sprintf("route %s, protocol %s", p, protocolName(r.protocol))
				}
			}
		}
	}
	return covered, nil
}

// Spread is how the kernel chooses among several next hops.
type Spread struct {
	Name   string // of the sysctl
	Policy int    // 0: by addresses; 1: by ports too
}

// spread reads the policies of both families; one that the kernel does not have
// is left out.
func spread() []Spread {
	var out []Spread
	for _, family := range []string{"ipv4", "ipv6"} {
		text, err := os.ReadFile("/proc/sys/net/" + family + "/fib_multipath_hash_policy")
		if err != nil {
			continue // no such family here
		}
		if n, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
			out = append(out, Spread{"net." + family + ".fib_multipath_hash_policy", n})
		}
	}
	return out
}
