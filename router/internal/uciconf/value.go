package uciconf

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hawser-lb/hawser/shared/bgp"
)

// boolean knows the words of libuci's config_get_bool. Any other word, which
// that function passes over, is a mistake here.
func boolean(text string) (bool, error) {
	switch text {
	case "1", "on", "true", "yes", "enabled":
		return true, nil
	case "0", "off", "false", "no", "disabled":
		return false, nil
	}
	return false, errors.New("neither yes nor no: write 1 or 0")
}

func integer(text string, low, high uint64) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n < low || n > high {
		return 0, fmt.Errorf("use a whole number from %d to %d", low, high)
	}
	return n, nil
}

// asTrans stands in for large AS numbers (RFC 6793 §9) and is nobody's own.
const asTrans = 23456

// asn reads an AS number in plain notation (RFC 5396 "asplain").
func asn(text string) (uint32, error) {
	if high, low, ok := strings.Cut(text, "."); ok {
		h, err1 := strconv.ParseUint(high, 10, 16)
		l, err2 := strconv.ParseUint(low, 10, 16)
		if err1 == nil && err2 == nil {
			return 0, fmt.Errorf("write the AS number as one integer: %d", h<<16|l)
		}
	}
	n, err := integer(text, 1, 1<<32-1)
	if err != nil {
		return 0, errors.New("an AS number is a whole number from 1 to 4294967295")
	}
	if n == asTrans {
		return 0, errors.New("23456 is reserved (AS_TRANS, RFC 6793): use the real number, such as one from 64512 to 65534")
	}
	return uint32(n), nil
}

// asnRule reads which AS numbers the other end may have.
func asnRule(text string) (bgp.ASNRule, error) {
	switch text {
	case "external":
		return bgp.ASNRule{External: true}, nil
	case "any":
		return bgp.ASNRule{Any: true}, nil
	}
	n, err := asn(text)
	if err != nil {
		return bgp.ASNRule{}, fmt.Errorf("%w, or one of the words external and any", err)
	}
	return bgp.ASNRule{Exactly: n}, nil
}

// prefix reads a network. Host bits are refused: they are nearly always a slip.
func prefix(text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
			return netip.Prefix{}, fmt.Errorf("the length is missing: write %s", netip.PrefixFrom(a, a.BitLen()))
		}
		return netip.Prefix{}, errors.New("use a prefix such as 192.0.2.0/24 or 2001:db8::/64")
	}
	if p.Addr().Is4In6() {
		return netip.Prefix{}, errors.New("write the IPv4 form")
	}
	if p != p.Masked() {
		return netip.Prefix{}, fmt.Errorf("has host bits set: write %s, or %s for the one address", p.Masked(), netip.PrefixFrom(p.Addr(), p.Addr().BitLen()))
	}
	return p, nil
}

// address reads a plain address.
func address(text string) (netip.Addr, error) {
	a, err := netip.ParseAddr(text)
	switch {
	case err != nil:
		if p, err := netip.ParsePrefix(text); err == nil {
			return netip.Addr{}, fmt.Errorf("use an address without a length: %s", p.Addr())
		}
		return netip.Addr{}, errors.New("use an address such as 192.0.2.1 or 2001:db8::1")
	case a.Zone() != "":
		return netip.Addr{}, errors.New("an address with a zone is not supported: use a global or unique local one")
	case a.Is4In6():
		return netip.Addr{}, fmt.Errorf("write the IPv4 form: %s", a.Unmap())
	}
	return a, nil
}

// peerAddress is an address that a session can be opened to.
func peerAddress(text string) (netip.Addr, error) {
	a, err := address(text)
	switch {
	case err != nil:
		return a, err
	case a.IsUnspecified(), a.IsMulticast(), a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return a, errors.New("no host has this address: use the speaker's own")
	case a.IsLinkLocalUnicast():
		return a, errors.New("link-local addresses are not supported: use a global or unique local one")
	}
	return a, nil
}

// routerID is an IPv4 address other than 0.0.0.0 (RFC 6286 §2.1).
func routerID(text string) (netip.Addr, error) {
	a, err := netip.ParseAddr(text)
	if err != nil || !a.Is4() || a.IsUnspecified() {
		return netip.Addr{}, errors.New("use an IPv4 address other than 0.0.0.0, such as one of the router's own")
	}
	return a, nil
}

func addrPort(text string) (netip.AddrPort, error) {
	ap, err := netip.ParseAddrPort(text)
	if err != nil || ap.Port() == 0 || ap.Addr().Zone() != "" {
		return netip.AddrPort{}, errors.New("use address:port, such as 192.168.1.1:9342 or [2001:db8::1]:9342")
	}
	return ap, nil
}

// longestText is how many bytes a description may have.
const longestText = 255

// plainText is what may be shown on a terminal as it is.
func plainText(text string) (string, error) {
	if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return "", errors.New("use printable text in UTF-8, on one line")
	}
	if len(text) > longestText {
		return "", fmt.Errorf("use at most %d bytes", longestText)
	}
	return text, nil
}

// addSorted puts x in its place unless it is there already.
func addSorted(all []netip.Prefix, x netip.Prefix) []netip.Prefix {
	i, found := slices.BinarySearchFunc(all, x, netip.Prefix.Compare)
	if found {
		return all
	}
	return slices.Insert(all, i, x)
}
