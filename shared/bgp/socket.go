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

	"github.com/hawser-lb/hawser/shared/secret"
)

// tcp is the real network. Its sockets are plain TCP, never MPTCP: MD5
// signatures and TTL options fail on those.
type tcp struct{}

func (tcp) dial(ctx context.Context, local netip.Addr, remote netip.AddrPort, p protection) (net.Conn, error) {
	d := net.Dialer{Control: func(_, _ string, rc syscall.RawConn) error { return onFD(rc, p.dress) }}
	d.SetMultipathTCP(false)
	if local.IsValid() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(local, 0))
	}
	return d.DialContext(ctx, "tcp", remote.String())
}

// listen opens a socket that asks for what w says before it lets anybody in.
// The network is named with its family: an IPv6 socket that took IPv4 as well
// would need each of its keys twice.
func (tcp) listen(ctx context.Context, at netip.AddrPort, w ward) (listener, error) {
	g := &guarded{family: familyOf(at.Addr()), have: map[netip.Prefix]secret.Text{}}
	lc := net.ListenConfig{Control: func(_, _ string, rc syscall.RawConn) error {
		return onFD(rc, func(fd int) error {
			return errors.Join(setHops(fd, g.family, ours), setPrecedence(fd, g.family),
				unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_SAVE_SYN, 1),
				g.set(fd, w, map[netip.Prefix]error{}))
		})
	}}
	lc.SetMultipathTCP(false)
	network := "tcp4"
	if g.family == IPv6 {
		network = "tcp6"
	}
	l, err := lc.Listen(ctx, network, at.String())
	if err != nil {
		return nil, err
	}
	g.Listener = l
	return g, nil
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
