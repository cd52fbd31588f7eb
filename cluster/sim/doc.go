// Package sim is a cluster that is not there: the speaker's line as it is, on
// every node, with its sessions on a network in memory (shared/lab/wire) and an
// API server that is a few maps. It decides nothing and is in no program; tests
// that need router and cluster together in one process are made of it and of
// router/sim.
//
// What a node sees of the API server is a watch: it comes a moment later, in
// order, and not at all while the node is cut off from it. Then the node's
// speaker sees what it saw before, and can write nothing. Who leads is decided
// as by a Lease: one at a time, who stops writing well before another begins.
package sim
