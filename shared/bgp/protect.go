package bgp

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/hawser-lb/hawser/shared/order"
	"github.com/hawser-lb/hawser/shared/secret"
)

// ours is the TTL that packets leave with, unless the session is told how far
// they may go: a peer with GTSM accepts 255 alone, and no other is bothered by
// it (RFC 5082 §3).
const ours = 255

// protection is what the socket of one session asks of the kernel.
type protection struct {
	peer     netip.Addr
	password secret.Text
	least    uint8 // TTL that a packet must still have; 0: any
	ttl      uint8 // of what we send
}

func (p Peer) protection() protection {
	return protection{peer: p.Address.WithZone(""), password: p.Password, least: p.leastTTL(), ttl: p.sentTTL()}
}

// leastTTL of a packet that has come over at most TTLSecurity hops.
func (s Settings) leastTTL() uint8 {
	if s.TTLSecurity == 0 {
		return 0
	}
	return ours - s.TTLSecurity + 1
}

func (s Settings) sentTTL() uint8 {
	if s.Multihop == 0 {
		return ours
	}
	return s.Multihop
}

// ward is what a listening socket has to ask before anybody is accepted. A key
// is for every address in its prefix that has none of its own: the longest
// prefix wins. Only accepted sockets can tell apart whose TTL matters, so the
// listener asks for what all its peers must have.
type ward struct {
	keys  map[netip.Prefix]secret.Text
	least map[Family]uint8
}

// wardOf says what the listeners ask for these peers and ranges.
func wardOf(peers []Peer, ranges []Range) ward {
	w := ward{keys: map[netip.Prefix]secret.Text{}, least: map[Family]uint8{}}
	met := map[Family]bool{}
	add := func(p netip.Prefix, s Settings) {
		f := familyOf(p.Addr())
		if s.Password.IsSet() {
			w.keys[p] = s.Password
		}
		if least := s.leastTTL(); !met[f] || least < w.least[f] {
			w.least[f] = least
		}
		met[f] = true
	}
	for _, p := range peers {
		add(single(p.Address), p.Settings)
	}
	for _, r := range ranges {
		add(r.Prefix.Masked(), r.Settings)
	}
	return w
}

// single is the prefix that holds one address alone.
func single(a netip.Addr) netip.Prefix {
	a = a.WithZone("")
	return netip.PrefixFrom(a, a.BitLen())
}

// narrowest is the key that the kernel asks of a connection from anywhere in p.
func (w ward) narrowest(p netip.Prefix) (found netip.Prefix, ok bool) {
	for k := range w.keys {
		if k.Bits() <= p.Bits() && k.Contains(p.Addr()) && (!ok || k.Bits() > found.Bits()) {
			found, ok = k, true
		}
	}
	return found, ok
}

// keyStep is one change of a listening socket's keys; an unset password
// removes the key.
type keyStep struct {
	prefix   netip.Prefix
	password secret.Text
}

// keySteps turn have into those of want that are of family f.
func keySteps(want, have map[netip.Prefix]secret.Text, f Family) []keyStep {
	var steps []keyStep
	for p := range have {
		if _, stays := want[p]; !stays {
			steps = append(steps, keyStep{prefix: p})
		}
	}
	for p, key := range want {
		if familyOf(p.Addr()) == f && have[p] != key {
			steps = append(steps, keyStep{p, key})
		}
	}
	order.Slice(steps, func(a, b keyStep) int { return a.prefix.Compare(b.prefix) })
	return steps
}

// obstacles names, by prefix, who can have no session however willing the other
// end is, and what is to be done about it. signing is nil where the kernel has
// TCP MD5, failed are the keys that it did not take.
func obstacles(peers []Peer, ranges []Range, signing error, failed map[netip.Prefix]error) map[netip.Prefix]error {
	w, out := wardOf(peers, ranges), map[netip.Prefix]error{}
	look := func(p netip.Prefix, s Settings, waits bool) {
		switch around, asked := w.narrowest(p); {
		case s.Password.IsSet() && signing != nil:
			out[p] = signing
		case s.Password.IsSet() && failed[p] != nil:
			out[p] = fmt.Errorf("its password cannot be used: %w", failed[p])
		case !s.Password.IsSet() && asked && waits && signing == nil:
			out[p] = fmt.Errorf("it has no password and lies inside %s, which has one: the kernel asks for that, so give it one of its own", around)
		}
	}
	for _, p := range peers {
		look(single(p.Address), p.Settings, p.Passive)
	}
	for _, r := range ranges {
		look(r.Prefix.Masked(), r.Settings, true)
	}
	return out
}

// errNoSigning is the answer of a kernel without TCP MD5.
var errNoSigning = errors.New("a password is set and this kernel has no TCP MD5 (CONFIG_TCP_MD5SIG): " +
	"no session is opened without it; use a kernel that has it, or remove the password and use TTL security instead")

// syn is what the first packet of an accepted connection was like.
type syn struct {
	ttl    uint8
	signed bool
}

// errNoSYN is what a kernel that answered with SYN cookies has kept.
var errNoSYN = errors.New("the kernel kept no SYN")

const (
	ipv4Header, ipv6Header, tcpHeader = 20, 40, 20
	protocolTCP                       = 6
	// optionEnd, optionPad and optionMD5 are kinds of TCP options (RFC 9293
	// §3.1, RFC 2385 §3.0).
	optionEnd, optionPad, optionMD5 = 0, 1, 19
)

// parseSYN reads what TCP_SAVED_SYN returned: the IP and the TCP header.
func parseSYN(b []byte) (syn, error) {
	var s syn
	var at int
	switch {
	case len(b) >= ipv4Header && b[0]>>4 == 4:
		s.ttl, at = b[8], int(b[0]&0x0f)*4
	case len(b) >= ipv6Header && b[0]>>4 == 6 && b[6] == protocolTCP: // no extension headers
		s.ttl, at = b[7], ipv6Header
	default:
		return syn{}, errNoSYN
	}
	if len(b) < at+tcpHeader {
		return syn{}, errNoSYN
	}
	options := b[at+tcpHeader : min(len(b), max(at+int(b[at+12]>>4)*4, at+tcpHeader))]
	for len(options) > 0 && options[0] != optionEnd {
		if options[0] == optionPad {
			options = options[1:]
			continue
		}
		s.signed = s.signed || options[0] == optionMD5
		if len(options) < 2 || options[1] < 2 || int(options[1]) > len(options) {
			break
		}
		options = options[options[1]:]
	}
	return s, nil
}

// check refuses a connection that was let in before its peer had to be
// protected, or because others need not be.
func (p protection) check(s syn, err error) error {
	switch {
	case p.least > 0 && err != nil:
		return fmt.Errorf("how far it came cannot be seen: %w", err)
	case p.least > 0 && s.ttl < p.least:
		return fmt.Errorf("it came with TTL %d, less than the %d that TTL security asks for", s.ttl, p.least)
	case p.password.IsSet() && err == nil && !s.signed:
		return errors.New("it was opened without the password")
	}
	return nil
}
