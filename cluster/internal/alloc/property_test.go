package alloc

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hawser-lb/hawser/cluster/internal/model"
	"github.com/hawser-lb/hawser/shared/addr"
)

// The world of these tests is small, so that much is contested: a dozen
// addresses of each family, some .0 and .255 among them.
var world = func() (out []netip.Addr) {
	for _, first := range []string{"192.0.2.250", "2001:db8::"} {
		a := netip.MustParseAddr(first)
		for range 12 {
			out = append(out, a)
			a = a.Next()
		}
	}
	return out
}()

func anyAddress(t *rapid.T, label string) netip.Addr {
	return rapid.SampledFrom(world).Draw(t, label)
}

func anyPool(t *rapid.T, i int) model.Pool {
	p := model.Pool{Name: fmt.Sprintf("p%d", i), Created: epoch.AddDate(0, 0, rapid.IntRange(0, 3).Draw(t, "pool age"))}
	for range rapid.IntRange(1, 3).Draw(t, "ranges") {
		half := world[12*rapid.IntRange(0, 1).Draw(t, "family"):][:12]
		from := rapid.IntRange(0, 11).Draw(t, "from")
		to := rapid.IntRange(from, min(11, from+4)).Draw(t, "to")
		p.Ranges = append(p.Ranges, addr.Range{First: half[from], Last: half[to]})
	}
	p.Ranges = addr.Merge(p.Ranges)
	p.AutoAssign = rapid.IntRange(0, 3).Draw(t, "auto") > 0
	p.AvoidBuggyIPs = rapid.Bool().Draw(t, "avoid")
	p.CrossNamespaceSharing = rapid.Bool().Draw(t, "cross")
	p.Closed = rapid.IntRange(0, 7).Draw(t, "closed") == 0
	if p.Pinned = rapid.IntRange(0, 2).Draw(t, "pinned") == 0; p.Pinned {
		p.Priority = rapid.IntRange(0, 2).Draw(t, "priority")
		if rapid.Bool().Draw(t, "namespaced") {
			p.Namespaces = []string{"a"}
		}
		if rapid.Bool().Draw(t, "selective") {
			p.ServiceSelectors = []model.Selector{label("l", "1")}
		}
	}
	return p
}

func anyService(t *rapid.T, i int) model.Service {
	s := model.Service{
		Key:     model.Key{Namespace: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "namespace"), Name: fmt.Sprintf("s%d", i)},
		Created: epoch.AddDate(0, 0, rapid.IntRange(0, 3).Draw(t, "age")),
		Wanted:  rapid.IntRange(0, 7).Draw(t, "wanted") > 0,
		Labels:  model.Labels{"l": rapid.SampledFrom([]string{"1", "2"}).Draw(t, "label")},
		Families: rapid.SampledFrom([][]model.Family{
			{model.IPv4}, {model.IPv6}, {model.IPv4, model.IPv6}, {model.IPv6, model.IPv4}}).Draw(t, "families"),
		Policy:     rapid.SampledFrom([]model.FamilyPolicy{model.SingleStack, model.PreferDualStack, model.RequireDualStack}).Draw(t, "policy"),
		Ports:      []model.Port{{Protocol: "TCP", Number: int32(rapid.IntRange(1, 3).Draw(t, "port"))}},
		SharingKey: rapid.SampledFrom([]string{"", "k", "k", "l"}).Draw(t, "key"),
	}
	if rapid.IntRange(0, 3).Draw(t, "local") == 0 {
		s.Local, s.Backends = true, rapid.SampledFrom([]string{"", "app=x"}).Draw(t, "pods")
	}
	for range rapid.SampledFrom([]int{0, 1, 1, 2, 3}).Draw(t, "holds") {
		s.Holds = append(s.Holds, anyAddress(t, "held"))
	}
	switch rapid.IntRange(0, 5).Draw(t, "wish") {
	case 0:
		s.WantAddresses = []netip.Addr{anyAddress(t, "asked")}
	case 1:
		s.WantAddresses = []netip.Addr{anyAddress(t, "asked"), anyAddress(t, "asked too")}
	case 2:
		s.WantPool = fmt.Sprintf("p%d", rapid.IntRange(0, 4).Draw(t, "asked pool"))
	}
	return s
}

func anySnapshot(t *rapid.T) model.Snapshot {
	var s model.Snapshot
	for i := range rapid.IntRange(0, 5).Draw(t, "pools") {
		s.Pools = append(s.Pools, anyPool(t, i))
	}
	for i := range rapid.IntRange(0, 14).Draw(t, "services") {
		svc := anyService(t, i)
		s.Services = append(s.Services, &svc)
	}
	return s
}

// outcome is a plan seen by address.
type outcome struct {
	t       *rapid.T
	s       model.Snapshot
	plan    Plan
	pools   *model.Pools
	service map[model.Key]*model.Service
	holders map[netip.Addr][]*model.Service
}

func outcomeOf(t *rapid.T) outcome { return outcomeIn(t, anySnapshot(t)) }

// settledOutcome is that of a cluster in which nothing is on its way any more.
func settledOutcome(t *rapid.T) outcome {
	s, _ := settled(anySnapshot(t))
	return outcomeIn(t, s)
}

func outcomeIn(t *rapid.T, s model.Snapshot) outcome {
	o := outcome{t: t, s: s, service: map[model.Key]*model.Service{}, holders: map[netip.Addr][]*model.Service{}}
	o.plan, o.pools = New(o.s), model.NewPools(o.s.Pools)
	for _, s := range o.s.Services {
		o.service[s.Key] = s
	}
	for _, a := range o.plan.Assignments {
		for _, x := range a.Addresses {
			o.holders[x] = append(o.holders[x], o.service[a.Service])
		}
	}
	return o
}

func (o outcome) admits(p *model.Pool, s *model.Service) bool {
	return p.Admits(s.Namespace, nil, s.Labels)
}

// legal reports whether s may hold a as far as the pools are concerned.
func (o outcome) legal(s *model.Service, a netip.Addr) bool {
	p := o.pools.Of(a)
	if p == nil || p.Closed && !slices.Contains(s.Holds, a) {
		return false
	}
	return (p.Closed || o.admits(p, s)) && slices.Contains(s.Families, model.FamilyOf(a))
}

func TestWhateverTheClusterNoAddressIsHeldByThoseWhoMayNotShareIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := outcomeOf(t)
		for a, all := range o.holders {
			for i, x := range all {
				if !o.legal(x, a) {
					t.Errorf("%s holds %s", x.Key, a)
				}
				for _, y := range all[:i] {
					if why := apart(x, y, o.pools.Of(a).CrossNamespaceSharing); why.stands() {
						t.Errorf("%s and %s share %s: %s", x.Key, y.Key, a, why)
					}
					if why, other := apart(x, y, false), apart(y, x, false); why.stands() != other.stands() {
						t.Errorf("sharing depends on who is asked: %s, %s", why, other)
					}
				}
			}
		}
	})
}

func TestWhateverTheClusterOnePlanAfterAnotherComesToAnEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		settled(anySnapshot(t))
	})
}

func TestWhateverIsCarriedOutOfAPlanNoAddressPassesOnBeforeItIsLetGo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := outcomeOf(t)
		before := holdersIn(o.s)
		part := o.plan
		part.Assignments = nil
		for _, a := range o.plan.Assignments {
			if !a.Write || rapid.Bool().Draw(t, "not written") {
				s := o.service[a.Service]
				a = Assignment{Service: a.Service, Addresses: s.Holds}
			}
			part.Assignments = append(part.Assignments, a)
		}
		for a, all := range holdersIn(carriedOut(o.s, part)) {
			for i, x := range all {
				for _, y := range all[:i] {
					p := o.pools.Of(a)
					both := slices.Contains(before[a], x) && slices.Contains(before[a], y)
					if !both && apart(o.service[x], o.service[y], p != nil && p.CrossNamespaceSharing).stands() {
						t.Errorf("%s has been passed on between %s and %s", a, x, y)
					}
				}
			}
		}
	})
}

// holdersIn has the Services that hold an address in s.
func holdersIn(s model.Snapshot) map[netip.Addr][]model.Key {
	out := map[netip.Addr][]model.Key{}
	for _, x := range s.Services {
		for _, a := range x.Holds {
			if !slices.Contains(out[a], x.Key) {
				out[a] = append(out[a], x.Key)
			}
		}
	}
	return out
}

func TestWhateverTheClusterTheOrderOfItsListsDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := outcomeOf(t)
		other := o.s
		other.Services = rapid.Permutation(o.s.Services).Draw(t, "services anew")
		other.Pools = rapid.Permutation(o.s.Pools).Draw(t, "pools anew")
		if d := cmp.Diff(told(o.plan), told(New(other))); d != "" {
			t.Error(d)
		}
	})
}

func TestWhateverTheClusterNobodyLosesALegalAddress(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := outcomeOf(t)
		for _, s := range o.s.Services {
			if !s.Wanted || len(s.WantAddresses) > 0 || s.WantPool != "" || len(s.Holds) != 1 || !o.legal(s, s.Holds[0]) {
				continue
			}
			a := s.Holds[0]
			if !slices.Contains(o.holders[a], s) && !slices.ContainsFunc(o.holders[a], func(x *model.Service) bool {
				return slices.Contains(x.Holds, a) && apart(x, s, o.pools.Of(a).CrossNamespaceSharing).stands() &&
					(x.Created.Before(s.Created) || x.Created.Equal(s.Created) && compareKeys(x.Key, s.Key) < 0)
			}) {
				// The one that kept s away may have moved on by its own wish.
				if !o.contested(s, a) {
					t.Errorf("%s lost %s", s.Key, a)
				}
			}
		}
	})
}

// contested reports whether an older Service with a wish held a before.
func (o outcome) contested(s *model.Service, a netip.Addr) bool {
	return slices.ContainsFunc(o.s.Services, func(x *model.Service) bool {
		return x.Key != s.Key && slices.Contains(x.Holds, a) && (len(x.WantAddresses) > 0 || x.WantPool != "")
	})
}

func TestWhateverTheClusterNobodyWaitsForWhatIsFree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := settledOutcome(t)
		for _, a := range o.plan.Assignments {
			s := o.service[a.Service]
			if a.Unmet == "" || len(s.Families) > 1 || len(s.WantAddresses) > 1 {
				continue
			}
			for _, x := range world {
				if model.FamilyOf(x) == s.Families[0] && len(o.holders[x]) == 0 && o.mayHave(s, x) {
					t.Errorf("%s has not got %s, which is free: %s", s.Key, x, a.Unmet)
				}
			}
		}
	})
}

// mayHave reports whether the free address a is one that s would be given.
func (o outcome) mayHave(s *model.Service, a netip.Addr) bool {
	p := o.pools.Of(a)
	switch {
	case p == nil || !o.pools.Usable(p.Name) || p.Closed || !o.admits(p, s) || p.AvoidBuggyIPs && buggy(a):
		return false
	case len(s.WantAddresses) > 0:
		return s.WantAddresses[0] == a
	case s.WantPool != "":
		return s.WantPool == p.Name
	}
	return p.AutoAssign
}

func TestWhateverTheClusterBothFamiliesOrNeitherWhereBothAreRequired(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := outcomeOf(t)
		for _, a := range o.plan.Assignments {
			s := o.service[a.Service]
			if s.Wanted && s.Policy == model.RequireDualStack && len(s.Families) == 2 && len(s.Holds) == 0 && len(a.Addresses) == 1 {
				t.Errorf("%s got %v alone", a.Service, a.Addresses)
			}
		}
	})
}

func TestWhateverTheClusterWhoHasNothingIsToldWhy(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := settledOutcome(t)
		for _, a := range o.plan.Assignments {
			if a.Unmet == "" && o.service[a.Service].Wanted && len(a.Addresses) == 0 {
				t.Errorf("%s has nothing and nobody says why", a.Service)
			}
		}
	})
}

func TestWhateverTheClusterEverythingFreedComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := outcomeOf(t)
		s := carriedOut(o.s, o.plan)
		for i := range s.Services {
			s.Services[i].Wanted = false
		}
		p := New(s)
		for _, u := range p.Use {
			if u.IPv4.Assigned.Sign() != 0 || u.IPv6.Assigned.Sign() != 0 {
				t.Errorf("pool %s: %v %v still in use", u.Pool, u.IPv4.Assigned, u.IPv6.Assigned)
			}
		}
		for _, a := range p.Assignments {
			if len(a.Addresses) > 0 || a.From() != "" {
				t.Errorf("%s still holds %v from %s", a.Service, a.Addresses, a.From())
			}
		}
	})
}

// TestGapsAreASet compares gaps with a plain set, whatever is done to it.
func TestGapsAreASet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		half := world[:12]
		var used []netip.Addr
		free := map[netip.Addr]bool{}
		for _, a := range half {
			if free[a] = rapid.Bool().Draw(t, "free"); !free[a] {
				used = append(used, a)
			}
		}
		g := newGaps([]addr.Range{{First: half[0], Last: half[11]}}, used, nil)
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			a := rapid.SampledFrom(half).Draw(t, "address")
			switch rapid.IntRange(0, 2).Draw(t, "step") {
			case 0:
				g.take(a)
				free[a] = false
			case 1:
				g.give(a)
				free[a] = true
			default:
				i := slices.IndexFunc(half, func(a netip.Addr) bool { return free[a] })
				got, ok := g.lowest()
				if ok != (i >= 0) || ok && got != half[i] {
					t.Fatalf("lowest is %s, %t", got, ok)
				}
				if ok {
					free[got] = false
				}
			}
			check(t, g, half, free)
		}
	})
}

func check(t *rapid.T, g *gaps, half []netip.Addr, free map[netip.Addr]bool) {
	for _, a := range half {
		if _, is := g.find(a); is != free[a] {
			t.Fatalf("%s free: %t, want %t", a, is, free[a])
		}
	}
	for i := 1; i < len(g.free); i++ {
		if g.free[i-1].Last.Next().Compare(g.free[i].First) >= 0 {
			t.Fatalf("gaps touch: %v", g.free)
		}
	}
}
