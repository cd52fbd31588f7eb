package bfd

import (
	"log/slog"
	"net/netip"
	"time"
)

// Config is what a Speaker is for its whole life.
type Config struct {
	Log *slog.Logger
	// Network to reach neighbours over; nil for the sockets of this machine.
	Network Network
	// Chance draws from [0, 1) for jitter, nil for at random.
	Chance func() float64
}

// Session is a neighbour to watch. At most one for each Key.
type Session struct {
	Key
	// Transmit is the least that we want between packets of ours, Receive the
	// least that we can take between theirs, 10 ms to 60 s.
	Transmit, Receive time.Duration
	// Multiplier is how many packets of ours may be missed, 2 to 255.
	Multiplier uint8
}

// Key says which neighbour, and how it is reached.
type Key struct {
	Remote netip.Addr // with its zone, when it is link-local
	// Local is the address to send from. Required over several hops; over one
	// the kernel may choose.
	Local netip.Addr
	// Multihop sessions are RFC 5883's: another port, and any TTL is taken.
	Multihop bool
}

// Event is a session that came up, or left Up.
type Event struct {
	Key
	// State is Up; Down when the neighbour failed; AdminDown when the neighbour
	// said that it will speak BFD no more, which is no failure (RFC 5882 §3.2).
	State State
	// Reason in words; empty for Up.
	Reason string
	At     time.Time
}

// Status is all there is to see of one session.
type Status struct {
	Session
	State         State
	Since         time.Time  // of State
	Diagnostic    Diagnostic // why we left Up last
	Discriminator uint32     // ours
	Theirs        Theirs
	// Transmit is the interval in use for packets of ours, before jitter;
	// Detect is how long nothing may come, 0 until the neighbour spoke.
	Transmit, Detect time.Duration
	Sent, Received   uint64
	Ups, Downs       uint64
	LastError        string // of the socket, in words; empty when all is well
}

// Theirs is what the neighbour said last; zero until it spoke.
type Theirs struct {
	State         State
	Diagnostic    Diagnostic
	Discriminator uint32
	Multiplier    uint8
	// Transmit is the least between packets of its own, Receive between ours.
	Transmit, Receive time.Duration
}
