// Package daemon owns every goroutine of the router's process. It wires the
// configuration, the BGP speaker, rib, fib, kernel and status together and
// runs the line from its left end whenever something marks it dirty: a file, a
// session, a route, a link, the audit timer. It decides nothing itself.
package daemon
