package announce

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hawser-lb/hawser/cluster/internal/model"
	"github.com/hawser-lb/hawser/shared/addr"
	"github.com/hawser-lb/hawser/shared/route"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// scene is a snapshot under construction: two nodes n1 and n2, one peer
// "router", one pool "a" of 192.0.2.0/24 and 2001:db8::/64.
type scene struct{ model.Snapshot }

func cluster(options ...func(*scene)) model.Snapshot {
	s := &scene{model.Snapshot{
		Pools: []model.Pool{{Name: "a", Labels: model.Labels{"kind": "public"}, Ranges: []addr.Range{
			addr.Of(netip.MustParsePrefix("192.0.2.0/24")), addr.Of(netip.MustParsePrefix("2001:db8::/64"))}}},
		Peers: []model.Peer{{Name: "router"}},
		Nodes: []model.Node{{Name: "n1", Labels: model.Labels{"rack": "1"}}, {Name: "n2", Labels: model.Labels{"rack": "2"}}},
	}}
	for _, o := range options {
		o(s)
	}
	return s.Snapshot
}

func peer(name string, nodes ...model.Selector) func(*scene) {
	return func(s *scene) { s.Peers = append(s.Peers, model.Peer{Name: name, NodeSelectors: nodes}) }
}

func noPeers(s *scene) { s.Peers = nil }

func node(change func(*model.Node)) func(*scene) {
	return func(s *scene) { change(&s.Nodes[0]) }
}

func advertisement(name string, options ...func(*model.Advertisement)) func(*scene) {
	return func(s *scene) {
		a := model.Advertisement{Name: name, Created: epoch.Add(time.Duration(len(s.Advertisements)) * time.Hour), AggregationLength: 32, AggregationLengthV6: 128}
		for _, o := range options {
			o(&a)
		}
		s.Advertisements = append(s.Advertisements, a)
	}
}

type ad = model.Advertisement

func ofPool(names ...string) func(*ad) { return func(a *ad) { a.Pools = names } }
func ofPoolsWith(key, value string) func(*ad) {
	return func(a *ad) { a.PoolSelectors = append(a.PoolSelectors, label(key, value)) }
}
func toPeers(names ...string) func(*ad) { return func(a *ad) { a.Peers = names } }
func onNodes(key, value string) func(*ad) {
	return func(a *ad) { a.NodeSelectors = append(a.NodeSelectors, label(key, value)) }
}
func forServices(key, value string) func(*ad) {
	return func(a *ad) { a.ServiceSelectors = append(a.ServiceSelectors, label(key, value)) }
}
func communities(c ...uint32) func(*ad) { return func(a *ad) { a.Communities = c } }
func large(c ...route.LargeCommunity) func(*ad) {
	return func(a *ad) { a.LargeCommunities = c }
}
func preference(v uint32) func(*ad) { return func(a *ad) { a.LocalPref = route.Some(v) } }
func med(v uint32) func(*ad)        { return func(a *ad) { a.MED = route.Some(v) } }
func aggregate(v4, v6 int) func(*ad) {
	return func(a *ad) { a.AggregationLength, a.AggregationLengthV6 = v4, v6 }
}
func label(k, v string) model.Selector {
	return model.Terms{{Key: k, Op: model.In, Values: []string{v}}}
}

// service adds one that holds the addresses and has a pod on each node named.
func service(name, addresses, pods string, options ...func(*model.Service)) func(*scene) {
	return func(s *scene) {
		svc := model.Service{Key: model.Key{Namespace: "d", Name: name}, Wanted: true}
		for _, a := range strings.Fields(addresses) {
			svc.Holds = append(svc.Holds, netip.MustParseAddr(a))
		}
		for _, n := range strings.Fields(pods) {
			svc.Endpoints = append(svc.Endpoints, model.Endpoint{Node: n, Ready: true})
		}
		for _, o := range options {
			o(&svc)
		}
		s.Services = append(s.Services, &svc)
	}
}

func local(s *model.Service) { s.Local = true }
func going(s *model.Service) {
	s.Endpoints = append(s.Endpoints, model.Endpoint{Node: "n1"}, model.Endpoint{Node: "n1", Serving: true})
}
func notWanted(s *model.Service) { s.Wanted = false }
func labelled(k, v string) func(*model.Service) {
	return func(s *model.Service) { s.Labels = model.Labels{k: v} }
}

// told prints routes and refusals, one a line.
func told(routes []Announcement, refused []Refusal) string {
	var b strings.Builder
	for _, r := range routes {
		fmt.Fprintf(&b, "%s to %s", r.Route.Prefix, strings.Join(r.Peers, ","))
		if len(r.Route.Communities) > 0 {
			fmt.Fprintf(&b, " communities %d", r.Route.Communities)
		}
		if len(r.Route.LargeCommunities) > 0 {
			fmt.Fprintf(&b, " large %d", r.Route.LargeCommunities)
		}
		if r.Route.LocalPref.Set {
			fmt.Fprintf(&b, " preference %d", r.Route.LocalPref.Value)
		}
		if r.Route.MED.Set {
			fmt.Fprintf(&b, " med %d", r.Route.MED.Value)
		}
		b.WriteString("\n")
	}
	for _, r := range refused {
		fmt.Fprintf(&b, "%s %s %s: %s\n", r.Service, r.Address, r.Reason, r.Detail)
	}
	return strings.ReplaceAll(b.String(), "invalid IP", "*")
}

type story struct {
	name    string
	cluster model.Snapshot
	options Options
	want    string
}

func tell(t *testing.T, stories []story) {
	t.Helper()
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) {
			got := told(Routes(s.cluster, "n1", s.options))
			if d := cmp.Diff(strings.TrimPrefix(s.want, "\n"), got); d != "" {
				t.Error("want - got +\n" + d)
			}
		})
	}
}

func TestAServiceIsAnnounced(t *testing.T) {
	tell(t, []story{
		{name: "by itself, to every peer, where no advertisement exists",
			cluster: cluster(peer("second"), service("x", "192.0.2.1 2001:db8::1", "n2")), want: `
192.0.2.1/32 to router,second
2001:db8::1/128 to router,second
`},
		{name: "as the last resort while its only pod here is going but still serves",
			cluster: cluster(service("x", "192.0.2.1", "n2", going, local)), want: `
192.0.2.1/32 to router communities [4294901760]
`},
		{name: "as ever where another pod here is ready",
			cluster: cluster(service("x", "192.0.2.1", "n1", going, local)), want: `
192.0.2.1/32 to router
`},
		{name: "as ever without Local, since the node leads to pods elsewhere",
			cluster: cluster(service("x", "192.0.2.1", "n2", going)), want: `
192.0.2.1/32 to router
`},
		{name: "as the last resort in one prefix when every Service of it is",
			cluster: cluster(advertisement("one", aggregate(24, 64), communities(7)), advertisement("two", aggregate(24, 64)),
				service("x", "192.0.2.1", "", going, local), service("y", "192.0.2.2", "", going, local)), want: `
192.0.2.0/24 to router communities [7 4294901760]
`},
		{name: "as ever in one prefix with a Service that is",
			cluster: cluster(advertisement("one", aggregate(24, 64)),
				service("x", "192.0.2.1", "", going, local), service("y", "192.0.2.2", "n1", local)), want: `
192.0.2.0/24 to router
`},
		{name: "with Local where a pod is on this node",
			cluster: cluster(service("x", "192.0.2.1", "n1 n2", local)), want: `
192.0.2.1/32 to router
`},
		{name: "from a node that is excluded, if so told",
			cluster: cluster(node(func(n *model.Node) { n.Labels[ExcludeLabel] = "" }), service("x", "192.0.2.1", "n1")),
			options: Options{IgnoreExcludeLB: true}, want: `
192.0.2.1/32 to router
`},
		{name: "from an overlapping pool that it got its address from",
			cluster: cluster(func(s *scene) {
				s.Pools = append(s.Pools, model.Pool{Name: "b", Created: epoch, Ranges: []addr.Range{addr.Of(netip.MustParsePrefix("192.0.0.0/16"))}})
			}, service("x", "192.0.3.1", "n1")), want: `
192.0.3.1/32 to router
`},
		{name: "not when it is not wanted or holds nothing",
			cluster: cluster(service("x", "192.0.2.1", "n1", notWanted), service("y", "", "n1")), want: ``},
	})
}

func TestAdvertisementsSayHow(t *testing.T) {
	tell(t, []story{
		{name: "attributes, sorted and each once",
			cluster: cluster(advertisement("ad", communities(7, 3, 7), large(route.LargeCommunity{1, 2, 3}), preference(200), med(50)),
				service("x", "192.0.2.1", "n1")), want: `
192.0.2.1/32 to router communities [3 7] large [[1 2 3]] preference 200 med 50
`},
		{name: "of the pool by name or label, from the nodes, to the peers, for the Services",
			cluster: cluster(peer("second"), peer("elsewhere", label("rack", "2")),
				advertisement("by-label", ofPoolsWith("kind", "public"), toPeers("second", "elsewhere")),
				advertisement("by-name", ofPool("b", "a"), onNodes("rack", "1"), forServices("app", "web"), toPeers("router"), communities(1)),
				service("web", "192.0.2.1", "n1", labelled("app", "web")), service("dns", "192.0.2.2", "n1", labelled("app", "dns"))), want: `
192.0.2.1/32 to router communities [1]
192.0.2.1/32 to second
192.0.2.2/32 to second
`},
		{name: "two Services under one aggregate are one route",
			cluster: cluster(advertisement("ad", aggregate(28, 64)), service("x", "192.0.2.1 2001:db8::1", "n1"), service("y", "192.0.2.14 2001:db8::ffff", "n1"), service("z", "192.0.2.16", "n1")), want: `
192.0.2.0/28 to router
192.0.2.16/28 to router
2001:db8::/64 to router
`},
		{name: "the aggregate stands as long as one Service under it is announced",
			cluster: cluster(advertisement("ad", aggregate(28, 64)), service("x", "192.0.2.1", "n1"), service("y", "192.0.2.2", "")), want: `
192.0.2.0/28 to router
d/y * noEndpoints: no endpoint is ready or serving
`},
		{name: "Services that share an address are one route",
			cluster: cluster(service("x", "192.0.2.1", "n1"), service("y", "192.0.2.1", "n2")), want: `
192.0.2.1/32 to router
`},
		{name: "an address and its aggregate are two routes",
			cluster: cluster(advertisement("each"), advertisement("all", aggregate(24, 64), communities(9)), service("x", "192.0.2.1", "n1")), want: `
192.0.2.0/24 to router communities [9]
192.0.2.1/32 to router
`},
		{name: "those that meet in one prefix join their communities, and who is silent agrees",
			cluster: cluster(advertisement("one", communities(2), large(route.LargeCommunity{2, 0, 0})), advertisement("two", communities(1, 2), preference(100), large(route.LargeCommunity{1, 0, 0})),
				service("x", "192.0.2.1", "n1")), want: `
192.0.2.1/32 to router communities [1 2] large [[1 0 0] [2 0 0]] preference 100
`},
		{name: "peers that hear the same are told together",
			cluster: cluster(peer("p1"), peer("p2"), advertisement("all"), advertisement("some", toPeers("p1", "p2"), communities(5)), service("x", "192.0.2.1", "n1")), want: `
192.0.2.1/32 to p1,p2 communities [5]
192.0.2.1/32 to router
`},
		{name: "a length that is not given is the whole address",
			cluster: cluster(advertisement("ad", aggregate(0, 0)), service("x", "192.0.2.1 2001:db8::1", "n1")), want: `
192.0.2.1/32 to router
2001:db8::1/128 to router
`},
	})
}

// refusals has a story for each reason; TestEveryReasonIsReached counts them.
var refusals = []story{
	{name: "no pool has the address",
		cluster: cluster(service("x", "198.51.100.1", "n1")), want: `
d/x 198.51.100.1 poolUnknown: no pool has the address
`},
	{name: "advertisements exist, but none for this pool",
		cluster: cluster(advertisement("ad", ofPool("b")), service("x", "192.0.2.1", "n1")), want: `
d/x 192.0.2.1 noMatchingAdvertisement: no advertisement names pool a
`},
	{name: "no advertisement for this Service",
		cluster: cluster(advertisement("ad", forServices("app", "web")), service("x", "192.0.2.1", "n1")), want: `
d/x 192.0.2.1 noMatchingAdvertisement: advertisement ad does not select the Service's labels
`},
	{name: "an aggregate that reaches outside the pool calls for others' traffic",
		cluster: cluster(advertisement("ad", aggregate(23, 128)), service("x", "192.0.2.1 2001:db8::1", "n1")), want: `
2001:db8::1/128 to router
d/x 192.0.2.1 noMatchingAdvertisement: advertisement ad aggregates to 192.0.2.0/23, which reaches outside pool a
`},
	{name: "the advertisement is for other nodes; it is nearer than one for other Services",
		cluster: cluster(advertisement("near", onNodes("rack", "2")), advertisement("far", forServices("app", "web")), service("x", "192.0.2.1", "n1")), want: `
d/x 192.0.2.1 notSelected: advertisement near does not select this node
`},
	{name: "no peer is for this node",
		cluster: cluster(noPeers, peer("other", label("rack", "2")), service("x", "192.0.2.1", "n1")), want: `
d/x 192.0.2.1 notSelected: no peer selects this node
`},
	{name: "the advertisement's peers are not this node's",
		cluster: cluster(peer("other", label("rack", "2")), advertisement("ad", toPeers("other", "none")), service("x", "192.0.2.1", "n1")), want: `
d/x 192.0.2.1 notSelected: this node has none of the peers of advertisement ad: other, none
`},
	{name: "the node has no network",
		cluster: cluster(node(func(n *model.Node) { n.NetworkUnavailable = true }), service("x", "192.0.2.1", "n1")), want: `
d/x * nodeNetworkUnavailable: the node's condition NetworkUnavailable is true
`},
	{name: "the node is excluded",
		cluster: cluster(node(func(n *model.Node) { n.Labels[ExcludeLabel] = "" }), service("x", "192.0.2.1", "n1")), want: `
d/x * nodeExcluded: the node has the label node.kubernetes.io/exclude-from-external-load-balancers
`},
	{name: "the node is leaving",
		cluster: cluster(node(func(n *model.Node) { n.Leaving = "drained" }), service("x", "192.0.2.1", "n1")), want: `
d/x * nodeDraining: the node is drained
`},
	{name: "the node is silent, looked at from afar", options: Options{FromAfar: true},
		cluster: cluster(node(func(n *model.Node) { n.Silent = true }), service("x", "192.0.2.1", "n1")), want: `
d/x * nodeSilent: nothing is heard of its kubelet: the node's condition Ready is Unknown
`},
	{name: "the node is gone",
		cluster: cluster(func(s *scene) { s.Nodes = s.Nodes[1:] }, service("x", "192.0.2.1", "n1")), want: `
d/x * nodeDraining: the cluster has no node of this name
`},
	{name: "no pod is ready anywhere",
		cluster: cluster(service("x", "192.0.2.1", "", local), service("y", "192.0.2.2", "", func(s *model.Service) {
			s.Endpoints = []model.Endpoint{{Node: "n1"}}
		})), want: `
d/x * noEndpoints: no endpoint is ready or serving
d/y * noEndpoints: no endpoint is ready or serving
`},
	{name: "no pod is of the family of the address, and the other is announced",
		cluster: cluster(service("x", "192.0.2.1 2001:db8::1", "", func(s *model.Service) {
			s.Endpoints = []model.Endpoint{{Node: "n2", Family: model.IPv4, Ready: true}, {Node: "n1", Family: model.IPv6}}
		})), want: `
192.0.2.1/32 to router
d/x 2001:db8::1 noEndpoints: no IPv6 endpoint is ready or serving
`},
	{name: "no pod of the family of the address is ready here, and only here counts",
		cluster: cluster(service("x", "192.0.2.1 2001:db8::1", "", local, func(s *model.Service) {
			s.Endpoints = []model.Endpoint{{Node: "n2", Family: model.IPv4, Ready: true}, {Node: "n1", Family: model.IPv6, Ready: true}}
		})), want: `
2001:db8::1/128 to router
d/x 192.0.2.1 noLocalEndpoints: externalTrafficPolicy is Local and no ready or serving IPv4 endpoint is on this node
`},
	{name: "no pod is ready here, and only here counts",
		cluster: cluster(service("x", "192.0.2.1", "n2", local)), want: `
d/x * noLocalEndpoints: externalTrafficPolicy is Local and no ready or serving endpoint is on this node
`},
	{name: "Local, and the service proxy has yet to hear of the pod; others do not ask it",
		cluster: cluster(service("x", "192.0.2.1", "n1", local), service("y", "192.0.2.2", "n1"), service("z", "192.0.2.3", "n2", local)),
		options: Options{Waiting: func(model.Key) bool { return true }}, want: `
192.0.2.2/32 to router
d/x * proxyNotReady: the service proxy of this node does not say yet that it sends traffic to the pods here
d/z * noLocalEndpoints: externalTrafficPolicy is Local and no ready or serving endpoint is on this node
`},
	{name: "a younger advertisement contradicts an older one, for the peers that both mean",
		cluster: cluster(peer("second"), advertisement("old", preference(100), toPeers("router"), communities(1)), advertisement("young", preference(200), communities(2)), service("x", "192.0.2.1", "n1")), want: `
192.0.2.1/32 to router communities [1] preference 100
192.0.2.1/32 to second communities [2] preference 200
d/x 192.0.2.1 conflictingAdvertisements: 192.0.2.1/32 to peer router: advertisement young says local preference 200, the older old says 100
`},
	{name: "two Services' advertisements contradict one another under one aggregate",
		cluster: cluster(advertisement("web", forServices("app", "web"), aggregate(28, 128), med(1)), advertisement("dns", forServices("app", "dns"), aggregate(28, 128), med(2)),
			service("x", "192.0.2.1", "n1", labelled("app", "dns")), service("y", "192.0.2.2", "n1", labelled("app", "web"))), want: `
192.0.2.0/28 to router med 1
d/x 192.0.2.1 conflictingAdvertisements: 192.0.2.0/28 to peer router: advertisement dns says MED 2, the older web says 1
`},
	{name: "all peers are down; the route stands ready",
		cluster: cluster(peer("second"), service("x", "192.0.2.1", "n1")),
		options: Options{Down: map[string]string{"router": "connection refused", "second": "hold timer expired", "third": "never mind"}}, want: `
192.0.2.1/32 to router,second
d/x 192.0.2.1 peerDown: peer router: connection refused; peer second: hold timer expired
`},
}

func TestARefusalHasAReason(t *testing.T) { tell(t, refusals) }

func TestOnePeerThatIsUpIsEnough(t *testing.T) {
	tell(t, []story{{name: "one of two is down",
		cluster: cluster(peer("second"), service("x", "192.0.2.1", "n1")),
		options: Options{Down: map[string]string{"router": "connection refused"}}, want: `
192.0.2.1/32 to router,second
`}})
}

func TestEveryReasonIsReached(t *testing.T) {
	reached := map[Reason]bool{}
	for _, s := range refusals {
		_, refused := Routes(s.cluster, "n1", s.options)
		for _, r := range refused {
			reached[r.Reason] = true
			if !slices.Contains(Reasons(), r.Reason) {
				t.Errorf("%s is not in the list", r.Reason)
			}
		}
	}
	for _, r := range Reasons() {
		if !reached[r] {
			t.Errorf("no story leads to %s", r)
		}
	}
}

func TestWhateverTheClusterTheOrderOfItsListsDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySnapshot(t)
		other := s
		other.Services = rapid.Permutation(s.Services).Draw(t, "services anew")
		other.Advertisements = rapid.Permutation(s.Advertisements).Draw(t, "advertisements anew")
		other.Peers = rapid.Permutation(s.Peers).Draw(t, "peers anew")
		if d := cmp.Diff(told(Routes(s, "n1", Options{})), told(Routes(other, "n1", Options{}))); d != "" {
			t.Error(d)
		}
	})
}

func TestWhateverTheClusterEveryAddressIsAnnouncedOrRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySnapshot(t)
		routes, refused := Routes(s, "n1", Options{})
		told := map[netip.Prefix]map[string]bool{}
		for _, r := range routes {
			if len(r.Peers) == 0 || !slices.IsSorted(r.Peers) {
				t.Errorf("%s goes to %v", r.Route.Prefix, r.Peers)
			}
			for _, p := range r.Peers {
				if told[r.Route.Prefix] == nil {
					told[r.Route.Prefix] = map[string]bool{}
				}
				if told[r.Route.Prefix][p] {
					t.Errorf("%s is told %s twice", p, r.Route.Prefix)
				}
				told[r.Route.Prefix][p] = true
			}
		}
		for _, svc := range s.Services {
			for _, a := range svc.Holds {
				covered := false
				for p := range told {
					covered = covered || p.Contains(a)
				}
				said := slices.ContainsFunc(refused, func(r Refusal) bool {
					return r.Service == svc.Key && (!r.Address.IsValid() || r.Address == a)
				})
				if !covered && !said {
					t.Errorf("nobody says why %s is not announced", a)
				}
			}
		}
	})
}

func anySnapshot(t *rapid.T) model.Snapshot {
	s := cluster(peer("p1"), peer("p2", label("rack", "2")), peer("p3", label("rack", "1")))
	for i := range rapid.IntRange(0, 4).Draw(t, "advertisements") {
		a := model.Advertisement{
			Name:                fmt.Sprintf("ad%d", i),
			Created:             epoch.AddDate(0, 0, rapid.IntRange(0, 1).Draw(t, "age")),
			AggregationLength:   rapid.SampledFrom([]int{23, 24, 28, 32}).Draw(t, "length"),
			AggregationLengthV6: 128,
			Peers:               rapid.SampledFrom([][]string{nil, {"p1"}, {"p2"}, {"p3", "router"}}).Draw(t, "peers"),
			Communities:         []uint32{uint32(rapid.IntRange(0, 2).Draw(t, "community"))},
			LocalPref:           rapid.SampledFrom([]route.Optional{{}, route.Some(1), route.Some(2)}).Draw(t, "preference"),
		}
		if rapid.Bool().Draw(t, "selective") {
			a.ServiceSelectors = []model.Selector{label("app", "web")}
		}
		s.Advertisements = append(s.Advertisements, a)
	}
	for i := range rapid.IntRange(0, 6).Draw(t, "services") {
		svc := model.Service{
			Key: model.Key{Namespace: "d", Name: fmt.Sprintf("s%d", i)}, Wanted: true,
			Labels: model.Labels{"app": rapid.SampledFrom([]string{"web", "dns"}).Draw(t, "app")},
			Holds:  []netip.Addr{netip.AddrFrom4([4]byte{192, 0, byte(rapid.IntRange(2, 3).Draw(t, "net")), byte(rapid.IntRange(0, 40).Draw(t, "host"))})},
			Local:  rapid.Bool().Draw(t, "local"),
		}
		for _, n := range rapid.SampledFrom([][]string{nil, {"n1"}, {"n2"}, {"n1", "n2"}}).Draw(t, "pods") {
			svc.Endpoints = append(svc.Endpoints, model.Endpoint{Node: n, Ready: true})
		}
		s.Services = append(s.Services, &svc)
	}
	return s
}

func BenchmarkRoutes(b *testing.B) {
	s := cluster()
	s.Pools[0].Ranges = []addr.Range{addr.Of(netip.MustParsePrefix("10.0.0.0/8"))}
	a := netip.MustParseAddr("10.0.0.0")
	for i := range 5000 {
		s.Services = append(s.Services, &model.Service{
			Key: model.Key{Namespace: "d", Name: fmt.Sprintf("s%05d", i)}, Wanted: true, Holds: []netip.Addr{a},
			Endpoints: []model.Endpoint{{Node: "n1", Ready: true}, {Node: "n2", Ready: true}}})
		a = a.Next()
	}
	b.ReportAllocs()
	for b.Loop() {
		if routes, _ := Routes(s, "n1", Options{}); len(routes) != 5000 {
			b.Fatal(len(routes))
		}
	}
}
