// Package bgp is Hawser's BGP-4 session engine. Both programs run it: the
// router to hear routes, the speaker in the cluster to tell them.
//
// It is the only room that knows gobgp, and of gobgp only the message codec.
// The state machine (RFC 4271 §8), its timers, the sockets, collision
// detection and the bounds on what a peer can cost are written here.
//
// The engine holds sessions, not a routing table: what peers say leaves it as
// events in order, what should be told comes in whole through Announce, and
// the engine finds the difference for each peer. It never decides whether a
// route is good; router/internal/rib does, and asks for a session to be closed
// when a peer tells too much.
//
// # How a session runs
//
// A connection, dialled by the peer's dialler or accepted by a listener, is a
// conn. One goroutine reads it and walks through the states in plain order:
// OPEN sent, OPEN accepted, KEEPALIVE heard, UPDATEs. All that others can do
// to it is ask it to end, with a reason; the first reason stays, is told to
// the peer as a NOTIFICATION, and becomes the text of the Down event. A second
// goroutine writes keepalives and the difference between the newest table and
// what the peer was told. A peer has any number of conns on the way and at most
// one that is Established; the next one must wait until the Down event of the
// last has been taken, so that events of one peer are in order.
//
// # What comes in
//
// Every byte passes one door: the header is checked there, and only attributes
// and families that Hawser uses ever reach the codec, one at a time, after
// their frame has been checked here. A panic in it ends that one session. A bad
// attribute withdraws the routes it came with (RFC 7606); only what cannot be
// taken apart ends the session.
//
// # When an end is none
//
// Where both ends have said so (RFC 4724), the routes of a peer outlive its
// session when the connection was closed without a NOTIFICATION: a host that
// closes a connection is there, and its forwarding goes on while its speaker is
// replaced. Silence is no restart: after the hold timer, or when the network
// says that the host is not there, everything is gone at once. While routes are
// kept its host is looked after, twice a second, so that one which goes off after
// it has closed its connections is missed: by Config.Gone where that can tell,
// else by knocking at its port.
// The Down event says what is kept, the Swept event that it no longer is.
//
// # Who is let in
//
// Passwords (RFC 2385) and distances (RFC 5082) are kept by the kernel, before
// a byte of a packet is seen. A listening socket has a key for each peer and
// range, and the least TTL that all of them must have; the socket of a session
// is set to what that session asks. The SYN of an accepted connection is looked
// at once more, since the listener may have asked for less when it came. Who
// cannot be protected as the settings say has no session, and status says why
// (protect.go decides, sockopt.go does).
//
// # What a peer can cost
//
// Goroutines: Run starts and waits for all of them, three a peer. A peer that
// is stuck, slow or hostile costs bounded memory (a read buffer, a write
// buffer, a few hundred attribute sets, and what it was told) and stops nobody
// else. Connections from strangers are closed before a byte is read; those of
// one peer are bounded in number and in how often they come, those of a range
// that are no session yet in number and time.
package bgp
