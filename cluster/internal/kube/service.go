package kube

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode"
	"unique"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/hawser-lb/hawser/cluster/internal/model"
)

// AllocatedFrom is the annotation that says which pools the addresses of a
// Service came from. It also marks them as given by Hawser: the addresses of a
// Service that is no longer ours to serve are taken away only where it stands.
const AllocatedFrom = "hawser.dev/allocated-from-pool"

// The annotations that say a Service's wishes, each in all its spellings.
var (
	poolAnnotations      = []string{"hawser.dev/pool", "metallb.io/address-pool", "metallb.universe.tf/address-pool"}
	addressesAnnotations = []string{"hawser.dev/addresses", "metallb.io/loadBalancerIPs", "metallb.universe.tf/loadBalancerIPs"}
	sharingAnnotations   = []string{"hawser.dev/allow-shared-ip", "metallb.io/allow-shared-ip", "metallb.universe.tf/allow-shared-ip"}
)

// readService keeps Services that are ours to serve and those that hold an
// address of ours. class is that of --load-balancer-class. A load balancer of
// another class is never ours, whatever it is annotated with: its class cannot
// change while its type stays, so that the address is from another Hawser,
// which would give it again as often as we took it away.
func readService(class string) func(*corev1.Service) (model.Service, bool) {
	return func(s *corev1.Service) (model.Service, bool) {
		balancer := s.Spec.Type == corev1.ServiceTypeLoadBalancer
		foreign := balancer && classOf(s) != class
		wanted := balancer && !foreign && s.DeletionTimestamp == nil
		from := s.Annotations[AllocatedFrom]
		if foreign || !wanted && from == "" {
			return model.Service{}, false
		}
		m := model.Service{
			Key:       model.Key{Namespace: s.Namespace, Name: s.Name},
			UID:       string(s.UID),
			Created:   s.CreationTimestamp.Time,
			Labels:    s.Labels,
			Wanted:    wanted,
			Families:  families(s),
			Policy:    model.SingleStack,
			Local:     s.Spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal,
			Holds:     holds(s),
			HoldsFrom: from,
		}
		if m.Local {
			m.Backends = labels.Set(s.Spec.Selector).String()
			m.HealthPort = uint16(s.Spec.HealthCheckNodePort) // of 1 to 65535, the API server sees to that
		}
		if s.Spec.IPFamilyPolicy != nil {
			m.Policy = model.FamilyPolicy(*s.Spec.IPFamilyPolicy)
		}
		for _, p := range s.Spec.Ports {
			m.Ports = append(m.Ports, model.Port{Protocol: unique.Make(string(p.Protocol)).Value(), Number: p.Port})
		}
		wishes(s, &m)
		return m, true
	}
}

func classOf(s *corev1.Service) string {
	if s.Spec.LoadBalancerClass == nil {
		return ""
	}
	return *s.Spec.LoadBalancerClass
}

func families(s *corev1.Service) []model.Family {
	var out []model.Family
	for _, ip := range s.Spec.ClusterIPs {
		if a, err := netip.ParseAddr(ip); err == nil {
			out = append(out, model.FamilyOf(a))
		}
	}
	return out
}

func holds(s *corev1.Service) []netip.Addr {
	var out []netip.Addr
	for _, in := range s.Status.LoadBalancer.Ingress {
		if a, err := netip.ParseAddr(in.IP); err == nil {
			out = append(out, a)
		}
	}
	return out
}

// wishes reads what the Service asks for. Of the first mistake only: the user
// sees the next one when it is mended.
func wishes(s *corev1.Service, m *model.Service) {
	pool, err := wantPool(s)
	if err == nil {
		m.WantPool = pool
		m.SharingKey, err = annotation(s, sharingAnnotations)
	}
	if err == nil {
		m.WantAddresses, err = wantAddresses(s)
	}
	if err != nil {
		m.WishError = err.Error()
	}
}

// annotation is the value that stands under one or more of the spellings.
func annotation(s *corev1.Service, spellings []string) (string, error) {
	first := ""
	for _, key := range spellings {
		switch value := strings.TrimSpace(s.Annotations[key]); {
		case value == "":
		case first == "":
			first = key
		case value != strings.TrimSpace(s.Annotations[first]):
			return "", fmt.Errorf("annotations %s and %s differ: keep one of them", first, key)
		}
	}
	return strings.TrimSpace(s.Annotations[first]), nil
}

// wantPool is a name that messages may repeat: they are read on terminals, and
// whoever writes an annotation may write anything.
func wantPool(s *corev1.Service) (string, error) {
	pool, err := annotation(s, poolAnnotations)
	if err == nil && (len(pool) > longestName || strings.ContainsFunc(pool, func(r rune) bool { return !unicode.IsPrint(r) })) {
		return "", fmt.Errorf("annotation %s: no pool has such a name: names are of small letters, digits, dashes and dots", poolAnnotations[0])
	}
	return pool, err
}

// longestName of an object (RFC 1123, as Kubernetes reads it).
const longestName = 253

func wantAddresses(s *corev1.Service) ([]netip.Addr, error) {
	text, err := annotation(s, addressesAnnotations)
	if err != nil {
		return nil, err
	}
	out, err := parseAddresses("annotation "+addressesAnnotations[0], text)
	if err != nil || s.Spec.LoadBalancerIP == "" {
		return out, err
	}
	a, err := parseAddresses("spec.loadBalancerIP", s.Spec.LoadBalancerIP)
	switch {
	case err != nil:
		return nil, err
	case len(out) > 0 && !slices.Contains(out, a[0]):
		return nil, fmt.Errorf("spec.loadBalancerIP %s is not among the addresses of annotation %s (%s): keep one of the two", a[0], addressesAnnotations[0], list(out))
	case len(out) == 0:
		out = a
	}
	return out, nil
}

// list of addresses, as an annotation has it.
func list(all []netip.Addr) string {
	words := make([]string, len(all))
	for i, a := range all {
		words[i] = a.String()
	}
	return strings.Join(words, ",")
}

func parseAddresses(where, text string) ([]netip.Addr, error) {
	if text == "" {
		return nil, nil
	}
	var out []netip.Addr
	for _, word := range strings.Split(text, ",") {
		a, err := netip.ParseAddr(strings.TrimSpace(word))
		if err != nil || a.Zone() != "" {
			return nil, fmt.Errorf("%s: %.80q is no address: write one address of each family, with a comma between", where, strings.TrimSpace(word))
		}
		out = append(out, a.Unmap())
	}
	return out, nil
}
