// Package soak is endurance: it carries a plan out on the standard scene, for
// half an hour say, and looks whether the world is as the API server says.
//
//	plan.Planner ─ actions ─▶ soak ─▶ API server, processes, links, kernel
//	                           │
//	API server ─ watch ─▶ book: no address goes without a reason
//	client ─ witness ─▶ a Service that the plan never touches answers
//	at a rest: Want(what the API server has) = have(the router's kernel)
//	at a sweep: goroutines, files, threads and memory are as before
//
// Want is written a second time here, from the documents and not from the
// speaker's code, so that one mistake is not made twice.
//
// The first thing that is not as it must be ends the soak, with the seed, the
// step and a script that leads there again.
package soak
