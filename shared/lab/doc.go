// Package lab is the laboratory: hosts that are network namespaces, links
// between them, processes inside them. Tests, benches and the demo build their
// scenes with it, on one Linux machine, as root.
//
// Everything a Lab makes carries its random tag, so that labs stand side by
// side, and goes when the Lab closes: processes by pid, namespaces by name. A
// keeper process holds the other end of a pipe and does the same when the
// owner dies without closing, by a panic or a signal.
package lab
