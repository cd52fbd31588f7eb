// Package together holds the one test that has router and cluster in one
// process: the daemon as it is, on a kernel that is a table (router/sim), three
// nodes with the speaker as it is, on an API server that is a few maps
// (cluster/sim), a network between them (shared/lab/wire), and no machine. Time
// is fake (testing/synctest): hold timers, restart timers and retries cost
// nothing, and a story is the same every time it is told.
//
// A story is a sequence of things that happen, drawn by rapid: Services come
// and go, nodes die, links flap, speakers and the daemon are killed, somebody
// meddles with the kernel's table. model_test.go says in a few lines what must
// be true at every moment of it, and what the table must be once it is quiet
// again; it shares nothing with the code that it judges. A story that ends
// badly is shortened until nothing can be left out, and printed as sentences.
//
//	go test ./shared/lab/together -rapid.checks=10000 -timeout=0
//	go test ./shared/lab/together -rapid.seed=N       the story that failed
//	go test ./shared/lab/together -log                with what the programs logged
//
// No other package may know both sides; shared/rooms_test.go says so.
package together
