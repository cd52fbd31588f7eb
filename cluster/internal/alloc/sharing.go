package alloc

import (
	"fmt"
	"net/netip"

	"github.com/hawser-lb/hawser/cluster/internal/model"
)

// conflict is why two Services may not hold one address.
type conflict struct {
	with *model.Service
	why  string
}

// String names the holder and the reason.
func (c conflict) String() string { return fmt.Sprintf("held by %s: %s", c.with.Key, c.why) }

// clash finds the first holder of a that c may not share it with.
func (l *ledger) clash(c *claim, a netip.Addr, b *book) (conflict, bool) {
	for _, o := range l.holders[a] {
		if o == c {
			continue
		}
		if why := apart(o.Service, c.Service, b.CrossNamespaceSharing); why != "" {
			return conflict{o.Service, why}, true
		}
	}
	return conflict{}, false
}

// apart says why two Services may not share an address; empty when they may.
// It answers the same whichever comes first.
func apart(a, b *model.Service, acrossNamespaces bool) string {
	switch {
	case a.SharingKey == "" && b.SharingKey == "":
		return "neither has a sharing key"
	case a.SharingKey == "" || b.SharingKey == "":
		return "only one of the two has a sharing key"
	case a.SharingKey != b.SharingKey:
		return "the sharing keys differ"
	case a.Namespace != b.Namespace && !acrossNamespaces:
		return "it is in another namespace, and the pool does not set crossNamespaceSharing"
	}
	if why := differentBackends(a, b); why != "" {
		return why
	}
	for _, p := range a.Ports {
		for _, q := range b.Ports {
			if p == q {
				return fmt.Sprintf("both use %s port %d", p.Protocol, p.Number)
			}
		}
	}
	return ""
}

// differentBackends: with externalTrafficPolicy Local only nodes that have a
// pod take traffic, so those who share an address must have the same pods.
func differentBackends(a, b *model.Service) string {
	switch {
	case !a.Local && !b.Local:
		return ""
	case a.Local != b.Local:
		return "only one of the two has externalTrafficPolicy Local"
	case a.Namespace != b.Namespace:
		return "externalTrafficPolicy is Local, and the pods of another namespace are others"
	case a.Backends == "" || a.Backends != b.Backends:
		return "externalTrafficPolicy is Local, and the pod selectors are not the same"
	}
	return ""
}
