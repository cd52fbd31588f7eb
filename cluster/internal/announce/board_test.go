package announce

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

func TestWhateverChangesABoardSaysWhatTheWholeSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySnapshot(t)
		o := Options{Down: rapid.SampledFrom([]map[string]string{nil, {"p1": "idle"}, {"p1": "idle", "p2": "idle", "p3": "idle", "router": "idle"}}).Draw(t, "down")}
		b := NewBoard(s, "n1", o)
		for range rapid.IntRange(0, 8).Draw(t, "changes") {
			for range rapid.SampledFrom([]int{1, 1, 1, 30}).Draw(t, "at once") {
				s.Services = alter(t, s.Services, b)
			}
			routes, refused := Routes(s, "n1", o)
			if d := cmp.Diff(told(routes, refused), told(b.Routes(), b.Refusals())); d != "" {
				t.Fatalf("the whole, and the board:\n%s", d)
			}
			for _, r := range Reasons() {
				n := 0
				for _, x := range refused {
					if x.Reason == r {
						n++
					}
				}
				if got := b.Refused(r); got != n {
					t.Errorf("it counts %d times %s, not %d", got, r, n)
				}
			}
		}
		for _, svc := range s.Services {
			b.Drop(svc.Key)
		}
		if n := len(b.Routes()) + len(b.Refusals()) + len(b.parts) + len(b.prefixes) + len(b.clashes); n > 0 {
			t.Errorf("an empty board remembers %d things", n)
		}
	})
}

// alter changes one Service, in the list and on the board.
func alter(t *rapid.T, all []*model.Service, b *Board) []*model.Service {
	all = slices.Clone(all)
	fresh := anySnapshot(t).Services
	if len(fresh) == 0 {
		return all
	}
	svc := fresh[len(fresh)-1]
	svc.Wanted = rapid.IntRange(0, 7).Draw(t, "wanted") > 0
	i := slices.IndexFunc(all, func(x *model.Service) bool { return x.Key == svc.Key })
	switch {
	case i >= 0 && rapid.Bool().Draw(t, "goes"):
		b.Drop(svc.Key)
		return slices.Delete(all, i, i+1)
	case i >= 0:
		all[i] = svc
	default:
		all = append(all, svc)
	}
	b.Set(svc)
	return all
}

// BenchmarkBoard is one Service that comes and goes beside so many.
func BenchmarkBoard(b *testing.B) {
	for _, n := range []int{0, 1000, 5000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := cluster()
			s.Pools[0].Ranges = []addr.Range{addr.Of(netip.MustParsePrefix("10.0.0.0/8"))}
			a := netip.MustParseAddr("10.0.0.0")
			for i := range n + 1 {
				s.Services = append(s.Services, &model.Service{
					Key: model.Key{Namespace: "d", Name: fmt.Sprintf("s%05d", i)}, Wanted: true, Holds: []netip.Addr{a},
					Endpoints: []model.Endpoint{{Node: "n1", Ready: true}, {Node: "n2", Ready: true}}})
				a = a.Next()
			}
			board := NewBoard(s, "n1", Options{})
			board.Routes()
			one := s.Services[n/2]
			b.ReportAllocs()
			for b.Loop() {
				board.Drop(one.Key)
				board.Routes()
				board.Set(one)
				if len(board.Routes()) != n+1 {
					b.Fatal(len(board.Routes()))
				}
			}
		})
	}
}
