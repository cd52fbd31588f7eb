// Package model is the cluster as the deciding rooms see it: Services, pools,
// peers, advertisements and nodes as plain fields on netip types. It imports
// nothing of Kubernetes; kube and legacy fill it in, alloc and announce read
// it, nobody changes a value once it is in a Snapshot.
package model

import (
	"math/big"
	"net/netip"
	"time"

	"github.com/hawser-lb/hawser/shared/addr"
	"github.com/hawser-lb/hawser/shared/route"
	"github.com/hawser-lb/hawser/shared/secret"
)

// Snapshot is everything that deciding needs, at one moment. Services are not
// written to once they stand in one: who changes one puts a new value there.
type Snapshot struct {
	Services       []*Service // of type LoadBalancer and ours, or holding an address of ours
	Pools          []Pool
	Peers          []Peer
	Advertisements []Advertisement
	Nodes          []Node
	Namespaces     map[string]Labels // labels by namespace name
}

// Labels of a Kubernetes object.
type Labels map[string]string

// Selector is a label selector, compiled by kube or legacy. String says it as
// kubectl would.
type Selector interface {
	Matches(Labels) bool
	String() string
}

// Key names a Service.
type Key struct{ Namespace, Name string }

// String is "namespace/name".
func (k Key) String() string { return k.Namespace + "/" + k.Name }

// Family is an IP family.
type Family uint8

const (
	IPv4 Family = 4
	IPv6 Family = 6
)

// FamilyOf an address.
func FamilyOf(a netip.Addr) Family {
	if a.Is4() {
		return IPv4
	}
	return IPv6
}

// String is "IPv4" or "IPv6", as Kubernetes writes it.
func (f Family) String() string {
	if f == IPv4 {
		return "IPv4"
	}
	return "IPv6"
}

// FamilyPolicy is spec.ipFamilyPolicy.
type FamilyPolicy string

const (
	SingleStack      FamilyPolicy = "SingleStack"
	PreferDualStack  FamilyPolicy = "PreferDualStack"
	RequireDualStack FamilyPolicy = "RequireDualStack"
)

// Port is one port of a Service.
type Port struct {
	Protocol string // "TCP", "UDP", "SCTP"
	Number   int32
}

// Service is one Service of type LoadBalancer.
type Service struct {
	Key
	UID     string
	Created time.Time
	Labels  Labels
	// Wanted is true when the Service is ours to serve: type LoadBalancer,
	// our class, not being deleted. A Service that is not Wanted but holds an
	// address of ours (status or annotation) loses both.
	Wanted bool
	// Families from its cluster IPs, in order.
	Families []Family
	Policy   FamilyPolicy
	Ports    []Port
	// Local is externalTrafficPolicy: Local; Backends is then its pod
	// selector in canonical form, which sharing compares.
	Local    bool
	Backends string
	// HealthPort is spec.healthCheckNodePort, where a node's service proxy says
	// whether it has endpoints on the node; 0 for none.
	HealthPort uint16
	// The wishes: addresses (annotation or spec.loadBalancerIP), pool, key.
	WantAddresses []netip.Addr
	WantPool      string
	SharingKey    string
	// WishError says why a wish could not be read ("annotation
	// hawser.dev/addresses: …"); such a Service keeps what it has.
	WishError string
	// Holds is status.loadBalancer.ingress[].ip; HoldsFrom the annotation
	// hawser.dev/allocated-from-pool.
	Holds     []netip.Addr
	HoldsFrom string
	Endpoints []Endpoint
}

// Endpoint is what announcing needs to know of one endpoint address.
type Endpoint struct {
	Node string
	// Family of the address; zero stands for both.
	Family  Family
	Ready   bool // nil in the API counts as true
	Serving bool
}

// Serves reports whether it takes traffic to addresses of family f.
func (e Endpoint) Serves(f Family) bool { return e.Family == 0 || e.Family == f }

// Usable reports whether traffic may be sent to it.
func (e Endpoint) Usable() bool { return e.Ready || e.Serving }

// Pool is one set of addresses that may be given to Services.
type Pool struct {
	Name               string
	Created            time.Time
	Ranges             []addr.Range // sorted, disjoint, of one or both families
	AutoAssign         bool
	AvoidBuggyIPs      bool
	Priority           int // 1 best; 0 last
	Namespaces         []string
	NamespaceSelectors []Selector
	ServiceSelectors   []Selector
	// Pinned is true when spec.serviceAllocation is given.
	Pinned                bool
	CrossNamespaceSharing bool
	Labels                Labels
	// Closed is true when the pool's object can be read in part only, so that
	// nobody knows whom it is for: those who hold an address of it keep it, and
	// no new one comes out.
	Closed bool
}

// PoolUse is how full a pool is, by family.
type PoolUse struct {
	Pool       string
	IPv4, IPv6 Use
}

// Use counts addresses; IPv6 pools exceed 64 bits.
type Use struct{ Total, Assigned *big.Int }

// Peer is one BGPPeer.
type Peer struct {
	Name                              string
	Created                           time.Time
	MyASN                             uint32
	PeerASN                           uint32
	Address                           netip.Addr // zero when DefaultGateway
	DefaultGateway                    bool
	Port                              uint16
	SourceAddress                     netip.Addr
	RouterID                          netip.Addr
	EBGPMultiHop                      bool
	HoldTime, Keepalive, ConnectRetry time.Duration
	TTLSecurity                       uint8       // hops, 0 for off
	PasswordSecret                    string      // its name, "" for none
	Password                          secret.Text // of the Secret, or of the ConfigMap
	// PasswordTrouble says why PasswordSecret gives no password.
	PasswordTrouble string
	BFD             BFD
	RestartTime     time.Duration // of graceful restart, 0 for off
	NodeSelectors   []Selector    // OR; empty: every node
}

// BFD is how a dead router is to be noticed.
type BFD struct {
	Enabled           bool
	Transmit, Receive time.Duration
	Multiplier        uint8
}

// Advertisement says what is announced from where to whom and how.
type Advertisement struct {
	Name                                   string
	Created                                time.Time
	Pools                                  []string
	PoolSelectors                          []Selector
	NodeSelectors                          []Selector
	Peers                                  []string
	ServiceSelectors                       []Selector
	AggregationLength, AggregationLengthV6 int // 32, 128 by default
	LocalPref                              route.Optional
	MED                                    route.Optional
	Communities                            []uint32
	LargeCommunities                       []route.LargeCommunity
}

// Node is one node as announcing sees it.
type Node struct {
	Name   string
	Labels Labels
	// Addresses of type InternalIP, in order.
	Addresses          []netip.Addr
	NetworkUnavailable bool
	// Silent: nobody has heard of its kubelet for a while. It may be without
	// power, or only its kubelet may be.
	Silent bool
	// Leaving says why the node is going away ("being deleted", "drained",
	// "out of service", "shutting down"), or is empty.
	Leaving string
	// DrainTime is how long whoever drains the node wants connections through it
	// to live; nil for as long as speakers are told by their own settings.
	DrainTime *time.Duration
}
