package announce

import (
	"fmt"
	"strings"

	"github.com/hawser-lb/hawser/cluster/internal/model"
)

// Alike puts together the nodes, by name, for which Routes says the same of
// every Service whose endpoints may be anywhere: all but those of
// externalTrafficPolicy Local.
func Alike(s model.Snapshot, o Options) [][]string {
	var out [][]string
	place := map[string]int{}
	for _, n := range s.Nodes {
		var key strings.Builder
		fmt.Fprintf(&key, "%q %q", gateOf([]model.Node{n}, n.Name, o), peersOf(s.Peers, n.Labels))
		for _, ad := range s.Advertisements {
			fmt.Fprintf(&key, " %t", model.AnyMatches(ad.NodeSelectors, n.Labels))
		}
		i, known := place[key.String()]
		if !known {
			i = len(out)
			place[key.String()] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], n.Name)
	}
	return out
}
