package bfd

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// udp is the real network.
type udp struct{}

// sockets is a station on a thread of its own.
type sockets struct {
	poll []unix.PollFd // the bell, then the inboxes
	all  []*inbox

	mu   sync.Mutex
	bell int // an eventfd(2); -1 when closed
}

// open takes the thread for good: it ends with the goroutine, since nothing else
// is to run with its priority.
func (udp) open() (station, error) {
	runtime.LockOSThread()
	bell, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	return &sockets{bell: bell, poll: []unix.PollFd{{Fd: int32(bell), Events: unix.POLLIN}}}, nil
}

// What the thread asks for, the best first: to run as soon as it has something
// to do, before all ordinary threads, whatever group they are in; among those of
// its group the best niceness, and to be served in turns of 0.1 ms, which from
// Linux 6.12 on brings each turn sooner and asks for no right.
const (
	realTime  = 1 // the least of SCHED_RR's priorities
	bestNice  = -20
	shortTurn = 100 * time.Microsecond
	// runaway is for how long the thread may run without a pause as SCHED_RR,
	// before the kernel ends the program: it is a bug, and others want the core.
	runaway = 2 * time.Second
)

// hurry takes what of it is allowed. An error says that nothing is.
func (s *sockets) hurry() error {
	if runtime.GOMAXPROCS(0) == 1 {
		runtime.GOMAXPROCS(2) // or the thread waits for Go code to pause
	}
	if first() {
		return nil
	}
	have, err := unix.SchedGetAttr(0, 0)
	if err != nil {
		return fmt.Errorf("sched_getattr: %w", err)
	}
	want := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL, Nice: bestNice, Runtime: uint64(shortTurn)}
	refused := unix.SchedSetAttr(0, &want, 0)
	if refused == nil {
		return nil
	}
	want.Nice = have.Nice // what our starter has seen to stays
	if err := unix.SchedSetAttr(0, &want, 0); err != nil {
		return fmt.Errorf("sched_setattr: %w", err)
	}
	return fmt.Errorf("SCHED_RR and nice %d: %w", bestNice, refused)
}

// first takes SCHED_RR, if it may. Not where there is one core: what holds a lock
// of Go's runtime that this thread wants, and waits for by yielding, would never
// get it.
func first() bool {
	limit := unix.Rlimit{Cur: uint64(runaway / time.Microsecond), Max: uint64(runaway / time.Microsecond)}
	want := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_RR, Priority: realTime, Flags: unix.SCHED_FLAG_RESET_ON_FORK}
	return runtime.NumCPU() > 1 && unix.Setrlimit(unix.RLIMIT_RTTIME, &limit) == nil && unix.SchedSetAttr(0, &want, 0) == nil
}

func (s *sockets) wait(until time.Time, hear bool) error {
	var timeout *unix.Timespec
	if !until.IsZero() {
		t := unix.NsecToTimespec(max(0, int64(time.Until(until))))
		timeout = &t
	}
	poll := s.poll
	if !hear {
		poll = poll[:1]
	}
	if _, err := unix.Ppoll(poll, timeout, nil); err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("poll: %w", err)
	}
	if poll[0].Revents != 0 {
		var n [8]byte
		if _, err := unix.Read(s.bell, n[:]); err != nil && !errors.Is(err, unix.EAGAIN) {
			return fmt.Errorf("eventfd: %w", err)
		}
	}
	return nil
}

func (s *sockets) ring() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bell >= 0 {
		var one [8]byte
		binary.NativeEndian.PutUint64(one[:], 1)
		unix.Write(s.bell, one[:]) // fails only when it rings already
	}
}

func (s *sockets) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := unix.Close(s.bell)
	s.bell = -1
	for len(s.all) > 0 {
		err = errors.Join(err, s.all[0].Close())
	}
	return err
}

func (s *sockets) listen(multihop, v6 bool) (receiver, error) {
	port := uint16(singleHopPort)
	if multihop {
		port = multihopPort
	}
	at := netip.IPv4Unspecified()
	ask := []socketOption{{unix.IPPROTO_IP, unix.IP_RECVTTL, 1}, {unix.IPPROTO_IP, unix.IP_PKTINFO, 1}}
	if v6 {
		at = netip.IPv6Unspecified()
		ask = []socketOption{{unix.IPPROTO_IPV6, unix.IPV6_RECVHOPLIMIT, 1}, {unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1}}
	}
	fd, err := socket(netip.AddrPortFrom(at, port), ask)
	if err != nil {
		return nil, err
	}
	i := newInbox(s, fd, multihop, v6)
	s.all = append(s.all, i)
	s.watch()
	return i, nil
}

// forget is an inbox's Close.
func (s *sockets) forget(i *inbox) {
	for at, o := range s.all {
		if o == i {
			s.all = append(s.all[:at], s.all[at+1:]...)
			break
		}
	}
	s.watch()
}

func (s *sockets) watch() {
	s.poll = s.poll[:1]
	for _, i := range s.all {
		s.poll = append(s.poll, unix.PollFd{Fd: int32(i.fd), Events: unix.POLLIN})
	}
}
