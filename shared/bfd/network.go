package bfd

import (
	"errors"
	"io"
	"net/netip"
	"time"
)

// Ports of RFC 5881 §4 and RFC 5883 §5.
const (
	singleHopPort = 3784
	multihopPort  = 4784
)

// network is where packets come from and go to: sockets, or a test's memory.
type network interface {
	// open makes a station for the calling goroutine, which does everything with
	// it but ring.
	open() (station, error)
}

// station is the place of the one goroutine that hears and sends.
type station interface {
	// listen receives what comes for one of the ports in one family.
	listen(multihop, v6 bool) (receiver, error)
	// dial sends to a neighbour, with TTL 255 and a source port of its own.
	dial(Key) (io.WriteCloser, error)
	// wait returns at a time, never for the zero time; sooner after ring, or when
	// hear is set and a receiver has something. It may return for nothing.
	wait(until time.Time, hear bool) error
	// ring ends wait, the next one if nobody waits. Any goroutine may ring.
	ring()
	// hurry asks that the calling goroutine be served before other programs.
	hurry() error
	// Close closes the receivers, too.
	io.Closer
}

// errEmpty is that of a receiver that has no packet now.
var errEmpty = errors.New("no packet")

// receiver gives packets out and never waits for one.
type receiver interface {
	receive(b []byte) (arrival, error)
	// guard has only what passes a fence come in from now on; nil takes it away.
	guard(fence []rule) error
	// dropped is how many packets did not come in, for the fence or for want of
	// room.
	dropped() uint64
	io.Closer
}

// arrival is where a packet came from.
type arrival struct {
	n    int // bytes
	from netip.Addr
	to   netip.Addr
	ttl  int
}

// rule lets the packets of one session pass a fence.
type rule struct {
	remote       netip.Addr
	mine, theirs uint32 // discriminators
	up           bool
}
