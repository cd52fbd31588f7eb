// Package controller turns the handle: it takes the cluster's line from its
// left end to its right, again and again.
//
//	View -> all:    announce.Board -> bgp.SetPeers, bgp.Announce
//	     -> leader: alloc.Ledger   -> addresses written
//	     -> leader: what was decided -> statuses and events, once a second
//
// Whatever changes (an object, the Lease, a session, the node's default
// gateway) wakes the one worker, and there is no second path. What happens
// while it works is one pass later on, however much it is. Where only Services
// have changed the pass costs as much as they: the leader's ledger and the
// node's board remember the rest (follow.go), and are made anew whenever
// anything else is different. What the leader has just written
// counts at once, without waiting for the watch to bring it round.
//
// The leader announces what stands before it writes, and again what it has
// written. Addresses are written in batches, several requests at a time and
// none of them for long, so that routes and other changes never wait for a
// thousand of them or for one that hangs. While the API server is away the view does not change, so neither do the routes.
package controller
