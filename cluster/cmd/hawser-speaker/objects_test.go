package main

import (
	"fmt"
	"strings"
)

func node(name string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: Node\nmetadata: {name: %s, labels: {name: %[1]s}}", name)
}

func pool(name, addresses string, more ...string) string {
	return fmt.Sprintf("apiVersion: hawser.dev/v1alpha1\nkind: AddressPool\nmetadata: {name: %s}\nspec:\n  addresses: [%s]\n%s",
		name, addresses, indent(more))
}

// peer is the router for one node, from an address that is the node's own.
func peer(r *router, node, source string, more ...string) string {
	return fmt.Sprintf(`apiVersion: hawser.dev/v1alpha1
kind: BGPPeer
metadata: {name: router-%s}
spec:
  myASN: 65001
  peerASN: 65000
  peerAddress: %s
  peerPort: %d
  sourceAddress: %s
  nodeSelectors: [{matchLabels: {name: %s}}]
%s`, node, r.address, routerPort, source, node, indent(more))
}

func service(name string, more ...string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: Service\nmetadata:\n  name: %s\n  annotations: {}\nspec:\n  type: LoadBalancer\n  ports: [{port: 80}]\n%s", name, indent(more))
}

// annotated adds an annotation to a service.
func annotated(service, key, value string) string {
	return strings.Replace(service, "annotations: {}", fmt.Sprintf("annotations: {%s: %q}", key, value), 1)
}

// endpoints says on which nodes a Service has a ready pod.
func endpoints(service string, nodes ...string) string {
	text := fmt.Sprintf("apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: %s-x, labels: {kubernetes.io/service-name: %[1]s}}\naddressType: IPv4\nports: [{port: 8080}]\nendpoints:\n", service)
	for i, n := range nodes {
		text += fmt.Sprintf("- {addresses: [10.1.0.%d], nodeName: %s, conditions: {ready: true}}\n", i+1, n)
	}
	if len(nodes) == 0 {
		text = strings.Replace(text, "endpoints:\n", "endpoints: []\n", 1)
	}
	return text
}

func indent(lines []string) string {
	var out string
	for _, l := range lines {
		out += "  " + l + "\n"
	}
	return out
}
