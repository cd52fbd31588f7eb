// Package fib compares the table that should be with the table the kernel has
// and says what to do about it.
//
//	rib -> want ─┐
//	             ├─ Gate.Hold ─ Plan -> []Step -> kernel.Apply
//	kernel -> have
//
// Everything here is a value or a pure function; nothing remembers what the
// kernel holds, and nothing here knows how the kernel is spoken to. A Step is a
// value that prints, so a plan can be read, tested as text and applied by
// whoever can: the kernel room, a fake, or Have.Apply.
//
// # Objects
//
// Routes point at groups of next-hop objects. What makes that worth while:
//
//   - A next hop that dies has its object deleted, which takes it out of every
//     group in one step. A group left empty goes, and its routes with it; a
//     plan brings away first what must not go along.
//   - A group whose routes agree on other members is changed in place: flows
//     through the members that stay do not move. When they do not agree, most
//     of the routes keep the group, and the others take a copy along.
//   - A next hop that is leaving stays in its group with next to no weight, for
//     the connections that it has (Leaving), and is taken out by a replacement of
//     the group before its object is deleted.
//   - While there are few routes, each has a group of its own and never has to
//     leave it. A new metric or table keeps the group.
//
// Objects that no route uses any more are deleted last. Half of this may stand
// after a crash: objects are adopted by what they are, not by their numbers.
//
// # Gates
//
// The gates that keep a start from harming what still works live here too: no
// write before the first read, and no adopted leg is taken away before the
// peer behind it was heard, or had time enough (RFC 4724 §4.1).
package fib
