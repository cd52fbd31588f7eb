// Package legacy reads the configuration that people bring along: the text
// under the key "config" in the ConfigMap "config", in the grammar of MetalLB
// v0.12. It is a door: text becomes pools, peers and advertisements in the
// terms of package model, or a list of everything that is wrong with it, each
// with its line. Nothing behind it looks at the text again.
//
//	peers:
//	- my-asn: 64512
//	  peer-asn: 64513
//	  peer-address: 192.0.2.1
//	address-pools:
//	- name: default
//	  protocol: bgp
//	  addresses:
//	  - 198.51.100.0/24
//
// The reading is strict, as it was then: an unknown or repeated field is a
// mistake. What was read silently and meant something else than it said, such
// as a CIDR with host bits, is read the same way and warned of.
//
// The objects have no age. Peers are named after their address, pools by their
// name, advertisements "pool/1", "pool/2" in the order of the text.
package legacy
