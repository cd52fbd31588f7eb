// Package daemon owns every goroutine of the router's process. It wires the
// configuration, the BGP speaker, rib, fib, kernel and status together and
// runs the line from its left end whenever something marks it dirty: a file, a
// session, a route, a link, the audit timer. It decides nothing itself.
//
//	file, SIGHUP -> uciconf -> speaker.SetPeers, rib.SetPolicy
//	speaker events -> rib ─┐
//	kernel facts -> rib ───┴─ want ─ fib.Gate, fib.Plan, fib.Pace -> steps -> kernel
//	kernel notifications, errors, the audit -> read back -> have
//
// One goroutine, the line, holds all state. Netlink is spoken by a second one,
// the hands, one job at a time; while a job runs, further changes gather, so a
// burst becomes few large plans without any timer. The status server asks the
// line for a snapshot and never touches its state.
package daemon
