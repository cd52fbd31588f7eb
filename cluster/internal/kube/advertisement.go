package kube

import (
	"cmp"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/hawser-lb/hawser/cluster/api/v1alpha1"
	"github.com/hawser-lb/hawser/cluster/internal/model"
	"github.com/hawser-lb/hawser/shared/route"
)

// advertisement is a BGPAdvertisement as a pool is an AddressPool. It is usable
// when it has a good reading: nothing is announced on half of one.
type advertisement struct {
	model.Advertisement
	usable     bool
	wrong      string
	generation int64
	status     v1alpha1.BGPAdvertisementStatus
}

// sameBut reports whether both say the same but for the status, which is
// Hawser's own.
func (a advertisement) sameBut(o advertisement) bool {
	a.generation, a.status = o.generation, o.status
	return reflect.DeepEqual(a, o)
}

func readAdvertisement(o *v1alpha1.BGPAdvertisement) (advertisement, bool) {
	s := o.Spec
	a := advertisement{generation: o.Generation, status: o.Status}
	a.Advertisement = model.Advertisement{
		Name: o.Name, Created: o.CreationTimestamp.Time,
		Pools: s.IPAddressPools, Peers: s.Peers,
		AggregationLength:   int(cmp.Or(s.AggregationLength, 32)),
		AggregationLengthV6: int(cmp.Or(s.AggregationLengthV6, 128)),
		LocalPref:           optional(s.LocalPref),
		MED:                 optional(s.MED),
	}
	errs := make([]error, 3, 3+len(s.Communities))
	a.PoolSelectors, errs[0] = selectors("spec.ipAddressPoolSelectors", s.IPAddressPoolSelectors)
	a.NodeSelectors, errs[1] = selectors("spec.nodeSelectors", s.NodeSelectors)
	a.ServiceSelectors, errs[2] = selectors("spec.serviceSelectors", s.ServiceSelectors)
	for i, text := range s.Communities {
		if err := a.community(string(text)); err != nil {
			errs = append(errs, fmt.Errorf("spec.communities[%d]: %w", i, err))
		}
	}
	a.wrong = sentence(errs)
	a.usable = a.wrong == ""
	return a, true
}

// lastGoodAdvertisement keeps what was read before of an advertisement that
// cannot be read now.
func lastGoodAdvertisement(before, now advertisement) advertisement {
	if !now.usable && before.usable {
		now.Advertisement, now.usable = before.Advertisement, true
	}
	return now
}

// trouble is what is wrong with the advertisement and what comes of it, or "".
func (a advertisement) trouble() string {
	return consequence(a.wrong, a.usable, "nothing is announced by it")
}

func optional(n *int64) route.Optional {
	if n == nil {
		return route.Optional{}
	}
	return route.Some(uint32(*n))
}

// communities are those that have a name.
var communities = map[string]uint32{
	"no-export":           route.NoExport,
	"no-advertise":        route.NoAdvertise,
	"no-export-subconfed": route.NoExportSubconfed,
	"no-peer":             route.NoPeer,
	"blackhole":           route.Blackhole,
	"graceful-shutdown":   route.GracefulShutdown,
}

// community reads a:b, large:a:b:c or a name, and adds it.
func (a *advertisement) community(text string) error {
	if c, ok := communities[text]; ok {
		a.Communities = append(a.Communities, c)
		return nil
	}
	words, bits, count := text, 16, 2
	if rest, large := strings.CutPrefix(text, "large:"); large {
		words, bits, count = rest, 32, 3
	}
	var numbers []uint32
	for _, word := range strings.Split(words, ":") {
		n, err := strconv.ParseUint(word, 10, bits)
		if err != nil {
			return fmt.Errorf("%q is no community such as 65000:100, large:65000:1:2 or no-export", text)
		}
		numbers = append(numbers, uint32(n))
	}
	switch {
	case len(numbers) != count:
		return fmt.Errorf("%q is no community such as 65000:100, large:65000:1:2 or no-export", text)
	case count == 2:
		a.Communities = append(a.Communities, numbers[0]<<16|numbers[1])
	default:
		a.LargeCommunities = append(a.LargeCommunities, route.LargeCommunity(numbers))
	}
	return nil
}
