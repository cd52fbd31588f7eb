package announce

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/hawser-lb/hawser/cluster/internal/model"
	"github.com/hawser-lb/hawser/shared/addr"
	"github.com/hawser-lb/hawser/shared/route"
)

// desk knows which advertisements speak for which pool on this node.
type desk struct {
	node   string
	pools  *model.Pools
	papers []*paper // oldest first
	of     map[*model.Pool][]*paper
}

// paper is one advertisement as this node sees it.
type paper struct {
	*model.Advertisement
	age        int // its place among the papers
	attributes *route.Attributes
	lastResort *route.Attributes // the same in graceful shutdown (RFC 8326)
	here       bool              // it selects this node
	peers      []string          // those it means that this node has, sorted
}

// offer is one address that one advertisement lets this node announce.
type offer struct {
	prefix  netip.Prefix // that the advertisement makes of the address
	service *model.Service
	address netip.Addr
	by      *paper
	ending  bool // the pods that it leads to are
}

// everything is what stands in for advertisements where none exists.
var everything = model.Advertisement{Name: "default", AggregationLength: 32, AggregationLengthV6: 128}

func newDesk(s model.Snapshot, node string) *desk {
	labels := labelsOf(s.Nodes, node)
	present := peersOf(s.Peers, labels)
	d := &desk{node: node, pools: model.NewPools(s.Pools), of: map[*model.Pool][]*paper{}}
	ads := s.Advertisements
	if len(ads) == 0 {
		ads = []model.Advertisement{everything}
	}
	for i := range ads {
		d.papers = append(d.papers, newPaper(&ads[i], labels, present))
	}
	slices.SortFunc(d.papers, func(a, b *paper) int {
		return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.Name, b.Name))
	})
	for i, p := range d.papers {
		p.age = i
		for _, pool := range d.pools.All {
			if p.names(pool) {
				d.of[pool] = append(d.of[pool], p)
			}
		}
	}
	return d
}

func newPaper(ad *model.Advertisement, node model.Labels, present []string) *paper {
	p := &paper{Advertisement: ad, here: model.AnyMatches(ad.NodeSelectors, node)}
	for _, name := range present {
		if len(ad.Peers) == 0 || slices.Contains(ad.Peers, name) {
			p.peers = append(p.peers, name)
		}
	}
	p.attributes = &route.Attributes{
		LocalPref:        ad.LocalPref,
		MED:              ad.MED,
		Communities:      union(nil, ad.Communities),
		LargeCommunities: unionLarge(nil, ad.LargeCommunities),
	}
	last := *p.attributes
	last.Communities = union(last.Communities, []uint32{route.GracefulShutdown})
	p.lastResort = &last
	return p
}

func labelsOf(nodes []model.Node, name string) model.Labels {
	for _, n := range nodes {
		if n.Name == name {
			return n.Labels
		}
	}
	return nil
}

// peersOf names the peers that the node with these labels has, sorted.
func peersOf(peers []model.Peer, node model.Labels) []string {
	var out []string
	for _, p := range peers {
		if model.AnyMatches(p.NodeSelectors, node) {
			out = append(out, p.Name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// names reports whether the advertisement is about the pool: by name, by
// label, or because it is about all.
func (p *paper) names(pool *model.Pool) bool {
	if len(p.Pools) == 0 && len(p.PoolSelectors) == 0 {
		return true
	}
	return slices.Contains(p.Pools, pool.Name) ||
		slices.ContainsFunc(p.PoolSelectors, func(s model.Selector) bool { return s.Matches(pool.Labels) })
}

// offer adds to made what advertisements let this node announce of s.
func (d *desk) offer(made []offer, s *model.Service) (_ []offer, no []Refusal) {
	for _, a := range s.Holds {
		before := len(made)
		pool := d.pools.Of(a)
		if pool == nil {
			no = append(no, Refusal{Service: s.Key, Address: a, Reason: PoolUnknown, Detail: "no pool has the address"})
			continue
		}
		for _, p := range d.of[pool] {
			if p.refuses(s, a, pool) == nil {
				made = append(made, offer{prefix: p.around(a), service: s, address: a, by: p})
			}
		}
		if len(made) == before {
			no = append(no, d.nearest(s, a, pool))
		}
	}
	return made, no
}

// nearest is the refusal of the advertisement that came closest.
func (d *desk) nearest(s *model.Service, a netip.Addr, pool *model.Pool) Refusal {
	best := Refusal{Service: s.Key, Address: a, Reason: NoMatchingAdvertisement, Detail: "no advertisement names pool " + pool.Name}
	for _, p := range d.of[pool] {
		r := p.refuses(s, a, pool)
		if best.Reason == NoMatchingAdvertisement {
			best = *r
		}
	}
	return best
}

// refuses says why the advertisement does not bring the address from this
// node to any peer, or nil.
func (p *paper) refuses(s *model.Service, a netip.Addr, pool *model.Pool) *Refusal {
	reason, detail := NoMatchingAdvertisement, ""
	switch {
	case !model.AnyMatches(p.ServiceSelectors, s.Labels):
		detail = "advertisement " + p.Name + " does not select the Service's labels"
	case !inside(pool, p.around(a)):
		detail = "advertisement " + p.Name + " aggregates to " + p.around(a).String() + ", which reaches outside pool " + pool.Name
	case !p.here:
		reason, detail = NotSelected, "advertisement "+p.Name+" does not select this node"
	case len(p.peers) == 0 && len(p.Peers) == 0:
		reason, detail = NotSelected, "no peer selects this node"
	case len(p.peers) == 0:
		reason, detail = NotSelected, "this node has none of the peers of advertisement "+p.Name+": "+strings.Join(p.Peers, ", ")
	default:
		return nil
	}
	return &Refusal{Service: s.Key, Address: a, Reason: reason, Detail: detail}
}

// around is the prefix that the advertisement makes of an address.
func (p *paper) around(a netip.Addr) netip.Prefix {
	bits := p.AggregationLengthV6
	if a.Is4() {
		bits = p.AggregationLength
	}
	if bits <= 0 || bits > a.BitLen() {
		bits = a.BitLen()
	}
	return netip.PrefixFrom(a, bits).Masked()
}

// inside reports whether the pool has every address of the prefix, so that no
// traffic for anybody else is asked for.
func inside(pool *model.Pool, p netip.Prefix) bool {
	if p.IsSingleIP() {
		return true
	}
	all := addr.Of(p)
	for _, r := range addr.Merge(pool.Ranges) {
		if r.Contains(all.First) && r.Contains(all.Last) {
			return true
		}
	}
	return false
}
