// Package cli turns the words of a command line into one call and its answer
// into text or JSON. It knows the daemon by its socket only (status), except
// for `hawser run`, which is the daemon.
//
//	words -> tree of words -> call -> status.Get | uciconf.Load | Daemon.Run -> text | JSON
//
// Words may be cut short as in vtysh, flags may stand anywhere. Exit status: 0
// when it is done, 1 when it could not be, 2 when the words make no command.
package cli
