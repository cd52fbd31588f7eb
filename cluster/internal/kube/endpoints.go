package kube

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"unique"

	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/hawser-lb/hawser/cluster/internal/model"
)

// slice is what is kept of an EndpointSlice: not its addresses, only on which
// nodes there are endpoints, of which family and in what state, each
// combination once.
type slice struct {
	service   model.Key
	endpoints []model.Endpoint
}

func readSlice(s *discoveryv1.EndpointSlice) (slice, bool) {
	service := s.Labels[discoveryv1.LabelServiceName]
	if service == "" || s.AddressType == discoveryv1.AddressTypeFQDN {
		return slice{}, false
	}
	family := model.IPv4
	if s.AddressType == discoveryv1.AddressTypeIPv6 {
		family = model.IPv6
	}
	seen := map[model.Endpoint]bool{}
	for _, e := range s.Endpoints {
		if len(e.Addresses) == 0 {
			continue
		}
		ready := e.Conditions.Ready == nil || *e.Conditions.Ready
		m := model.Endpoint{Family: family, Ready: ready, Serving: ready}
		if e.Conditions.Serving != nil {
			m.Serving = *e.Conditions.Serving
		}
		if e.NodeName != nil {
			m.Node = unique.Make(*e.NodeName).Value() // thousands of slices name a few nodes
		}
		seen[m] = true
	}
	endpoints := slices.SortedFunc(maps.Keys(seen), compareEndpoints)
	return slice{model.Key{Namespace: s.Namespace, Name: service}, endpoints}, true
}

func compareEndpoints(a, b model.Endpoint) int {
	return cmp.Or(strings.Compare(a.Node, b.Node), compareBool(a.Ready, b.Ready), compareBool(a.Serving, b.Serving))
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// slicesOf has the slices of each Service, kept as they come and go so that a
// snapshot need not look for them.
type slicesOf map[model.Key][]named

// named is a slice's name and what it adds.
type named struct {
	name      name
	endpoints []model.Endpoint
}

func (of slicesOf) moved(n name, before, after *slice) {
	if before != nil {
		others := slices.DeleteFunc(slices.Clone(of[before.service]), func(o named) bool { return o.name == n })
		if len(others) == 0 {
			delete(of, before.service)
		} else {
			of[before.service] = others
		}
	}
	if after != nil {
		of[after.service] = append(of[after.service], named{n, after.endpoints})
	}
}

// endpoints of one Service, in the order of its slices' names.
func (of slicesOf) endpoints(k model.Key) []model.Endpoint {
	own := of[k]
	if len(own) == 1 {
		return own[0].endpoints
	}
	var out []model.Endpoint
	for _, o := range slices.SortedFunc(slices.Values(own), func(a, b named) int { return strings.Compare(a.name.name, b.name.name) }) {
		out = append(out, o.endpoints...)
	}
	return out
}
