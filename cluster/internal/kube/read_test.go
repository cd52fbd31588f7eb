package kube

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/hawser-lb/hawser/cluster/api/v1alpha1"
	"github.com/hawser-lb/hawser/cluster/internal/model"
)

func loadBalancer(change func(*corev1.Service)) *corev1.Service {
	s := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web", UID: "1", Annotations: map[string]string{}},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, ClusterIPs: []string{"10.96.0.1", "fd00::1"}},
	}
	change(s)
	return s
}

func TestWhichServicesAreKeptAndWanted(t *testing.T) {
	class, gone := "example.org/other", metav1.Now()
	for _, c := range []struct {
		name         string
		change       func(*corev1.Service)
		kept, wanted bool
	}{
		{"a load balancer", func(*corev1.Service) {}, true, true},
		{"a cluster IP", func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeClusterIP }, false, false},
		{"a cluster IP that holds an address of ours", func(s *corev1.Service) {
			s.Spec.Type = corev1.ServiceTypeClusterIP
			s.Annotations[AllocatedFrom] = "home"
		}, true, false},
		{"one of another class", func(s *corev1.Service) { s.Spec.LoadBalancerClass = &class }, false, false},
		{"one of another class that holds an address of another Hawser", func(s *corev1.Service) {
			s.Spec.LoadBalancerClass = &class
			s.Annotations[AllocatedFrom] = "theirs"
		}, false, false},
		{"one that is being deleted and holds an address of ours", func(s *corev1.Service) {
			s.DeletionTimestamp = &gone
			s.Annotations[AllocatedFrom] = "home"
		}, true, false},
		{"one that is being deleted", func(s *corev1.Service) { s.DeletionTimestamp = &gone }, false, false},
	} {
		m, kept := readService("")(loadBalancer(c.change))
		if kept != c.kept || m.Wanted != c.wanted {
			t.Errorf("%s: kept %v, wanted %v", c.name, kept, m.Wanted)
		}
	}
}

func TestWishesInTheirSpellings(t *testing.T) {
	for _, c := range []struct {
		name        string
		annotations map[string]string
		ip          string
		want        string
	}{
		{"none", nil, "", "[]   "},
		{"both families", map[string]string{"hawser.dev/addresses": "192.0.2.1, 2001:db8::1"}, "", "[192.0.2.1 2001:db8::1]   "},
		{"two spellings that agree", map[string]string{"hawser.dev/pool": "a", "metallb.io/address-pool": " a "}, "", "[] a  "},
		{"two spellings that differ", map[string]string{"hawser.dev/pool": "a", "metallb.universe.tf/address-pool": "b"}, "", "[]   annotations hawser.dev/pool and metallb.universe.tf/address-pool differ: keep one of them"},
		{"a key", map[string]string{"metallb.io/allow-shared-ip": "k"}, "", "[]  k "},
		{"the field of old", nil, "192.0.2.1", "[192.0.2.1]   "},
		{"the field and an annotation that agree", map[string]string{"hawser.dev/addresses": "192.0.2.1"}, "192.0.2.1", "[192.0.2.1]   "},
		{"the field and an annotation that differ", map[string]string{"hawser.dev/addresses": "192.0.2.1"}, "192.0.2.2", "[]   spec.loadBalancerIP 192.0.2.2 is not among the addresses of annotation hawser.dev/addresses (192.0.2.1): keep one of the two"},
		{"what stands between addresses is not repeated", map[string]string{"hawser.dev/addresses": "192.0.2.1,\r\v\u0085192.0.2.3"}, "192.0.2.2", "[]   spec.loadBalancerIP 192.0.2.2 is not among the addresses of annotation hawser.dev/addresses (192.0.2.1,192.0.2.3): keep one of the two"},
		{"no address", map[string]string{"hawser.dev/addresses": "192.0.2.1,harbour"}, "", `[]   annotation hawser.dev/addresses: "harbour" is no address: write one address of each family, with a comma between`},
	} {
		m, _ := readService("")(loadBalancer(func(s *corev1.Service) {
			s.Annotations, s.Spec.LoadBalancerIP = c.annotations, c.ip
		}))
		if got := fmt.Sprint(m.WantAddresses, " ", m.WantPool, " ", m.SharingKey, " ", m.WishError); got != c.want {
			t.Errorf("%s:\ngot  %q\nwant %q", c.name, got, c.want)
		}
	}
}

// unreadable is a selector that no rule of an older schema refuses.
var unreadable = []v1alpha1.LabelSelector{{MatchExpressions: []v1alpha1.LabelRequirement{{Key: "a", Operator: "In"}}}}

func TestAnUnreadablePoolOrPeerIsAsItWasOrTakesNothingAway(t *testing.T) {
	c, err := New(Options{Kubeconfig: kubeconfig(t), Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	home := func(uid string, selectors []v1alpha1.LabelSelector) *v1alpha1.AddressPool {
		return &v1alpha1.AddressPool{ObjectMeta: metav1.ObjectMeta{Name: "home", UID: types.UID(uid)}, Spec: v1alpha1.AddressPoolSpec{
			Addresses: []v1alpha1.AddressRange{"192.0.2.0/24"}, ServiceAllocation: &v1alpha1.ServiceAllocation{Priority: 7, ServiceSelectors: selectors},
		}}
	}
	router := func(uid string, selectors []v1alpha1.LabelSelector) *v1alpha1.BGPPeer {
		return &v1alpha1.BGPPeer{ObjectMeta: metav1.ObjectMeta{Name: "router", UID: types.UID(uid)}, Spec: v1alpha1.BGPPeerSpec{
			MyASN: 65001, PeerASN: 65000, PeerAddress: "192.0.2.1", NodeSelectors: selectors,
		}}
	}
	good := []v1alpha1.LabelSelector{{MatchLabels: map[string]string{"a": "b"}}}
	for _, step := range []struct {
		uid       string
		selectors []v1alpha1.LabelSelector
		want      string
	}{
		{"1", good, "pool 192.0.2.0/24 [a=b] closed false \"\"; peer [a=b] \"\""},
		{"1", unreadable, "pool 192.0.2.0/24 [a=b] closed false \"spec.serviceAllocation.serviceSelectors[0]: label \\\"a\\\": operator In needs values; what it said before stays in force\"; " +
			"peer [a=b] \"spec.nodeSelectors[0]: label \\\"a\\\": operator In needs values; what it said before stays in force\""},
		{"1", nil, "pool 192.0.2.0/24 [] closed false \"\"; peer [] \"\""},
		{"2", unreadable, "pool 192.0.2.0/24 [] closed true \"spec.serviceAllocation.serviceSelectors[0]: label \\\"a\\\": operator In needs values; until it is mended those who hold an address of it keep it, and no new one comes out\"; " +
			"no peer \"spec.nodeSelectors[0]: label \\\"a\\\": operator In needs values; until it is mended it is not spoken to\""},
	} {
		must(t, c.pools.Update(home(step.uid, step.selectors)))
		must(t, c.peers.Update(router(step.uid, step.selectors)))
		v := c.View()
		if len(v.Pools) != 1 {
			t.Fatalf("%d pools: somebody loses an address", len(v.Pools))
		}
		p := v.Pools[0]
		got := fmt.Sprintf("pool %v %v closed %v %q; ", p.Ranges[0], p.ServiceSelectors, p.Closed, v.PoolObjects["home"])
		if len(v.Peers) == 0 {
			got += "no peer"
		} else {
			got += fmt.Sprintf("peer %v", v.Peers[0].NodeSelectors)
		}
		if got += fmt.Sprintf(" %q", v.PeerObjects["router"]); got != step.want {
			t.Errorf("got  %s\nwant %s", got, step.want)
		}
	}
}

// kubeconfig is for a Cluster that is not run.
func kubeconfig(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kubeconfig")
	must(t, os.WriteFile(file, []byte(`apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: here, user: me}}]
clusters: [{name: here, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: me, user: {}}]
`), 0o600))
	return file
}

func TestWhyANodeLeaves(t *testing.T) {
	gone := metav1.Now()
	for want, n := range map[string]corev1.Node{
		"":               {Spec: corev1.NodeSpec{Unschedulable: true}, Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionFalse}}}},
		"being deleted":  {ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: &gone}},
		"drained":        {ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{DrainAnnotation: ""}}},
		"out of service": {Spec: corev1.NodeSpec{Taints: []corev1.Taint{{Key: corev1.TaintNodeOutOfService}}}},
		"shutting down":  {Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionFalse, Message: "node is shutting down"}}}},
	} {
		if m, _ := readNode(&n); m.Leaving != want {
			t.Errorf("it is %q, not %q", m.Leaving, want)
		}
	}
}

func TestANodeMaySayHowLongItsDrainLasts(t *testing.T) {
	for value, want := range map[string]string{"": "none", "now": "none", "-3s": "none", "10": "none", "0s": "0s", "10m": "10m0s", "1h30m": "1h30m0s"} {
		n := corev1.Node{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{DrainAnnotation: value}}}
		m, _ := readNode(&n)
		got := "none"
		if m.DrainTime != nil {
			got = m.DrainTime.String()
		}
		if got != want || m.Leaving != "drained" {
			t.Errorf("%q: %s, not %s; it is %q", value, got, want, m.Leaving)
		}
	}
}

func TestANodeIsSilentWhenNothingIsHeardOfItsKubelet(t *testing.T) {
	for ready, want := range map[corev1.ConditionStatus]bool{corev1.ConditionTrue: false, corev1.ConditionFalse: false, corev1.ConditionUnknown: true} {
		n := corev1.Node{Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: ready}}}}
		if m, _ := readNode(&n); m.Silent != want {
			t.Errorf("Ready is %s: silent is %t", ready, m.Silent)
		}
	}
}

func endpointSlice(nodes ...string) *discoveryv1.EndpointSlice {
	s := &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Namespace: "default", Name: "web-x", Labels: map[string]string{discoveryv1.LabelServiceName: "web"}},
		AddressType: discoveryv1.AddressTypeIPv4,
	}
	for _, n := range nodes {
		s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{Addresses: []string{"10.0.0.1"}, NodeName: &n})
	}
	return s
}

func TestEndpointsAreKeptByNodeAndState(t *testing.T) {
	yes, no := true, false
	s := endpointSlice("b", "a", "a", "c")
	s.Endpoints[3].Conditions = discoveryv1.EndpointConditions{Ready: &no, Serving: &yes}
	s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{NodeName: s.Endpoints[0].NodeName}) // without an address
	got, kept := readSlice(s)
	want := []model.Endpoint{
		{Node: "a", Family: model.IPv4, Ready: true, Serving: true}, {Node: "b", Family: model.IPv4, Ready: true, Serving: true}, {Node: "c", Family: model.IPv4, Serving: true},
	}
	if !kept || !slices.Equal(got.endpoints, want) || got.service.String() != "default/web" {
		t.Errorf("got %v", got)
	}
	s.AddressType = discoveryv1.AddressTypeIPv6
	if got, _ := readSlice(s); len(got.endpoints) != 3 || got.endpoints[0].Family != model.IPv6 {
		t.Errorf("of IPv6: %v", got)
	}
	s.AddressType = discoveryv1.AddressTypeFQDN
	if _, kept := readSlice(s); kept {
		t.Error("names are kept")
	}
}

func TestSlicesFollowTheirService(t *testing.T) {
	m, of := newMirror(readSlice, func() {}), slicesOf{}
	m.moved = of.moved
	web := model.Key{Namespace: "default", Name: "web"}
	expect := func(k model.Key, nodes string) {
		t.Helper()
		var got []string
		for _, e := range of.endpoints(k) {
			got = append(got, e.Node)
		}
		if strings.Join(got, " ") != nodes {
			t.Errorf("%s has endpoints on %q, not on %q", k, got, nodes)
		}
	}
	must(t, m.Replace([]any{endpointSlice("a")}, "1"))
	expect(web, "a")
	must(t, m.Update(endpointSlice("b")))
	expect(web, "b")
	moved := endpointSlice("b")
	moved.Labels[discoveryv1.LabelServiceName] = "other"
	must(t, m.Update(moved))
	expect(web, "")
	expect(model.Key{Namespace: "default", Name: "other"}, "b")
	must(t, m.Replace(nil, "2"))
	if len(of) != 0 {
		t.Errorf("left behind: %v", of)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestAMirrorDoesNotGoBackInTime(t *testing.T) {
	marks := 0
	m := newMirror(readService(""), func() { marks++ })
	at := func(version, uid, ip string) *corev1.Service {
		return loadBalancer(func(s *corev1.Service) {
			s.ResourceVersion, s.UID = version, "1"
			if uid != "" {
				s.UID = "2"
			}
			s.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: ip}}
		})
	}
	holds := func(want string) {
		t.Helper()
		e, ok := m.get(name{"default", "web"})
		if got := fmt.Sprint(ok, e.value.Holds); got != want {
			t.Errorf("it has %s, not %s", got, want)
		}
	}
	must(t, m.Replace([]any{at("5", "", "192.0.2.5")}, "5"))
	m.answer(at("9", "", "192.0.2.9"))
	must(t, m.Update(at("7", "", "192.0.2.7"))) // the watch lags behind our own write
	holds("true [192.0.2.9]")
	if marks != 2 {
		t.Errorf("marked %d times, not twice", marks)
	}
	must(t, m.Update(at("10", "", "192.0.2.9")))
	if marks != 2 {
		t.Error("a change of nothing that is kept marks the line")
	}
	must(t, m.Update(at("11", "new", "192.0.2.1")))
	m.answer(at("12", "", "192.0.2.12")) // to a write about the Service of that name before
	holds("true [192.0.2.1]")
	must(t, m.Delete(at("13", "new", "")))
	m.answer(at("14", "new", "192.0.2.14"))
	holds("false []")
}

func TestTheFirstSightOfTheLeaseWakesTheWorkerAndRenewalsDoNot(t *testing.T) {
	marks := 0
	l := newLease(nil, Options{}, func() { marks++ })
	must(t, l.mirror.Replace(nil, "1"))
	if marks != 1 {
		t.Fatalf("marked %d times, not once: a speaker that learns of the Lease last would never begin", marks)
	}
	must(t, l.mirror.Update(&coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: LeaseName, ResourceVersion: "2"}}))
	if marks != 1 {
		t.Error("a renewal wakes the worker")
	}
}
