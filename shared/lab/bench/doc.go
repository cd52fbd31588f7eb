// Package bench measures how long a router takes from the first byte of BGP to
// the last route in the kernel, and what that costs, for Hawser, FRR and BIRD
// in the same run on the same machine.
//
//	Sender (bytes made beforehand) -> router under test -> kernel -> Watch -> figures
//
// Each router runs in a network namespace with a routing table of its own. The
// senders are not a BGP implementation: they make all their UPDATE messages
// before the clock starts and write them in one go, so that the router is what
// is measured. The kernel's own notifications (package routes) tell when a
// route is there, to everybody alike.
package bench
