package migrate

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/hawser-lb/hawser/cluster/api/v1alpha1"
	"github.com/hawser-lb/hawser/cluster/internal/legacy"
	"github.com/hawser-lb/hawser/cluster/internal/model"
	"github.com/hawser-lb/hawser/shared/addr"
)

// configMap carries the configuration of old.
func (m *mover) configMap(o Object) error {
	text, ok := o.Data[configKey]
	if !ok || o.Metadata.Name != configKey {
		return nil
	}
	c, err := legacy.Moving(text)
	if err != nil {
		return err
	}
	for _, w := range c.Lost {
		m.lose("ConfigMap config: %s", w)
	}
	for _, w := range c.Warnings {
		m.note("ConfigMap config: %s", w)
	}
	m.announced = true // each pool of it is, unless it says otherwise
	names := m.oldPools(c.Pools)
	for _, p := range c.Peers {
		m.oldPeer(p)
	}
	if slices.ContainsFunc(c.Advertisements, special) {
		for _, a := range c.Advertisements {
			m.oldAdvertisement(a, names)
		}
	}
	return nil
}

// oldPools carries the pools and returns what each is called now.
func (m *mover) oldPools(pools []model.Pool) map[string]string {
	names := map[string]string{}
	for _, p := range pools {
		names[p.Name] = m.rename("pool", p.Name, func(n string) bool {
			return slices.ContainsFunc(m.Pools, func(o v1alpha1.AddressPool) bool { return o.Name == n })
		})
		now := v1alpha1.AddressPool{}
		now.Name = names[p.Name]
		now.Spec = v1alpha1.AddressPoolSpec{
			Addresses: addressRanges(p.Ranges), AvoidBuggyIPs: p.AvoidBuggyIPs, CrossNamespaceSharing: p.CrossNamespaceSharing,
		}
		if !p.AutoAssign {
			now.Spec.AutoAssign = &p.AutoAssign
		}
		m.Pools = append(m.Pools, now)
	}
	return names
}

// addressRanges writes ranges as the objects have them.
func addressRanges(ranges []addr.Range) []v1alpha1.AddressRange {
	var out []v1alpha1.AddressRange
	for _, r := range addr.Merge(ranges) {
		out = append(out, v1alpha1.AddressRange(r.String()))
	}
	return out
}

func (m *mover) oldPeer(p model.Peer) {
	now := v1alpha1.BGPPeer{}
	now.Name = m.rename("peer", p.Name, func(n string) bool {
		return slices.ContainsFunc(m.Peers, func(o v1alpha1.BGPPeer) bool { return o.Name == n })
	})
	now.Spec = v1alpha1.BGPPeerSpec{
		MyASN: int64(p.MyASN), PeerASN: int64(p.PeerASN), PeerAddress: p.Address.String(), EBGPMultiHop: p.EBGPMultiHop,
		HoldTime: duration(p.HoldTime),
	}
	if p.Port != 179 {
		now.Spec.PeerPort = int32(p.Port)
	}
	if p.SourceAddress.IsValid() {
		now.Spec.SourceAddress = p.SourceAddress.String()
	}
	if p.RouterID.IsValid() {
		now.Spec.RouterID = p.RouterID.String()
	}
	if third := p.HoldTime / 3; p.Keepalive > third && p.HoldTime > 0 {
		m.note("peer %s: a keepalive time of %s is more than a third of the hold time and becomes that", p.Name, p.Keepalive)
	} else if p.Keepalive > 0 && p.Keepalive < third {
		now.Spec.KeepaliveTime = duration(p.Keepalive)
	}
	if b := p.BFD; b.Enabled {
		now.Spec.BFD = &v1alpha1.BFD{
			Enabled: true, DetectMultiplier: int32(b.Multiplier),
			TransmitInterval: milliseconds(b.Transmit.Milliseconds()), ReceiveInterval: milliseconds(b.Receive.Milliseconds()),
		}
	}
	for _, s := range p.NodeSelectors {
		now.Spec.NodeSelectors = append(now.Spec.NodeSelectors, labelSelector(s))
	}
	if p.Password.IsSet() {
		m.own("password-of-"+now.Name, p.Password, &now.Spec)
	}
	m.Peers = append(m.Peers, now)
}

func labelSelector(s model.Selector) v1alpha1.LabelSelector {
	var out v1alpha1.LabelSelector
	terms, _ := s.(model.Terms)
	for _, t := range terms {
		if t.Op == model.In && len(t.Values) == 1 && out.MatchLabels[t.Key] == "" {
			if out.MatchLabels == nil {
				out.MatchLabels = map[string]string{}
			}
			out.MatchLabels[t.Key] = t.Values[0]
			continue
		}
		out.MatchExpressions = append(out.MatchExpressions, v1alpha1.LabelRequirement{Key: t.Key, Operator: string(t.Op), Values: t.Values})
	}
	return out
}

// special reports whether an advertisement says anything at all.
func special(a model.Advertisement) bool {
	return a.AggregationLength != 32 || a.AggregationLengthV6 != 128 || a.LocalPref.Set || len(a.Communities) > 0
}

func (m *mover) oldAdvertisement(a model.Advertisement, pools map[string]string) {
	now := v1alpha1.BGPAdvertisement{}
	pool, number, _ := cutLast(a.Name, "/")
	now.Name = pools[pool] + "-" + number
	for _, p := range a.Pools {
		now.Spec.IPAddressPools = append(now.Spec.IPAddressPools, pools[p])
	}
	if a.AggregationLength != 32 {
		now.Spec.AggregationLength = int32(a.AggregationLength)
	}
	if a.AggregationLengthV6 != 128 {
		now.Spec.AggregationLengthV6 = int32(a.AggregationLengthV6)
	}
	if a.LocalPref.Set {
		pref := int64(a.LocalPref.Value)
		now.Spec.LocalPref = &pref
	}
	for _, c := range a.Communities {
		now.Spec.Communities = append(now.Spec.Communities, v1alpha1.Community(fmt.Sprintf("%d:%d", c>>16, c&0xffff)))
	}
	m.Advertisements = append(m.Advertisements, now)
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

var foreign = regexp.MustCompile(`[^a-z0-9.-]+`)

// rename makes a name that the API server takes and that is not taken, and
// notes when it is another one.
func (m *mover) rename(what, name string, taken func(string) bool) string {
	base := strings.Trim(foreign.ReplaceAllString(strings.ToLower(strings.ReplaceAll(name, "_", "-")), "-"), "-.")
	if base == "" {
		base = what
	}
	now := base
	for i := 2; taken(now); i++ {
		now = fmt.Sprintf("%s-%d", base, i)
	}
	if now != name {
		m.note("%s %q is called %s now, also by those who ask for it by name", what, name, now)
	}
	return now
}
