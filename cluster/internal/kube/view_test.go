package kube

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/hawser-lb/hawser/cluster/api/v1alpha1"
	"github.com/hawser-lb/hawser/cluster/internal/model"
)

// quiet is a Cluster that nobody runs: what it knows is what a test tells it.
func quiet(t *testing.T) *Cluster {
	t.Helper()
	config := clientcmdapi.NewConfig()
	config.Clusters["c"] = &clientcmdapi.Cluster{Server: "http://192.0.2.1"}
	config.Contexts["c"] = &clientcmdapi.Context{Cluster: "c"}
	config.CurrentContext = "c"
	file := t.TempDir() + "/kubeconfig"
	if err := clientcmd.WriteToFile(*config, file); err != nil {
		t.Fatal(err)
	}
	c, err := New(Options{Kubeconfig: file, Namespace: "hawser-system", Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// aChange tells the Cluster of something that may happen to one of a few
// Services.
func aChange(t *testing.T, c *Cluster, version int) {
	n := rand.IntN(8)
	meta := metav1.ObjectMeta{
		Namespace: "default", Name: fmt.Sprintf("s%d", n), UID: types.UID(fmt.Sprint(n)), ResourceVersion: fmt.Sprint(version),
	}
	s := &corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer}}
	e := &discoveryv1.EndpointSlice{ObjectMeta: meta, AddressType: discoveryv1.AddressTypeIPv4}
	e.Name += fmt.Sprintf("-%d", rand.IntN(2))
	e.Labels = map[string]string{discoveryv1.LabelServiceName: s.Name}
	for i := range rand.IntN(3) {
		node := fmt.Sprintf("node%d", i)
		e.Endpoints = append(e.Endpoints, discoveryv1.Endpoint{Addresses: []string{"192.0.2.1"}, NodeName: &node})
	}
	var err error
	switch rand.IntN(8) {
	case 0:
		err = c.services.Delete(s)
	case 1:
		s.Spec.Type = corev1.ServiceTypeClusterIP
		err = c.services.Update(s)
	case 2:
		err = c.slices.Delete(e)
	case 3, 4:
		err = c.slices.Update(e)
	case 5:
		s.Labels = map[string]string{"l": fmt.Sprint(rand.IntN(2))}
		err = c.services.Update(s)
	case 6:
		s.Annotations = map[string]string{"of": "nobody's concern"}
		err = c.services.Update(s)
	default:
		err = c.pools.Update(&v1alpha1.AddressPool{ObjectMeta: metav1.ObjectMeta{Name: "home", UID: "1", ResourceVersion: fmt.Sprint(version), Generation: int64(version)}, Spec: v1alpha1.AddressPoolSpec{AvoidBuggyIPs: rand.IntN(2) == 0}})
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestAViewThatIsKeptIsThatOfEverything(t *testing.T) {
	c := quiet(t)
	c.View()
	for version := range 3000 {
		before := map[model.Key]model.Service{}
		for _, s := range c.view.Services {
			before[s.Key] = *s
		}
		for range 1 + rand.IntN(3) {
			aChange(t, c, version+1)
		}
		v := c.View()
		if got, want := portrait(v), portrait(c.viewAll()); got != want {
			t.Fatalf("it has\n%s\nnot\n%s", got, want)
		}
		if v.Changes.Whole {
			continue
		}
		for _, k := range v.Changes.Services {
			if s := v.Service(k); s != nil && reflect.DeepEqual(before[k], *s) {
				t.Errorf("%s has not changed", k)
			}
			delete(before, k)
		}
		for k, s := range before {
			if now := v.Service(k); now == nil || !reflect.DeepEqual(s, *now) {
				t.Errorf("nobody says that %s has changed", k)
			}
		}
	}
}

// portrait is the view as text.
func portrait(v *View) string {
	var lines []string
	for _, s := range v.Services {
		lines = append(lines, fmt.Sprintf("%+v version %s, %t", *s, v.Version(s.Key), v.Service(s.Key) == s))
	}
	slices.Sort(lines)
	return strings.Join(append(lines, fmt.Sprintf("%+v", v.Pools)), "\n")
}

func TestAClusterWithoutAnyPoolIsNotBelievedForAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := quiet(t)
		home := &v1alpha1.AddressPool{
			ObjectMeta: metav1.ObjectMeta{Name: "home", UID: "1"}, Spec: v1alpha1.AddressPoolSpec{Addresses: []v1alpha1.AddressRange{"192.0.2.0/24"}},
		}
		text := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "hawser-system", Name: ConfigName, UID: "2"}, Data: map[string]string{
			ConfigName: "address-pools: [{name: old, protocol: bgp, addresses: [198.51.100.0/24]}]\npeers: [{my-asn: 1, peer-asn: 2, peer-address: 192.0.2.1}]",
		}}
		see := func(what, want string, after time.Duration) {
			t.Helper()
			time.Sleep(after)
			v := c.View()
			got := fmt.Sprintf("settling %t", v.Config.Settling)
			for _, p := range v.Pools {
				got += " " + p.Name
			}
			if got += fmt.Sprintf(", %d peers", len(v.Peers)); got != want {
				t.Errorf("%s: %s, want %s", what, got, want)
			}
		}
		see("before anything is there", "settling true, 0 peers", 0)
		must(t, c.texts.Add(text))
		see("with a ConfigMap", "settling false old, 1 peers", 0)
		must(t, c.texts.Delete(text))
		see("when it is gone", "settling true old, 1 peers", 0)
		must(t, c.texts.Add(text))
		see("when it is back", "settling false old, 1 peers", grace-time.Second)
		must(t, c.texts.Delete(text))
		must(t, c.pools.Add(home))
		see("when an object takes its place", "settling false home, 0 peers", 0)
		router := &v1alpha1.BGPPeer{ObjectMeta: metav1.ObjectMeta{Name: "router", UID: "3"}, Spec: v1alpha1.BGPPeerSpec{MyASN: 1, PeerASN: 2, PeerAddress: "192.0.2.1"}}
		must(t, c.peers.Add(router))
		see("with a peer", "settling false home, 1 peers", 0)
		must(t, c.pools.Delete(home))
		see("when the pool is gone", "settling true home, 1 peers", 0)
		must(t, c.peers.Delete(router))
		see("when the peer is gone too", "settling true home, 0 peers", 0)
		see("after a minute", "settling false, 0 peers", grace)
	})
}
