// Package routes looks at the kernel's routing table from outside: it lists
// the routes of the network namespace that the caller's thread is in, and
// watches them change. Benches measure with it and tests check with it, so it
// shares nothing with the daemon's own netlink room and asks rtnetlink(7) by
// plain system calls.
//
//	daemon under test -> kernel -> routes.List, routes.Watch -> the figure
package routes
