package kernel

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/hawser-lb/hawser/shared/order"
)

// Facts are the links and addresses of the machine, sorted.
type Facts struct {
	Links     []Link
	Addresses []Address
	Spread    []Spread
}

// Link is a network interface.
type Link struct {
	Index    int
	Name     string
	Up       bool // turned on
	Carrier  bool // and connected
	Loopback bool
}

// Address is one address of ours.
type Address struct {
	Link int // index
	// Own is our address, Subnet what is reached by it: the other end alone
	// on a point-to-point link.
	Own    netip.Addr
	Subnet netip.Prefix
}

// Link finds a link by its index.
func (f Facts) Link(index int) (Link, bool) {
	i, found := slices.BinarySearchFunc(f.Links, index, func(l Link, index int) int { return cmp.Compare(l.Index, index) })
	if !found {
		return Link{}, false
	}
	return f.Links[i], true
}

// Facts reads the links and addresses.
func (k *Kernel) Facts() (Facts, error) {
	var f Facts
	err := k.dump(linkRequest(), func() { f.Links = nil }, func(_ uint16, body []byte) error {
		l, err := link(body)
		f.Links = append(f.Links, l)
		return err
	})
	if err != nil {
		return Facts{}, fmt.Errorf("kernel: read links: %w", err)
	}
	err = k.dump(addressRequest(), func() { f.Addresses = nil }, func(_ uint16, body []byte) error {
		a, err := anAddress(body)
		f.Addresses = append(f.Addresses, a)
		return err
	})
	if err != nil {
		return Facts{}, fmt.Errorf("kernel: read addresses: %w", err)
	}
	order.Slice(f.Links, func(a, b Link) int { return cmp.Compare(a.Index, b.Index) })
	order.Slice(f.Addresses, func(a, b Address) int {
		return cmp.Or(a.Own.Compare(b.Own), cmp.Compare(a.Link, b.Link), cmp.Compare(a.Subnet.Bits(), b.Subnet.Bits()))
	})
	f.Spread = spread()
	return f, nil
}

const (
	linkHeaderLen    = 16 // struct ifinfomsg
	addressHeaderLen = 8  // struct ifaddrmsg
	skipStatistics   = 8  // RTEXT_FILTER_SKIP_STATS
)

func linkRequest() netlink.Message {
	body := number(make([]byte, linkHeaderLen), unix.IFLA_EXT_MASK, skipStatistics)
	return netlink.Message{Header: netlink.Header{Type: unix.RTM_GETLINK}, Data: body}
}

func addressRequest() netlink.Message {
	return netlink.Message{Header: netlink.Header{Type: unix.RTM_GETADDR}, Data: make([]byte, addressHeaderLen)}
}

// link reads RTM_NEWLINK.
func link(body []byte) (Link, error) {
	if len(body) < linkHeaderLen {
		return Link{}, errShort
	}
	flags := native.Uint32(body[8:])
	l := Link{
		Index:    int(native.Uint32(body[4:])),
		Up:       flags&unix.IFF_UP != 0,
		Carrier:  flags&unix.IFF_LOWER_UP != 0,
		Loopback: flags&unix.IFF_LOOPBACK != 0,
	}
	for kind, value := range each(body[linkHeaderLen:]) {
		if kind == unix.IFLA_IFNAME {
			l.Name = unix.ByteSliceToString(value)
		}
	}
	return l, nil
}

// anAddress reads RTM_NEWADDR. IFA_LOCAL is ours where the two differ
// (rtnetlink(7)).
func anAddress(body []byte) (Address, error) {
	if len(body) < addressHeaderLen {
		return Address{}, errShort
	}
	a := Address{Link: int(native.Uint32(body[4:]))}
	var other netip.Addr
	for kind, value := range each(body[addressHeaderLen:]) {
		switch kind {
		case unix.IFA_LOCAL:
			a.Own, _ = netip.AddrFromSlice(value)
		case unix.IFA_ADDRESS:
			other, _ = netip.AddrFromSlice(value)
		}
	}
	if !a.Own.IsValid() {
		a.Own = other
	}
	if !other.IsValid() {
		return Address{}, errShort
	}
	var err error
	a.Subnet, err = other.Prefix(int(body[1]))
	return a, err
}
