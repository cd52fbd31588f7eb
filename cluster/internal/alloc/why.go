package alloc

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/hawser-lb/hawser/cluster/internal/model"
)

// poolsNamed bounds how many pools a message goes through: the text of an
// event holds about a thousand characters.
const poolsNamed = 8

// explain says in full why find found nothing.
func (l *Ledger) explain(c *claim, s *slot) string {
	if s.asked.IsValid() {
		return s.asked.String() + " is asked for: " + l.whyNotAddress(c, s.asked, l.of(s.asked))
	}
	if c.WantPool != "" {
		return "pool " + c.WantPool + " is asked for: " + l.whyNotPool(c, l.byName[c.WantPool], s.family, true)
	}
	if len(l.pools.All) == 0 {
		return "there is no pool"
	}
	var reasons []string
	for i, p := range l.pools.All {
		if i == poolsNamed {
			reasons = append(reasons, fmt.Sprintf("and %d pools more", len(l.pools.All)-i))
			break
		}
		reasons = append(reasons, "pool "+p.Name+": "+l.whyNotPool(c, l.books[p], s.family, false))
	}
	return strings.Join(reasons, "; ")
}

// whyNotAddress says why c may not have a, which lies in b; empty when it may.
func (l *Ledger) whyNotAddress(c *claim, a netip.Addr, b *book) string {
	switch {
	case b == nil:
		return "no pool has it"
	case b.Closed:
		return "pool " + b.Name + " cannot be read and gives nothing"
	case !b.usable:
		return "pool " + b.Name + " overlaps an older one and gives nothing"
	case c.WantPool != "" && c.WantPool != b.Name:
		return "it is in pool " + b.Name + ", and pool " + c.WantPool + " is asked for too"
	case !l.admits(b, c.Service):
		return "pool " + b.Name + " is " + l.notAdmitted(b, c.Service)
	case b.AvoidBuggyIPs && buggy(a):
		return "pool " + b.Name + " avoids addresses that end in .0 or .255"
	}
	if with, clash := l.clash(c, a, b); clash {
		return with.String()
	}
	return ""
}

// whyNotPool says why b has no address of family f for c.
func (l *Ledger) whyNotPool(c *claim, b *book, f model.Family, asked bool) string {
	switch {
	case b == nil:
		return "there is no such pool"
	case b.Closed:
		return "cannot be read and gives nothing"
	case !b.usable:
		return "overlaps an older pool and gives nothing"
	case !asked && !b.AutoAssign:
		return "gives only to those who ask for it"
	case len(b.family(f).ranges) == 0:
		return "has no " + f.String() + " addresses"
	case !l.admits(b, c.Service):
		return l.notAdmitted(b, c.Service)
	}
	return fmt.Sprintf("all %s %s addresses are in use", b.total(f), f)
}

// notAdmitted says which half of the pool's serviceAllocation keeps s out.
func (l *Ledger) notAdmitted(b *book, s *model.Service) string {
	if !b.AdmitsNamespace(s.Namespace, l.namespaces[s.Namespace]) {
		return "not for namespace " + s.Namespace
	}
	return "not for a Service with these labels"
}
