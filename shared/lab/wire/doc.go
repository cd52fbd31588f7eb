// Package wire is a network in memory: hosts on one LAN, each with a link of
// its own latency, and connections between their processes. It is there for
// tests under fake time (testing/synctest), in which hours of hold timers take
// no time at all; nothing in it touches the machine.
//
// What can happen to a network happens to this one: a link loses everything in
// one direction or in both, which is silence and no error; a connection is
// reset from outside; a process dies, whose kernel then closes what it had
// open; a host loses power, which closes nothing, and comes back as one that
// knows nothing of its connections and resets them when it is spoken to.
//
// A Process is a bgp.Network and a bfd.Network. What a link has lost is sent again once it
// carries, as TCP does, and in order; connections have as much room as is
// written to them. Packets are lost.
package wire
