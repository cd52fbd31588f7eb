package bfd

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// udp is the real network.
type udp struct{}

// socketOption is one number to set on a socket.
type socketOption struct{ level, name, value int }

// precedence is "internetwork control" (RFC 791), as routers send BFD.
const precedence = 0xc0

// hops is what a neighbour on the same network must see (RFC 5881 §5).
const hops = 255

// open binds a socket. Its options are set behind that, before anything is sent
// or read: net.ListenConfig, which sets them earlier, would bring a resolver of
// names into the program.
func open(network string, at netip.AddrPort, options []socketOption) (*net.UDPConn, error) {
	c, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(at))
	if err != nil {
		return nil, err
	}
	if err := set(c, options); err != nil {
		return nil, errors.Join(fmt.Errorf("socket options: %w", err), c.Close())
	}
	return c, nil
}

func set(c *net.UDPConn, options []socketOption) error {
	rc, err := c.SyscallConn()
	if err != nil {
		return err
	}
	control := rc.Control(func(fd uintptr) {
		for _, o := range options {
			err = errors.Join(err, unix.SetsockoptInt(int(fd), o.level, o.name, o.value))
		}
	})
	return errors.Join(control, err)
}

func (udp) listen(multihop, v6 bool) (receiver, error) {
	port := uint16(singleHopPort)
	if multihop {
		port = multihopPort
	}
	family, at := "udp4", netip.IPv4Unspecified()
	ask := []socketOption{{unix.IPPROTO_IP, unix.IP_RECVTTL, 1}, {unix.IPPROTO_IP, unix.IP_PKTINFO, 1}}
	if v6 {
		family, at = "udp6", netip.IPv6Unspecified()
		ask = []socketOption{{unix.IPPROTO_IPV6, unix.IPV6_RECVHOPLIMIT, 1}, {unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1}}
	}
	c, err := open(family, netip.AddrPortFrom(at, port), ask)
	if err != nil {
		return nil, err
	}
	return &inbox{UDPConn: c}, nil
}

// inbox is a listening socket.
type inbox struct {
	*net.UDPConn
	oob [128]byte
}

func (i *inbox) receive(b []byte) (arrival, error) {
	n, oob, flags, from, err := i.ReadMsgUDPAddrPort(b, i.oob[:])
	if err != nil {
		return arrival{}, err
	}
	a := arrival{n: n, from: from, ttl: -1}
	if flags&unix.MSG_CTRUNC == 0 {
		a.read(i.oob[:oob])
	}
	return a, nil
}

// waiting asks for the length of the next datagram (udp(7), SIOCINQ). A socket
// that cannot tell has nothing to read.
func (i *inbox) waiting() bool {
	rc, err := i.SyscallConn()
	if err != nil {
		return false
	}
	n := 0
	err = rc.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.SIOCINQ) })
	return err == nil && n > 0
}

// cmsgAlign is how control messages are aligned (cmsg(3)).
var cmsgAlign = unix.CmsgSpace(1) - unix.SizeofCmsghdr

// read takes TTL and destination out of the control messages, without the
// allocations of unix.ParseSocketControlMessage. Their header is a length of
// one machine word, level and type (linux/socket.h).
func (a *arrival) read(oob []byte) {
	const header = unix.SizeofCmsghdr
	for len(oob) >= header {
		length := int(binary.NativeEndian.Uint32(oob))
		if header == 16 {
			length = int(binary.NativeEndian.Uint64(oob))
		}
		if length < header || length > len(oob) {
			return
		}
		level := int(binary.NativeEndian.Uint32(oob[header-8:]))
		kind := int(binary.NativeEndian.Uint32(oob[header-4:]))
		a.note(level, kind, oob[header:length])
		oob = oob[min(len(oob), (length+cmsgAlign-1)/cmsgAlign*cmsgAlign):]
	}
}

func (a *arrival) note(level, kind int, data []byte) {
	switch {
	case level == unix.IPPROTO_IP && kind == unix.IP_TTL && len(data) >= 4,
		level == unix.IPPROTO_IPV6 && kind == unix.IPV6_HOPLIMIT && len(data) >= 4:
		a.ttl = int(binary.NativeEndian.Uint32(data))
	case level == unix.IPPROTO_IP && kind == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
		a.to = netip.AddrFrom4([4]byte(data[8:12]))
	case level == unix.IPPROTO_IPV6 && kind == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
		a.to = netip.AddrFrom16([16]byte(data[:16]))
	}
}

// Source ports (RFC 5881 §4).
const (
	firstSource = 49152
	lastSource  = 65535
)

func (udp) dial(k Key) (io.WriteCloser, error) {
	family, port := "udp4", uint16(singleHopPort)
	options := []socketOption{{unix.IPPROTO_IP, unix.IP_TTL, hops}, {unix.IPPROTO_IP, unix.IP_TOS, precedence}}
	local := netip.IPv4Unspecified()
	if k.Remote.Is6() {
		family, local = "udp6", netip.IPv6Unspecified()
		options = []socketOption{{unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, hops}, {unix.IPPROTO_IPV6, unix.IPV6_TCLASS, precedence}}
	}
	if k.Multihop {
		port = multihopPort
	}
	if k.Local.IsValid() {
		local = k.Local
	}
	var err error
	for range 16 {
		at := netip.AddrPortFrom(local, uint16(firstSource+rand.IntN(lastSource-firstSource+1)))
		var c *net.UDPConn
		if c, err = open(family, at, options); err == nil {
			return &outbox{c, netip.AddrPortFrom(k.Remote, port)}, nil
		}
		if !errors.Is(err, unix.EADDRINUSE) {
			break
		}
	}
	return nil, fmt.Errorf("send to %s: %w", k.Remote, err)
}

// outbox sends to one neighbour. It is not connected: an ICMP error for one
// packet would keep the next from being sent.
type outbox struct {
	*net.UDPConn
	to netip.AddrPort
}

func (o *outbox) Write(b []byte) (int, error) { return o.WriteToUDPAddrPort(b, o.to) }
