package bfd

import (
	"io"
	"net/netip"
)

// Ports of RFC 5881 §4 and RFC 5883 §5.
const (
	singleHopPort = 3784
	multihopPort  = 4784
)

// network is where packets come from and go to: sockets, or a test's memory.
type network interface {
	// listen receives what comes for one of the ports in one family.
	listen(multihop, v6 bool) (receiver, error)
	// dial sends to a neighbour, with TTL 255 and a source port of its own.
	dial(Key) (io.WriteCloser, error)
}

// receiver blocks until a packet comes. After Close it fails.
type receiver interface {
	receive(b []byte) (arrival, error)
	// waiting reports whether a packet has come that was not received yet.
	waiting() bool
	io.Closer
}

// arrival is where a packet came from.
type arrival struct {
	n    int // bytes
	from netip.AddrPort
	to   netip.Addr
	ttl  int
}
