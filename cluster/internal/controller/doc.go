// Package controller turns the handle: it takes the cluster's line from its
// left end to its right, again and again.
//
//	View -> leader: alloc.New       -> addresses written
//	     -> all:    announce.Routes -> bgp.SetPeers, bgp.Announce
//	     -> leader: what was decided -> statuses and events, once a second
//
// Whatever changes (an object, the Lease, a session, the node's default
// gateway) wakes the one worker, and the one worker does all of it; there is no
// second path and nothing is updated in part. What the leader has just written
// counts at once, without waiting for the watch to bring it round.
//
// The leader announces what stands before it writes, and again what it has
// written. Addresses are written in batches, several requests at a time and
// none of them for long, so that routes and other changes never wait for a
// thousand of them or for one that hangs. While the API server is away the view does not change, so neither do the routes.
package controller
