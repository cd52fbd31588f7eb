package kube_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/hawser-lb/hawser/shared/lab"
	"github.com/hawser-lb/hawser/shared/lab/kube"
)

const sailor = `
apiVersion: v1
kind: ServiceAccount
metadata: {name: sailor, namespace: default}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: sailor, namespace: default}
rules:
- {apiGroups: [""], resources: [services], verbs: [list]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: sailor, namespace: default}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: sailor}
subjects:
- {kind: ServiceAccount, name: sailor, namespace: default}
`

func TestAServiceAccountHasItsOwnRightsAndNoMore(t *testing.T) {
	c := kube.Test(t, kube.Options{Controllers: kube.NoControllers})
	if err := c.Apply(t.Context(), sailor); err != nil {
		t.Fatal(err)
	}
	config, err := c.ServiceAccountConfig(t.Context(), "default", "sailor")
	if err != nil {
		t.Fatal(err)
	}
	lab.Eventually(t, "the role to be known", func() error {
		_, err := c.Kubectl(t.Context(), "--kubeconfig", config, "get", "services")
		return err
	})
	if _, err := c.Kubectl(t.Context(), "--kubeconfig", config, "get", "pods"); err == nil || !strings.Contains(err.Error(), "Forbidden") {
		t.Errorf("the account may list pods: %v", err)
	}
}

func TestTheAPIServerReturnsWithWhatItKnew(t *testing.T) {
	c := kube.Test(t, kube.Options{Controllers: kube.NoControllers})
	if _, err := c.Kubectl(t.Context(), "create", "namespace", "harbour"); err != nil {
		t.Fatal(err)
	}
	c.StopAPIServer()
	if _, err := c.Kubectl(t.Context(), "get", "namespace", "harbour"); err == nil {
		t.Fatal("an API server that is down answers")
	}
	if err := c.StartAPIServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Kubectl(t.Context(), "get", "namespace", "harbour"); err != nil {
		t.Error(err)
	}
}

const web = `
apiVersion: v1
kind: Node
metadata: {name: node1}
---
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec: {nodeName: node1, containers: [{name: web, image: web}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
`

func TestAReadyPodBehindAServiceIsReachedThroughKubeProxy(t *testing.T) {
	l := lab.Test(t)
	node := l.Host("node1")
	client := l.Host("client")
	l.Link(client, "eth0", []string{"10.9.0.1/24"}, node, "eth0", []string{"10.9.0.2/24"})
	client.Route("default", "via", "10.9.0.2")
	node.Route("default", "via", "10.9.0.1")
	node.Forward()
	c, err := kube.Start(t.Context(), node, kube.Options{Address: "10.9.0.2"})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Apply(t.Context(), web); err != nil {
		t.Fatal(err)
	}
	addresses := `{"status":{"addresses":[{"type":"InternalIP","address":"10.9.0.2"}]}}`
	if _, err := c.Kubectl(t.Context(), "patch", "node", "node1", "--subresource", "status", "--type", "merge", "-p", addresses); err != nil {
		t.Fatal(err)
	}
	status := `{"status":{"phase":"Running","podIP":"10.9.0.2","podIPs":[{"ip":"10.9.0.2"}],"conditions":[{"type":"Ready","status":"True"}]}}`
	if _, err := c.Kubectl(t.Context(), "patch", "pod", "web", "--subresource", "status", "--type", "merge", "-p", status); err != nil {
		t.Fatal(err)
	}
	if _, err := c.StartProxy(t.Context(), node, "node1", kube.ShortPause); err != nil {
		t.Fatal(err)
	}
	address, err := c.Kubectl(t.Context(), "get", "service", "web", "-o", "jsonpath={.spec.clusterIP}")
	if err != nil {
		t.Fatal(err)
	}
	ln, err := node.Listen("tcp", "10.9.0.2:8080")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			conn.Write([]byte("ahoy"))
			conn.Close()
		}
	}()
	lab.Eventually(t, "the Service to answer", func() error {
		out, err := client.Run(t.Context(), "timeout", "2", "bash", "-c", fmt.Sprintf("cat < /dev/tcp/%s/80", address))
		if out != "ahoy" {
			return errors.Join(fmt.Errorf("got %q", out), err)
		}
		return nil
	})
}
