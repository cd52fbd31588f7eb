package controller

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/hawser-lb/hawser/cluster/internal/kube"
	"github.com/hawser-lb/hawser/cluster/internal/model"
	"github.com/hawser-lb/hawser/shared/addr"
	"github.com/hawser-lb/hawser/shared/bfd"
	"github.com/hawser-lb/hawser/shared/bgp"
)

// fakeCluster is an API server that keeps what is written.
type fakeCluster struct {
	snapshot model.Snapshot
	config   kube.Config
	objects  map[string]string // AddressPools and BGPPeers
	leader   bool
	away     error // what every write answers
	denied   func(model.Key) error
	hangs    func(model.Key) bool // no answer until the writer gives up
	changed  chan struct{}

	view     *kube.View
	looked   string     // all but the Services, as they were when view was made
	mu       sync.Mutex // writes come several at a time
	writes   []string
	events   []string
	verdicts map[string]kube.Verdict
	counts   map[string]kube.SessionCount
	fleet    map[string][]kube.Session
	report   kube.Report
	standing map[model.Key]kube.Standing
}

func newFakeCluster() *fakeCluster {
	return &fakeCluster{
		leader: true, config: kube.Config{Usable: true}, changed: make(chan struct{}, 1),
		verdicts: map[string]kube.Verdict{}, counts: map[string]kube.SessionCount{}, objects: map[string]string{},
	}
}

func (f *fakeCluster) Changed() <-chan struct{} { return f.changed }
func (f *fakeCluster) Synced() bool             { return true }

// View says what has changed in the tests' own hands as a watch would.
func (f *fakeCluster) View() *kube.View {
	services := map[model.Key]*model.Service{}
	for _, s := range f.snapshot.Services {
		now := *s
		services[s.Key] = &now
	}
	rest := f.snapshot
	rest.Services = nil
	if looks := fmt.Sprintf("%+v %+v %v", rest, f.config, f.objects); f.view == nil || looks != f.looked {
		f.looked = looks
		rest.Nodes = slices.Clone(rest.Nodes)
		rest.Services = slices.Collect(maps.Values(services))
		f.view = kube.NewView(rest, f.config)
		for _, p := range f.snapshot.Pools {
			f.view.PoolObjects[p.Name] = f.objects[p.Name]
		}
		for _, p := range f.snapshot.Peers {
			f.view.PeerObjects[p.Name] = f.objects[p.Name]
		}
		for _, a := range f.snapshot.Advertisements {
			f.view.AdvertisementObjects[a.Name] = f.objects[a.Name]
		}
		return f.view
	}
	f.view.Changes = kube.Changes{}
	for _, s := range slices.Clone(f.view.Services) {
		if services[s.Key] == nil {
			f.view.Remove(s.Key)
			f.view.Changes.Services = append(f.view.Changes.Services, s.Key)
		}
	}
	for k, s := range services {
		if before := f.view.Service(k); before == nil || !reflect.DeepEqual(before, s) {
			f.view.Put(s)
			f.view.Changes.Services = append(f.view.Changes.Services, k)
		}
	}
	return f.view
}

func (f *fakeCluster) Sessions() (map[string][]kube.Session, uint64) {
	return f.fleet, uint64(len(f.fleet))
}
func (f *fakeCluster) Report(r kube.Report) { f.report = r }

func (f *fakeCluster) SetStandings(all map[model.Key]kube.Standing) { f.standing = all }

func (f *fakeCluster) Leading() (context.Context, bool) { return context.Background(), f.leader }

func (f *fakeCluster) SetAddresses(ctx context.Context, g kube.Grant) error {
	if f.away != nil {
		return f.away
	}
	if f.hangs != nil && f.hangs(g.Service) {
		<-ctx.Done()
		return ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.denied != nil {
		if err := f.denied(g.Service); err != nil {
			return err
		}
	}
	for _, s := range f.snapshot.Services {
		if s.Key == g.Service {
			s.Holds, s.HoldsFrom = g.Addresses, g.From
		}
	}
	f.writes = append(f.writes, fmt.Sprintf("%s %v from %s", g.Service, g.Addresses, g.From))
	return nil
}

func (f *fakeCluster) SetPoolStatus(_ context.Context, pool string, _ *model.PoolUse, v kube.Verdict) error {
	f.verdicts["pool "+pool] = v
	return f.away
}

func (f *fakeCluster) SetPeerStatus(_ context.Context, peer string, n *kube.SessionCount, v kube.Verdict) error {
	f.verdicts["peer "+peer] = v
	if n != nil {
		f.counts[peer] = *n
	}
	return f.away
}

func (f *fakeCluster) SetAdvertisementStatus(_ context.Context, ad string, v kube.Verdict) error {
	f.verdicts["advertisement "+ad] = v
	return f.away
}

func (f *fakeCluster) Event(about kube.Ref, _ kube.EventType, reason, message string) {
	f.events = append(f.events, fmt.Sprintf("%s %s %s: %s", about.Kind, about.Name, reason, message))
}

func (f *fakeCluster) EventsDropped() uint64 { return 0 }

// fakeRouter is a BGP speaker without wires.
type fakeRouter struct {
	peers  []bgp.Peer
	routes []bgp.Announcement
	status []bgp.PeerStatus
	events chan bgp.Event

	refuses  error // what SetPeers answers
	farewell string
	resets   []string
}

// fakeWatcher is BFD without packets.
type fakeWatcher struct {
	all    []bfd.Session
	events chan bfd.Event
}

func (f *fakeWatcher) Set(all []bfd.Session)    { f.all = all }
func (f *fakeWatcher) Ignored() bfd.Ignored     { return bfd.Ignored{"ttl": 5} }
func (f *fakeWatcher) Events() <-chan bfd.Event { return f.events }
func (f *fakeWatcher) Status() (out []bfd.Status) {
	for _, s := range f.all {
		out = append(out, bfd.Status{Session: s, State: bfd.Up})
	}
	return out
}

func (f *fakeRouter) SetPeers(peers []bgp.Peer, _ []bgp.Range) error {
	if f.refuses == nil {
		f.peers = peers
	}
	return f.refuses
}

func (f *fakeRouter) Announce(all []bgp.Announcement) { f.routes = all }
func (f *fakeRouter) Farewell(text string)            { f.farewell = text }
func (f *fakeRouter) Reset(peer netip.Addr, n bgp.Notification, _ time.Duration) {
	f.resets = append(f.resets, peer.String()+" "+n.String())
}
func (f *fakeRouter) Status() []bgp.PeerStatus { return f.status }
func (f *fakeRouter) Events() <-chan bgp.Event { return f.events }

// table is "prefix to peers" for each route.
func (f *fakeRouter) table() []string {
	var out []string
	for _, r := range f.routes {
		out = append(out, fmt.Sprintf("%s to %v", r.Prefix, r.To))
	}
	return out
}

func worker(f *fakeCluster) (*Controller, *fakeRouter) {
	r := &fakeRouter{events: make(chan bgp.Event)}
	return New(Options{
		Source: f, Leadership: f, Writer: f, Router: r, Watcher: &fakeWatcher{events: make(chan bfd.Event)}, Node: "node1", Namespace: "hawser-system",
		Gateways: func() ([]netip.Addr, error) { return []netip.Addr{netip.MustParseAddr("192.0.2.254")}, nil },
		Log:      slog.New(slog.DiscardHandler),
	}), r
}

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func aPool(name, ranges string) model.Pool {
	r, err := addr.Parse(ranges)
	if err != nil {
		panic(err)
	}
	return model.Pool{Name: name, Created: epoch, Ranges: []addr.Range{r}, AutoAssign: true}
}

func aPeer(name, address string) model.Peer {
	p := model.Peer{Name: name, Created: epoch, MyASN: 65001, PeerASN: 65000, Port: 179, HoldTime: 9 * time.Second}
	if address == "" {
		p.DefaultGateway = true
	} else {
		p.Address = netip.MustParseAddr(address)
	}
	return p
}

func aService(name string, nodes ...string) *model.Service {
	s := &model.Service{
		Key: model.Key{Namespace: "default", Name: name}, UID: name, Created: epoch, Wanted: true,
		Families: []model.Family{model.IPv4}, Policy: model.SingleStack, Ports: []model.Port{{Protocol: "TCP", Number: 80}},
	}
	for _, n := range nodes {
		s.Endpoints = append(s.Endpoints, model.Endpoint{Node: n, Ready: true, Serving: true})
	}
	return s
}

func aNode(name string) model.Node {
	return model.Node{Name: name, Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}
}
