package kube

import (
	"net/netip"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/hawser-lb/hawser/cluster/internal/model"
)

// DrainAnnotation on a Node takes the node's routes away, whatever its value. One
// that is a duration ("10m") says after how long.
const DrainAnnotation = "hawser.dev/drain"

func readNode(n *corev1.Node) (model.Node, bool) {
	m := model.Node{Name: n.Name, Labels: n.Labels, Leaving: leaving(n)}
	if d, err := time.ParseDuration(n.Annotations[DrainAnnotation]); err == nil && d >= 0 {
		m.DrainTime = &d
	}
	for _, a := range n.Status.Addresses {
		if a.Type != corev1.NodeInternalIP {
			continue
		}
		if ip, err := netip.ParseAddr(a.Address); err == nil {
			m.Addresses = append(m.Addresses, ip.Unmap())
		}
	}
	for _, c := range n.Status.Conditions {
		switch c.Type {
		case corev1.NodeNetworkUnavailable:
			m.NetworkUnavailable = c.Status == corev1.ConditionTrue
		case corev1.NodeReady:
			m.Silent = c.Status == corev1.ConditionUnknown
		}
	}
	return m, true
}

// leaving says why the node is going away. That it is cordoned or not ready is
// no reason: its pods may serve all the same.
func leaving(n *corev1.Node) string {
	if n.DeletionTimestamp != nil {
		return "being deleted"
	}
	if _, drained := n.Annotations[DrainAnnotation]; drained {
		return "drained"
	}
	for _, t := range n.Spec.Taints {
		if t.Key == corev1.TaintNodeOutOfService {
			return "out of service"
		}
	}
	for _, c := range n.Status.Conditions {
		// The kubelet's graceful shutdown says so in the message only.
		if c.Type == corev1.NodeReady && c.Status == corev1.ConditionFalse && strings.Contains(c.Message, "node is shutting down") {
			return "shutting down"
		}
	}
	return ""
}

func readNamespace(n *corev1.Namespace) (model.Labels, bool) { return n.Labels, true }
