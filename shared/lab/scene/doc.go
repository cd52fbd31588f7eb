// Package scene is the standard scene: a client, a router that runs hawser, a
// control plane and three nodes that run kube-proxy, hawser-speaker and a web
// server, each a namespace of one lab. The demo tells its story on it and the
// end-to-end tests ask it questions.
//
//	client ── 10.77.1.0/24 ── router ── 10.77.2.0/24 (br-lan) ── node1, node2, node3, control
//	pool 10.77.100.0/24 and fd77:100::/112, in nobody's subnet
//
// The programs under test run as processes, from the binaries in build/; the
// scene knows them by their command lines only.
package scene
