package soak

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-lb/hawser/shared/lab/soak/plan"
)

// pair is a cluster of two nodes and the pool home.
const pair = `{
 "nodes": [
  {"metadata": {"name": "n1", "labels": {"tier": "a"}}, "status": {"addresses": [{"address": "10.77.2.11"}, {"address": "fd77:2::11"}]}},
  {"metadata": {"name": "n2", "labels": {"tier": "b"}}, "status": {"addresses": [{"address": "10.77.2.12"}, {"address": "fd77:2::12"}]}}
 ],
 "pools": [{"metadata": {"name": "home"}, "spec": {"addresses": ["10.77.100.0/28", "fd77:100::/124"]}}],
 "services": [{"metadata": {"name": "web"}, "spec": {"type": "LoadBalancer", "externalTrafficPolicy": "Local"},
   "status": {"loadBalancer": {"ingress": [{"ip": "10.77.100.1"}]}}}],
 "slices": [{"metadata": {"labels": {"kubernetes.io/service-name": "web"}}, "addressType": "IPv4", "endpoints": [
   {"nodeName": "n1", "conditions": {"ready": true}}, {"nodeName": "n2", "conditions": {"ready": false, "serving": true}}]}]
}`

func clusterOf(t *testing.T, change func(*cluster)) *cluster {
	t.Helper()
	var read struct {
		Services []*service
		Slices   []slice
		Nodes    []node
		Pools    []pool
	}
	if err := json.Unmarshal([]byte(pair), &read); err != nil {
		t.Fatal(err)
	}
	c := &cluster{services: read.Services, slices: read.Slices, nodes: read.Nodes, pools: read.Pools}
	change(c)
	return c
}

func TestWhatTheRouterShouldHave(t *testing.T) {
	never, another := false, "example.com/another"
	for name, x := range map[string]struct {
		change func(*cluster)
		paths  int
		want   string
		plain  bool // no resilient groups
	}{
		"ready and serving pods count":        {func(*cluster) {}, 16, "10.77.100.1/32 [10.77.2.11 10.77.2.12]", false},
		"fewer paths are those of the lowest": {func(*cluster) {}, 1, "10.77.100.1/32 [10.77.2.11]", false},
		"Local needs a pod on the node": {func(c *cluster) {
			c.slices[0].Endpoints[1].Conditions.Serving = &never
		}, 16, "10.77.100.1/32 [10.77.2.11]", false},
		"Cluster needs one anywhere": {func(c *cluster) {
			c.slices[0].Endpoints[1].Conditions.Serving = &never
			c.services[0].Spec.Policy = "Cluster"
		}, 16, "10.77.100.1/32 [10.77.2.11 10.77.2.12]", false},
		"a family without endpoints is not announced": {func(c *cluster) { c.slices[0].Family = "IPv6" }, 16, "", false},
		"another class is another's":                  {func(c *cluster) { c.services[0].Spec.Class = &another }, 16, "", false},
		"a drained node is out": {func(c *cluster) {
			c.nodes[0].Metadata.Annotations = map[string]string{"hawser.dev/drain": ""}
		}, 16, "10.77.100.1/32 [10.77.2.12]", false},
		"an address of no pool is not announced": {func(c *cluster) { c.pools = nil }, 16, "", false},
		"an advertisement for others is none":    {func(c *cluster) { c.adverts = make([]advert, 1); c.adverts[0].Spec.Pools = []string{"p1"} }, 16, "", false},
		"an advertisement chooses nodes and length": {func(c *cluster) {
			c.adverts = make([]advert, 1)
			c.adverts[0].Spec.Nodes = []selector{{map[string]string{"tier": "b"}}}
			c.adverts[0].Spec.Length = ptr(30)
		}, 16, "10.77.100.0/30 [10.77.2.12]", false},
		"pods that end are the last resort, which only a resilient group keeps": {func(*cluster) {}, 16, "10.77.100.1/32 [10.77.2.11]", true},
		"where all end all stay": {func(c *cluster) {
			c.slices[0].Endpoints[0].Conditions = c.slices[0].Endpoints[1].Conditions
		}, 16, "10.77.100.1/32 [10.77.2.11 10.77.2.12]", true},
		"what ends is as good as the rest for Cluster": {func(c *cluster) { c.services[0].Spec.Policy = "Cluster" }, 16, "10.77.100.1/32 [10.77.2.11 10.77.2.12]", true},
		"who stays comes before who is lower": {func(c *cluster) {
			e := c.slices[0].Endpoints
			e[0].Conditions, e[1].Conditions = e[1].Conditions, e[0].Conditions
		}, 1, "10.77.100.1/32 [10.77.2.12]", false},
	} {
		got := want(clusterOf(t, x.change), x.paths, !x.plain)
		var lines []string
		for p, hops := range got {
			words := make([]string, len(hops))
			for i, h := range hops {
				words[i] = h.String()
			}
			lines = append(lines, p.String()+" ["+strings.Join(words, " ")+"]")
		}
		slices.Sort(lines)
		if text := strings.Join(lines, "; "); text != x.want {
			t.Errorf("%s: %q, and not %q", name, text, x.want)
		}
	}
}

func ptr[T any](v T) *T { return &v }

func TestWhatTheKernelHasTooMuch(t *testing.T) {
	hop := func(s string) netip.Addr { return netip.MustParseAddr(s) }
	k := &kernel{
		routes: []kernelRoute{
			{Dst: "10.77.100.1", ID: 3, Metric: 20, Gateway: hop("10.77.2.11")},
			{Dst: "10.77.100.9", ID: 3, Metric: 20, Gateway: hop("10.77.2.11")},
			{Dst: "10.77.100.1", ID: 3, Metric: 30, Gateway: hop("10.77.2.11")},
		},
		nextHops: []kernelNextHop{{ID: 1}, {ID: 2}, {ID: 3, Group: []struct {
			ID int `json:"id"`
		}{{1}}}},
	}
	w := table{
		netip.MustParsePrefix("10.77.100.1/32"): {hop("10.77.2.11"), hop("10.77.2.12")},
		netip.MustParsePrefix("10.77.100.2/32"): {hop("10.77.2.11")},
	}
	got := strings.Join(k.differences(w, "20"), "\n")
	for _, line := range []string{
		"10.77.100.1/32 goes by [10.77.2.11], not by [10.77.2.11 10.77.2.12]", "10.77.100.1/32 has metric 30, not 20",
		"10.77.100.2/32 by [10.77.2.11] is not there", "10.77.100.9/32 by [10.77.2.11] should not be", "no route uses next-hop object 2",
	} {
		if !strings.Contains(got, line) {
			t.Errorf("%q is not in:\n%s", line, got)
		}
	}
}

// holding is the Service s1 with these addresses.
func holding(addresses ...string) *service {
	s := &service{Metadata: meta{Name: "s1", UID: "1"}}
	for _, a := range addresses {
		s.Status.LoadBalancer.Ingress = append(s.Status.LoadBalancer.Ingress, struct {
			IP netip.Addr `json:"ip"`
		}{netip.MustParseAddr(a)})
	}
	return s
}

func TestTheBookKnowsWhyAnAddressGoes(t *testing.T) {
	begin := plan.NewWorld()
	create := "service.create s1 ask=no dual=SingleStack family=IPv4 pods=RRR policy=Local pool=no ports=80 share=no type=LoadBalancer"
	for name, x := range map[string]struct {
		before, during string
		faults         int
	}{
		"nothing was done":                 {create, "", 1},
		"another pool came":                {create, "pool.create p1 auto=yes avoid=no blocks=2 families=both", 1},
		"the Service was changed":          {create, "service.ask s1 ask=0.7", 0},
		"its pool shrank":                  {create + "\npool.blocks home blocks=0+1", "pool.blocks home blocks=0", 0},
		"what it asks for has become free": {strings.Replace(create, "ask=no", "ask=0.9", 1), "", 0},
	} {
		w := begin.Clone()
		do := func(text string, each func(before plan.World)) {
			for line := range strings.Lines(text) {
				a, err := plan.Parse(line)
				if err != nil {
					t.Fatal(err)
				}
				before := w.Clone()
				if err := w.Apply(a); err != nil {
					t.Fatal(err)
				}
				each(before)
			}
		}
		do(x.before, func(plan.World) {})
		b := newBook(w)
		b.see(holding("10.77.100.17"), false)
		if name != "its pool shrank" {
			b = newBook(w)
			b.see(holding("10.77.100.5"), false)
		}
		do(x.during, func(before plan.World) { b.expect(before, w) })
		b.see(holding(), false)
		if got := b.fault(); len(got) != x.faults {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestTheBookSeesAnAddressGivenTwice(t *testing.T) {
	b := newBook(plan.NewWorld())
	b.see(holding("10.77.100.5"), false)
	other := holding("10.77.100.5")
	other.Metadata = meta{Name: "s2", UID: "2"}
	b.see(other, false)
	stranger := holding("192.0.2.1")
	stranger.Metadata = meta{Name: "s3", UID: "3"}
	b.see(stranger, false)
	got := strings.Join(b.fault(), "; ")
	if !strings.Contains(got, "s2 got 10.77.100.5, which s1 has") || !strings.Contains(got, "s3 got 192.0.2.1, which is in no pool") {
		t.Errorf("it has seen %q", got)
	}
}

func TestARestIsNotOneWhileSomethingIsToBeGivenBack(t *testing.T) {
	k := &soak{world: plan.NewWorld()}
	c := &cluster{pools: []pool{{Metadata: meta{Name: "home"}}}}
	c.pools[0].Spec.Addresses = []netip.Prefix{netip.MustParsePrefix("10.77.100.0/28"), netip.MustParsePrefix("fd77:100::/124")}
	s := holding("10.77.100.5", "fd77:100::5")
	s.Spec.Type, s.Spec.Families = "LoadBalancer", []string{"IPv4", "IPv6"}
	c.services = []*service{s}
	owed := func() string { return strings.Join(k.unallocated(c), "; ") }
	if got := owed(); got != "" {
		t.Errorf("all is right, and it says %q", got)
	}
	s.Spec.Families = []string{"IPv6"}
	if got := owed(); !strings.Contains(got, "s1 holds 10.77.100.5 and is of [IPv6]") {
		t.Errorf("of one family it says %q", got)
	}
	s.Spec.Families, s.Spec.Type = []string{"IPv4", "IPv6"}, "ClusterIP"
	if got := owed(); !strings.Contains(got, "and is not ours") {
		t.Errorf("without its type it says %q", got)
	}
	s.Spec.Type, c.pools = "LoadBalancer", nil
	if got := owed(); !strings.Contains(got, "which is in no pool") {
		t.Errorf("without a pool it says %q", got)
	}
}
