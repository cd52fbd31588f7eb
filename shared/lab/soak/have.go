package soak

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/hawser-lb/hawser/shared/lab"
)

// protocol is Hawser's number of kernel routes.
const protocol = "73"

// kernelRoute is a route as `ip -json route` prints it.
type kernelRoute struct {
	Type     string     `json:"type"`
	Dst      string     `json:"dst"`
	Gateway  netip.Addr `json:"gateway"`
	ID       int        `json:"nhid"`
	Metric   int        `json:"metric"`
	NextHops []struct {
		Gateway netip.Addr `json:"gateway"`
	} `json:"nexthops"`
}

// kernelNextHop is a next-hop object as `ip -json nexthop` prints it.
type kernelNextHop struct {
	ID      int        `json:"id"`
	Gateway netip.Addr `json:"gateway"`
	Group   []struct {
		ID int `json:"id"`
	} `json:"group"`
}

// kernel is what the router's kernel has of Hawser's.
type kernel struct {
	routes   []kernelRoute // and no guards
	guards   []netip.Prefix
	nextHops []kernelNextHop
}

func readKernel(ctx context.Context, router *lab.Host) (*kernel, error) {
	k := &kernel{}
	for _, family := range []string{"-4", "-6"} {
		out, err := router.Run(ctx, "ip", "-json", "-details", family, "route", "show", "table", "all", "proto", protocol)
		if err != nil {
			return nil, err
		}
		var routes []kernelRoute
		if err := parse(out, &routes); err != nil {
			return nil, err
		}
		for _, r := range routes {
			if r.Type != "unreachable" {
				k.routes = append(k.routes, r)
				continue
			}
			p, err := netip.ParsePrefix(r.Dst)
			if err != nil {
				return nil, err
			}
			k.guards = append(k.guards, p)
		}
	}
	out, err := router.Run(ctx, "ip", "-json", "-details", "nexthop", "show", "proto", protocol)
	if err != nil {
		return nil, err
	}
	return k, parse(out, &k.nextHops)
}

func parse(text string, into any) error {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return fmt.Errorf("ip -json: %w in %q", err, text)
	}
	return nil
}

// differences are what is not as it must be, sorted.
func (k *kernel) differences(want table, metric string) []string {
	var all []string
	have := table{}
	for _, r := range k.routes {
		p, err := netip.ParsePrefix(r.Dst)
		if a, bad := netip.ParseAddr(r.Dst); bad == nil {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil {
			all = append(all, "a route to "+r.Dst)
			continue
		}
		if strconv.Itoa(r.Metric) != metric {
			all = append(all, fmt.Sprintf("%s has metric %d, not %s", p, r.Metric, metric))
			continue
		}
		have[p] = append(have[p], r.gateways()...)
	}
	for p, hops := range have {
		slices.SortFunc(hops, netip.Addr.Compare)
		if want[p] == nil {
			all = append(all, fmt.Sprintf("%s by %v should not be", p, hops))
		} else if hops = slices.Compact(hops); !slices.Equal(hops, want[p]) {
			all = append(all, fmt.Sprintf("%s goes by %v, not by %v", p, hops, want[p]))
		}
	}
	for p, hops := range want {
		if have[p] == nil {
			all = append(all, fmt.Sprintf("%s by %v is not there", p, hops))
		}
	}
	slices.Sort(all)
	return append(all, k.orphans()...)
}

func (r kernelRoute) gateways() []netip.Addr {
	var all []netip.Addr
	if r.Gateway.IsValid() {
		all = append(all, r.Gateway)
	}
	for _, n := range r.NextHops {
		all = append(all, n.Gateway)
	}
	return all
}

// orphans are next-hop objects that no route leads to.
func (k *kernel) orphans() []string {
	used := map[int]bool{}
	for _, r := range k.routes {
		used[r.ID] = true
	}
	for _, n := range k.nextHops {
		if used[n.ID] {
			for _, leg := range n.Group {
				used[leg.ID] = true
			}
		}
	}
	var all []string
	for _, n := range k.nextHops {
		if !used[n.ID] {
			all = append(all, fmt.Sprintf("no route uses next-hop object %d (%v %v)", n.ID, n.Gateway, n.Group))
		}
	}
	return all
}
