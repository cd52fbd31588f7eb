package bgp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hawser-lb/hawser/shared/secret"
)

// tcp is the real network. Its sockets are plain TCP, never MPTCP: MD5
// signatures and TTL options fail on those.
type tcp struct{}

// backlog is how many connections may wait to be accepted; the kernel lowers it
// to net.core.somaxconn.
const backlog = 4096

func (tcp) dial(ctx context.Context, local netip.Addr, remote netip.AddrPort, p protection) (net.Conn, error) {
	d := net.Dialer{Control: func(_, _ string, rc syscall.RawConn) error { return onFD(rc, p.dress) }}
	d.SetMultipathTCP(false)
	var from netip.AddrPort
	if local.IsValid() {
		from = netip.AddrPortFrom(local, 0)
	}
	c, err := d.DialTCP(ctx, "tcp", from, remote)
	if err != nil {
		return nil, err // a *net.TCPConn of nil would be a net.Conn
	}
	return c, nil
}

// listen opens a socket that asks for what w says before it lets anybody in.
// An IPv6 socket takes no IPv4: it would need each of its keys twice. The
// socket is not made by net.ListenConfig, which would bring a resolver of names
// into the program.
func (tcp) listen(_ context.Context, at netip.AddrPort, w ward) (listener, error) {
	g := &guarded{family: familyOf(at.Addr()), have: map[netip.Prefix]secret.Text{}}
	l, err := bound(at, func(fd int) error {
		return errors.Join(setHops(fd, g.family, ours), setPrecedence(fd, g.family),
			unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_SAVE_SYN, 1),
			g.set(fd, w, map[netip.Prefix]error{}))
	})
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: "tcp", Addr: net.TCPAddrFromAddrPort(at), Err: err}
	}
	g.Listener = l
	return g, nil
}

// bound is a socket that listens at the address, dressed before it does.
func bound(at netip.AddrPort, dress func(fd int) error) (net.Listener, error) {
	domain, to, err := sockaddr(at)
	if err != nil {
		return nil, err
	}
	fd, err := unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	socket := os.NewFile(uintptr(fd), "listener")
	defer socket.Close() // net.FileListener has its own
	if domain == unix.AF_INET6 {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1)
	}
	err = errors.Join(err, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1), dress(fd))
	if err != nil {
		return nil, err
	}
	if err := unix.Bind(fd, to); err != nil {
		return nil, os.NewSyscallError("bind", err)
	}
	if err := unix.Listen(fd, backlog); err != nil {
		return nil, os.NewSyscallError("listen", err)
	}
	return net.FileListener(socket)
}

// sockaddr is at as the kernel is told it, behind its address family.
func sockaddr(at netip.AddrPort) (domain int, to unix.Sockaddr, err error) {
	a, port := at.Addr(), int(at.Port())
	if familyOf(a) == IPv4 {
		return unix.AF_INET, &unix.SockaddrInet4{Port: port, Addr: a.As4()}, nil
	}
	six := &unix.SockaddrInet6{Port: port, Addr: a.As16()}
	if a.Zone() != "" {
		ifc, err := net.InterfaceByName(a.Zone())
		if err != nil {
			return 0, nil, err
		}
		six.ZoneId = uint32(ifc.Index)
	}
	return unix.AF_INET6, six, nil
}

func (tcp) signing() error { return probeSigning() }

// setUserTimeout has the kernel give up on unacknowledged data when RFC 9687
// would. Without it the session still ends by the other timers, only later, so
// a failure is nobody's business.
func setUserTimeout(nc net.Conn, hold time.Duration) {
	_ = withFD(nc, func(fd int) error {
		return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(max(sendHold, 2*hold)/time.Millisecond))
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
