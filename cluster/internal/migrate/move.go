package migrate

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hawser-lb/hawser/cluster/api/v1alpha1"
	"github.com/hawser-lb/hawser/shared/addr"
	"github.com/hawser-lb/hawser/shared/secret"
)

// mover carries one thing after another.
type mover struct {
	House
	namespace   string // Hawser's
	profiles    map[string]bfdProfile
	communities map[string]string
	passwords   map[secretRef]secret.Text
	announced   bool // there is an advertisement of either kind
}

// Move makes a house of what MetalLB was told. namespace is Hawser's own. The
// error says what is wrong with a text that cannot be read at all.
func Move(objects []Object, namespace string) (House, error) {
	m := &mover{namespace: namespace, profiles: map[string]bfdProfile{}, communities: map[string]string{}, passwords: map[secretRef]secret.Text{}}
	for _, step := range []map[string]func(Object) error{
		{"Secret": m.secret, "BFDProfile": m.profile, "Community": m.community},
		{
			"ConfigMap": m.configMap, "IPAddressPool": m.pool, "BGPPeer": m.peer, "BGPAdvertisement": m.advertisement,
			"L2Advertisement": m.l2Advertisement, "AddressPool": m.oldPool,
		},
	} {
		for _, o := range objects {
			if carry := step[o.Kind]; carry != nil {
				if err := carry(o); err != nil {
					return House{}, fmt.Errorf("%s: %w", o.name(), err)
				}
			}
		}
	}
	for _, o := range objects {
		m.stranger(o)
	}
	if len(m.Pools) > 0 && len(m.Advertisements) == 0 && !m.announced {
		m.note("there is no BGPAdvertisement, so that MetalLB announced nothing by BGP; Hawser announces every pool from every node to every peer")
	}
	if len(m.Pools) > 0 && len(m.Peers) == 0 {
		m.lose("no BGP peer is named: write a BGPPeer for your router, or one with peerAddressFrom: DefaultGateway, else nothing is announced")
	}
	return m.House, nil
}

// carried are MetalLB's kinds that are carried, or only tell of MetalLB itself.
var carried = []string{
	"IPAddressPool", "BGPPeer", "BGPAdvertisement", "BFDProfile", "Community", "L2Advertisement", "AddressPool",
	"ServiceBGPStatus", "ServiceL2Status", "ConfigurationState", "BGPSessionState",
}

func (m *mover) stranger(o Object) {
	if group(o.APIVersion) == metallb && !slices.Contains(carried, o.Kind) {
		m.lose("%s: nothing in Hawser is like it", o.name())
	}
}

// decode reads a spec. A field that is not known is lost, and said to be.
func (m *mover) decode(o Object, into any) error {
	if len(o.Spec) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(o.Spec))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil {
		return nil
	}
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return fmt.Errorf("spec.%s: a %s cannot stand here", wrong.Field, wrong.Value)
	}
	m.lose("%s: %s", o.name(), strings.TrimPrefix(err.Error(), "json: "))
	return json.Unmarshal(o.Spec, into)
}

func (m *mover) secret(o Object) error {
	password, plain := o.StringData["password"]
	if !plain {
		b, err := base64.StdEncoding.DecodeString(o.Data["password"])
		if err != nil {
			return errors.New("data.password is not base64")
		}
		password = string(b)
	}
	if password != "" {
		m.passwords[secretRef{o.Metadata.Name, o.Metadata.Namespace}] = secret.New(password)
	}
	return nil
}

func (m *mover) profile(o Object) error {
	var p bfdProfile
	err := m.decode(o, &p)
	m.profiles[o.Metadata.Name] = p
	return err
}

func (m *mover) community(o Object) error {
	var c community
	err := m.decode(o, &c)
	for _, one := range c.Communities {
		m.communities[one.Name] = one.Value
	}
	return err
}

func (m *mover) l2Advertisement(o Object) error {
	m.lose("%s: Hawser announces by BGP only, not by ARP and NDP: the addresses must be routed to the nodes, so name your router in a BGPPeer", o.name())
	m.announced = true
	return nil
}

func (m *mover) oldPool(o Object) error {
	if group(o.APIVersion) == metallb {
		m.lose("%s: this kind is older than IPAddressPool; let MetalLB's own configmaptocrs or v0.13 turn it into one", o.name())
	}
	return nil
}

func (m *mover) pool(o Object) error {
	var s ipAddressPool
	if err := m.decode(o, &s); err != nil {
		return err
	}
	p := v1alpha1.AddressPool{}
	p.Name, p.Labels = o.Metadata.Name, o.Metadata.Labels
	p.Spec = v1alpha1.AddressPoolSpec{AutoAssign: s.AutoAssign, AvoidBuggyIPs: s.AvoidBuggyIPs, CrossNamespaceSharing: true}
	ranges, err := m.ranges(o, s.Addresses)
	if err != nil {
		return err
	}
	p.Spec.Addresses = ranges
	if a := s.ServiceAllocation; a != nil {
		p.Spec.ServiceAllocation = &v1alpha1.ServiceAllocation{
			Priority: a.Priority, Namespaces: a.Namespaces, NamespaceSelectors: a.NamespaceSelectors, ServiceSelectors: a.ServiceSelectors,
		}
	}
	m.Pools = append(m.Pools, p)
	return nil
}

// ranges reads a pool's addresses as MetalLB did: host bits of a CIDR are
// cleared, spaces do not count.
func (m *mover) ranges(o Object, texts []string) ([]v1alpha1.AddressRange, error) {
	var all []addr.Range
	for i, text := range texts {
		r, err := addr.Parse(masked(strings.ReplaceAll(text, " ", "")))
		if err != nil {
			return nil, fmt.Errorf("spec.addresses[%d]: %w", i, err)
		}
		all = append(all, r)
	}
	return addressRanges(all), nil
}

func (m *mover) advertisement(o Object) error {
	var s bgpAdvertisement
	if err := m.decode(o, &s); err != nil {
		return err
	}
	a := v1alpha1.BGPAdvertisement{}
	a.Name = o.Metadata.Name
	a.Spec = v1alpha1.BGPAdvertisementSpec{
		IPAddressPools: s.IPAddressPools, IPAddressPoolSelectors: s.IPAddressPoolSelectors, NodeSelectors: s.NodeSelectors,
		Peers: s.Peers, ServiceSelectors: s.ServiceSelectors,
	}
	if s.AggregationLength != nil {
		a.Spec.AggregationLength = *s.AggregationLength
	}
	if s.AggregationLengthV6 != nil {
		a.Spec.AggregationLengthV6 = *s.AggregationLengthV6
	}
	if s.LocalPref != 0 {
		a.Spec.LocalPref = &s.LocalPref
	}
	for _, c := range s.Communities {
		if value, named := m.communities[c]; named {
			c = value
		} else if !strings.Contains(c, ":") {
			m.lose("%s: community %q: no Community object that was read gives it a value; write the value", o.name(), c)
			continue
		}
		a.Spec.Communities = append(a.Spec.Communities, v1alpha1.Community(c))
	}
	m.Advertisements = append(m.Advertisements, a)
	return nil
}
