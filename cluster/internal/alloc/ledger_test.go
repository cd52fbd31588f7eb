package alloc

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hawser-lb/hawser/cluster/internal/model"
)

// step changes one Service of the snapshot in the same way in the ledger.
func step(t *rapid.T, s *model.Snapshot, l *Ledger) {
	i := rapid.IntRange(0, 14).Draw(t, "which")
	fresh := anyService(t, i)
	at := slices.IndexFunc(s.Services, func(x *model.Service) bool { return x.Name == fresh.Name })
	switch kind := rapid.IntRange(0, 3).Draw(t, "kind of change"); {
	case at >= 0 && kind == 0:
		l.Drop(s.Services[at].Key)
		s.Services = slices.Delete(slices.Clone(s.Services), at, at+1)
		return
	case at >= 0 && kind == 1:
		p := l.Plan()
		for _, a := range p.Assignments {
			if a.Service == s.Services[at].Key {
				fresh = *s.Services[at]
				fresh.Holds, fresh.HoldsFrom = a.Addresses, a.From()
			}
		}
		fallthrough
	case at >= 0:
		fresh.Key = s.Services[at].Key
		s.Services = slices.Clone(s.Services)
		s.Services[at] = &fresh
	default:
		s.Services = append(slices.Clone(s.Services), &fresh)
	}
	l.Set(&fresh)
}

func TestWhateverChangesALedgersPlanIsThatOfTheWhole(t *testing.T) {
	exact := cmp.Options{
		cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
		cmp.Transformer("count", func(u model.Use) [2]string { return [2]string{u.Total.String(), u.Assigned.String()} }),
		cmp.Transformer("length", func(a []netip.Addr) string { return fmt.Sprint(a) }),
		cmp.Transformer("names", func(a []string) string { return fmt.Sprint(a) }),
	}
	rapid.Check(t, func(t *rapid.T) {
		s := anySnapshot(t)
		l := NewLedger(s)
		for range rapid.IntRange(0, 12).Draw(t, "steps") {
			step(t, &s, l)
			whole := New(s)
			whole.Assignments = slices.DeleteFunc(whole.Assignments, Assignment.idle)
			if d := cmp.Diff(whole, l.Plan(), exact); d != "" {
				t.Fatalf("the whole, and the ledger:\n%s", d)
			}
		}
		for i := range s.Services {
			l.Drop(s.Services[i].Key)
		}
		if n := len(l.claims) + len(l.leaving) + len(l.rivals) + len(l.holders) + len(l.restive); n > 0 {
			t.Errorf("an empty ledger remembers %d things", n)
		}
	})
}

func TestWhateverIsEditedNobodyLosesAnAddressThatIsStillLegal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, _ := settled(anySnapshot(t))
		after := before
		after.Pools = slices.Clone(before.Pools)
		for range rapid.IntRange(1, 3).Draw(t, "pools edited") {
			p := anyPool(t, rapid.IntRange(0, 5).Draw(t, "pool"))
			if i := slices.IndexFunc(after.Pools, func(x model.Pool) bool { return x.Name == p.Name }); i >= 0 {
				after.Pools[i] = p
			} else {
				after.Pools = append(after.Pools, p)
			}
		}
		after.Services = slices.Clone(before.Services)
		for i := range rapid.IntRange(0, 3).Draw(t, "newcomers") {
			svc := anyService(t, 20+i)
			svc.Holds, svc.HoldsFrom = nil, ""
			after.Services = append(after.Services, &svc)
		}
		o := outcomeIn(t, after)
		for _, s := range before.Services {
			for _, a := range s.Holds {
				if !s.Wanted || !o.legal(s, a) || len(s.WantAddresses) > 0 || s.WantPool != "" || s.WishError != "" || !o.together(s, a) {
					continue
				}
				if !slices.Contains(o.holders[a], s) {
					t.Errorf("%s lost %s", s.Key, a)
				}
			}
		}
	})
}

// together reports whether all that hold a in the snapshot may share it.
func (o outcome) together(s *model.Service, a netip.Addr) bool {
	return !slices.ContainsFunc(o.s.Services, func(x *model.Service) bool {
		return x != s && slices.Contains(x.Holds, a) && apart(x, s, o.pools.Of(a).CrossNamespaceSharing).stands()
	})
}

func TestWhenAThousandAreSeenAtOnceAfterARestartNobodyLosesHisAddress(t *testing.T) {
	s := crowd(1000, "10.0.0.0/16", true)
	for i := range 500 {
		waiting := *s.Services[i]
		waiting.Name, waiting.Created = "older-"+waiting.Name, epoch.AddDate(-1, 0, 0)
		waiting.Holds, waiting.HoldsFrom = nil, ""
		if i%2 == 0 {
			waiting.WantAddresses = s.Services[i+500].Holds
		}
		s.Services = append(s.Services, &waiting)
	}
	had := map[model.Key]string{}
	for _, x := range s.Services {
		had[x.Key] = fmt.Sprint(x.Holds)
	}
	end, _ := settled(s)
	for _, x := range end.Services {
		if before := had[x.Key]; before != "[]" && before != fmt.Sprint(x.Holds) {
			t.Errorf("%s had %s and has %v", x.Key, before, x.Holds)
		}
	}
}

// BenchmarkLedger is one Service that comes, is written and goes again beside
// so many.
func BenchmarkLedger(b *testing.B) {
	for _, n := range []int{0, 1000, 5000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			l := NewLedger(crowd(n, "10.0.0.0/8", true))
			b.ReportAllocs()
			for b.Loop() {
				s := cluster(service("new")).Services[0]
				l.Set(s)
				a := l.Plan().Assignments[0]
				written := *s
				written.Holds, written.HoldsFrom = a.Addresses, a.From()
				l.Set(&written)
				if p := l.Plan(); len(p.Assignments) > 0 {
					b.Fatal(p.Assignments)
				}
				l.Drop(s.Key)
			}
		})
	}
}
