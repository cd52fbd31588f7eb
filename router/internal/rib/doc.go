// Package rib is the one table of what the peers told us. It judges every route
// by its peer's policy, chooses the best of those accepted, and says which next
// hops each prefix should have.
//
//	shared/bgp events -> Table.Update -> policy -> choice -> next hops per prefix -> fib
//
// It is pure: no goroutine, no clock, no socket. What it must know of the
// machine (our addresses, our subnets) comes in as Facts, the time as an
// argument. A change of one prefix costs that prefix only; a change of facts or
// policy looks at everything again.
//
// # Refusals
//
// A refused route is kept and shown with a Reason, in this order of checks:
//
//	defaultRoute        a default route
//	notAllowed          outside what the section allows
//	tooShort            wider than an allowed prefix that it covers
//	martian             loopback, link-local, multicast, reserved (RFC 6890);
//	                    our own addresses and subnets; its own next hop
//	nextHopForeign      the next hop is neither the peer nor in the section's source
//	nextHopUnreachable  no interface of ours reaches the next hop
//	asLoop              our own AS is in the path (RFC 4271 §9.1.2)
//	maxPrefixes         the peer told more acceptable prefixes than it may
//
// # Leaving
//
// A path with GRACEFUL_SHUTDOWN is the last resort (RFC 8326). Its next hop still
// forwards, and so it is among the next hops that NextHops gives, with a weight
// that says that it is leaving (fib.Leaving): where groups are resilient it keeps
// the connections that it has, elsewhere whoever asks leaves it out (fib.Part).
//
// # Stale routes
//
// The routes of a peer that restarts (Away) take part in the choice as if
// nothing had happened. They are not counted against max_prefixes, so that a
// peer that comes back with other routes is not closed for having too many. Told
// again unchanged, a route is no change to anybody; Sweep takes what is left.
//
// # Memory
//
// A peer is held to max_prefixes accepted routes and as many refused ones; what
// is refused beyond that is counted and forgotten (Count.Dropped). Looking again
// cannot bring those routes back: the peer has to tell them anew.
package rib
