// Package uciconf is the router's one door in: the text of /etc/config/hawser
// becomes a Config, or every mistake in it with its place. Behind this door
// nothing is checked again.
//
//	text -> statements (libuci's grammar, lines) -> go-uci -> sections -> Config | Problems
//
// Files are read as libuci reads them, to the letter: statement.go holds its
// grammar and the tests hold libuci's own answers. go-uci, which this is the
// only room to know, misreads part of what `uci commit` itself writes (quotes
// in values, several lines, duplicates, CRLF). It is therefore handed a text
// of the same sections and options in its plainest form, in which each value
// is the number of its place in the file; it answers with the tree of places:
// what is merged, what overrides, what is a list. Values, passwords among
// them, never pass through it.
//
// The options themselves are rows of tables (globals.go, session.go): name,
// default, range and reader in one line, from which docs/uci.md is checked. It
// reads only; nothing in Hawser writes UCI.
package uciconf
