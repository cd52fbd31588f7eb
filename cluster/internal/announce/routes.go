package announce

import (
	"cmp"
	"slices"
	"strings"

	"github.com/hawser-lb/hawser/cluster/internal/model"
)

// Routes answers with all that node should tell, sorted by prefix and peers,
// and with what it does not tell, sorted by Service and address.
func Routes(s model.Snapshot, node string, o Options) ([]Announcement, []Refusal) {
	routes, _, refused := look(s, node, o)
	return routes, refused
}

// Audience answers with the names of the peers that node tells of each Service,
// whether their sessions are up or not, and with what it does not tell, as
// Routes does. The names are not to be written to.
func Audience(s model.Snapshot, node string, o Options) (map[model.Key][]string, []Refusal) {
	_, offers, refused := look(s, node, o)
	peers := make(map[model.Key][]string, len(offers))
	for _, f := range offers {
		if before := peers[f.service.Key]; before == nil {
			peers[f.service.Key] = f.by.peers
		} else if !slices.Equal(before, f.by.peers) {
			peers[f.service.Key] = slices.Compact(slices.Sorted(slices.Values(slices.Concat(before, f.by.peers))))
		}
	}
	return peers, refused
}

func look(s model.Snapshot, node string, o Options) ([]Announcement, []offer, []Refusal) {
	d := newDesk(s, node)
	gate := gateOf(s.Nodes, node, o)
	services := sorted(s.Services)
	offers := make([]offer, 0, len(services))
	var refused []Refusal
	for _, svc := range services {
		var no []Refusal
		offers, no = d.judge(offers, svc, gate, o)
		refused = append(refused, no...)
	}
	routes, conflicts := join(offers)
	refused = append(refused, conflicts...)
	slices.SortFunc(refused, compareRefusals)
	return routes, offers, slices.Compact(refused)
}

// judge adds to offers what the node offers of a Service, and says what not.
func (d *desk) judge(offers []offer, s *model.Service, g gate, o Options) (_ []offer, no []Refusal) {
	all, no := d.offer(offers, s)
	made := all[len(offers):]
	if len(made) == 0 {
		return offers, no
	}
	if r, shut := closed(s, d.node, g); shut {
		return offers, append(no, r)
	}
	if s.Local && o.Waiting != nil && o.Waiting(s.Key) {
		return offers, append(no, Refusal{Service: s.Key, Reason: ProxyNotReady, Detail: "the service proxy of this node does not say yet that it sends traffic to the pods here"})
	}
	made, stuck := stranded(s, d.node, made)
	no = append(no, stuck...)
	ending(s, d.node, made)
	no = append(no, o.silent(s, made)...)
	return all[:len(offers)+len(made)], no
}

// sorted lists the Services that have something to announce, by key.
func sorted(services []*model.Service) []*model.Service {
	out := make([]*model.Service, 0, len(services))
	for _, s := range services {
		if s.Wanted && len(s.Holds) > 0 {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b *model.Service) int { return compareKeys(a.Key, b.Key) })
	return out
}

func compareKeys(a, b model.Key) int {
	return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
}

func compareRefusals(a, b Refusal) int {
	return cmp.Or(
		compareKeys(a.Service, b.Service), a.Address.Compare(b.Address),
		strings.Compare(string(a.Reason), string(b.Reason)), strings.Compare(a.Detail, b.Detail))
}

// silent says that nobody hears of an address, since no session with a peer
// that should is up.
func (o Options) silent(s *model.Service, made []offer) []Refusal {
	if len(o.Down) == 0 {
		return nil
	}
	var out []Refusal
	for _, a := range s.Holds {
		peers := map[string]bool{}
		for _, f := range made {
			if f.address == a {
				for _, p := range f.by.peers {
					peers[p] = true
				}
			}
		}
		if why, down := o.allDown(peers); down {
			out = append(out, Refusal{Service: s.Key, Address: a, Reason: PeerDown, Detail: why})
		}
	}
	return out
}

func (o Options) allDown(peers map[string]bool) (why string, down bool) {
	var words []string
	for p := range peers {
		reason, is := o.Down[p]
		if !is {
			return "", false
		}
		words = append(words, "peer "+p+": "+reason)
	}
	slices.Sort(words)
	return strings.Join(words, "; "), len(words) > 0
}
