// Package kube is the only room that knows client-go. It stands at both ends
// of the cluster's line: it watches the API server and says what it saw as a
// View, and it carries out what the deciding rooms want written.
//
// Reading. One watch a kind of object (watch.go) feeds a mirror, which turns
// each object into the plain fields of package model as it arrives and keeps
// nothing else of it; Services that are not load balancers are not kept at
// all, and the EndpointSlices of those wake nobody. The View lives on from pass
// to pass and says which Services became different. While the API server is away the mirrors stay as they are, so that
// routes stay too, and every watch is tried again at a pace of two seconds at
// most.
//
// Configuration. Pools and peers are objects of the group hawser.dev, or, when
// a ConfigMap "config" with a key "config" stands in Hawser's namespace, what
// its text says. A text that cannot be read leaves the last good one in force.
//
// Writing. The address of a Service and the annotation that says which pool it
// came from go in one request. What the API server has already is not sent
// again. Only the speaker that holds the Lease writes (lease.go), and each
// write of an address names the version that it was decided on, so that a
// leader that has lost the Lease without knowing cannot overwrite its
// successor.
//
// The client is client-go's rest package over a scheme of just the kinds that
// are used; the typed clientset would double the size of the binary.
package kube
