package soak

import (
	"context"
	"net/netip"
	"slices"
)

// meta is the part of an object's metadata that is looked at.
type meta struct {
	Name        string            `json:"name"`
	UID         string            `json:"uid"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	Version     string            `json:"resourceVersion"`
}

type service struct {
	Metadata meta `json:"metadata"`
	Spec     struct {
		Type   string            `json:"type"`
		Class  *string           `json:"loadBalancerClass"`
		Policy string            `json:"externalTrafficPolicy"`
		Pods   map[string]string `json:"selector"`
		Ports  []struct {
			Port     int    `json:"port"`
			Protocol string `json:"protocol"`
		} `json:"ports"`
		Families []string `json:"ipFamilies"`
	} `json:"spec"`
	Status struct {
		LoadBalancer struct {
			Ingress []struct {
				IP netip.Addr `json:"ip"`
			} `json:"ingress"`
		} `json:"loadBalancer"`
	} `json:"status"`
}

// ours says whether Hawser serves it.
func (s *service) ours() bool { return s.Spec.Type == "LoadBalancer" && s.Spec.Class == nil }

// holds are its addresses.
func (s *service) holds() []netip.Addr {
	var all []netip.Addr
	for _, i := range s.Status.LoadBalancer.Ingress {
		all = append(all, i.IP)
	}
	return all
}

type slice struct {
	Metadata  meta   `json:"metadata"`
	Family    string `json:"addressType"`
	Endpoints []struct {
		Node       string `json:"nodeName"`
		Conditions struct {
			Ready   *bool `json:"ready"`
			Serving *bool `json:"serving"`
		} `json:"conditions"`
	} `json:"endpoints"`
}

type node struct {
	Metadata meta `json:"metadata"`
	Status   struct {
		Addresses []struct {
			Type    string `json:"type"`
			Address string `json:"address"`
		} `json:"addresses"`
	} `json:"status"`
}

type pool struct {
	Metadata meta `json:"metadata"`
	Spec     struct {
		Addresses []netip.Prefix `json:"addresses"`
	} `json:"spec"`
}

type selector struct {
	MatchLabels map[string]string `json:"matchLabels"`
}

type advert struct {
	Metadata meta `json:"metadata"`
	Spec     struct {
		Pools    []string   `json:"ipAddressPools"`
		Nodes    []selector `json:"nodeSelectors"`
		Services []selector `json:"serviceSelectors"`
		Length   *int       `json:"aggregationLength"`
		Length6  *int       `json:"aggregationLengthV6"`
	} `json:"spec"`
}

// cluster is all that routes follow from.
type cluster struct {
	services []*service
	slices   []slice
	nodes    []node
	pools    []pool
	adverts  []advert
}

// read is the cluster as the API server has it.
func read(ctx context.Context, a *api) (*cluster, error) {
	c := &cluster{}
	for _, part := range []struct {
		path  string
		items any
	}{
		{servicesPath, &c.services}, {slicesPath, &c.slices}, {nodesPath, &c.nodes}, {poolsPath, &c.pools}, {advertisementsPath, &c.adverts},
	} {
		if _, err := a.list(ctx, part.path, part.items); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// table is next hops by prefix.
type table map[netip.Prefix][]netip.Addr

// want is the table that a router of these nodes should have, of at most so
// many paths: of more, those of the lowest peer addresses. A node whose pods for a
// prefix all are ending is its last resort: beside others it has a place in
// resilient groups only.
func want(c *cluster, paths int, resilient bool) table {
	nodesOf := map[netip.Prefix]map[string]bool{} // and whether a pod there stays
	for _, s := range c.services {
		if !s.ours() {
			continue
		}
		for _, a := range s.holds() {
			for i := range c.nodes {
				n := &c.nodes[i]
				for _, p := range c.announced(s, a, n) {
					if nodesOf[p] == nil {
						nodesOf[p] = map[string]bool{}
					}
					_, stays := c.served(s, a, n.Metadata.Name)
					nodesOf[p][n.Metadata.Name] = nodesOf[p][n.Metadata.Name] || stays
				}
			}
		}
	}
	out := table{}
	for p, names := range nodesOf {
		var chosen, last []string
		for _, name := range sortedKeys(names) {
			if names[name] {
				chosen = append(chosen, name)
			} else {
				last = append(last, name)
			}
		}
		if resilient || len(chosen) == 0 {
			chosen = append(chosen, last...)
		}
		for _, name := range chosen[:min(paths, len(chosen))] {
			out[p] = append(out[p], c.address(name, p.Addr().Is4()))
		}
		slices.SortFunc(out[p], netip.Addr.Compare)
	}
	return out
}

// announced are the prefixes in which a node announces an address.
func (c *cluster) announced(s *service, a netip.Addr, n *node) []netip.Prefix {
	_, excluded := n.Metadata.Labels["node.kubernetes.io/exclude-from-external-load-balancers"]
	_, drained := n.Metadata.Annotations["hawser.dev/drain"]
	home := c.poolOf(a)
	if some, _ := c.served(s, a, n.Metadata.Name); excluded || drained || home == "" || !some {
		return nil
	}
	if len(c.adverts) == 0 {
		return []netip.Prefix{netip.PrefixFrom(a, a.BitLen())}
	}
	var all []netip.Prefix
	for _, ad := range c.adverts {
		if len(ad.Spec.Pools) > 0 && !slices.Contains(ad.Spec.Pools, home) ||
			!selected(ad.Spec.Nodes, n.Metadata.Labels) || !selected(ad.Spec.Services, s.Metadata.Labels) {
			continue
		}
		length := ad.Spec.Length
		if a.Is6() {
			length = ad.Spec.Length6
		}
		bits := a.BitLen()
		if length != nil {
			bits = *length
		}
		p := netip.PrefixFrom(a, bits).Masked()
		if c.poolOf(p.Addr()) == home {
			all = append(all, p) // blocks are larger than any length that plans use
		}
	}
	return all
}

// served says whether a node has something to send packets for an address to,
// and whether that stays: with the policy Local not all of it is ending.
func (c *cluster) served(s *service, a netip.Addr, node string) (some, stays bool) {
	for _, sl := range c.slices {
		if sl.Metadata.Labels["kubernetes.io/service-name"] != s.Metadata.Name || sl.Family != familyOf(a) {
			continue
		}
		for _, e := range sl.Endpoints {
			ready := e.Conditions.Ready == nil || *e.Conditions.Ready
			serving := e.Conditions.Serving != nil && *e.Conditions.Serving
			if (ready || serving) && (s.Spec.Policy != "Local" || e.Node == node) {
				some, stays = true, stays || ready || s.Spec.Policy != "Local"
			}
		}
	}
	return some, stays
}

func (c *cluster) poolOf(a netip.Addr) string {
	for _, p := range c.pools {
		if slices.ContainsFunc(p.Spec.Addresses, func(x netip.Prefix) bool { return x.Contains(a) }) {
			return p.Metadata.Name
		}
	}
	return ""
}

// address of a node, of one family.
func (c *cluster) address(name string, is4 bool) netip.Addr {
	for _, n := range c.nodes {
		for _, a := range n.Status.Addresses {
			if ip, err := netip.ParseAddr(a.Address); err == nil && n.Metadata.Name == name && ip.Is4() == is4 {
				return ip
			}
		}
	}
	return netip.Addr{}
}

// selected says whether one of the selectors has the labels; none: everything.
func selected(selectors []selector, labels map[string]string) bool {
	return len(selectors) == 0 || slices.ContainsFunc(selectors, func(s selector) bool {
		for key, value := range s.MatchLabels {
			if labels[key] != value {
				return false
			}
		}
		return true
	})
}

// compatible says whether two Services may hold one address.
func compatible(a, b *service) bool {
	const key = "hawser.dev/allow-shared-ip"
	k := a.Metadata.Annotations[key]
	if k == "" || k != b.Metadata.Annotations[key] || (a.Spec.Policy == "Local") != (b.Spec.Policy == "Local") {
		return false
	}
	for _, p := range a.Spec.Ports {
		if slices.Contains(b.Spec.Ports, p) {
			return false
		}
	}
	return true // plans use one namespace and no selectors
}
