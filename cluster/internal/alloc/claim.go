package alloc

import (
	"net/netip"
	"slices"

	"github.com/hawser-lb/hawser/cluster/internal/model"
)

// claim is one Service and what it gets.
type claim struct {
	*model.Service
	slots []slot // one for each of the Service's families, in order
	// lost has the addresses that it held and may not keep, and why.
	lost []loss
	// wrong is what is wrong with its wishes, if anything; no wish is then
	// followed and nothing new is given.
	wrong string
}

// loss is an address that a Service held and may not keep.
type loss struct {
	addr netip.Addr
	why  string
}

// slot is the place of one address.
type slot struct {
	family model.Family
	asked  netip.Addr // by the Service, else zero
	addr   netip.Addr // zero while there is none
	book   *book
	unmet  string // why it has none, or not what it asks for
}

func newClaim(s *model.Service) *claim {
	c := &claim{Service: s, wrong: s.WishError}
	families := s.Families
	if len(families) == 0 {
		families = familiesOf(s.Holds)
		if c.wrong == "" {
			c.wrong = "the Service has no cluster IP yet, so its families are unknown"
		}
	}
	c.slots = make([]slot, len(families))
	for i, f := range families {
		c.slots[i].family = f
	}
	if c.wrong == "" {
		c.wrong = c.ask(s.WantAddresses)
	}
	return c
}

// ask puts each requested address into the slot of its family.
func (c *claim) ask(addresses []netip.Addr) (wrong string) {
	for _, a := range addresses {
		s := c.slot(model.FamilyOf(a))
		switch {
		case s == nil:
			return a.String() + " is asked for, but the Service has no " + model.FamilyOf(a).String() + " cluster IP"
		case s.asked.IsValid() && s.asked != a:
			low, high := s.asked, a
			if high.Less(low) {
				low, high = high, low
			}
			return low.String() + " and " + high.String() + " are asked for, but a Service has one address of each family"
		}
		s.asked = a
	}
	return ""
}

func (c *claim) slot(f model.Family) *slot {
	for i := range c.slots {
		if c.slots[i].family == f {
			return &c.slots[i]
		}
	}
	return nil
}

// content reports whether the slot holds what the Service asks for.
func (c *claim) content(s *slot) bool {
	if c.wrong != "" {
		return true
	}
	if s.asked.IsValid() && s.asked != s.addr {
		return false
	}
	return c.WantPool == "" || s.book.Name == c.WantPool
}

// quiet reports, after the first round, whether the later ones have nothing to
// do for the claim: it keeps all that it holds, that is all that it wants, and
// the API server has it so.
func (c *claim) quiet() bool {
	if c.wrong != "" || len(c.lost) > 0 {
		return false
	}
	for i := range c.slots {
		if s := &c.slots[i]; !s.addr.IsValid() || !c.content(s) {
			return false
		}
	}
	var a Assignment
	a.Addresses, a.Pools = c.result()
	return !a.differs(c.Service)
}

// whole reports whether the Service must have both its addresses or none.
func (c *claim) whole() bool {
	return c.Policy == model.RequireDualStack && len(c.slots) > 1
}

func familiesOf(addresses []netip.Addr) []model.Family {
	var out []model.Family
	for _, a := range addresses {
		if f := model.FamilyOf(a); !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	return out
}
