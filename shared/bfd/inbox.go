package bfd

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// inbox is a listening socket. What it reads into is made once: a packet costs
// no allocation.
type inbox struct {
	s            *sockets
	fd           int
	multihop, v6 bool
	zones        zones

	from unix.RawSockaddrInet6 // the larger of the two
	oob  [128]byte
	iov  unix.Iovec
	msg  unix.Msghdr
}

func newInbox(s *sockets, fd int, multihop, v6 bool) *inbox {
	return &inbox{s: s, fd: fd, multihop: multihop, v6: v6, zones: zones{names: map[uint32]string{}}}
}

// receive is recvmsg(2), which never waits: the runtime need not know of it.
func (i *inbox) receive(b []byte) (arrival, error) {
	i.iov.Base = &b[0]
	i.iov.SetLen(len(b))
	i.msg = unix.Msghdr{Name: (*byte)(unsafe.Pointer(&i.from)), Namelen: uint32(unsafe.Sizeof(i.from)), Iov: &i.iov, Control: &i.oob[0]}
	i.msg.SetIovlen(1)
	i.msg.SetControllen(len(i.oob))
	n, _, errno := unix.RawSyscall(unix.SYS_RECVMSG, uintptr(i.fd), uintptr(unsafe.Pointer(&i.msg)), 0)
	switch errno {
	case 0:
	case unix.EAGAIN, unix.EINTR:
		return arrival{}, errEmpty
	default:
		return arrival{}, fmt.Errorf("receive: %w", errno)
	}
	a := arrival{n: int(n), from: i.sender(), ttl: -1}
	if i.msg.Flags&unix.MSG_CTRUNC == 0 {
		a.read(i.oob[:i.msg.Controllen])
	}
	if zone := a.from.Zone(); zone != "" && a.to.IsLinkLocalUnicast() {
		a.to = a.to.WithZone(zone)
	}
	return a, nil
}

// sender is the address that the kernel wrote down.
func (i *inbox) sender() netip.Addr {
	if !i.v6 {
		return netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(&i.from)).Addr)
	}
	a := netip.AddrFrom16(i.from.Addr)
	if i.from.Scope_id != 0 {
		a = a.WithZone(i.zones.name(i.from.Scope_id))
	}
	return a
}

// zones are the names of interfaces, asked for again once in a while.
type zones struct {
	names map[uint32]string
	until time.Time
}

const zonesLast = 10 * time.Second

func (z *zones) name(index uint32) string {
	if now := time.Now(); now.After(z.until) {
		clear(z.names)
		z.until = now.Add(zonesLast)
	}
	name, known := z.names[index]
	if !known {
		if i, err := net.InterfaceByIndex(int(index)); err == nil {
			name = i.Name
		}
		z.names[index] = name
	}
	return name
}

func (i *inbox) guard(fence []rule) error {
	if fence == nil {
		err := unix.SetsockoptInt(i.fd, unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0)
		if errors.Is(err, unix.ENOENT) {
			return nil
		}
		return err
	}
	whole, general := fenceOf(fence, i.multihop, i.v6)
	err := i.attach(whole)
	if errors.Is(err, unix.ENOMEM) || errors.Is(err, unix.EINVAL) { // net.core.optmem_max
		err = i.attach(general)
	}
	return err
}

func (i *inbox) attach(f filter) error {
	return unix.SetsockoptSockFprog(i.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(f)), Filter: &f[0]})
}

// dropped is what socket(7) calls SO_MEMINFO's drops; 0 on a kernel that does
// not tell.
func (i *inbox) dropped() uint64 {
	var info [unix.SK_MEMINFO_VARS]uint32
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := unix.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(i.fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return 0
	}
	return uint64(info[unix.SK_MEMINFO_DROPS])
}

func (i *inbox) Close() error {
	i.s.forget(i)
	return unix.Close(i.fd)
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
