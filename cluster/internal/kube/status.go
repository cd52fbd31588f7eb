package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/hawser-lb/hawser/cluster/api/v1alpha1"
	"github.com/hawser-lb/hawser/cluster/internal/model"
)

// Verdict says whether an object is used; it becomes the condition Accepted.
type Verdict struct {
	Accepted        bool
	Reason, Message string // Reason is one of v1alpha1's Reason words
}

// SessionCount counts the sessions with a peer, over all nodes.
type SessionCount struct{ Established, Total int }

// SetPoolStatus writes how full a pool is, if it is used, and the verdict.
// Nothing is sent when the API server has that already.
func (c *Cluster) SetPoolStatus(ctx context.Context, pool string, use *model.PoolUse, v Verdict) error {
	e, ok := c.pools.get(name{"", pool})
	if !ok {
		return nil
	}
	want := v1alpha1.AddressPoolStatus{Conditions: condition(v, e.value.status.Conditions, e.value.generation)}
	if use != nil {
		want.IPv4, want.IPv6 = count(use.IPv4), count(use.IPv6)
	}
	if reflect.DeepEqual(want, e.value.status) {
		return nil
	}
	return applyStatus(ctx, c.api.hawser, "addresspools", "AddressPool", pool, e.uid, want)
}

// SetPeerStatus writes the verdict on a peer and how many of its sessions are
// up; nil leaves those as they are. Nothing is sent when the API
// server has that already.
func (c *Cluster) SetPeerStatus(ctx context.Context, peer string, sessions *SessionCount, v Verdict) error {
	e, ok := c.peers.get(name{"", peer})
	if !ok {
		return nil
	}
	want := v1alpha1.BGPPeerStatus{Conditions: condition(v, e.value.status.Conditions, e.value.generation), Sessions: e.value.status.Sessions}
	if sessions != nil {
		want.Sessions = &v1alpha1.SessionCount{Established: int32(sessions.Established), Total: int32(sessions.Total)}
	}
	if reflect.DeepEqual(want, e.value.status) {
		return nil
	}
	return applyStatus(ctx, c.api.hawser, "bgppeers", "BGPPeer", peer, e.uid, want)
}

// SetAdvertisementStatus writes the verdict on an advertisement. Nothing is sent
// when the API server has that already.
func (c *Cluster) SetAdvertisementStatus(ctx context.Context, advertisement string, v Verdict) error {
	e, ok := c.ads.get(name{"", advertisement})
	if !ok {
		return nil
	}
	want := v1alpha1.BGPAdvertisementStatus{Conditions: condition(v, e.value.status.Conditions, e.value.generation)}
	if reflect.DeepEqual(want, e.value.status) {
		return nil
	}
	return applyStatus(ctx, c.api.hawser, "bgpadvertisements", "BGPAdvertisement", advertisement, e.uid, want)
}

// count is nil where there are no addresses of the family.
func count(u model.Use) *v1alpha1.PoolCount {
	if u.Total == nil || u.Total.Sign() == 0 {
		return nil
	}
	free := new(big.Int).Sub(u.Total, u.Assigned)
	return &v1alpha1.PoolCount{Total: u.Total.String(), Assigned: u.Assigned.String(), Available: free.String()}
}

// condition is the verdict as the API has it; the time is that of the last
// change from accepted to not or back.
func condition(v Verdict, had []metav1.Condition, generation int64) []metav1.Condition {
	c := metav1.Condition{
		Type: v1alpha1.Accepted, Status: metav1.ConditionFalse, Reason: v.Reason, Message: v.Message,
		ObservedGeneration: generation, LastTransitionTime: metav1.NewTime(time.Now().Truncate(time.Second)),
	}
	if v.Accepted {
		c.Status = metav1.ConditionTrue
	}
	for _, old := range had {
		if old.Type == c.Type && old.Status == c.Status {
			c.LastTransitionTime = old.LastTransitionTime
		}
	}
	return []metav1.Condition{c}
}

// applyStatus is a server-side apply of the whole status: what is left out is
// taken away.
func applyStatus(ctx context.Context, client *rest.RESTClient, resource, kind, name string, uid types.UID, status any) error {
	body, err := json.Marshal(map[string]any{
		"apiVersion": v1alpha1.GroupVersion.String(),
		"kind":       kind,
		"metadata":   map[string]any{"name": name, "uid": uid},
		"status":     status,
	})
	if err != nil {
		return err
	}
	err = client.Patch(types.ApplyPatchType).Resource(resource).Name(name).SubResource("status").
		Param("fieldManager", component).Param("force", "true").Body(body).Do(ctx).Error()
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return fmt.Errorf("status of %s %s: %w", resource, name, err)
	}
	return nil
}
