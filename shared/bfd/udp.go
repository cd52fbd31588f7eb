package bfd

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"

	"golang.org/x/sys/unix"
)

// socketOption is one number to set on a socket.
type socketOption struct{ level, name, value int }

// precedence is "internetwork control" (RFC 791), as routers send BFD.
const precedence = 0xc0

// hops is what a neighbour on the same network must see (RFC 5881 §5).
const hops = 255

// socket binds a socket that never blocks. The Go runtime does not know of it:
// its poller would wake another thread for each packet.
func socket(at netip.AddrPort, options []socketOption) (fd int, err error) {
	sa, err := sockaddr(at)
	if err != nil {
		return -1, err
	}
	family := unix.AF_INET
	if at.Addr().Is6() {
		family = unix.AF_INET6
		options = append(options, socketOption{unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1})
	}
	fd, err = unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	for _, o := range options {
		err = errors.Join(err, unix.SetsockoptInt(fd, o.level, o.name, o.value))
	}
	if err == nil {
		err = unix.Bind(fd, sa)
	}
	if err != nil {
		return -1, errors.Join(fmt.Errorf("bind %s: %w", at, err), unix.Close(fd))
	}
	return fd, nil
}

// sockaddr is an address in the kernel's words.
func sockaddr(at netip.AddrPort) (unix.Sockaddr, error) {
	if at.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}, nil
	}
	zone, err := zoneIndex(at.Addr().Zone())
	return &unix.SockaddrInet6{Port: int(at.Port()), Addr: at.Addr().As16(), ZoneId: zone}, err
}

// zoneIndex is the number of the interface that a zone names.
func zoneIndex(zone string) (uint32, error) {
	if zone == "" {
		return 0, nil
	}
	if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(n), nil
	}
	i, err := net.InterfaceByName(zone)
	if err != nil {
		return 0, fmt.Errorf("zone %s: %w", zone, err)
	}
	return uint32(i.Index), nil
}

// Source ports (RFC 5881 §4).
const (
	firstSource = 49152
	lastSource  = 65535
)

func (*sockets) dial(k Key) (io.WriteCloser, error) {
	port := uint16(singleHopPort)
	options := []socketOption{{unix.IPPROTO_IP, unix.IP_TTL, hops}, {unix.IPPROTO_IP, unix.IP_TOS, precedence}}
	local := netip.IPv4Unspecified()
	if k.Remote.Is6() {
		local = netip.IPv6Unspecified()
		options = []socketOption{{unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, hops}, {unix.IPPROTO_IPV6, unix.IPV6_TCLASS, precedence}}
	}
	if k.Multihop {
		port = multihopPort
	}
	if k.Local.IsValid() {
		local = k.Local
	}
	options = append(options, socketOption{unix.SOL_SOCKET, unix.SO_RCVBUF, 0}) // nobody reads what comes: as little as can be
	o := &outbox{to: netip.AddrPortFrom(k.Remote, port)}
	err := o.find()
	for range 16 {
		if err != nil {
			break
		}
		at := netip.AddrPortFrom(local, uint16(firstSource+rand.IntN(lastSource-firstSource+1)))
		if o.fd, err = socket(at, options); err == nil {
			return o, nil
		}
		if errors.Is(err, unix.EADDRINUSE) {
			err = nil
		}
	}
	if err == nil {
		err = unix.EADDRINUSE
	}
	return nil, fmt.Errorf("send to %s: %w", k.Remote, err)
}

// outbox sends to one neighbour. It is not connected: an ICMP error for one
// packet would keep the next from being sent.
type outbox struct {
	fd int
	to netip.AddrPort
	sa unix.Sockaddr
}

func (o *outbox) find() (err error) {
	o.sa, err = sockaddr(o.to)
	return err
}

// Write sends a packet. An interface that was made anew has another number.
func (o *outbox) Write(b []byte) (int, error) {
	err := unix.Sendto(o.fd, b, unix.MSG_NOSIGNAL, o.sa)
	if err != nil && o.to.Addr().Zone() != "" && o.find() == nil {
		err = unix.Sendto(o.fd, b, unix.MSG_NOSIGNAL, o.sa)
	}
	if err != nil {
		return 0, fmt.Errorf("send to %s: %w", o.to.Addr(), err)
	}
	return len(b), nil
}

func (o *outbox) Close() error { return unix.Close(o.fd) }
