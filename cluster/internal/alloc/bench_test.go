package alloc

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/hawser-lb/hawser/cluster/internal/model"
	"github.com/hawser-lb/hawser/shared/addr"
)

// crowd is n Services in a pool of that range; carried out if held.
func crowd(n int, text string, held bool) model.Snapshot {
	options := []func(*scene){pool("a " + text)}
	for i := range n {
		options = append(options, service(fmt.Sprintf("s%05d", i)))
	}
	s := cluster(options...).Snapshot
	if held {
		return carriedOut(s, New(s))
	}
	return s
}

// sharing is n Services with one sharing key, each with a port of its own or
// all with the same.
func sharing(n int, apart bool) model.Snapshot {
	s := crowd(n, "10.0.0.0/8", false)
	for i := range s.Services {
		s.Services[i].SharingKey = "k"
		if apart {
			s.Services[i].Ports = []model.Port{{Protocol: "TCP", Number: int32(i + 1)}}
		}
	}
	return s
}

func BenchmarkNew(b *testing.B) {
	for _, c := range []struct {
		name string
		s    model.Snapshot
	}{
		{"5000 that hold", crowd(5000, "10.0.0.0/8", true)},
		{"5000 that wait", crowd(5000, "10.0.0.0/8", false)},
		{"5000 that wait in IPv4 /20, 904 in vain", crowd(5000, "10.0.0.0/20", false)},
		{"1000 that wait with one sharing key and one port", sharing(1000, false)},
		{"1000 that share one address", sharing(1000, true)},
		{"4999 that hold and one that waits", func() model.Snapshot {
			s := crowd(5000, "10.0.0.0/8", true)
			s.Services[2500].Holds = nil
			return s
		}()},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				New(c.s)
			}
		})
	}
}

// BenchmarkLowest takes and gives back the one free address of a /8 that is
// in use otherwise, addresses that end in .0 and .255 lying about.
func BenchmarkLowest(b *testing.B) {
	last := netip.MustParseAddr("10.255.255.254")
	g := newGaps(nil, nil, buggy)
	for i := range 1 << 16 {
		zero := netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0})
		g.free = append(g.free, addr.Range{First: zero, Last: zero})
	}
	g.give(last)
	for b.Loop() {
		a, ok := g.lowest()
		if !ok || a != last {
			b.Fatal(a)
		}
		g.give(a)
	}
}

func TestAPoolsSizeCostsNothing(t *testing.T) {
	tell(t, []story{
		{"a /8 with one address in use, and the whole of IPv6", cluster(
			pool("a 10.0.0.0/8 ::/0"), service("x", holds("10.0.0.0")), service("y", prefersBoth)), `
d/x kept 10.0.0.0@a
d/y assigned 10.0.0.1@a ::@a | 10.0.0.1 from pool a and :: from pool a
`},
		{"the last address there is", cluster(
			pool("a 255.255.255.254-255.255.255.255"), service("x", holds("255.255.255.254")), service("y"), service("z")), `
d/x kept 255.255.255.254@a
d/y assigned 255.255.255.255@a | 255.255.255.255 from pool a
d/z failed | no IPv4 address: pool a: all 2 IPv4 addresses are in use
`},
	})
}

func TestOneFreeAddressInASlash8IsFound(t *testing.T) {
	all := addr.Of(netip.MustParsePrefix("10.0.0.0/8"))
	g := newGaps([]addr.Range{{First: all.First, Last: all.Last}}, nil, buggy)
	g.free = []addr.Range{
		{First: netip.MustParseAddr("10.0.0.255"), Last: netip.MustParseAddr("10.0.1.0")},
		{First: netip.MustParseAddr("10.77.7.7"), Last: netip.MustParseAddr("10.77.7.7")},
	}
	if a, ok := g.lowest(); !ok || a.String() != "10.77.7.7" {
		t.Error(a, ok)
	}
	if a, ok := g.lowest(); ok {
		t.Error(a)
	}
}
