package kube

import (
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/hawser-lb/hawser/cluster/internal/model"
)

// View is the cluster as the worker sees it. It lives on: the next call of
// Cluster.View brings it up to date and says in Changes what that took. Only
// the worker looks at it.
type View struct {
	model.Snapshot
	// Changes are what became different with the last call of Cluster.View.
	Changes Changes
	// Config says where pools and peers come from.
	Config Config
	// PoolObjects, PeerObjects and AdvertisementObjects are the objects of the
	// API server by name, whether they are used or not, each with what is wrong
	// with it, or "".
	PoolObjects, PeerObjects, AdvertisementObjects map[string]string

	places   map[model.Key]place
	nodeUIDs map[string]string
	peerUIDs map[string]string
}

// Changes say which Services came, changed or went. Whole means that anything
// else may be different too.
type Changes struct {
	Whole    bool
	Services []model.Key
}

// place says where a Service stands in the Snapshot, and of which version it
// is.
type place struct {
	at      int
	version string
}

// NewView is a view of its own of a snapshot, all of it new.
func NewView(s model.Snapshot, c Config) *View {
	v := &View{
		Snapshot: s, Config: c, Changes: Changes{Whole: true}, places: make(map[model.Key]place, len(s.Services)),
		PoolObjects: map[string]string{}, PeerObjects: map[string]string{}, AdvertisementObjects: map[string]string{}, nodeUIDs: map[string]string{}, peerUIDs: map[string]string{},
	}
	for i, svc := range s.Services {
		v.places[svc.Key] = place{at: i}
	}
	return v
}

// Service is the one of that name, or nil.
func (v *View) Service(k model.Key) *model.Service {
	p, ok := v.places[k]
	if !ok {
		return nil
	}
	return v.Services[p.at]
}

// Put replaces a Service, or adds one.
func (v *View) Put(s *model.Service) {
	p, ok := v.places[s.Key]
	if ok {
		v.Services[p.at] = s
		return
	}
	v.places[s.Key] = place{at: len(v.Services)}
	v.Services = append(v.Services, s)
}

// Remove takes a Service out; another one takes its place.
func (v *View) Remove(k model.Key) {
	gone, ok := v.places[k]
	if !ok {
		return
	}
	last := len(v.Services) - 1
	moved := v.Services[last]
	p := v.places[moved.Key]
	v.Services[gone.at], p.at = moved, gone.at
	v.places[moved.Key] = p
	v.Services[last] = nil
	v.Services = v.Services[:last]
	delete(v.places, k)
}

// Config says where pools and peers come from.
type Config struct {
	// ConfigMap is true when a ConfigMap is the whole configuration.
	ConfigMap bool
	// Usable is false when there is a ConfigMap that cannot be read, and never
	// was one that could: then nothing may be decided.
	Usable bool
	// Settling is true for a while when there is no pool, in a ConfigMap or as an
	// object: then the pools are those that were last there, and of a ConfigMap
	// its peers and advertisements too; nobody is given an address or loses one.
	Settling bool
	// Warnings are what the text in force says and does not mean.
	Warnings []string

	wrong error
	uid   string
}

// Err says what is wrong with the ConfigMap's text, a line for each mistake.
// When Usable, the last good text is in force.
func (c Config) Err() error { return c.wrong }

// Version is the version of the Service in this view; it goes with a Grant.
func (v *View) Version(k model.Key) string { return v.places[k].version }

// Synced reports whether everything has been seen once.
func (c *Cluster) Synced() bool {
	for _, s := range c.sources() {
		if !s.ready() {
			return false
		}
	}
	return true
}

// View is the cluster as it is known now. Synced must be true.
func (c *Cluster) View() *View {
	touched, whole := c.touched.take()
	if whole || c.view == nil {
		c.view = c.viewAll()
		return c.view
	}
	c.view.Changes = Changes{}
	for k := range touched {
		c.viewService(k)
	}
	return c.view
}

func (c *Cluster) viewAll() *View {
	v := NewView(model.Snapshot{Namespaces: map[string]model.Labels{}}, Config{})
	c.viewServices(v)
	c.nodes.each(func(n name, e entry[model.Node]) {
		v.Nodes = append(v.Nodes, e.value)
		v.nodeUIDs[n.name] = string(e.uid)
	})
	slices.SortFunc(v.Nodes, func(a, b model.Node) int { return strings.Compare(a.Name, b.Name) })
	c.namespaces.each(func(n name, e entry[model.Labels]) { v.Namespaces[n.name] = e.value })
	c.pools.each(func(n name, e entry[pool]) {
		v.PoolObjects[n.name] = e.value.trouble()
		v.Pools = append(v.Pools, e.value.Pool)
	})
	c.peers.each(func(n name, e entry[peer]) {
		v.PeerObjects[n.name], v.peerUIDs[n.name] = e.value.trouble(), string(e.uid)
		if e.value.usable {
			p := e.value.Peer
			c.password(&p)
			v.Peers = append(v.Peers, p)
		}
	})
	c.ads.each(func(n name, e entry[advertisement]) {
		v.AdvertisementObjects[n.name] = e.value.trouble()
		if e.value.usable {
			v.Advertisements = append(v.Advertisements, e.value.Advertisement)
		}
	})
	c.config.view(v)
	c.last.settle(v, c.mark)
	return v
}

func (c *Cluster) viewServices(v *View) {
	c.slices.mu.RLock()
	defer c.slices.mu.RUnlock()
	c.services.mu.RLock()
	defer c.services.mu.RUnlock()
	v.Services = make([]*model.Service, 0, len(c.services.all))
	for _, e := range c.services.all {
		s := e.value
		s.Endpoints = c.endpoints.endpoints(s.Key)
		v.places[s.Key] = place{len(v.Services), e.version}
		v.Services = append(v.Services, &s)
	}
}

// viewService brings one Service of the view up to date. A new version that
// says nothing new is no change.
func (c *Cluster) viewService(k model.Key) {
	v := c.view
	e, here := c.services.get(name{k.Namespace, k.Name})
	before := v.Service(k)
	if !here {
		if before != nil {
			v.Remove(k)
			v.Changes.Services = append(v.Changes.Services, k)
		}
		return
	}
	s := e.value
	c.slices.mu.RLock()
	s.Endpoints = c.endpoints.endpoints(k)
	c.slices.mu.RUnlock()
	if before == nil || !reflect.DeepEqual(*before, s) {
		v.Put(&s)
		v.Changes.Services = append(v.Changes.Services, k)
	}
	p := v.places[k]
	p.version = e.version
	v.places[k] = p
}

// touched collects what has changed since somebody looked last.
type touched struct {
	mu       sync.Mutex
	whole    bool
	services map[model.Key]bool
}

// all notes that more than Services may have changed.
func (t *touched) all() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.whole, t.services = true, nil
}

// service notes a Service or its endpoints.
func (t *touched) service(k model.Key) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.whole {
		return
	}
	if t.services == nil {
		t.services = map[model.Key]bool{}
	}
	t.services[k] = true
}

func (t *touched) take() (services map[model.Key]bool, whole bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	services, whole = t.services, t.whole
	t.services, t.whole = nil, false
	return services, whole
}
