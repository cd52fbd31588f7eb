package alloc

import (
	"fmt"
	"net/netip"

	"github.com/hawser-lb/hawser/cluster/internal/model"
)

// conflict is why two Services may not hold one address.
type conflict struct {
	with *model.Service
	why  barrier
}

// String names the holder and the reason.
func (c conflict) String() string { return "held by " + c.with.Key.String() + ": " + c.why.String() }

// barrier is what keeps two Services apart. It becomes text only when someone
// wants to read it, since most of them are found while looking for a way past.
type barrier struct {
	text string
	port model.Port
}

func (b barrier) stands() bool { return b != barrier{} }

func (b barrier) String() string {
	if b.port != (model.Port{}) {
		return fmt.Sprintf("both use %s port %d", b.port.Protocol, b.port.Number)
	}
	return b.text
}

// clash finds the first holder of a that c may not share it with.
func (l *Ledger) clash(c *claim, a netip.Addr, b *book) (conflict, bool) {
	for _, o := range l.holders[a] {
		if o == c {
			continue
		}
		if why := apart(o.Service, c.Service, b.CrossNamespaceSharing); why.stands() {
			return conflict{o.Service, why}, true
		}
	}
	return conflict{}, false
}

// apart says why two Services may not share an address. Whether they may does
// not depend on which comes first.
func apart(a, b *model.Service, acrossNamespaces bool) barrier {
	switch {
	case a.SharingKey == "" && b.SharingKey == "":
		return barrier{text: "neither has a sharing key"}
	case a.SharingKey == "" || b.SharingKey == "":
		return barrier{text: "only one of the two has a sharing key"}
	case a.SharingKey != b.SharingKey:
		return barrier{text: "the sharing keys differ"}
	case a.Namespace != b.Namespace && !acrossNamespaces:
		return barrier{text: "it is in another namespace, and the pool does not set crossNamespaceSharing"}
	}
	if why := differentBackends(a, b); why != "" {
		return barrier{text: why}
	}
	for _, p := range a.Ports {
		for _, q := range b.Ports {
			if p == q {
				return barrier{port: p}
			}
		}
	}
	return barrier{}
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
