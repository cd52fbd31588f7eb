// Package kube starts a real Kubernetes control plane for tests and the demo:
// Debian's etcd, and kube-apiserver, kube-controller-manager, kube-proxy and
// kubectl 1.37 out of one binary that `make build/kube` builds from source.
// RBAC is on. Without Options.Pods there is no scheduler and no kubelet, and
// whoever wants a Pod to be ready writes its status; with it, StartNode adds
// machines that run pods in Debian's containerd.
//
// The cluster runs on any host of a laboratory, or with Test on loopback. It
// is driven by kubectl, as a person would; no client library comes in here.
package kube
