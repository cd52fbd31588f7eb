package kernel

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"syscall"

	"github.com/mdlayher/netlink"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/hawser-lb/hawser/router/internal/fib"
)

// ErrPermission says what to do when the kernel lets us change nothing.
var ErrPermission = errors.New("no permission to change routes: run as root or give CAP_NET_ADMIN")

// ErrForeign is a route that cannot be made since another program's stands in
// its place.
var ErrForeign = errors.New("another program's route stands there")

// Config says which routes are ours.
type Config struct {
	// Table is where our routes should be: others' routes there concern us.
	Table uint32
	// Protocol is the number of what is ours, in any table: rtm_protocol of
	// rtnetlink(7), and nhm_protocol.
	Protocol uint8
}

// Kernel is an open door to the kernel's routing table, in the network
// namespace of the thread that opened it. One goroutine may read and apply while
// another watches and others look after hosts.
type Kernel struct {
	cfg   Config
	kind  fib.Kind
	watch *netlink.Conn

	former []uint8 // as given to the last Have

	mu   sync.Mutex
	conn *netlink.Conn
	raw  syscall.RawConn
	buf  []byte

	sights map[netip.Addr]sight // by looks of a moment ago
}

const (
	// receiveBuffer holds a dump's piece (the kernel sends up to 32 KiB) and
	// any answer.
	receiveBuffer = 64 << 10
	// watchBuffer is room for some thousand notifications.
	watchBuffer = 4 << 20
)

// Open opens the sockets and subscribes to changes, so that whatever is read
// afterwards is either up to date or followed by a notification. It fails with
// ErrPermission when the kernel would refuse every change.
func Open(cfg Config) (*Kernel, error) {
	k := &Kernel{cfg: cfg, buf: make([]byte, receiveBuffer), sights: map[netip.Addr]sight{}}
	if err := k.open(); err != nil {
		return nil, fmt.Errorf("kernel: %w", errors.Join(err, k.Close()))
	}
	return k, nil
}

func (k *Kernel) open() (err error) {
	if k.conn, err = netlink.Dial(unix.NETLINK_ROUTE, &netlink.Config{Strict: true}); err != nil {
		return err
	}
	if k.raw, err = k.conn.SyscallConn(); err != nil {
		return err
	}
	// Answers need not repeat the question.
	if err := k.conn.SetOption(netlink.CapAcknowledge, true); err != nil {
		return err
	}
	if err := k.probe(); err != nil {
		return err
	}
	if err := k.feel(); err != nil {
		return err
	}
	return k.subscribe()
}

// probe asks for a deletion cut short after the family, which the kernel
// refuses for its length, or before that for our lack of rights.
func (k *Kernel) probe() error {
	errs, err := k.exchange([]netlink.Message{{
		Header: netlink.Header{Type: unix.RTM_DELROUTE, Flags: netlink.Request},
		Data:   []byte{unix.AF_INET, 0, 0, 0},
	}})
	if err != nil {
		return err
	}
	if errors.Is(errs[0], unix.EPERM) {
		return ErrPermission
	}
	return nil
}

// Kind is the best that the kernel can do for routes with several next hops.
func (k *Kernel) Kind() fib.Kind { return k.kind }

var groups = []uint32{
	unix.RTNLGRP_LINK,
	unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR,
	unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE,
}

// subscribe opens the second socket. What the first one causes is filtered out
// inside the kernel: our own ten thousand routes need not come back to us.
func (k *Kernel) subscribe() (err error) {
	if k.watch, err = netlink.Dial(unix.NETLINK_ROUTE, &netlink.Config{MessageBufferSize: receiveBuffer}); err != nil {
		return err
	}
	if err := k.watch.SetReadBuffer(watchBuffer); err != nil {
		return err
	}
	const portOffset, all = 12, 1 << 30
	filter, err := bpf.Assemble([]bpf.Instruction{
		bpf.LoadAbsolute{Off: portOffset, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: bigEndian(k.conn.PID()), SkipFalse: 1},
		bpf.RetConstant{Val: 0},
		bpf.RetConstant{Val: all},
	})
	if err != nil {
		return err
	}
	if err := k.watch.SetBPF(filter); err != nil {
		return err
	}
	wanted := groups
	if k.kind != fib.Multipath {
		wanted = append(wanted, unix.RTNLGRP_NEXTHOP)
	}
	for _, g := range wanted {
		if err := k.watch.JoinGroup(g); err != nil {
			return err
		}
	}
	return nil
}

// Close closes the sockets; the routes stay.
func (k *Kernel) Close() error {
	var errs []error
	for _, c := range []*netlink.Conn{k.conn, k.watch} {
		if c == nil {
			continue
		}
		if err := c.Close(); !errors.Is(err, os.ErrClosed) { // Watch closes its own
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
