package sim

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hawser-lb/hawser/cluster/internal/model"
	"github.com/hawser-lb/hawser/cluster/internal/serviceproxy"
	"github.com/hawser-lb/hawser/shared/addr"
)

const (
	watchTime = 3 * time.Millisecond // until a node sees a change
	writeTime = 2 * time.Millisecond
	rulesTime = 200 * time.Millisecond // until a node's service proxy has written its rules
	// certain is how long a leader who cannot renew its Lease goes on writing,
	// takeover how long the others wait, handover how long they do when it was
	// given back.
	certain  = 7 * time.Second
	takeover = 10 * time.Second
	handover = 50 * time.Millisecond
)

// namespace of every Service.
const namespace = "default"

// Service is one of type LoadBalancer.
type Service struct {
	Name  string
	Local bool
	// Ready are the nodes with a pod that takes traffic.
	Ready []string
	// Want is the address that it asks for, zero for any.
	Want netip.Addr
	// Share is its sharing key, Port the only one that it serves.
	Share string
	Port  int32
}

// API is the API server.
type API struct {
	mu       sync.Mutex
	pool     model.Pool
	peer     model.Peer
	nodes    []model.Node
	services map[model.Key]entry
	version  int
	ports    uint16               // healthCheckNodePorts given out
	pods     map[podsOf]time.Time // since when there are any
	seats    []*seat              // in the order of their making
	leader   *seat
}

// entry is an object and its version.
type entry struct {
	*model.Service
	version int
}

// firstHealthPort is the first healthCheckNodePort that is given out.
const firstHealthPort = 30000

// podsOf are the pods of a Service on a node, which it knows by the Service's
// healthCheckNodePort.
type podsOf struct {
	node string
	port uint16
}

// Timers are those of the sessions with the router: the restart time 0 is
// without graceful restart, the interval 0 without BFD.
type Timers struct{ Hold, Restart, BFD time.Duration }

// NewAPI is a cluster with one pool and one peer, the router.
func NewAPI(pool addr.Range, router netip.Addr, t Timers) *API {
	return &API{
		pool: model.Pool{Name: "pool", Ranges: []addr.Range{pool}, AutoAssign: true},
		peer: model.Peer{
			Name: "router", MyASN: 65001, PeerASN: 65000, Address: router, HoldTime: t.Hold, RestartTime: t.Restart,
			BFD: model.BFD{Enabled: t.BFD > 0, Transmit: t.BFD, Receive: t.BFD, Multiplier: 3},
		},
		services: map[model.Key]entry{}, pods: map[podsOf]time.Time{},
	}
}

// Node adds a node, or says otherwise why it is leaving.
func (a *API) Node(name string, address netip.Addr, leaving string) {
	a.change(func() {
		n := model.Node{Name: name, Addresses: []netip.Addr{address}, Leaving: leaving}
		a.nodes = slices.DeleteFunc(slices.Clone(a.nodes), func(o model.Node) bool { return o.Name == name })
		a.nodes = append(a.nodes, n)
		slices.SortFunc(a.nodes, func(x, y model.Node) int { return strings.Compare(x.Name, y.Name) })
	})
}

// Put adds a Service or changes it; what it holds stays.
func (a *API) Put(s Service) {
	a.change(func() {
		k := model.Key{Namespace: namespace, Name: s.Name}
		now := model.Service{
			Key: k, UID: s.Name, Wanted: true, Families: []model.Family{model.IPv4}, Policy: model.SingleStack,
			Ports: []model.Port{{Protocol: "TCP", Number: s.Port}}, Local: s.Local, Backends: s.Name, SharingKey: s.Share,
		}
		if s.Want.IsValid() {
			now.WantAddresses = []netip.Addr{s.Want}
		}
		for _, n := range s.Ready {
			now.Endpoints = append(now.Endpoints, model.Endpoint{Node: n, Ready: true, Serving: true})
		}
		if before, there := a.services[k]; there {
			now.Holds, now.HoldsFrom, now.UID, now.Created, now.HealthPort = before.Holds, before.HoldsFrom, before.UID, before.Created, before.HealthPort
		} else {
			now.Created, now.HealthPort = time.Now(), firstHealthPort+a.ports
			a.ports++
		}
		a.placed(now)
		a.services[k] = entry{&now, a.version}
	})
}

// placed notes since when nodes have pods of the Service; mu is held.
func (a *API) placed(s model.Service) {
	for p := range a.pods {
		if p.port == s.HealthPort && !slices.ContainsFunc(s.Endpoints, func(e model.Endpoint) bool { return e.Node == p.node }) {
			delete(a.pods, p)
		}
	}
	for _, e := range s.Endpoints {
		p := podsOf{e.Node, s.HealthPort}
		if _, known := a.pods[p]; !known {
			a.pods[p] = time.Now()
		}
	}
}

// proxy is what the service proxy of a node says of the Service with a
// healthCheckNodePort. It hears of pods even while the speaker does not.
func (a *API) proxy(node string, port uint16) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if since, here := a.pods[podsOf{node, port}]; here && time.Since(since) >= rulesTime {
		return nil
	}
	return &serviceproxy.NotYet{Status: "503 Service Unavailable"}
}

// Delete takes a Service away.
func (a *API) Delete(name string) {
	a.change(func() { delete(a.services, model.Key{Namespace: namespace, Name: name}) })
}

// Holds are the addresses of each Service that has any.
func (a *API) Holds() map[string][]netip.Addr {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := map[string][]netip.Addr{}
	for k, s := range a.services {
		if len(s.Holds) > 0 {
			out[k.Name] = s.Holds
		}
	}
	return out
}

// Leader is the node whose speaker leads, "" when none does.
func (a *API) Leader() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.leader == nil {
		return ""
	}
	return a.leader.node
}

// Away cuts a node off from the API server, or joins it again.
func (a *API) Away(node string, away bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range a.seats {
		if s.node == node {
			s.cutOff(away)
		}
	}
}

// Resign has the leader give its Lease to another speaker, if there is one.
func (a *API) Resign() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s := a.leader; s != nil {
		s.resign()
		a.elect(handover, s)
	}
}

// change makes a change and has every node see it.
func (a *API) change(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.version++
	f()
	for _, s := range a.seats {
		s.look()
	}
}

// elect gives the Lease to the first who can have it, to but only when nobody
// else can, after a while in which nobody has it; a.mu is held.
func (a *API) elect(after time.Duration, but *seat) {
	time.AfterFunc(after, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.leader != nil {
			return
		}
		var next *seat
		for _, s := range a.seats {
			if s.able() && (next == nil || next == but) {
				next = s
			}
		}
		if next != nil {
			a.leader = next
			next.term, next.end = context.WithCancel(context.Background())
			next.poke()
		}
	})
}

// Picture is what a node knows of the cluster.
type Picture struct {
	Services map[string]Service
	Holds    map[string][]netip.Addr
	Leaving  map[string]string // by node
}

// Seen is what the speaker of the node knows, nil when it knows nothing yet or
// does not run.
func (a *API) Seen(node string) *Picture {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range a.seats {
		if s.node == node && s.synced {
			return s.mirror.picture()
		}
	}
	return nil
}

func (m mirror) picture() *Picture {
	p := &Picture{map[string]Service{}, map[string][]netip.Addr{}, map[string]string{}}
	for k, s := range m.services {
		one := Service{Name: k.Name, Local: s.Local, Share: s.SharingKey, Port: s.Ports[0].Number}
		for _, e := range s.Endpoints {
			one.Ready = append(one.Ready, e.Node)
		}
		p.Services[k.Name], p.Holds[k.Name] = one, s.Holds
	}
	for _, n := range m.nodes {
		p.Leaving[n.Name] = n.Leaving
	}
	return p
}
