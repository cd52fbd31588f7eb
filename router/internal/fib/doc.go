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
// whoever can: the kernel room, a fake, or Table.Apply.
//
// The gates that keep a start from harming what still works live here too: no
// write before the first read, and no adopted leg is taken away before the
// peer behind it was heard, or had time enough (RFC 4724 §4.1).
package fib
