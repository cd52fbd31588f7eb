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
// Addresses are written in batches, several requests at a time, so that
// routes and other changes never wait for a thousand of them. While the API
// server is away the view does not change, so neither do the routes.
package controller
