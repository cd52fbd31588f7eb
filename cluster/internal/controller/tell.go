package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hawser-lb/hawser/cluster/api/v1alpha1"
	"github.com/hawser-lb/hawser/cluster/internal/alloc"
	"github.com/hawser-lb/hawser/cluster/internal/kube"
	"github.com/hawser-lb/hawser/cluster/internal/model"
)

// told is what the leader has told users of in this term.
type told struct {
	services map[model.Key]string // the standing that was last told
	settling map[model.Key]string // a standing that must last one round more
	news     map[model.Key]bool   // Services that got an address in this term
	nodes    map[string]string    // why a node announces nothing, as told
	config   []string             // what was said of the ConfigMap
}

func newTold() told {
	return told{
		services: map[model.Key]string{}, settling: map[model.Key]string{}, news: map[model.Key]bool{}, nodes: map[string]string{},
	}
}

// tell writes, as the leader, what has been decided into the statuses of pools
// and peers, and into events of whatever is announced differently than was
// last told. When nothing has happened since, it does nothing.
func (c *Controller) tell() {
	c.quota.forget(time.Now())
	term, leading := c.Leadership.Leading()
	if fleet, at := c.Source.Sessions(); at != c.fleetAt {
		c.fleet, c.fleetAt, c.untold = fleet, at, true
	}
	switch {
	case !leading:
		c.told = newTold()
		c.untold = true
		return
	case c.view == nil || !c.untold && len(c.told.settling) == 0:
		return
	}
	c.untold = false
	c.tellConfig()
	if c.plan == nil {
		return
	}
	c.metrics.pools(c.plan.Use)
	c.tellAnnouncing() // first: it finds which advertisements conflict
	if c.tellStatuses(term) {
		c.untold = true
	}
}

// tellStatuses writes all statuses, and reports whether it could not. Routes
// wait for it, so that it has little time; it begins with another object each
// time, since maps have no order.
func (c *Controller) tellStatuses(term context.Context) (failed bool) {
	if time.Now().Before(c.restStatuses) {
		return true
	}
	ctx, cancel := context.WithTimeout(term, writeTime)
	defer cancel()
	err := errors.Join(c.tellPools(ctx), c.tellPeers(ctx), c.tellAdvertisements(ctx))
	if errors.Is(err, context.DeadlineExceeded) {
		c.restStatuses = time.Now().Add(restTime)
	}
	return c.sayOnce("status", err)
}

// tellConfig sends an event for each thing that is wrong with the ConfigMap.
func (c *Controller) tellConfig() {
	var now []string
	about := c.view.ConfigRef(c.Namespace)
	say := func(kind kube.EventType, reason, message string) {
		now = append(now, message)
		if !slices.Contains(c.told.config, message) {
			c.Writer.Event(about, kind, reason, message)
		}
	}
	if err := c.view.Config.Err(); err != nil {
		say(kube.Warning, "ConfigInvalid", err.Error())
	}
	for _, w := range c.view.Config.Warnings {
		say(kube.Warning, "ConfigWarning", w)
	}
	if c.view.Config.ConfigMap {
		for _, p := range c.view.Peers {
			if why := impossible(p); why != "" {
				say(kube.Warning, "ConfigWarning", "peer "+p.Name+" is not used: "+why)
			}
		}
	}
	c.told.config = now
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

// count is how many sessions the nodes have with a peer, or nil where that is
// not known. A node of which nothing is heard has none that is up, whatever its
// BGPNode still says.
func (c *Controller) count(peer string) *kube.SessionCount {
	if c.fleetAt == 0 {
		return nil
	}
	n := &kube.SessionCount{}
	silent := map[string]bool{}
	for _, node := range c.view.Nodes {
		silent[node.Name] = node.Silent
	}
	for node, sessions := range c.fleet {
		for _, s := range sessions {
			if s.Peer != peer {
				continue
			}
			n.Total++
			if s.State == kube.StateEstablished && !silent[node] {
				n.Established++
			}
		}
	}
	return n
}

func (c *Controller) tellPeers(term context.Context) error {
	peers := map[string]model.Peer{}
	for _, p := range c.view.Peers {
		peers[p.Name] = p
	}
	var errs []error
	taken := taken(c.view.Peers, c.view.Nodes)
	for name, wrong := range c.view.PeerObjects {
		v := c.verdict(wrong)
		if p, used := peers[name]; used && v.Accepted {
			if t, twin := taken[name]; twin {
				v = t
			}
			v = peerVerdict(p, v)
		}
		errs = append(errs, c.Writer.SetPeerStatus(term, name, c.count(name), v))
	}
	return errors.Join(errs...)
}

func (c *Controller) tellAdvertisements(term context.Context) error {
	ads := map[string]model.Advertisement{}
	for _, a := range c.view.Advertisements {
		ads[a.Name] = a
	}
	var errs []error
	for name, wrong := range c.view.AdvertisementObjects {
		v := c.verdict(wrong)
		if a, used := ads[name]; used && v.Accepted {
			v = c.advertisementVerdict(a, v)
		}
		errs = append(errs, c.Writer.SetAdvertisementStatus(term, name, v))
	}
	return errors.Join(errs...)
}

// advertisementVerdict is the verdict on an advertisement that can be read, if
// it stands: it may name what is not there.
func (c *Controller) advertisementVerdict(a model.Advertisement, otherwise kube.Verdict) kube.Verdict {
	pools := missing(a.Pools, func(n string) bool {
		return slices.ContainsFunc(c.view.Pools, func(p model.Pool) bool { return p.Name == n })
	})
	peers := missing(a.Peers, func(n string) bool {
		return slices.ContainsFunc(c.view.Peers, func(p model.Peer) bool { return p.Name == n })
	})
	if why, conflicts := c.conflicts[a.Name]; conflicts {
		otherwise = kube.Verdict{Reason: v1alpha1.ReasonConflicts, Message: "for " + why + "; there the older one is followed"}
	}
	var says []string
	if len(pools) > 0 {
		says = append(says, "there is no AddressPool "+strings.Join(pools, ", "))
	}
	if len(peers) > 0 {
		says = append(says, "there is no usable BGPPeer "+strings.Join(peers, ", "))
	}
	v := kube.Verdict{Reason: v1alpha1.ReasonUnknownName, Message: strings.Join(says, "; ")}
	switch {
	case len(says) == 0:
		return otherwise
	case len(pools) > 0 && len(pools) == len(a.Pools) && len(a.PoolSelectors) == 0, len(peers) > 0 && len(peers) == len(a.Peers):
		v.Message += ": nothing is announced by it until there is"
	default:
		v.Accepted = true
		v.Message += "; the rest is in use"
	}
	return v
}

// missing are those names that are not there.
func missing(names []string, there func(string) bool) []string {
	return slices.DeleteFunc(slices.Clone(names), there)
}

// peerVerdict is the verdict on a peer whose object can be read, if it stands.
func peerVerdict(p model.Peer, otherwise kube.Verdict) kube.Verdict {
	if p.PasswordTrouble != "" {
		return kube.Verdict{Reason: v1alpha1.ReasonPasswordMissing, Message: p.PasswordTrouble}
	}
	if why := impossible(p); why != "" {
		return kube.Verdict{Reason: v1alpha1.ReasonInvalid, Message: why}
	}
	return otherwise
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
