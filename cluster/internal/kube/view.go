package kube

import (
	"slices"
	"strings"

	"github.com/hawser-lb/hawser/cluster/internal/model"
)

// View is the cluster at one moment.
type View struct {
	model.Snapshot
	// Config says where pools and peers come from.
	Config Config
	// PoolObjects and PeerObjects are the objects of the API server by name,
	// whether they are used or not, each with what is wrong with it, or "".
	PoolObjects, PeerObjects map[string]string

	versions map[model.Key]string
	nodeUIDs map[string]string
	peerUIDs map[string]string
}

// Config says where pools and peers come from.
type Config struct {
	// ConfigMap is true when a ConfigMap is the whole configuration.
	ConfigMap bool
	// Usable is false when there is a ConfigMap that cannot be read, and never
	// was one that could: then nothing may be decided.
	Usable bool
	// Warnings are what the text in force says and does not mean.
	Warnings []string

	wrong error
	uid   string
}

// Err says what is wrong with the ConfigMap's text, a line for each mistake.
// When Usable, the last good text is in force.
func (c Config) Err() error { return c.wrong }

// Version is the version of the Service in this view; it goes with a Grant.
func (v *View) Version(k model.Key) string { return v.versions[k] }

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
	v := &View{versions: map[model.Key]string{}, nodeUIDs: map[string]string{}, peerUIDs: map[string]string{}, PoolObjects: map[string]string{}, PeerObjects: map[string]string{}}
	c.viewServices(v)
	c.nodes.each(func(n name, e entry[model.Node]) {
		v.Nodes = append(v.Nodes, e.value)
		v.nodeUIDs[n.name] = string(e.uid)
	})
	slices.SortFunc(v.Nodes, func(a, b model.Node) int { return strings.Compare(a.Name, b.Name) })
	v.Namespaces = map[string]model.Labels{}
	c.namespaces.each(func(n name, e entry[model.Labels]) { v.Namespaces[n.name] = e.value })
	c.pools.each(func(n name, e entry[pool]) {
		v.PoolObjects[n.name] = e.value.trouble()
		v.Pools = append(v.Pools, e.value.Pool)
	})
	c.peers.each(func(n name, e entry[peer]) {
		v.PeerObjects[n.name], v.peerUIDs[n.name] = e.value.trouble(), string(e.uid)
		if e.value.usable {
			v.Peers = append(v.Peers, e.value.Peer)
		}
	})
	c.config.view(v)
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
		v.Services = append(v.Services, &s)
		v.versions[s.Key] = e.version
	}
}
