package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hawser-lb/hawser/cluster/api/v1alpha1"
	"github.com/hawser-lb/hawser/cluster/internal/alloc"
	"github.com/hawser-lb/hawser/cluster/internal/announce"
	"github.com/hawser-lb/hawser/cluster/internal/kube"
	"github.com/hawser-lb/hawser/cluster/internal/model"
)

// told is what users have been told of announcing, by Service.
type told struct {
	announcing map[model.Key]string // the last message that was sent
	settling   map[model.Key]string // a message that must last one round more
}

func newTold() told {
	return told{announcing: map[model.Key]string{}, settling: map[model.Key]string{}}
}

// tell writes, as the leader, what has been decided into the statuses of pools
// and peers, and into events of Services whose announcing changed.
func (c *Controller) tell(context.Context) {
	term, leading := c.Leadership.Leading()
	if !leading || c.view == nil || c.plan == nil {
		c.told = newTold()
		return
	}
	c.sayOnce("status", errors.Join(c.tellPools(term), c.tellPeers(term)))
	c.tellServices()
}

func (c *Controller) tellPools(term context.Context) error {
	use := map[string]*model.PoolUse{}
	for i := range c.plan.Use {
		use[c.plan.Use[i].Pool] = &c.plan.Use[i]
	}
	problems := map[string]alloc.Problem{}
	for _, p := range c.plan.Problems {
		problems[p.Pool] = p
	}
	var errs []error
	for name, wrong := range c.view.PoolObjects {
		v, counted := c.verdict(wrong), use[name]
		if !v.Accepted {
			counted = nil
		} else if p, bad := problems[name]; bad {
			v = kube.Verdict{Reason: v1alpha1.ReasonOverlaps, Message: p.Detail}
		}
		errs = append(errs, c.Writer.SetPoolStatus(term, name, counted, v))
	}
	return errors.Join(errs...)
}

func (c *Controller) tellPeers(term context.Context) error {
	peers := map[string]model.Peer{}
	for _, p := range c.view.Peers {
		peers[p.Name] = p
	}
	var errs []error
	for name, wrong := range c.view.PeerObjects {
		v := c.verdict(wrong)
		if why := unsupported(peers[name]); v.Accepted && why != "" {
			v = kube.Verdict{Reason: v1alpha1.ReasonNotSupportedYet, Message: why}
		}
		errs = append(errs, c.Writer.SetPeerStatus(term, name, nil, v))
	}
	return errors.Join(errs...)
}

// verdict on an object that may have something wrong with it.
func (c *Controller) verdict(wrong string) kube.Verdict {
	switch {
	case c.view.Config.ConfigMap:
		return kube.Verdict{Reason: v1alpha1.ReasonConfigMap, Message: fmt.Sprintf(
			"ConfigMap %s/%s is the whole configuration while it stands; delete it to use the objects", c.Namespace, kube.ConfigName)}
	case wrong != "":
		return kube.Verdict{Reason: v1alpha1.ReasonInvalid, Message: wrong}
	}
	return kube.Verdict{Accepted: true, Reason: v1alpha1.ReasonInUse, Message: "in use"}
}

// tellServices sends an event for each Service that holds an address and is
// announced differently than was last told. A message must stand for two
// rounds, so that what passes within a second is not told.
func (c *Controller) tellServices() {
	now := c.standing()
	for i := range c.view.Services {
		s := &c.view.Services[i]
		m, ok := now[s.Key]
		if !ok || m == c.told.announcing[s.Key] {
			delete(c.told.settling, s.Key)
			continue
		}
		if c.told.settling[s.Key] != m {
			c.told.settling[s.Key] = m
			continue
		}
		delete(c.told.settling, s.Key)
		c.told.announcing[s.Key] = m
		kind, reason := kube.Normal, "Announced"
		if !strings.HasPrefix(m, "from ") {
			kind, reason = kube.Warning, "NotAnnounced"
		}
		c.Writer.Event(kube.ServiceRef(s.Key, s.UID), kind, reason, m)
	}
	for k := range c.told.announcing {
		if _, ok := now[k]; !ok {
			delete(c.told.announcing, k)
			delete(c.told.settling, k)
		}
	}
}

// standing says of each Service with an address how it is announced: "from 2
// of 3 nodes; not from node3: …", or why from none.
func (c *Controller) standing() map[model.Key]string {
	type reasons map[string][]string // nodes by reason
	no := map[model.Key]reasons{}
	nodes := make([]string, 0, len(c.view.Nodes))
	for _, n := range c.view.Nodes {
		nodes = append(nodes, n.Name)
		_, refused := announce.Routes(c.view.Snapshot, n.Name, announce.Options{IgnoreExcludeLB: c.IgnoreExcludeLB})
		for _, r := range refused {
			if no[r.Service] == nil {
				no[r.Service] = reasons{}
			}
			why := string(r.Reason) + ": " + r.Detail
			if last := no[r.Service][why]; len(last) == 0 || last[len(last)-1] != n.Name {
				no[r.Service][why] = append(last, n.Name)
			}
		}
	}
	out := map[model.Key]string{}
	for i := range c.view.Services {
		s := &c.view.Services[i]
		if s.Wanted && len(s.Holds) > 0 {
			out[s.Key] = sayStanding(nodes, no[s.Key])
		}
	}
	return out
}

const nodesNamed = 5

func sayStanding(nodes []string, no map[string][]string) string {
	silent := map[string]bool{}
	var parts []string
	for why, from := range no {
		for _, n := range from {
			silent[n] = true
		}
		slices.Sort(from)
		named := from
		if len(named) > nodesNamed {
			named = append(slices.Clone(named[:nodesNamed]), fmt.Sprintf("and %d more", len(from)-nodesNamed))
		}
		parts = append(parts, "not from "+strings.Join(named, ", ")+": "+why)
	}
	slices.Sort(parts)
	if speaking := len(nodes) - len(silent); speaking > 0 {
		parts = slices.Insert(parts, 0, fmt.Sprintf("from %d of %d nodes", speaking, len(nodes)))
	}
	return strings.Join(parts, "; ")
}
