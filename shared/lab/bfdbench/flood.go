package bfdbench

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// forgery is one kind of packet of the attacker's.
type forgery struct {
	from         string
	ttl          int
	mine, yours  uint32
	first        byte // version and diagnostic
	flags        byte // state and flags
	length, port int
}

// forgeries of a peer's packets. The attacker has no discriminator: those are
// told to nobody but the peer.
func forgeries(peer, mallory string) []forgery {
	good := forgery{from: peer, ttl: 255, mine: 5, yours: 6, first: 1 << 5, flags: 1 << 6, length: 24, port: 3784}
	with := func(change func(f *forgery)) forgery {
		f := good
		change(&f)
		return f
	}
	return []forgery{
		good, // a wrong discriminator
		with(func(f *forgery) { f.ttl = 64 }),
		with(func(f *forgery) { f.yours = 0 }),
		with(func(f *forgery) { f.from, f.yours = mallory, 0 }),
		with(func(f *forgery) { f.length = 20 }),
		with(func(f *forgery) { f.first = 0 }),
		with(func(f *forgery) { f.flags |= 4 }), // authentication
		with(func(f *forgery) { f.flags |= 1 }), // multipoint
		with(func(f *forgery) { f.port = 3785 }),
	}
}

func (f *forgery) bytes() []byte {
	b := make([]byte, 24)
	b[0], b[1], b[2], b[3] = f.first, f.flags, 3, 24
	binary.BigEndian.PutUint32(b[4:], f.mine)
	binary.BigEndian.PutUint32(b[8:], f.yours)
	binary.BigEndian.PutUint32(b[12:], 50_000)
	binary.BigEndian.PutUint32(b[16:], 50_000)
	return b[:f.length]
}

// weapon is a socket that sends one kind of forgery.
type weapon struct {
	fd   int
	text []byte
	to   unix.SockaddrInet4
}

func (f *forgery) weapon() (*weapon, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	w := &weapon{fd: fd, text: f.bytes(), to: unix.SockaddrInet4{Port: f.port, Addr: netip.MustParseAddr(routerAddress).As4()}}
	for _, o := range [][3]int{{unix.SOL_IP, unix.IP_TTL, f.ttl}, {unix.SOL_IP, unix.IP_TRANSPARENT, 1}} {
		if err := unix.SetsockoptInt(fd, o[0], o[1], o[2]); err != nil {
			return w, err
		}
	}
	return w, unix.Bind(fd, &unix.SockaddrInet4{Addr: netip.MustParseAddr(f.from).As4()})
}

// flood sends the forgeries in turn, rate a second, for a while. It returns how
// many went out.
func (s *scene) flood(ctx context.Context, rate int, d time.Duration) (sent int, err error) {
	var all []*weapon
	defer func() {
		for _, w := range all {
			unix.Close(w.fd)
		}
	}()
	err = s.mallory.Do(func() error {
		for _, f := range forgeries(peers[0].address, "10.77.2.66") {
			w, err := f.weapon()
			if w != nil {
				all = append(all, w)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("the attacker's sockets: %w", err)
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for begin := time.Now(); ctx.Err() == nil && time.Since(begin) < d; <-tick.C {
		for due := int(time.Since(begin).Seconds() * float64(rate)); sent < due; sent++ {
			w := all[sent%len(all)]
			if err := unix.Sendto(w.fd, w.text, 0, &w.to); err != nil && err != unix.ENOBUFS && err != unix.ECONNREFUSED {
				return sent, fmt.Errorf("attack: %w", err)
			}
		}
	}
	return sent, ctx.Err()
}
