// Package journal is what the router remembers of its own doings: the last
// events, and an hour of figures for a graph.
//
//	daemon (line) -> Journal.Add, Journal.Tell -> status -> show log, monitor, rpcd
//	daemon (line) -> History.Add ─────────────────^
//
// A Journal is safe for several goroutines and never waits for a reader: one
// that does not keep up is cut off. Everything is bounded. There is no secret
// in it, since none is ever handed to it.
package journal
