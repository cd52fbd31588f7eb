package announce

import (
	"net/netip"

	"github.com/hawser-lb/hawser/cluster/internal/model"
	"github.com/hawser-lb/hawser/shared/route"
)

// Options are what announcing depends on beside the snapshot.
type Options struct {
	// IgnoreExcludeLB announces from nodes that carry the label
	// node.kubernetes.io/exclude-from-external-load-balancers.
	IgnoreExcludeLB bool
	// Grace lets a node that is leaving announce a moment longer.
	Grace bool
	// FromAfar is how others look at the node: one of whose kubelet nothing is
	// heard is taken for dead. A speaker that runs knows better of its own.
	FromAfar bool
	// Down has the peers of this node whose session is not up, by name, with
	// the reason in words. They are announced to all the same, so that they
	// are told at once when they come up.
	Down map[string]string
	// Waiting reports whether the node's service proxy is yet to say that it
	// sends a Service's traffic to pods on the node; nil: it never is.
	Waiting func(model.Key) bool
}

// Announcement is one route and the names of the peers to tell it, sorted. One
// prefix has several when its attributes differ from peer to peer. What it
// points to may be shared with others: not to be written to.
type Announcement struct {
	Route route.Route
	Peers []string
}

// Refusal says why a Service, or one address of it, is not announced.
type Refusal struct {
	Service model.Key
	// Address is zero when the reason holds for the whole Service.
	Address netip.Addr
	Reason  Reason
	Detail  string
	// Advertisement is the younger of two that contradict each other.
	Advertisement string
}

// Reason is one of a fixed list of words, which docs/reasons.md explains.
type Reason string

const (
	NotSelected               Reason = "notSelected"
	NoMatchingAdvertisement   Reason = "noMatchingAdvertisement"
	NodeNetworkUnavailable    Reason = "nodeNetworkUnavailable"
	NodeExcluded              Reason = "nodeExcluded"
	NodeDraining              Reason = "nodeDraining"
	NodeSilent                Reason = "nodeSilent"
	NoEndpoints               Reason = "noEndpoints"
	NoLocalEndpoints          Reason = "noLocalEndpoints"
	ProxyNotReady             Reason = "proxyNotReady"
	PoolUnknown               Reason = "poolUnknown"
	ConflictingAdvertisements Reason = "conflictingAdvertisements"
	PeerDown                  Reason = "peerDown"
)

// Reasons are all of them, in the order in which they are looked for.
func Reasons() []Reason {
	return []Reason{
		PoolUnknown, NoMatchingAdvertisement, NotSelected,
		NodeNetworkUnavailable, NodeExcluded, NodeDraining, NodeSilent,
		NoEndpoints, NoLocalEndpoints, ProxyNotReady,
		ConflictingAdvertisements, PeerDown,
	}
}
