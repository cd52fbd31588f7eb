package wire

import (
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	// resend is how long after a link carries again TCP has noticed.
	resend = 200 * time.Millisecond
	// resolve is how long a host that does not answer is asked for (ARP).
	resolve = 3 * time.Second
)

// Network joins hosts.
type Network struct {
	mu    sync.Mutex
	hosts map[netip.Addr]*Host
	ends  []*end // both of every connection, in the order of their making
	port  uint16 // of the last connection that was dialled
}

// New returns a network without hosts.
func New() *Network { return &Network{hosts: map[netip.Addr]*Host{}, port: 32768} }

// Host is one machine on the network.
type Host struct {
	n          *Network
	addresses  []netip.Addr
	latency    time.Duration
	on         bool
	life       int // counts how often it was turned on
	deaf, dumb bool
	processes  []*Process
}

// Host adds a machine, turned on, whose packets take latency to the middle of
// the network. It has the addresses, of which the first of a family is what it
// speaks from.
func (n *Network) Host(latency time.Duration, addresses ...netip.Addr) *Host {
	n.mu.Lock()
	defer n.mu.Unlock()
	h := &Host{n: n, addresses: addresses, latency: latency, on: true}
	for _, a := range addresses {
		n.hosts[a] = h
	}
	return h
}

// address is the one to speak from to a.
func (h *Host) address(a netip.Addr) netip.Addr {
	i := slices.IndexFunc(h.addresses, func(own netip.Addr) bool { return own.Is4() == a.Is4() })
	if i < 0 {
		return netip.Addr{}
	}
	return h.addresses[i]
}

// Link says what the host's link loses: everything that comes to the host,
// everything that it sends, both or nothing.
func (h *Host) Link(losesIncoming, losesOutgoing bool) {
	h.n.mu.Lock()
	defer h.n.mu.Unlock()
	h.deaf, h.dumb = losesIncoming, losesOutgoing
	h.n.sendAgain()
}

// Power turns the host off, with everything that runs on it and without a word
// to anybody, or on again, with nothing running.
func (h *Host) Power(on bool) {
	h.n.mu.Lock()
	defer h.n.mu.Unlock()
	if on && !h.on {
		h.life++
	}
	h.on = on
	if !on {
		for _, p := range h.processes {
			p.vanish()
		}
		h.processes = nil
	}
	h.n.sendAgain()
}

// Reset has every connection between the two hosts reset, as a firewall that
// has forgotten them would.
func (n *Network) Reset(a, b *Host) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, e := range n.ends {
		if e.process.host == a && e.other.process.host == b || e.process.host == b && e.other.process.host == a {
			e.breakOff()
		}
	}
	n.prune()
}

// Sees reports whether packets go both ways between h and the host that has the
// address.
func (h *Host) Sees(a netip.Addr) bool {
	h.n.mu.Lock()
	defer h.n.mu.Unlock()
	o := h.n.hosts[a]
	return o != nil && carries(h, o) && carries(o, h)
}

// carries reports whether packets get from one host to the other; n.mu is held.
func carries(from, to *Host) bool { return from.on && to.on && !from.dumb && !to.deaf }

// sendAgain has what was lost on its way tried again; n.mu is held.
func (n *Network) sendAgain() {
	for _, e := range n.ends {
		if len(e.sent) > 0 && e.alive() && carries(e.process.host, e.other.process.host) {
			again := time.Now().Add(resend)
			for i := range e.sent {
				if e.sent[i].due.Before(again) {
					e.sent[i].due = again
				}
			}
			time.AfterFunc(resend, e.deliver)
		}
	}
}

// prune forgets connections that are over at both ends; n.mu is held.
func (n *Network) prune() {
	n.ends = slices.DeleteFunc(n.ends, func(e *end) bool { return e.over() && e.other.over() })
}
