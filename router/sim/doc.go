// Package sim is the router's program on a machine that is not there: the
// daemon as it is, with its speaker on a network in memory (shared/lab/wire)
// and under it a kernel that is a table. It decides nothing and is in no
// program; tests that need router and cluster together in one process are made
// of it and of cluster/sim.
//
// The Kernel outlives the daemons that run on it, as a kernel does. It is
// strict: a step that a real one would refuse fails here too.
package sim
