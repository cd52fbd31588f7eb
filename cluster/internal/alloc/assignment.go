package alloc

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/hawser-lb/hawser/cluster/internal/model"
)

func (l *Ledger) assignments(claims []*claim) []Assignment {
	out := make([]Assignment, 0, len(claims)+len(l.leaving))
	for _, c := range claims {
		out = append(out, c.assignment())
	}
	for _, s := range l.leaving {
		out = append(out, release(s))
	}
	slices.SortFunc(out, func(a, b Assignment) int { return compareKeys(a.Service, b.Service) })
	return out
}

func release(s *model.Service) Assignment {
	a := Assignment{Service: s.Key, Change: Released, Write: true}
	if len(s.Holds) == 0 {
		a.Change = Kept
		return a
	}
	a.Message = "released " + list(s.Holds) + ": the Service is no longer a load balancer of ours"
	return a
}

func (c *claim) assignment() Assignment {
	a := Assignment{Service: c.Key, Unmet: c.unmet()}
	a.Addresses, a.Pools = c.result()
	a.Change = change(c.Holds, a.Addresses, a.Unmet)
	a.Message = clip(c.message(a))
	a.Write = a.differs(c.Service)
	return a
}

func (a Assignment) differs(s *model.Service) bool {
	return !slices.Equal(a.Addresses, s.Holds) || a.From() != s.HoldsFrom
}

// idle reports whether there is nothing to do and nothing to say.
func (a Assignment) idle() bool { return !a.Write && a.Change == Kept && a.Unmet == "" }

// result is what stands in the slots. In the common case, where that is what
// the Service held already, it costs no memory.
func (c *claim) result() (addresses []netip.Addr, pools []string) {
	if len(c.slots) == 1 && len(c.Holds) == 1 && c.slots[0].addr == c.Holds[0] {
		return c.Holds, c.slots[0].book.alone
	}
	for i := range c.slots {
		if s := &c.slots[i]; s.addr.IsValid() {
			addresses = append(addresses, s.addr)
			pools = append(pools, s.book.Name)
		}
	}
	return addresses, pools
}

func change(had, has []netip.Addr, unmet string) Change {
	gone, came := without(had, has), without(has, had)
	switch {
	case len(gone) > 0 && len(came) > 0:
		return Changed
	case len(gone) > 0:
		return Released
	case len(came) > 0:
		return Assigned
	case unmet != "":
		return Failed
	}
	return Kept
}

// without lists those of a that are not in b.
func without(a, b []netip.Addr) []netip.Addr {
	var out []netip.Addr
	for _, x := range a {
		if !slices.Contains(b, x) {
			out = append(out, x)
		}
	}
	return out
}

// unmet joins what the slots lack. A PreferDualStack Service that has one
// family lacks nothing.
func (c *claim) unmet() string {
	if c.wrong != "" {
		return c.wrong + c.staying()
	}
	var out []string
	for i := range c.slots {
		if s := &c.slots[i]; s.unmet != "" && !c.optional(s) {
			out = append(out, s.complaint())
		}
	}
	return strings.Join(out, "; ")
}

// optional reports whether the Service is well served without this slot: it
// prefers two families, has one, and did not ask for this address by itself.
func (c *claim) optional(s *slot) bool {
	if s.addr.IsValid() || s.asked.IsValid() || c.Policy != model.PreferDualStack {
		return false
	}
	return slices.ContainsFunc(c.slots, func(o slot) bool { return o.addr.IsValid() })
}

func (s *slot) complaint() string {
	if s.addr.IsValid() {
		return s.unmet + "; " + s.addr.String() + " stays"
	}
	return "no " + s.family.String() + " address: " + s.unmet
}

func (c *claim) staying() string {
	var held []netip.Addr
	for i := range c.slots {
		if a := c.slots[i].addr; a.IsValid() {
			held = append(held, a)
		}
	}
	if len(held) == 0 {
		return ""
	}
	return "; " + list(held) + stay(len(held))
}

func (c *claim) message(a Assignment) string {
	var out []string
	switch a.Change {
	case Assigned, Changed:
		out = append(out, c.given(a))
	case Released:
		out = append(out, "released "+c.reasons(without(c.Holds, a.Addresses)))
	}
	if a.Unmet != "" {
		out = append(out, a.Unmet)
	} else if a.Change != Kept {
		out = append(out, c.remarks()...)
	}
	return strings.Join(out, "; ")
}

// given says what is new and where it comes from.
func (c *claim) given(a Assignment) string {
	var out []string
	for i, x := range a.Addresses {
		if !slices.Contains(c.Holds, x) {
			out = append(out, x.String()+" from pool "+a.Pools[i])
		}
	}
	text := strings.Join(out, " and ")
	if gone := without(c.Holds, a.Addresses); len(gone) > 0 {
		text += " instead of " + c.reasons(gone)
	}
	return text
}

// reasons lists addresses that are lost, each with the reason if it was not
// the Service's own wish.
func (c *claim) reasons(gone []netip.Addr) string {
	words := make([]string, len(gone))
	for i, a := range gone {
		words[i] = a.String()
		for _, l := range c.lost {
			if l.addr == a {
				words[i] += " (" + l.why + ")"
				break
			}
		}
	}
	return strings.Join(words, " and ")
}

// remarks are the complaints of optional slots.
func (c *claim) remarks() []string {
	var out []string
	for i := range c.slots {
		if s := &c.slots[i]; s.unmet != "" {
			out = append(out, s.complaint())
		}
	}
	return out
}

// clip keeps a message within what an event holds, which is 1024 bytes.
func clip(text string) string {
	const most = 1000
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

func stay(n int) string {
	if n == 1 {
		return " stays"
	}
	return " stay"
}

func list(addresses []netip.Addr) string {
	words := make([]string, len(addresses))
	for i, a := range addresses {
		words[i] = a.String()
	}
	return strings.Join(words, " and ")
}
