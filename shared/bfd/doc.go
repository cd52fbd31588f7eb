// Package bfd tells within a fraction of a second that a neighbour is gone:
// Bidirectional Forwarding Detection, asynchronous mode, over one hop
// (RFC 5880, RFC 5881) or several (RFC 5883), IPv4 and IPv6.
//
//	Set(all sessions) ─┐
//	                   ├─ Speaker.Run ── UDP 3784, 4784 ── neighbours
//	Events, Status ────┘
//
// A session is a pure state machine (session.go) that is told packets and the
// time; the Speaker (speaker.go) holds all of them, one heap of deadlines and
// one timer. A packet costs no allocation. Sockets are behind an interface of
// two methods (network.go); in the tests two Speakers talk through memory in
// fake time, and to FRR and BIRD through real ones.
//
// Who uses it decides what a Down means (RFC 5882): that a session never came
// up, or that the neighbour has closed it (AdminDown), is no failure.
//
// Not spoken: demand mode, the echo function, authentication. What asks for
// them is ignored and counted.
package bfd
