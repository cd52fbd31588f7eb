// Package gateway reads the node's own default gateways out of the kernel's
// text tables, for peers that are named as DefaultGateway. It stands beside
// the line: it is asked by the controller, and decides nothing.
package gateway

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// Flags of a route, in both tables.
const (
	flagUp      = 0x1
	flagGateway = 0x2
)

// Read returns the gateways of the best default routes: that of IPv4, that of
// IPv6, or neither. A link-local gateway has its interface as zone.
func Read() ([]netip.Addr, error) { return read("/proc/net") }

func read(dir string) ([]netip.Addr, error) {
	var out []netip.Addr
	var errs []error
	for _, t := range []struct {
		file  string
		parse func([]string) (route, bool)
	}{{"route", parse4}, {"ipv6_route", parse6}} {
		text, err := os.ReadFile(dir + "/" + t.file)
		if errors.Is(err, os.ErrNotExist) {
			continue // the kernel has no IPv6
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("default gateway: %w", err))
			continue
		}
		if a, ok := best(text, t.parse); ok {
			out = append(out, a)
		}
	}
	return out, errors.Join(errs...)
}

type route struct {
	gateway netip.Addr
	metric  uint64
}

// best is the default route of the lowest metric; of equal ones the first.
func best(table []byte, parse func([]string) (route, bool)) (netip.Addr, bool) {
	found := route{metric: math.MaxUint64}
	for lines := bufio.NewScanner(bytes.NewReader(table)); lines.Scan(); {
		if r, ok := parse(strings.Fields(lines.Text())); ok && r.metric < found.metric {
			found = r
		}
	}
	return found.gateway, found.gateway.IsValid()
}

// parse4 reads a line of /proc/net/route: interface, destination, gateway,
// flags, counts, metric, mask. Addresses are in the machine's byte order.
func parse4(f []string) (route, bool) {
	if len(f) < 8 || f[1] != "00000000" || f[7] != "00000000" || !usable(f[3]) {
		return route{}, false
	}
	n, err := strconv.ParseUint(f[2], 16, 32)
	metric, err2 := strconv.ParseUint(f[6], 10, 32)
	if err != nil || err2 != nil {
		return route{}, false
	}
	var b [4]byte
	binary.NativeEndian.PutUint32(b[:], uint32(n))
	return route{netip.AddrFrom4(b), metric}, true
}

// parse6 reads a line of /proc/net/ipv6_route: destination, its length, source,
// its length, next hop, metric, counts, flags, interface.
func parse6(f []string) (route, bool) {
	if len(f) < 10 || f[1] != "00" || f[3] != "00" || !usable(f[8]) {
		return route{}, false
	}
	b, err := hex.DecodeString(f[4])
	metric, err2 := strconv.ParseUint(f[5], 16, 32)
	a, ok := netip.AddrFromSlice(b)
	if err != nil || err2 != nil || !ok {
		return route{}, false
	}
	if a.IsLinkLocalUnicast() {
		a = a.WithZone(f[9])
	}
	return route{a, metric}, true
}

func usable(flags string) bool {
	n, err := strconv.ParseUint(flags, 16, 32)
	return err == nil && n&flagUp != 0 && n&flagGateway != 0
}
