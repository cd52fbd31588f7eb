// Package bfdbench finds out when BFD cries wolf. The router's daemon has
// sessions of 50 ms three times with BIRD, with FRR and with a second daemon
// that may not raise its priority, as a speaker in its pod. Nothing fails, so
// each alarm is a false one.
//
//	burners ── the machine's cores
//	router  ── wire ── BIRD, FRR, a second daemon
//	attacker ──┘
//
// First the cores are kept busy by more and more programs that do nothing else;
// then an attacker on the wire sends forged packets as fast as asked for.
// Alarms are read from the daemon's log: its own, and those that its neighbours
// had and told it of (RFC 5880's diagnostic).
package bfdbench
