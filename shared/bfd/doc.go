// Package bfd tells within a fraction of a second that a neighbour is gone:
// Bidirectional Forwarding Detection, asynchronous mode, over one hop
// (RFC 5880, RFC 5881) or several (RFC 5883), IPv4 and IPv6.
//
//	Set(all sessions) ─┐
//	                   ├─ Speaker.Run ── UDP 3784, 4784 ── neighbours
//	Events, Status ────┘
//
// A session is a pure state machine (session.go) that is told packets and the
// time; the Speaker (speaker.go) holds all of them and one heap of deadlines.
// One goroutine on a thread of its own (watch.go, sockets.go) sleeps in poll(2)
// until a packet or a deadline comes, hears all that lies in the sockets, and
// only then says who is late: that we were given no time is no alarm. Its thread
// asks for as much priority as it may have. A packet costs no allocation.
//
// Packets that are nobody's are ignored and counted by reason (reason.go). When
// more than a thousand of them come in a second, a filter in the kernel keeps
// them out (fence.go), and never more is read than one machine has time for.
//
// The network is behind an interface (network.go); in the tests two Speakers
// talk through memory in fake time, and to FRR and BIRD through real sockets.
//
// Who uses it decides what a Down means (RFC 5882): that a session never came
// up, or that the neighbour has closed it (AdminDown), is no failure.
//
// Not spoken: the echo function and authentication. We never ask for demand
// mode; a neighbour that does (RFC 5880 §6.6) is sent nothing but answers.
package bfd
