// Package announce decides which routes one node tells which peers, and says
// of every Service that it does not announce why not. It stands between the
// snapshot of the cluster and the BGP speaker: Routes looks at a
// model.Snapshot, touches nothing, and answers with all the routes that the
// node should tell, sorted, and all the refusals, each with a word out of a
// fixed list.
//
// A Service announces what it holds. The questions are asked in this order,
// and the first no is the refusal:
//
//  1. Which pool has the address? Which advertisements name the pool, select
//     the Service and select this node, and which peers do they mean?
//  2. May this node take traffic at all: has it a network, is it not excluded
//     from load balancing, is it not leaving?
//  3. Is there a pod to send traffic to, of the address's family, on this
//     node when the Service's externalTrafficPolicy is Local?
//  4. With Local: does the node's service proxy send traffic to the pods here
//     already? Only the node itself knows.
//
// With externalTrafficPolicy Local, pods that are about to end and serve until
// then make the node the last resort (RFC 8326), unless there are others on it:
// what they have begun comes to an end there, and what is new goes elsewhere. A
// prefix that Services share is the last resort when it is so for all of them.
//
// Where no advertisement exists at all, every pool is announced from every
// node to every peer, each address by itself.
//
// Services that share a prefix, because they share an address or are
// aggregated, share its route: it stands as long as one of them wants it.
// Advertisements that meet in one prefix join their communities. Where they
// differ in the local preference or the MED, the older one is right and the
// younger one is refused.
package announce
