package legacy

import (
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/hawser-lb/hawser/cluster/internal/model"
	"github.com/hawser-lb/hawser/shared/addr"
	"github.com/hawser-lb/hawser/shared/route"
)

func (r *reader) pools(v value) ([]model.Pool, []model.Advertisement) {
	var pools []model.Pool
	var ads []model.Advertisement
	var taken []owned
	seen := map[string]bool{}
	for _, item := range r.items(v) {
		p, own, a := r.pool(item, taken)
		if seen[p.Name] && p.Name != "" {
			r.wrong(item, "a pool %q stands above already", p.Name)
		}
		seen[p.Name] = true
		taken = append(taken, own...)
		pools, ads = append(pools, p), append(ads, a...)
	}
	return pools, ads
}

// owned is a range and where it was read.
type owned struct {
	addr.Range
	pool string
	line int
}

func (r *reader) pool(v value, taken []owned) (model.Pool, []owned, []model.Advertisement) {
	f := r.fields(v, "name", "protocol", "addresses", "avoid-buggy-ips", "auto-assign", "bgp-advertisements")
	p := model.Pool{
		AvoidBuggyIPs: r.boolean(f["avoid-buggy-ips"], false),
		AutoAssign:    r.boolean(f["auto-assign"], true),
		// The old software let Services of all namespaces share an address.
		CrossNamespaceSharing: true,
	}
	if r.required(f["name"]) {
		p.Name = r.text(f["name"])
	}
	r.protocol(f["protocol"])
	own := r.ranges(f["addresses"], p.Name, taken)
	for _, o := range own {
		p.Ranges = append(p.Ranges, o.Range)
	}
	p.Ranges = addr.Merge(p.Ranges)
	return p, own, r.advertisements(f["bgp-advertisements"], p)
}

func (r *reader) protocol(v value) {
	if !r.required(v) {
		return
	}
	switch s := r.text(v); s {
	case "bgp", "": // what is no text has been told of
	case "layer2":
		if r.moving {
			r.lost = append(r.lost, Problem{v.line, v.path, errMovedLayer2})
			return
		}
		r.problems = append(r.problems, Problem{v.line, v.path, ErrLayer2})
	default:
		r.wrong(v, `%q is no protocol: write "bgp"`, s)
	}
}

func (r *reader) ranges(v value, pool string, taken []owned) []owned {
	var out []owned
	if !r.required(v) {
		return nil
	}
	items := r.items(v)
	if len(items) == 0 && v.node.Kind == yaml.SequenceNode {
		r.wrong(v, "a pool needs one address at least")
	}
	for _, item := range items {
		text := ""
		if r.required(item) {
			text = r.text(item)
		}
		if text == "" {
			continue
		}
		got, err := addr.Parse(r.masked(item, text))
		if err != nil {
			r.wrong(item, "%w", err)
			continue
		}
		for _, o := range append(taken, out...) {
			if o.Overlaps(got) {
				r.wrong(item, "%s overlaps %s of pool %q in line %d", got, o.Range, o.pool, o.line)
				break
			}
		}
		out = append(out, owned{got, pool, item.line})
	}
	return out
}

// masked clears the host bits of a CIDR, as the old software did, and warns.
func (r *reader) masked(v value, text string) string {
	p, err := netip.ParsePrefix(strings.TrimSpace(text))
	if err != nil || p == p.Masked() {
		return text
	}
	r.warn(v, "%q is read as %s; write that, or a range such as %s-%s", text, p.Masked(), p.Addr(), addr.Of(p).Last)
	return p.Masked().String()
}

// communityNames reads bgp-communities.
func (r *reader) communityNames(v value) {
	r.communities = map[string]uint32{}
	for name, c := range r.names(v) {
		r.communities[name] = r.community(c)
	}
}

// community reads "a:b" (RFC 1997).
func (r *reader) community(v value) uint32 {
	if !r.required(v) {
		return 0
	}
	text := r.text(v)
	if text == "" {
		return 0
	}
	a, b, ok := strings.Cut(text, ":")
	high, err1 := strconv.ParseUint(a, 10, 16)
	low, err2 := strconv.ParseUint(b, 10, 16)
	if !ok || err1 != nil || err2 != nil {
		r.wrong(v, `%q is no community: write two numbers up to 65535, such as "65535:65281"%s`, text, r.namesNear(text, ok))
		return 0
	}
	return uint32(high)<<16 | uint32(low)
}

// namesNear adds the names that may be meant when text looks like a name.
func (r *reader) namesNear(text string, colon bool) string {
	if colon || len(r.communities) == 0 {
		return ""
	}
	return ", or a name under bgp-communities" + nearest(text, slices.Sorted(maps.Keys(r.communities)))
}

// advertisements reads those of one pool; none at all is one that says
// nothing special.
func (r *reader) advertisements(v value, p model.Pool) []model.Advertisement {
	items := r.items(v)
	if len(items) == 0 {
		return []model.Advertisement{{Name: p.Name + "/1", Pools: []string{p.Name}, AggregationLength: 32, AggregationLengthV6: 128}}
	}
	var out []model.Advertisement
	for i, item := range items {
		a := r.advertisement(item, p)
		a.Name = fmt.Sprintf("%s/%d", p.Name, i+1)
		for _, o := range out {
			if o.AggregationLength == a.AggregationLength && o.AggregationLengthV6 == a.AggregationLengthV6 && o.LocalPref != a.LocalPref {
				r.wrong(item, "has another localpref than advertisement %s of the same aggregation length", o.Name)
				break
			}
		}
		out = append(out, a)
	}
	return out
}

func (r *reader) advertisement(v value, p model.Pool) model.Advertisement {
	f := r.fields(v, "aggregation-length", "aggregation-length-v6", "localpref", "communities")
	a := model.Advertisement{
		Pools:               []string{p.Name},
		AggregationLength:   r.aggregation(f["aggregation-length"], p, 32),
		AggregationLengthV6: r.aggregation(f["aggregation-length-v6"], p, 128),
	}
	if pref := r.number(f["localpref"], 0, math.MaxUint32); pref != 0 {
		a.LocalPref = route.Some(uint32(pref))
	}
	for _, item := range r.items(f["communities"]) {
		c, named := uint32(0), false
		if !item.absent() {
			c, named = r.communities[item.node.Value]
		}
		if !named {
			c = r.community(item)
		}
		a.Communities = append(a.Communities, c)
	}
	return a
}

// aggregation reads a prefix length, whose prefixes must not reach outside the
// pool: they would call for traffic that is not ours.
func (r *reader) aggregation(v value, p model.Pool, longest int) int {
	if v.absent() {
		return longest
	}
	bits := int(r.number(v, 1, uint64(longest)))
	if bits == 0 {
		return longest
	}
	for _, own := range p.Ranges {
		if own.First.BitLen() != longest {
			continue
		}
		low, high := addr.Of(netip.PrefixFrom(own.First, bits)), addr.Of(netip.PrefixFrom(own.Last, bits))
		if low.First != own.First || high.Last != own.Last {
			r.wrong(v, "prefixes of length %d reach outside %s of the pool", bits, own)
			break
		}
	}
	return bits
}
