package kube

import (
	"log/slog"
	"slices"
	"time"

	"github.com/hawser-lb/hawser/cluster/internal/model"
)

// grace is how long a cluster without any pool is not believed. A ConfigMap
// that is replaced, or a pool that is deleted and made again, is away for a
// moment, and every address would be.
const grace = time.Minute

// lastPools remembers the last configuration that had a pool: of the objects
// the pools, since each is deleted by itself, and of a ConfigMap all of it. It
// is the worker's.
type lastPools struct {
	grace time.Duration
	log   *slog.Logger

	pools          []model.Pool
	peers          []model.Peer
	advertisements []model.Advertisement
	text           bool      // they stood in a ConfigMap
	since          time.Time // when there was no pool first; zero while there is one
}

// settle puts the last configuration into a view that has no pool, until that
// is to be believed; again is then called.
func (l *lastPools) settle(v *View, again func()) {
	switch {
	case !v.Config.Usable:
		return
	case len(v.Pools) > 0 || v.Config.ConfigMap:
		l.pools, l.peers, l.advertisements, l.text, l.since = v.Pools, v.Peers, v.Advertisements, v.Config.ConfigMap, time.Time{}
		return
	case l.since.IsZero():
		l.since = time.Now()
		time.AfterFunc(l.grace, again)
		l.log.Info("there is no pool; for a while nobody loses an address", "seconds", l.grace.Seconds())
	}
	if time.Since(l.since) >= l.grace {
		l.pools, l.peers, l.advertisements = nil, nil, nil
		return
	}
	v.Config.Settling = true
	v.Pools = slices.Clone(l.pools)
	if l.text && len(v.Peers) == 0 {
		v.Peers = slices.Clone(l.peers)
	}
	if l.text && len(v.Advertisements) == 0 {
		v.Advertisements = slices.Clone(l.advertisements)
	}
}
