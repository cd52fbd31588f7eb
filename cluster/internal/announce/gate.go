package announce

import (
	"slices"

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
		case n.Leaving != "" && !o.Grace:
			return gate{NodeDraining, "the node is " + n.Leaving}
		case n.Silent && o.FromAfar:
			return gate{NodeSilent, "nothing is heard of its kubelet: the node's condition Ready is Unknown"}
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
	r.Reason, r.Detail = lacking(s, node, "endpoint", func(model.Endpoint) bool { return true })
	return r, r.Reason != ""
}

// stranded takes the addresses out of made for whose family there is no
// endpoint to send traffic to: no node turns one family into the other.
func stranded(s *model.Service, node string, made []offer) (kept []offer, no []Refusal) {
	for _, a := range s.Holds {
		f := model.FamilyOf(a)
		reason, detail := lacking(s, node, f.String()+" endpoint", func(e model.Endpoint) bool { return e.Serves(f) })
		if reason == "" {
			continue
		}
		before := len(made)
		made = slices.DeleteFunc(made, func(o offer) bool { return o.address == a })
		if len(made) < before {
			no = append(no, Refusal{Service: s.Key, Address: a, Reason: reason, Detail: detail})
		}
	}
	return made, no
}

// ending marks what leads to pods on this node that all are about to end: they
// finish what they have begun, and others are there for what is new.
func ending(s *model.Service, node string, made []offer) {
	if !s.Local {
		return
	}
	for i := range made {
		f := model.FamilyOf(made[i].address)
		made[i].ending = !slices.ContainsFunc(s.Endpoints, func(e model.Endpoint) bool { return e.Ready && e.Node == node && e.Serves(f) })
	}
}

// lacking says why there is nothing to send traffic to among the endpoints
// that count; the reason is empty when there is something.
func lacking(s *model.Service, node, what string, counts func(model.Endpoint) bool) (Reason, string) {
	usable, here := 0, 0
	for _, e := range s.Endpoints {
		if e.Usable() && counts(e) {
			usable++
			if e.Node == node {
				here++
			}
		}
	}
	switch {
	case usable == 0:
		return NoEndpoints, "no " + what + " is ready or serving"
	case s.Local && here == 0:
		return NoLocalEndpoints, "externalTrafficPolicy is Local and no ready or serving " + what + " is on this node"
	}
	return "", ""
}
