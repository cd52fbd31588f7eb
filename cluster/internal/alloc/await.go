package alloc

import (
	"net/netip"
	"slices"

	"github.com/hawser-lb/hawser/cluster/internal/model"
)

// former are the Services that hold an address in the snapshot and let go of
// it in this plan.
type former map[netip.Addr][]*model.Service

// await takes the new address back from those whose former holder has yet to
// let go of it. The API server is told of one Service at a time, in no order,
// and may refuse: in between, two would hold one address.
func (l *Ledger) await(claims []*claim) {
	f := former{}
	for _, s := range l.leaving {
		for _, a := range s.Holds {
			f[a] = append(f[a], s)
		}
	}
	for _, c := range claims {
		for _, a := range c.Holds {
			if !slices.ContainsFunc(c.slots, func(s slot) bool { return s.addr == a }) {
				f[a] = append(f[a], c.Service)
			}
		}
	}
	if len(f) == 0 {
		return
	}
	for _, c := range claims {
		if slices.ContainsFunc(c.slots, func(s slot) bool { return f.block(c, s) }) {
			l.stay(c)
		}
	}
}

// block reports whether c is given, in the slot, an address that it does not
// simply keep, and that it may not share with one that still holds it.
func (f former) block(c *claim, in slot) bool {
	return !c.keeps(in.addr) && slices.ContainsFunc(f[in.addr], func(o *model.Service) bool {
		return o != c.Service && apart(o, c.Service, in.book.CrossNamespaceSharing).stands()
	})
}

// stay gives c what it holds and may keep, nothing else, and no complaint: the
// next plan goes on from there. What it may not keep it lets go of already, so
// that no two wait for each other.
func (l *Ledger) stay(c *claim) {
	for i := range c.slots {
		s := &c.slots[i]
		s.unmet = ""
		if c.keeps(s.addr) {
			continue
		}
		s.addr, s.book = netip.Addr{}, nil
		for _, a := range c.Holds {
			if model.FamilyOf(a) == s.family && c.keeps(a) {
				s.addr, s.book = a, l.of(a)
			}
		}
	}
}

// keeps reports whether c holds a and passed the first round with it.
func (c *claim) keeps(a netip.Addr) bool {
	return slices.Contains(c.Holds, a) && !slices.ContainsFunc(c.lost, func(x loss) bool { return x.addr == a })
}
