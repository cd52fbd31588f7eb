package kube

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/hawser-lb/hawser/cluster/api/v1alpha1"
)

// Report is how our speaker stands; it becomes our node's BGPNode.
type Report struct {
	Sessions     []Session
	Announced    int            // routes
	Refused      int            // Services that hold an address and are not announced
	NotAnnounced []NotAnnounced // the first MostNotAnnounced of them
}

// MostNotAnnounced is how many Services a BGPNode names.
const MostNotAnnounced = 100

// Session is one session of a node.
type Session struct {
	Peer         string
	Address      netip.Addr // zero where the node knows none
	LocalAddress netip.Addr
	ASN          uint32
	State        string
	Since        time.Time
	LastError    string
	RoutesSent   int
	BFD          string // "" where it is not asked for
}

// StateEstablished is the state of a session that is up.
const StateEstablished = "Established"

// NotAnnounced is a Service that a node does not announce, and why.
type NotAnnounced struct{ Service, Reason, Message string }

// reportEvery is the shortest time between two writes of our BGPNode.
const reportEvery = time.Second

// reporter keeps our BGPNode as it should be: it is written when something is
// different, also by somebody else's hand, and once a second at most.
type reporter struct {
	client *rest.RESTClient
	node   string
	owner  func() (types.UID, bool) // the Node's
	log    *slog.Logger
	there  *mirror[*v1alpha1.BGPNode, node]
	wake   chan struct{}

	mu   sync.Mutex
	want *v1alpha1.BGPNodeStatus
}

// node is what is known of a BGPNode of ours: its status and its owner, as text.
type node struct{ status, owner string }

func newReporter(client *rest.RESTClient, name string, owner func() (types.UID, bool), log *slog.Logger) *reporter {
	r := &reporter{client: client, node: name, owner: owner, log: log, wake: make(chan struct{}, 1)}
	r.there = newMirror(readOwn, r.poke)
	return r
}

func readOwn(o *v1alpha1.BGPNode) (node, bool) {
	n := node{status: statusText(o.Status)}
	for _, ref := range o.OwnerReferences {
		n.owner = string(ref.UID)
	}
	return n, true
}

func statusText(s v1alpha1.BGPNodeStatus) string {
	text, err := json.Marshal(s)
	if err != nil {
		return "" // it has no field that cannot be written
	}
	return string(text)
}

// Report says how our speaker stands. It does not wait.
func (c *Cluster) Report(r Report) { c.reporter.set(r) }

func (r *reporter) set(now Report) {
	s := now.status()
	r.mu.Lock()
	r.want = &s
	r.mu.Unlock()
	r.poke()
}

func (r *reporter) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *reporter) run(ctx context.Context) {
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		}
		sent, err := r.write(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !failing:
			r.log.Warn("the BGPNode cannot be written, it is tried again", "node", r.node, "reason", err)
		case sent && failing:
			r.log.Info("the BGPNode is written again", "node", r.node)
		}
		failing = err != nil
		if failing {
			r.poke()
		}
		if (sent || failing) && !pause(ctx, reportEvery) {
			return
		}
	}
}

// write sends the report unless the API server has it already, and reports
// whether it did. Without a Node there is nobody to own it.
func (r *reporter) write(ctx context.Context) (sent bool, err error) {
	r.mu.Lock()
	want := r.want
	r.mu.Unlock()
	uid, here := r.owner()
	if want == nil || !here || !r.there.ready() {
		return false, nil
	}
	if e, ok := r.there.get(name{"", r.node}); ok && e.value == (node{statusText(*want), string(uid)}) {
		return false, nil
	}
	body, err := json.Marshal(map[string]any{
		"apiVersion": v1alpha1.GroupVersion.String(),
		"kind":       "BGPNode",
		"metadata": map[string]any{
			"name":            r.node,
			"ownerReferences": []metav1.OwnerReference{{APIVersion: "v1", Kind: "Node", Name: r.node, UID: uid}},
		},
		"status": want,
	})
	if err != nil {
		return false, err
	}
	var out v1alpha1.BGPNode
	err = r.client.Patch(types.ApplyPatchType).Resource("bgpnodes").Name(r.node).
		Param("fieldManager", component).Param("force", "true").Body(body).Do(ctx).Into(&out)
	if err != nil {
		return false, err
	}
	r.there.answer(&out)
	return true, nil
}

// status is the report as the API has it.
func (r Report) status() v1alpha1.BGPNodeStatus {
	s := v1alpha1.BGPNodeStatus{Total: int32(len(r.Sessions)), Announced: int32(r.Announced), Refused: int32(r.Refused)}
	for _, x := range r.Sessions {
		o := v1alpha1.Session{
			Peer: x.Peer, Address: text(x.Address), LocalAddress: text(x.LocalAddress), ASN: int64(x.ASN),
			State: x.State, LastError: x.LastError, RoutesSent: int32(x.RoutesSent), BFD: x.BFD,
		}
		if !x.Since.IsZero() {
			o.Since = &metav1.Time{Time: x.Since.Truncate(time.Second)}
		}
		if x.State == StateEstablished {
			s.Established++
		}
		s.Sessions = append(s.Sessions, o)
	}
	for _, n := range r.NotAnnounced[:min(len(r.NotAnnounced), MostNotAnnounced)] {
		s.NotAnnounced = append(s.NotAnnounced, v1alpha1.NotAnnounced(n))
	}
	return s
}

func text(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
