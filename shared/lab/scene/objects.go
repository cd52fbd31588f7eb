package scene

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/hawser-lb/hawser/shared/lab"
)

// Namespace is Hawser's own.
const Namespace = "hawser-system"

// PoolManifest and PeerManifest are what a user applies.
const (
	PoolManifest = `apiVersion: hawser.dev/v1alpha1
kind: AddressPool
metadata:
  name: home
spec:
  addresses: [10.77.100.0/24, "fd77:100::/112"]
`
	PeerManifest = `apiVersion: hawser.dev/v1alpha1
kind: BGPPeer
metadata:
  name: router
spec:
  myASN: 65001
  peerASN: 65000
  peerAddress: 10.77.2.1
  holdTime: 3s
`
	// OldConfigMap says the same in MetalLB's v0.12 words.
	OldConfigMap = `apiVersion: v1
kind: ConfigMap
metadata:
  namespace: hawser-system
  name: config
data:
  config: |
    peers:
    - peer-address: 10.77.2.1
      peer-asn: 65000
      my-asn: 65001
      hold-time: 3s
    address-pools:
    - name: default
      protocol: bgp
      addresses:
      - 10.77.100.0/24
`
	// WebService is served by the pods of WebPods.
	WebService = `apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  type: LoadBalancer
  externalTrafficPolicy: Local
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080}]
`
)

// deploy applies Hawser's manifests and the nodes, and gets the speakers the
// rights of their ServiceAccount and no more.
func (s *Scene) deploy(ctx context.Context) error {
	if _, err := s.Kube.Kubectl(ctx, "apply", "-k", filepath.Join(s.root, "cluster", "deploy")); err != nil {
		return err
	}
	for _, n := range s.Nodes {
		if err := s.addNode(ctx, n); err != nil {
			return err
		}
	}
	config, err := s.Kube.ServiceAccountConfig(ctx, Namespace, "hawser-speaker")
	s.speakerConfig = config
	return err
}

// addNode registers a node as its kubelet would.
func (s *Scene) addNode(ctx context.Context, n *Node) error {
	node := fmt.Sprintf("apiVersion: v1\nkind: Node\nmetadata:\n  name: %s\n  labels: {kubernetes.io/hostname: %[1]s}\n", n.Name)
	status := fmt.Sprintf(`{"status":{"addresses":[{"type":"InternalIP","address":"%s"},{"type":"InternalIP","address":"%s"},{"type":"Hostname","address":"%s"}],`+
		`"conditions":[{"type":"Ready","status":"True","reason":"Scene","message":"","lastHeartbeatTime":null,"lastTransitionTime":null}]}}`, n.Address, n.Address6, n.Name)
	if err := s.Kube.Apply(ctx, node); err != nil {
		return err
	}
	_, err := s.Kube.Kubectl(ctx, "patch", "node", n.Name, "--subresource=status", "--type=merge", "-p", status)
	return err
}

// WebPods makes one pod a node, as a Deployment spread over the nodes would,
// and says of each what its kubelet would: Running and Ready.
func (s *Scene) WebPods(ctx context.Context) error {
	var manifests []string
	for _, n := range s.Nodes {
		manifests = append(manifests, fmt.Sprintf(`apiVersion: v1
kind: Pod
metadata:
  name: web-%[1]s
  labels: {app: web}
spec:
  nodeName: %[1]s
  hostNetwork: true
  automountServiceAccountToken: false
  tolerations: [{operator: Exists}]
  containers:
  - name: web
    image: web
    ports: [{containerPort: %[2]d}]
`, n.Name, BackendPort))
	}
	apply := func() error { return s.Kube.Apply(ctx, strings.Join(manifests, "---\n")) }
	// The default ServiceAccount comes a moment after the namespace.
	if err := lab.Until(ctx, "the pods to be accepted", apply); err != nil {
		return err
	}
	var errs []error
	for _, n := range s.Nodes {
		errs = append(errs, s.SetPodReady(ctx, n, true))
	}
	return errors.Join(errs...)
}

// SetPodReady says whether the web pod of a node is ready.
func (s *Scene) SetPodReady(ctx context.Context, n *Node, ready bool) error {
	word := "False"
	if ready {
		word = "True"
	}
	status := fmt.Sprintf(`{"status":{"phase":"Running","podIP":"%[1]s","podIPs":[{"ip":"%[1]s"},{"ip":"%[2]s"}],`+
		`"conditions":[{"type":"Ready","status":"%[3]s"},{"type":"ContainersReady","status":"%[3]s"}]}}`, n.Address, n.Address6, word)
	_, err := s.Kube.Kubectl(ctx, "patch", "pod", "web-"+n.Name, "--subresource=status", "--type=merge", "-p", status)
	return err
}

// ServiceAddress is the first address of a Service, "" while it has none.
func (s *Scene) ServiceAddress(ctx context.Context, name string) (string, error) {
	return s.Kube.Kubectl(ctx, "get", "service", name, "-o", "jsonpath={.status.loadBalancer.ingress[0].ip}")
}
