package bgp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// tcp is the real network. Its sockets are plain TCP, never MPTCP: MD5
// signatures and TTL options fail on those.
type tcp struct{}

// ours is how long the first hop of our packets may be checked for: a peer
// with GTSM accepts 255 alone, and no other is bothered by it (RFC 5082 §3).
const ours = 255

// precedence is Internetwork Control, as routing protocols use it (RFC 4271
// says nothing; RFC 4594 §3.1 does).
const precedence = 0xc0

func (tcp) dial(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error) {
	d := net.Dialer{Control: control}
	d.SetMultipathTCP(false)
	if local.IsValid() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(local, 0))
	}
	return d.DialContext(ctx, "tcp", remote.String())
}

func (tcp) listen(ctx context.Context, at netip.AddrPort) (net.Listener, error) {
	lc := net.ListenConfig{Control: control}
	lc.SetMultipathTCP(false)
	network := "tcp4"
	if at.Addr().Is6() {
		network = "tcp6"
	}
	return lc.Listen(ctx, network, at.String())
}

// control sets what a socket needs before it connects or listens; accepted
// ones inherit it. Address reuse and TCP_NODELAY are Go's own defaults.
func control(network, _ string, rc syscall.RawConn) error {
	var err error
	cerr := rc.Control(func(fd uintptr) {
		if network == "tcp6" {
			err = errors.Join(
				unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, ours),
				unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_TCLASS, precedence))
			return
		}
		err = errors.Join(
			unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_TTL, ours),
			unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_TOS, precedence))
	})
	return errors.Join(cerr, err)
}

// setUserTimeout has the kernel give up on unacknowledged data when RFC 9687
// would. Without it the session still ends by the other timers, only later, so
// a failure is nobody's business.
func setUserTimeout(nc net.Conn, hold time.Duration) {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return
	}
	rc, err := sc.SyscallConn()
	if err != nil {
		return
	}
	_ = rc.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(max(sendHold, 2*hold)/time.Millisecond))
	})
}

func (tcp) sibling(local netip.Addr, f Family) (netip.Addr, error) {
	ifaces, err := net.Interfaces()
	if err != nil {
		return netip.Addr{}, err
	}
	for _, ifc := range ifaces {
		addrs, err := ifc.Addrs()
		if err != nil {
			return netip.Addr{}, fmt.Errorf("%s: %w", ifc.Name, err)
		}
		if a, owns := pickSibling(addrs, local, f); owns {
			if !a.IsValid() {
				return a, fmt.Errorf("no %s address on %s to be the next hop", f, ifc.Name)
			}
			return a, nil
		}
	}
	return netip.Addr{}, fmt.Errorf("no interface has %s", local)
}

// pickSibling returns the first address of family f that others can reach, and
// whether local is among the addresses.
func pickSibling(addrs []net.Addr, local netip.Addr, f Family) (pick netip.Addr, owns bool) {
	for _, addr := range addrs {
		n, ok := addr.(*net.IPNet)
		if !ok {
			continue
		}
		a, ok := netip.AddrFromSlice(n.IP)
		a = a.Unmap()
		if !ok {
			continue
		}
		owns = owns || a == local.WithZone("")
		if !pick.IsValid() && familyOf(a) == f && a.IsGlobalUnicast() {
			pick = a
		}
	}
	return pick, owns
}
