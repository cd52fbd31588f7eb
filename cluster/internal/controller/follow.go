package controller

import (
	"fmt"
	"maps"
	"reflect"
	"time"

	"github.com/hawser-lb/hawser/cluster/internal/alloc"
	"github.com/hawser-lb/hawser/cluster/internal/announce"
	"github.com/hawser-lb/hawser/cluster/internal/kube"
	"github.com/hawser-lb/hawser/cluster/internal/model"
)

// follow brings what is remembered between passes in line with the view: whom
// the node speaks to, its board, and the leader's ledger. Where only Services
// have changed it costs as much as they.
func (c *Controller) follow(v *kube.View, leading bool) {
	c.node = c.self(v)
	c.followPeers(v)
	status := c.Router.Status()
	c.Watcher.Set(watched(v.Peers, status))
	down := c.directory.down(status)
	grace := c.followLeaving(time.Now())
	if c.board == nil || v.Changes.Whole || !maps.Equal(down, c.down) || grace != c.grace {
		c.down, c.grace, c.posted = down, grace, false
		c.usher.only(v.Services)
		now := time.Now()
		for _, s := range v.Services {
			c.usher.look(s, c.node.Addresses, now)
		}
		c.usher.taken() // they are judged with the others
		c.board = announce.NewBoard(c.withSelf(v.Snapshot), c.Node, announce.Options{
			IgnoreExcludeLB: c.IgnoreExcludeLB, Down: down, Grace: grace, Waiting: c.usher.waiting,
		})
	} else {
		each(v, c.show, func(k model.Key) { c.usher.leave(k); c.board.Drop(k) })
		for _, k := range c.usher.taken() {
			if s := v.Service(k); s != nil {
				c.board.Set(s)
			}
		}
	}
	switch {
	case !leading:
		c.ledger, c.plan = nil, nil
		clear(c.unmet)
		clear(c.failed)
	case c.ledger == nil || v.Changes.Whole:
		c.ledger = alloc.NewLedger(v.Snapshot)
	default:
		each(v, c.ledger.Set, c.ledger.Drop)
	}
}

// each calls set for the Services that have changed, and drop for those that
// are gone.
func each(v *kube.View, set func(*model.Service), drop func(model.Key)) {
	for _, k := range v.Changes.Services {
		if s := v.Service(k); s != nil {
			set(s)
		} else {
			drop(k)
		}
	}
}

// followPeers sets the node's peers: all of them, every time.
func (c *Controller) followPeers(v *kube.View) {
	d := directory(v.Peers, c.node, c.gateways)
	if !reflect.DeepEqual(d, c.directory) {
		c.directory, c.posted = d, false
	}
	err := c.Router.SetPeers(d.peers, nil)
	if c.sayOnce("peers", err) {
		c.health.hindered(fmt.Errorf("the speaker refuses its peers: %w", err))
		return
	}
	c.health.expect(d.peers)
}

// put makes a Service count as it has just been written.
func (c *Controller) put(v *kube.View, s *model.Service) {
	v.Put(s)
	c.ledger.Set(s)
	c.show(s)
}

// show has a Service that is new, or has changed, judged for the board.
func (c *Controller) show(s *model.Service) {
	c.usher.look(s, c.node.Addresses, time.Now())
	c.board.Set(s)
}
