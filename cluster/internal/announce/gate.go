package announce

import (
	"github.com/hawser-lb/hawser/cluster/internal/model"
)

// ExcludeLabel keeps external load balancers away from a node, whatever its
// value.
const ExcludeLabel = "node.kubernetes.io/exclude-from-external-load-balancers"

// gate is why the node announces nothing; the zero gate is open.
type gate struct {
	reason Reason
	detail string
}

func gateOf(nodes []model.Node, name string, o Options) gate {
	for _, n := range nodes {
		if n.Name != name {
			continue
		}
		_, excluded := n.Labels[ExcludeLabel]
		switch {
		case n.NetworkUnavailable:
			return gate{NodeNetworkUnavailable, "the node's condition NetworkUnavailable is true"}
		case excluded && !o.IgnoreExcludeLB:
			return gate{NodeExcluded, "the node has the label " + ExcludeLabel}
		case n.Leaving != "":
			return gate{NodeDraining, "the node is " + n.Leaving}
		}
		return gate{}
	}
	return gate{NodeDraining, "the cluster has no node of this name"}
}

// closed says why the Service is not announced from the node although an
// advertisement would have it so.
func closed(s *model.Service, node string, g gate) (Refusal, bool) {
	r := Refusal{Service: s.Key, Reason: g.reason, Detail: g.detail}
	if g.reason != "" {
		return r, true
	}
	usable, here := 0, 0
	for _, e := range s.Endpoints {
		if e.Usable() {
			usable++
			if e.Node == node {
				here++
			}
		}
	}
	switch {
	case usable == 0:
		r.Reason, r.Detail = NoEndpoints, "no endpoint is ready or serving"
	case s.Local && here == 0:
		r.Reason, r.Detail = NoLocalEndpoints, "externalTrafficPolicy is Local and no ready or serving endpoint is on this node"
	default:
		return Refusal{}, false
	}
	return r, true
}
