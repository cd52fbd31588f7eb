package bgp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/hawser-lb/hawser/shared/secret"
)

// precedence is Internetwork Control, as routing protocols use it (RFC 4271
// says nothing; RFC 4594 §3.1 does).
const precedence = 0xc0

// setHops says with what TTL packets leave.
func setHops(fd int, f Family, ttl uint8) error {
	if f == IPv6 {
		return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, int(ttl))
	}
	return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TTL, int(ttl))
}

// setLeast has packets with a lower TTL dropped (RFC 5082 §3).
func setLeast(fd int, f Family, least uint8) error {
	if f == IPv6 {
		return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MINHOPCOUNT, int(least))
	}
	return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MINTTL, int(least))
}

func setPrecedence(fd int, f Family) error {
	if f == IPv6 {
		return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_TCLASS, precedence)
	}
	return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TOS, precedence)
}

// setKey sets or, with an unset password, removes the key for a prefix. A
// single address needs no more than RFC 2385 has always been in Linux;
// prefixes came with 4.13.
func setKey(fd int, p netip.Prefix, password secret.Text) error {
	key := password.Reveal()
	sig := unix.TCPMD5Sig{Keylen: uint16(len(key))}
	copy(sig.Key[:], key)
	defer clear(sig.Key[:])
	fillAddress(&sig.Addr, p.Addr())
	opt := unix.TCP_MD5SIG
	if !p.IsSingleIP() {
		opt, sig.Flags, sig.Prefixlen = unix.TCP_MD5SIG_EXT, unix.TCP_MD5SIG_FLAG_PREFIX, uint8(p.Bits())
	}
	err := unix.SetsockoptTCPMD5Sig(fd, unix.IPPROTO_TCP, opt, &sig)
	switch {
	case err == nil, !password.IsSet() && errors.Is(err, unix.ENOENT):
		return nil
	case errors.Is(err, unix.ENOPROTOOPT) && opt == unix.TCP_MD5SIG_EXT:
		return errors.New("this kernel knows keys for single addresses only, those for prefixes came with Linux 4.13")
	case errors.Is(err, unix.ENOPROTOOPT):
		return errNoSigning
	case errors.Is(err, unix.ENOMEM):
		return errors.New("the socket has no room for more keys: raise the sysctl net.core.optmem_max")
	}
	return err
}

// fillAddress writes a as a sockaddr of its family.
func fillAddress(into *unix.SockaddrStorage, a netip.Addr) {
	if a.Is4() {
		sa := (*unix.RawSockaddrInet4)(unsafe.Pointer(into))
		sa.Family, sa.Addr = unix.AF_INET, a.As4()
		return
	}
	sa := (*unix.RawSockaddrInet6)(unsafe.Pointer(into))
	sa.Family, sa.Addr = unix.AF_INET6, a.As16()
}

// probeSigning finds out once whether the kernel has TCP MD5.
var probeSigning = sync.OnceValue(func() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("whether the kernel has TCP MD5 cannot be seen: %w", err)
	}
	defer unix.Close(fd)
	return setKey(fd, single(netip.AddrFrom4([4]byte{192, 0, 2, 1})), secret.New("probe"))
})

// withFD runs f with the socket of c.
func withFD(c any, f func(fd int) error) error {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return fmt.Errorf("%T is no socket", c)
	}
	rc, err := sc.SyscallConn()
	if err != nil {
		return err
	}
	return onFD(rc, f)
}

func onFD(rc syscall.RawConn, f func(fd int) error) error {
	var err error
	cerr := rc.Control(func(fd uintptr) { err = f(int(fd)) })
	return errors.Join(cerr, err)
}

// dress sets what a socket needs before it connects.
func (p protection) dress(fd int) error {
	f := familyOf(p.peer)
	err := errors.Join(setHops(fd, f, p.ttl), setPrecedence(fd, f))
	if p.least > 0 {
		err = errors.Join(err, setLeast(fd, f, p.least))
	}
	if p.password.IsSet() {
		err = errors.Join(err, setKey(fd, single(p.peer), p.password))
	}
	return err
}

// redress sets the same on a socket that was accepted and has inherited from
// its listener what was not meant for it alone.
func (p protection) redress(fd int) error {
	f := familyOf(p.peer)
	err := errors.Join(setHops(fd, f, p.ttl), setLeast(fd, f, p.least))
	if p.password.IsSet() || probeSigning() == nil {
		err = errors.Join(err, setKey(fd, single(p.peer), p.password))
	}
	return err
}

// savedSYN is how the connection was opened.
func savedSYN(fd int) (syn, error) {
	var b [512]byte
	n := uint32(len(b))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.IPPROTO_TCP, unix.TCP_SAVED_SYN,
		uintptr(unsafe.Pointer(&b[0])), uintptr(unsafe.Pointer(&n)), 0)
	if errno != 0 {
		return syn{}, errno
	}
	return parseSYN(b[:min(int(n), len(b))])
}

// secure protects an accepted connection, or says why it must not be one.
func (tcp) secure(nc net.Conn, p protection) error {
	return withFD(nc, func(fd int) error {
		if err := p.check(savedSYN(fd)); err != nil {
			return err
		}
		return p.redress(fd)
	})
}

// guarded is a listener whose keys follow the configuration.
type guarded struct {
	net.Listener
	family Family
	least  uint8
	mu     sync.Mutex
	have   map[netip.Prefix]secret.Text
}

// guard brings the socket in line with w and returns the keys that it did not
// take.
func (g *guarded) guard(w ward) map[netip.Prefix]error {
	failed := map[netip.Prefix]error{}
	err := withFD(g.Listener, func(fd int) error { return g.set(fd, w, failed) })
	if err != nil && !errors.Is(err, net.ErrClosed) {
		for p := range w.keys {
			failed[p] = err
		}
	}
	return failed
}

// set is guard on the socket itself, which need not listen yet.
func (g *guarded) set(fd int, w ward, failed map[netip.Prefix]error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if least := w.least[g.family]; least != g.least {
		if err := setLeast(fd, g.family, least); err != nil {
			return err
		}
		g.least = least
	}
	for _, s := range keySteps(w.keys, g.have, g.family) {
		if err := setKey(fd, s.prefix, s.password); err != nil {
			failed[s.prefix] = err
			continue
		}
		if s.password.IsSet() {
			g.have[s.prefix] = s.password
		} else {
			delete(g.have, s.prefix)
		}
	}
	return nil
}
