package alloc

import (
	"fmt"
	"math/big"
	"net/netip"

	"github.com/hawser-lb/hawser/cluster/internal/model"
	"github.com/hawser-lb/hawser/shared/addr"
)

func (l *Ledger) use() []model.PoolUse {
	out := make([]model.PoolUse, 0, len(l.pools.All))
	for _, p := range l.pools.All {
		b := l.books[p]
		v4 := b.total(model.IPv4)
		v4.Add(v4, big.NewInt(b.buggy))
		out = append(out, model.PoolUse{
			Pool: p.Name,
			IPv4: model.Use{Total: v4, Assigned: big.NewInt(int64(b.v4.held))},
			IPv6: model.Use{Total: b.total(model.IPv6), Assigned: big.NewInt(int64(b.v6.held))},
		})
	}
	return out
}

// total is the number of addresses that the pool may give.
func (b *book) total(f model.Family) *big.Int {
	n := new(big.Int)
	for _, r := range b.family(f).ranges {
		n.Add(n, r.Size())
		if b.AvoidBuggyIPs && f == model.IPv4 {
			n.Sub(n, big.NewInt(buggyIn(r)))
		}
	}
	return n
}

// buggyIn counts the addresses of an IPv4 range that end in .0 or .255.
func buggyIn(r addr.Range) int64 {
	first, last := number(r.First), number(r.Last)
	zeros := last>>8 - (first+255)>>8 + 1
	ones := (last+1)>>8 - first>>8
	return zeros + ones
}

func number(a netip.Addr) int64 {
	b := a.As4()
	return int64(b[0])<<24 | int64(b[1])<<16 | int64(b[2])<<8 | int64(b[3])
}

func problems(overlaps []model.Overlap) []Problem {
	out := make([]Problem, 0, len(overlaps))
	for _, o := range overlaps {
		out = append(out, Problem{Pool: o.Pool, Reason: Overlaps, Detail: fmt.Sprintf(
			"%s overlaps %s of pool %s, which is older; no new address comes out of pool %s until one of the two is changed",
			o.Range, o.OlderRange, o.Older, o.Pool)})
	}
	return out
}
