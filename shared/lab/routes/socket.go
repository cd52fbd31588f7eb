package routes

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// List returns every route of every table and both families.
func List() ([]Route, error) {
	fd, err := open(0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	request := make([]byte, unix.SizeofNlMsghdr+unix.SizeofRtMsg)
	binary.NativeEndian.PutUint32(request, uint32(len(request)))
	binary.NativeEndian.PutUint16(request[4:], unix.RTM_GETROUTE)
	binary.NativeEndian.PutUint16(request[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	if err := unix.Sendto(fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, fmt.Errorf("rtnetlink: ask for routes: %w", err)
	}
	var all []Route
	buf := make([]byte, 1<<20)
	for {
		n, _, err := unix.Recvfrom(fd, buf, 0)
		if err != nil {
			return nil, fmt.Errorf("rtnetlink: read routes: %w", err)
		}
		for typ, body := range messages(buf[:n]) {
			switch typ {
			case unix.NLMSG_DONE:
				return all, nil
			case unix.NLMSG_ERROR:
				return nil, fmt.Errorf("rtnetlink: routes refused: %w", unix.Errno(-int32(word(body))))
			case unix.RTM_NEWROUTE:
				if r, ok := parseRoute(body); ok {
					all = append(all, r)
				}
			}
		}
	}
}

// open makes a route socket that belongs to the namespace of this thread.
func open(groups uint32) (int, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return -1, fmt.Errorf("rtnetlink: socket: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("rtnetlink: bind: %w", err)
	}
	return fd, nil
}

// messages yields type and body of each netlink message.
func messages(b []byte) func(yield func(uint16, []byte) bool) {
	return func(yield func(uint16, []byte) bool) {
		for len(b) >= unix.SizeofNlMsghdr {
			size := int(binary.NativeEndian.Uint32(b))
			if size < unix.SizeofNlMsghdr || size > len(b) {
				return
			}
			if !yield(binary.NativeEndian.Uint16(b[4:]), b[unix.SizeofNlMsghdr:size]) {
				return
			}
			b = b[min(align(size), len(b)):]
		}
	}
}

// Change is one message of the kernel about its routes.
type Change struct {
	At   time.Time // when it was read
	Kind uint16    // unix.RTM_NEWROUTE, RTM_DELROUTE, RTM_NEWNEXTHOP or RTM_DELNEXTHOP
	// Route is set for the two kinds of route messages.
	Route Route
}

// Watch hears every change of routes and next-hop objects in the namespace of
// the thread that opened it.
type Watch struct {
	fd  int
	buf []byte
}

// rcvbuf holds a hundred thousand messages, so that a burst is never lost.
const rcvbuf = 256 << 20

// OpenWatch starts to hear. Close it.
func OpenWatch() (*Watch, error) {
	fd, err := open(1<<(unix.RTNLGRP_IPV4_ROUTE-1) | 1<<(unix.RTNLGRP_IPV6_ROUTE-1) | 1<<(unix.RTNLGRP_NEXTHOP-1))
	if err != nil {
		return nil, err
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, rcvbuf); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("rtnetlink: receive buffer: %w", err)
	}
	return &Watch{fd: fd, buf: make([]byte, 1<<20)}, nil
}

// Close ends the watch.
func (w *Watch) Close() error { return unix.Close(w.fd) }

// Next returns the changes of one read, waiting for them for as long as wait.
// It is os.ErrDeadlineExceeded when there were none, and another error when
// the kernel dropped some (ENOBUFS).
func (w *Watch) Next(wait time.Duration) ([]Change, error) {
	poll := []unix.PollFd{{Fd: int32(w.fd), Events: unix.POLLIN}}
	n, err := unix.Poll(poll, int(wait.Milliseconds()))
	for until := time.Now().Add(wait); errors.Is(err, unix.EINTR); {
		n, err = unix.Poll(poll, max(0, int(time.Until(until).Milliseconds())))
	}
	if err == nil && n == 0 {
		return nil, os.ErrDeadlineExceeded
	}
	if err != nil {
		return nil, fmt.Errorf("rtnetlink: poll: %w", err)
	}
	n, _, err = unix.Recvfrom(w.fd, w.buf, 0)
	if err != nil {
		return nil, fmt.Errorf("rtnetlink: read changes: %w", err)
	}
	now := time.Now()
	var changes []Change
	for typ, body := range messages(w.buf[:n]) {
		c := Change{At: now, Kind: typ}
		switch typ {
		case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
			var ok bool
			if c.Route, ok = parseRoute(body); !ok {
				continue
			}
		case unix.RTM_NEWNEXTHOP, unix.RTM_DELNEXTHOP:
		default:
			continue
		}
		changes = append(changes, c)
	}
	return changes, nil
}
