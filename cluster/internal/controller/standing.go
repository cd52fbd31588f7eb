package controller

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/hawser-lb/hawser/cluster/internal/announce"
	"github.com/hawser-lb/hawser/cluster/internal/kube"
	"github.com/hawser-lb/hawser/cluster/internal/model"
)

// Reasons of events about announcing.
const (
	eventAnnounced    = "Announced"
	eventNotAnnounced = "NotAnnounced"
)

// standing is how one Service is announced by all the nodes.
type standing struct {
	from  int              // nodes that announce it
	nodes int              // nodes there are
	no    map[why][]string // the nodes that do not, by reason, sorted

	heard   int          // nodes that tell a router of it, as the BGPNodes say
	mute    []string     // nodes that would, and have no session
	routers []netip.Addr // that are told, sorted; not to be written to
}

type why struct {
	reason announce.Reason
	detail string
}

// ofNode are the reasons that hold for a node and every Service on it. They
// are told of the node, once, and not of each of its Services.
var ofNode = []announce.Reason{announce.NodeNetworkUnavailable, announce.NodeExcluded, announce.NodeDraining, announce.NodeSilent}

// expected are reasons that are how things should be while other nodes
// announce the Service.
var expected = []announce.Reason{announce.NoLocalEndpoints, announce.NotSelected}

// tellAnnouncing sends events for Services and nodes whose announcing differs
// from what was last told. A difference must last for two rounds, so that what
// passes within a second is not told.
func (c *Controller) tellAnnouncing() {
	services, nodes := c.standings()
	if c.fleetAt > 0 { // else nobody knows yet who has a session
		c.Writer.SetStandings(conditions(services))
	}
	for _, s := range c.view.Services {
		if now, ok := services[s.Key]; ok {
			c.tellService(s, now)
		}
	}
	for k := range c.told.services {
		if _, ok := services[k]; !ok {
			delete(c.told.services, k)
			delete(c.told.news, k)
		}
	}
	for k := range c.told.settling {
		if _, ok := services[k]; !ok {
			delete(c.told.settling, k)
		}
	}
	if len(services) > 0 { // else nobody asked the nodes
		c.tellNodes(nodes)
	}
}

func (c *Controller) tellNodes(nodes map[string]string) {
	for _, n := range c.view.Nodes {
		why := nodes[n.Name]
		if why == c.told.nodes[n.Name] {
			continue
		}
		kind, reason, message := kube.Normal, eventAnnounced, "Services are announced from this node again"
		if why != "" {
			kind, reason, message = kube.Warning, eventNotAnnounced, "no Service is announced from this node: "+why
		}
		if c.event(c.view.NodeRef(n.Name), kind, reason, message) {
			c.told.nodes[n.Name] = why
		} else {
			c.untold = true
		}
	}
}

func (c *Controller) tellService(s *model.Service, now standing) {
	summary := now.summary()
	last, before := c.told.services[s.Key]
	switch {
	case summary == last:
		delete(c.told.settling, s.Key)
		return
	case !before && !c.told.news[s.Key]:
		// It had its address before our term: an earlier leader has told how
		// it stands, and thousands would be told of again.
		c.told.services[s.Key] = summary
		return
	case c.told.settling[s.Key] != summary:
		c.told.settling[s.Key] = summary
		return
	}
	kind, reason := kube.Normal, eventAnnounced
	if now.from == 0 {
		kind, reason = kube.Warning, eventNotAnnounced
	}
	if !c.event(kube.ServiceRef(s.Key, s.UID), kind, reason, now.String()) {
		return // it goes on settling, and is told when it may be
	}
	delete(c.told.settling, s.Key)
	c.told.services[s.Key] = summary
}

// standings looks at every node with the eyes of its speaker: how is each
// Service that holds an address announced, and which nodes announce nothing?
func (c *Controller) standings() (map[model.Key]standing, map[string]string) {
	services, nodes := map[model.Key]standing{}, map[string]string{}
	c.conflicts = map[string]string{}
	for _, s := range c.view.Services {
		if s.Wanted && len(s.Holds) > 0 {
			services[s.Key] = standing{from: len(c.view.Nodes), nodes: len(c.view.Nodes), no: map[why][]string{}}
		}
	}
	rest, local := split(c.view.Snapshot)
	o := announce.Options{IgnoreExcludeLB: c.IgnoreExcludeLB, FromAfar: true}
	for _, alike := range announce.Alike(rest, o) {
		peers, refused := announce.Audience(rest, alike[0], o)
		c.judge(services, nodes, refused, alike)
		hear(services, peers, c.fleet, alike)
		if len(local.Services) == 0 {
			continue
		}
		for _, n := range alike {
			peers, refused := announce.Audience(local, n, o)
			c.judge(services, nodes, refused, []string{n})
			hear(services, peers, c.fleet, []string{n})
		}
	}
	for _, st := range services {
		slices.Sort(st.mute)
		for _, from := range st.no {
			slices.Sort(from)
		}
	}
	return services, nodes
}

// split takes the Services of policy Local apart from the rest: of the rest,
// nodes that are alike need be asked once.
func split(s model.Snapshot) (rest, local model.Snapshot) {
	rest, local = s, s
	rest.Services, local.Services = make([]*model.Service, 0, len(s.Services)), nil
	for _, svc := range s.Services {
		if svc.Local {
			local.Services = append(local.Services, svc)
		} else {
			rest.Services = append(rest.Services, svc)
		}
	}
	return rest, local
}

// judge notes what all of these nodes refuse, and which advertisement it is that
// contradicts an older one.
func (c *Controller) judge(services map[model.Key]standing, nodes map[string]string, refused []announce.Refusal, from []string) {
	var counted model.Key
	for _, r := range refused {
		st, ok := services[r.Service]
		if !ok {
			continue
		}
		w := why{r.Reason, r.Detail}
		if at := st.no[w]; len(at) == 0 || at[len(at)-1] != from[len(from)-1] { // one address has said it
			st.no[w] = append(at, from...)
		}
		if a := r.Advertisement; a != "" && (c.conflicts[a] == "" || r.Detail < c.conflicts[a]) {
			c.conflicts[a] = r.Detail
		}
		if r.Reason == announce.ConflictingAdvertisements {
			services[r.Service] = st // it is announced as the older one says
			continue
		}
		if r.Service != counted { // refusals are sorted by Service
			st.from -= len(from)
			counted = r.Service
		}
		services[r.Service] = st
		if slices.Contains(ofNode, r.Reason) {
			for _, n := range from {
				nodes[n] = string(r.Reason) + ": " + r.Detail
			}
		}
	}
}

// problems are the reasons that are told of the Service.
func (s standing) problems() []string {
	var out []string
	for w := range s.no {
		if s.from > 0 && (slices.Contains(ofNode, w.reason) || slices.Contains(expected, w.reason)) {
			continue
		}
		if word := string(w.reason); !slices.Contains(out, word) {
			out = append(out, word)
		}
	}
	slices.Sort(out)
	return out
}

// summary is what must change for the Service to be told of anew.
func (s standing) summary() string {
	if s.from > 0 {
		return "announced " + strings.Join(s.problems(), " ")
	}
	return "not announced " + strings.Join(s.problems(), " ")
}

const nodesNamed = 5

// String says it all: "from 2 of 3 nodes; not from node3: nodeDraining: …".
func (s standing) String() string {
	parts := s.refusals()
	if s.from > 0 || s.nodes == 0 {
		parts = slices.Insert(parts, 0, fmt.Sprintf("from %d of %d nodes", s.from, s.nodes))
	}
	return strings.Join(parts, "; ")
}

// refusals has a sentence for each reason, sorted.
func (s standing) refusals() []string {
	var parts []string
	for w, from := range s.no {
		how := "not"
		if w.reason == announce.ConflictingAdvertisements {
			how = "in part"
		}
		parts = append(parts, fmt.Sprintf("%s from %s: %s: %s", how, named(from), w.reason, w.detail))
	}
	slices.Sort(parts)
	return parts
}

// named is the first few of them, and how many more there are.
func named(nodes []string) string {
	text := strings.Join(nodes[:min(len(nodes), nodesNamed)], ", ")
	if more := len(nodes) - nodesNamed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
