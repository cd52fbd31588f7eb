package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/hawser-lb/hawser/cluster/internal/model"
)

// Grant is what a Service is to hold.
type Grant struct {
	Service   model.Key
	Version   string // View.Version, on which it was decided
	Addresses []netip.Addr
	From      string // the pools, for the annotation; "" takes it away
}

// SetAddresses writes a Service's addresses and where they came from, in one
// request: the API server takes annotations through the status as well. With
// the last address goes the condition that says how it is announced. A
// Service that is gone needs nothing. Stale reports whether the error means
// that the Service has changed since.
func (c *Cluster) SetAddresses(ctx context.Context, g Grant) error {
	body, err := json.Marshal(grantPatch(g))
	if err != nil {
		return err
	}
	var out corev1.Service
	c.announcer.granted.Store(time.Now().UnixNano())
	err = c.api.core.Patch(types.StrategicMergePatchType).
		Namespace(g.Service.Namespace).Resource("services").Name(g.Service.Name).SubResource("status").
		Body(body).Do(ctx).Into(&out)
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("service %s: %w", g.Service, err)
	}
	c.services.answer(&out)
	return nil
}

// Stale reports whether an error of SetAddresses means that the Service has
// changed since the View that the Grant was decided on. The change is on its
// way here; deciding anew is all that is needed.
func Stale(err error) bool { return apierrors.IsConflict(err) }

func grantPatch(g Grant) map[string]any {
	ingress := make([]corev1.LoadBalancerIngress, 0, len(g.Addresses))
	for _, a := range g.Addresses {
		ingress = append(ingress, corev1.LoadBalancerIngress{IP: a.String()})
	}
	var from any
	if g.From != "" {
		from = g.From
	}
	status := map[string]any{"loadBalancer": map[string]any{"ingress": ingress}}
	if len(g.Addresses) == 0 {
		status["conditions"] = []any{map[string]any{"$patch": "delete", "type": AnnouncedCondition}}
	}
	return map[string]any{
		"metadata": map[string]any{
			"resourceVersion": g.Version,
			"annotations":     map[string]any{AllocatedFrom: from},
		},
		"status": status,
	}
}
