package kube

import (
	"context"
	"log/slog"
	"sync"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"

	"github.com/hawser-lb/hawser/cluster/api/v1alpha1"
	"github.com/hawser-lb/hawser/cluster/internal/model"
	"github.com/hawser-lb/hawser/shared/secret"
)

// Options say which cluster, and who we are in it.
type Options struct {
	Kubeconfig string // empty: the ServiceAccount of the pod
	Namespace  string // Hawser's own
	Node       string // the name of our node
	Identity   string // unique to this process, for the Lease
	Class      string // of --load-balancer-class
	Log        *slog.Logger
}

// Cluster is a Kubernetes cluster, watched.
type Cluster struct {
	options Options
	log     *slog.Logger
	api     clients
	changed chan struct{}
	touched touched
	view    *View // of the worker
	last    lastPools

	services   *mirror[*corev1.Service, model.Service]
	slices     *mirror[*discoveryv1.EndpointSlice, slice]
	endpoints  slicesOf // under the lock of slices
	nodes      *mirror[*corev1.Node, model.Node]
	namespaces *mirror[*corev1.Namespace, model.Labels]
	pools      *mirror[*v1alpha1.AddressPool, pool]
	peers      *mirror[*v1alpha1.BGPPeer, peer]
	ads        *mirror[*v1alpha1.BGPAdvertisement, advertisement]
	texts      *mirror[*corev1.ConfigMap, string]
	secrets    *mirror[*corev1.Secret, secret.Text]
	config     *configMap
	lease      *lease
	events     *recorder
	reporter   *reporter
	announcer  *announcer
	fleet      *fleet
}

// New prepares a Cluster. It sends nothing; Run does.
func New(o Options) (*Cluster, error) {
	api, err := connect(o.Kubeconfig)
	if err != nil {
		return nil, err
	}
	c := &Cluster{options: o, log: o.Log, api: api, changed: make(chan struct{}, 1), endpoints: slicesOf{}}
	c.events = newRecorder(api.core, o.Node, o.Log)
	c.last = lastPools{grace: grace, log: o.Log}
	c.fleet = newFleet()
	c.reporter = newReporter(api.hawser, o.Node, func() (types.UID, bool) {
		e, ok := c.nodes.get(name{"", o.Node})
		return e.uid, ok
	}, o.Log)
	c.lease = newLease(api.coordination, o, c.poke)
	c.announcer = newAnnouncer(c)
	c.services = newMirror(readService(o.Class), c.poke)
	c.services.note = announcedText
	c.services.seen = func(n name) {
		c.touched.service(model.Key{Namespace: n.namespace, Name: n.name})
		c.announcer.poke()
	}
	var first sync.Once
	c.slices = newMirror(readSlice, func() {
		if c.slices.ready() {
			first.Do(c.poke) // Synced has changed; the rest is for moveSlice
		}
	})
	c.slices.moved = c.moveSlice
	c.nodes = newMirror(readNode, c.mark)
	c.namespaces = newMirror(readNamespace, c.mark)
	c.pools = newMirror(readPool, c.poke)
	c.pools.moved = func(_ name, before, after *pool) {
		if before == nil || after == nil || !before.sameBut(*after) {
			c.touched.all()
		}
	}
	c.pools.mend = lastGoodPool
	c.peers = newMirror(readPeer, c.poke)
	c.peers.moved = func(_ name, before, after *peer) {
		if before == nil || after == nil || !before.sameBut(*after) {
			c.touched.all()
		}
	}
	c.peers.mend = lastGoodPeer
	c.ads = newMirror(readAdvertisement, c.poke)
	c.ads.moved = func(_ name, before, after *advertisement) {
		if before == nil || after == nil || !before.sameBut(*after) {
			c.touched.all()
		}
	}
	c.ads.mend = lastGoodAdvertisement
	c.texts = newMirror(readText, c.mark)
	c.secrets = newMirror(readSecret, c.mark)
	c.config = &configMap{}
	c.texts.moved = func(n name, _, after *string) { c.config.moved(string(c.texts.all[n].uid), after) }
	return c, nil
}

// Run watches, holds the Lease if it can, and sends events, until ctx ends.
func (c *Cluster) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(withLog(ctx, c.log))
	for _, s := range append(c.sources(), c.passwords(), c.report()) {
		g.Go(func() error { s.run(ctx, c.log); return nil })
	}
	g.Go(func() error { c.lease.run(ctx); return nil })
	g.Go(func() error { c.events.run(ctx); return nil })
	g.Go(func() error { c.reporter.run(ctx); return nil })
	g.Go(func() error { c.announcer.run(ctx); return nil })
	g.Go(func() error { c.fleet.run(ctx, c); return nil })
	return g.Wait()
}

// sources are all the kinds that are watched.
func (c *Cluster) sources() []source {
	own := c.options.Namespace
	return []source{
		{c.api.core, "services", "", nil, &corev1.Service{}, c.services, c.services.ready},
		{c.api.discovery, "endpointslices", "", nil, &discoveryv1.EndpointSlice{}, c.slices, c.slices.ready},
		{c.api.core, "nodes", "", nil, &corev1.Node{}, c.nodes, c.nodes.ready},
		{c.api.core, "namespaces", "", nil, &corev1.Namespace{}, c.namespaces, c.namespaces.ready},
		{c.api.hawser, "addresspools", "", nil, &v1alpha1.AddressPool{}, c.pools, c.pools.ready},
		{c.api.hawser, "bgppeers", "", nil, &v1alpha1.BGPPeer{}, c.peers, c.peers.ready},
		{c.api.hawser, "bgpadvertisements", "", nil, &v1alpha1.BGPAdvertisement{}, c.ads, c.ads.ready},
		{c.api.core, "configmaps", own, ofName(ConfigName), &corev1.ConfigMap{}, c.texts, c.texts.ready},
		c.lease.source(),
	}
}

// passwords is the source of Secrets. Nothing but the peers that name one waits
// for it: where it is forbidden, the others are spoken to.
func (c *Cluster) passwords() source {
	s := source{c.api.core, "secrets", c.options.Namespace, nil, &corev1.Secret{}, c.secrets, c.secrets.ready}
	s.only = fields.OneTermEqualSelector("type", string(corev1.SecretTypeBasicAuth))
	return s
}

// report is the source of our own BGPNode. Nothing waits for it.
func (c *Cluster) report() source {
	s := source{c.api.hawser, "bgpnodes", "", nil, &v1alpha1.BGPNode{}, c.reporter.there, c.reporter.there.ready}
	s.only = ofName(c.options.Node)
	return s
}

// ofName selects the object of that name.
func ofName(name string) fields.Selector { return fields.OneTermEqualSelector("metadata.name", name) }

// Changed delivers after something that View, Synced or Leading tells of has
// changed; several changes may be told as one.
func (c *Cluster) Changed() <-chan struct{} { return c.changed }

// mark says that something has changed; what exactly is to be looked for in
// everything.
func (c *Cluster) mark() {
	c.touched.all()
	c.poke()
}

// poke says that something has changed, and that touched knows what or nothing
// of the View is concerned.
func (c *Cluster) poke() {
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

// moveSlice is told of every change of an EndpointSlice. Those of Services that
// are none of ours wake nobody.
func (c *Cluster) moveSlice(n name, before, after *slice) {
	c.endpoints.moved(n, before, after)
	for _, s := range []*slice{before, after} {
		if s == nil {
			continue
		}
		if _, ours := c.services.get(name{s.service.Namespace, s.service.Name}); ours {
			c.touched.service(s.service)
			c.poke()
		}
	}
}

// Leading reports whether this speaker is the leader. The context ends when it
// is no longer certain of that.
func (c *Cluster) Leading() (context.Context, bool) { return c.lease.leading() }
