package deploy_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/hawser-lb/hawser/shared/lab"
	"github.com/hawser-lb/hawser/shared/lab/kube"
)

// harbour is a router, a control plane and machines that run real pods.
type harbour struct {
	t       *testing.T
	lab     *lab.Lab
	router  *lab.Host
	cluster *kube.Cluster
	nodes   []*kube.Node
}

const (
	routerAddress  = "10.77.2.1"
	controlAddress = "10.77.2.10"
)

const routerConfig = `config globals
	option asn 65000
	option router_id 10.77.2.1
config cluster home
	option asn 65001
	list source 10.77.2.0/24
	list allow 10.77.100.0/24
`

const objects = `apiVersion: hawser.dev/v1alpha1
kind: AddressPool
metadata: {name: home}
spec: {addresses: [10.77.100.0/24]}
---
apiVersion: hawser.dev/v1alpha1
kind: BGPPeer
metadata: {name: router}
spec: {myASN: 65001, peerASN: 65000, peerAddressFrom: DefaultGateway}
`

// built is a file that make builds.
func built(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("../../build", name))
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		t.Fatalf("%v: run `make build image build/kube` first", err)
	}
	return path
}

// newHarbour starts everything, with n nodes on which nothing runs yet.
func newHarbour(t *testing.T, n int) *harbour {
	t.Helper()
	l := lab.Test(t)
	h := &harbour{t: t, lab: l, router: l.Host("router")}
	control := l.Host("control")
	lan := l.Bridge(h.router, "br-lan", routerAddress+"/24")
	lan.Attach(control, "eth0", controlAddress+"/24")
	control.Route("default", "via", routerAddress)
	file := filepath.Join(l.Dir(), "hawser.uci")
	h.try(os.WriteFile(file, []byte(routerConfig), 0o600))
	_, err := h.router.Start(built(t, "hawser"), "run", "-c", file, "--socket", h.socket())
	h.try(err)
	h.cluster, err = kube.Start(t.Context(), control, kube.Options{Address: controlAddress, Pods: true})
	h.try(err)
	for i := 1; i <= n; i++ {
		name, address := fmt.Sprintf("node%d", i), fmt.Sprintf("10.77.2.%d", 10+i)
		host := l.Host(name)
		lan.Attach(host, "eth0", address+"/24")
		host.Route("default", "via", routerAddress)
		_, err := h.cluster.StartProxy(t.Context(), host, name, kube.ShortPause)
		h.try(err)
		node, err := h.cluster.StartNode(t.Context(), host, name, address, "localhost/sandbox:lab")
		h.try(err)
		t.Cleanup(func() { h.check(node.Close()) })
		for _, image := range []string{"sandbox.oci.tar", "hawser-speaker.oci.tar"} {
			h.try(node.Import(t.Context(), built(t, image)))
		}
		h.nodes = append(h.nodes, node)
	}
	return h
}

func (h *harbour) socket() string { return filepath.Join(h.lab.Dir(), "hawser.sock") }

func (h *harbour) try(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *harbour) check(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Error(err)
	}
}

func (h *harbour) kubectl(args ...string) string {
	h.t.Helper()
	out, err := h.cluster.Kubectl(context.Background(), args...)
	h.try(err)
	return out
}

// pods are the speakers: name, readiness and restarts.
func (h *harbour) pods() (all []pod, err error) {
	out, err := h.cluster.Kubectl(h.t.Context(), "get", "pods", "--namespace", "hawser-system", "-o", "json")
	var list struct {
		Items []pod `json:"items"`
	}
	return list.Items, errors.Join(err, json.Unmarshal([]byte(out), &list))
}

type pod struct {
	Metadata struct {
		Name, UID string
	}
	Spec struct {
		NodeName   string
		Containers []struct{ Image string }
	}
	Status struct {
		Phase             string
		ContainerStatuses []struct {
			Ready        bool
			RestartCount int
			State        map[string]any
		}
	}
}

// running is nil when there is one ready speaker a node.
func (h *harbour) running() error {
	all, err := h.pods()
	if err != nil {
		return err
	}
	ready := 0
	for _, p := range all {
		for _, c := range p.Status.ContainerStatuses {
			if !c.Ready {
				return fmt.Errorf("%s on %s is %s: %v", p.Metadata.Name, p.Spec.NodeName, p.Status.Phase, c.State)
			}
			ready++
		}
	}
	if ready != len(h.nodes) {
		return fmt.Errorf("%d speakers are ready, of %d nodes", ready, len(h.nodes))
	}
	return nil
}

// up applies the manifests and waits for the sessions.
func (h *harbour) up() {
	h.t.Helper()
	h.kubectl("apply", "--server-side", "-k", ".")
	lab.Eventually(h.t, "the objects to be known", func() error { return h.cluster.Apply(h.t.Context(), objects) })
	lab.Eventually(h.t, "a ready speaker on each node", h.running)
	lab.Eventually(h.t, "the router has them as peers", h.peered)
}

// peered is nil when the router has a session with each node.
func (h *harbour) peered() error {
	out, err := h.router.Run(h.t.Context(), built(h.t, "hawser"), "show", "ip", "bgp", "neighbors", "--json", "--socket", h.socket())
	if n := strings.Count(out, `"Established"`); err == nil && n != len(h.nodes) {
		return fmt.Errorf("%d sessions", n)
	}
	return err
}

// restarts are how often kubelets started a speaker again.
func (h *harbour) restarts() (n int) {
	h.t.Helper()
	all, err := h.pods()
	h.try(err)
	for _, p := range all {
		for _, c := range p.Status.ContainerStatuses {
			n += c.RestartCount
		}
	}
	return n
}

// probes are how often a kubelet asked whether the speaker lives and was
// told so.
func (h *harbour) probes(n *kube.Node) (float64, error) {
	out, err := n.Metrics(h.t.Context(), "/metrics/probes")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "prober_probe_total{") && strings.Contains(line, `probe_type="Liveness"`) && strings.Contains(line, `result="successful"`) {
			fields := strings.Fields(line)
			return strconv.ParseFloat(fields[len(fields)-1], 64)
		}
	}
	return 0, nil
}

// newVersion logs more, and is asked every second whether it lives.
const newVersion = `{"spec": {"template": {"spec": {"containers": [{
	"name": "speaker",
	"env": [{"name": "HAWSER_LOG_LEVEL", "value": "debug"}],
	"livenessProbe": {"periodSeconds": 1, "timeoutSeconds": 10}
}]}}}}`

func TestTheManifestsRunInRealPods(t *testing.T) {
	h := newHarbour(t, 2)
	h.up()
	h.confined()

	t.Log("a new version, one node after the other")
	before := h.uids()
	h.kubectl("--namespace", "hawser-system", "patch", "daemonset", "hawser-speaker", "--patch", newVersion)
	h.kubectl("--namespace", "hawser-system", "rollout", "status", "daemonset/hawser-speaker", "--timeout", "180s")
	lab.Eventually(t, "the new speakers", func() error {
		for uid := range h.uids() {
			if before[uid] {
				return fmt.Errorf("pod %s is still there", uid)
			}
		}
		return errors.Join(h.running(), h.peered())
	})

	t.Log("no API server for as many probes as would kill a pod three times over")
	start, err := h.probes(h.nodes[0])
	h.try(err)
	h.cluster.StopAPIServer()
	const enough = 9 // failureThreshold is 3
	lab.Eventually(t, "the probes", func() error {
		now, err := h.probes(h.nodes[0])
		if err == nil && now < start+enough {
			err = fmt.Errorf("%v of %v", now-start, enough)
		}
		return errors.Join(err, h.peered())
	})
	h.try(h.cluster.StartAPIServer(t.Context()))
	lab.Eventually(t, "the speakers are as they were", h.running)
	if n := h.restarts(); n != 0 {
		t.Errorf("%d restarts", n)
	}
}

// uids are the pods that are not on their way out.
func (h *harbour) uids() map[string]bool {
	h.t.Helper()
	all, err := h.pods()
	h.try(err)
	found := map[string]bool{}
	for _, p := range all {
		found[p.Metadata.UID] = true
	}
	return found
}

// confined looks at the speakers' processes from outside.
func (h *harbour) confined() {
	h.t.Helper()
	for _, n := range h.nodes {
		pids, err := n.Processes("hawser-speaker")
		h.try(err)
		if len(pids) != 1 {
			h.t.Errorf("%s runs %d speakers", n.Name, len(pids))
		}
		for _, pid := range pids {
			status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			h.try(err)
			for _, want := range []string{"Uid:\t65532\t65532\t", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"} {
				if !strings.Contains(string(status), want) {
					h.t.Errorf("%s: a speaker has no %q:\n%s", n.Name, want, status)
				}
			}
			mounts, err := os.ReadFile(fmt.Sprintf("/proc/%d/mounts", pid))
			h.try(err)
			root, _, _ := strings.Cut(string(mounts), "\n")
			if fields := strings.Fields(root); len(fields) < 4 || fields[1] != "/" || !strings.HasPrefix(fields[3], "ro,") {
				h.t.Errorf("%s: its root can be written to: %s", n.Name, root)
			}
		}
	}
}
