package lab

import (
	"fmt"
	"net/netip"
	"sync"
)

// Link joins two hosts by a veth pair. Addresses are prefixes, as `ip addr add`
// takes them; both ends are up when Link returns.
func (l *Lab) Link(a *Host, aIf string, aAddrs []string, b *Host, bIf string, bAddrs []string) {
	if l.Err() != nil {
		return
	}
	if !l.check(veth(a, aIf, b, bIf)) || !l.check(a.configure(aIf, aAddrs)) {
		return
	}
	l.check(b.configure(bIf, bAddrs))
}

func veth(a *Host, aIf string, b *Host, bIf string) error {
	err := a.ipBatch(fmt.Sprintf("link add name %s type veth peer name %s netns %s", aIf, bIf, b.namespace))
	if err != nil {
		return fmt.Errorf("lab: link %s/%s to %s/%s: %w", a.name, aIf, b.name, bIf, err)
	}
	return nil
}

// configure gives an interface its addresses and turns it up.
func (h *Host) configure(ifname string, addrs []string) error {
	lines := []string{"link set " + ifname + " up"}
	for _, a := range addrs {
		p, err := netip.ParsePrefix(a)
		if err != nil {
			return h.wrap(fmt.Errorf("%s: %w", ifname, err))
		}
		line := "addr add " + p.String() + " dev " + ifname
		if p.Addr().Is6() {
			line += " nodad"
		}
		lines = append(lines, line)
	}
	return h.wrap(h.ipBatch(lines...))
}

// SetLink turns an interface up or down.
func (h *Host) SetLink(ifname string, up bool) error {
	state := "down"
	if up {
		state = "up"
	}
	return h.wrap(h.ipBatch("link set " + ifname + " " + state))
}

// Route adds a route, as `ip route add` takes it: Route("default", "via",
// "10.0.0.1"). The family is that of the text.
func (h *Host) Route(words ...string) {
	if h.lab.Err() != nil {
		return
	}
	line := "route add"
	for _, w := range words {
		line += " " + w
	}
	h.lab.check(h.wrap(h.ipBatch(line)))
}

// Bridge is an Ethernet switch inside a host.
type Bridge struct {
	host *Host
	name string

	mu    sync.Mutex
	ports int
}

// Bridge makes a bridge on h. With addresses h itself takes part in the
// network; without it only switches.
func (l *Lab) Bridge(h *Host, name string, addrs ...string) *Bridge {
	b := &Bridge{host: h, name: name}
	if l.Err() != nil {
		return b
	}
	err := h.ipBatch("link add name " + name + " type bridge forward_delay 0 stp_state 0 mcast_snooping 0")
	if l.check(h.wrap(err)) {
		l.check(h.configure(name, addrs))
	}
	return b
}

// Attach plugs a new interface of a host into the bridge.
func (b *Bridge) Attach(h *Host, ifname string, addrs ...string) {
	l := b.host.lab
	if l.Err() != nil {
		return
	}
	b.mu.Lock()
	b.ports++
	port := fmt.Sprintf("%s-p%d", b.name, b.ports)
	b.mu.Unlock()
	if !l.check(veth(b.host, port, h, ifname)) {
		return
	}
	if l.check(b.host.wrap(b.host.ipBatch("link set " + port + " master " + b.name + " up"))) {
		l.check(h.configure(ifname, addrs))
	}
}
