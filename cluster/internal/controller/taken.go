package controller

import (
	"cmp"
	"fmt"

	"github.com/hawser-lb/hawser/cluster/api/v1alpha1"
	"github.com/hawser-lb/hawser/cluster/internal/kube"
	"github.com/hawser-lb/hawser/cluster/internal/model"
)

// taken has the verdicts on the peers whose address an older peer has on the
// same node, by name. What address a default gateway has is not known here; so
// two peers that both ask for it are compared, and no such peer with others.
func taken(peers []model.Peer, nodes []model.Node) map[string]kube.Verdict {
	type place struct{ node, address string }
	owner, out := map[place]string{}, map[string]kube.Verdict{}
	for _, p := range byAge(peers) {
		if cmp.Or(p.PasswordTrouble, impossible(p)) != "" {
			continue
		}
		selected, lost, first := 0, []string{}, ""
		for _, n := range nodes {
			if !model.AnyMatches(p.NodeSelectors, n.Labels) {
				continue
			}
			selected++
			at := place{n.Name, destination(p)}
			if older, has := owner[at]; has {
				lost, first = append(lost, n.Name), older
			} else {
				owner[at] = p.Name
			}
		}
		if len(lost) == 0 {
			continue
		}
		v := kube.Verdict{Accepted: len(lost) < selected, Reason: v1alpha1.ReasonAddressTaken}
		v.Message = fmt.Sprintf("peer %s has %s on %s already and is older", first, destination(p), named(lost))
		if v.Accepted {
			v.Message += "; on the other nodes it is in use"
		}
		out[p.Name] = v
	}
	return out
}

// destination is what a peer is reached at, in words.
func destination(p model.Peer) string {
	switch {
	case !p.DefaultGateway:
		return "the address " + p.Address.String()
	case p.SourceAddress.IsValid():
		return fmt.Sprintf("the default gateway for %s", model.FamilyOf(p.SourceAddress))
	}
	return "the default gateway"
}
