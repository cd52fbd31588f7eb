// Package clusterbench measures the cluster side on real parts: etcd, the API
// server, three speakers and the router's daemon, each in a namespace of its
// own on one wire. What it asks is what a user waits for: how long from a
// Service's creation to its address, and to the kernel's route with all next
// hops on the router; and what that costs in requests, memory and processor
// time.
//
//	bench -> API server -> speakers -> router -> kernel -> bench
//
// Services are written by plain HTTP; addresses are heard by a watch of the
// bench's own, routes by rtnetlink. kube-proxy and the controllers are left
// out: they would share the machine's processors and are not what is measured,
// so the EndpointSlices are written by the bench too.
package clusterbench
