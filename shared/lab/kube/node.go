package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/hawser-lb/hawser/shared/lab"
)

// Node is a machine that runs pods: Debian's containerd and runc, and a
// kubelet, on a host that reaches the API server. Pods need hostNetwork: there
// is no network plugin.
type Node struct {
	Name string

	cluster    *Cluster
	host       *lab.Host
	dir        string
	cgroup     string // below each cgroup hierarchy
	containerd *lab.Process
	kubelet    *lab.Process
}

const containerdConfig = `version = 2
root = %[1]q
state = %[2]q
[grpc]
  address = %[3]q
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = %[4]q
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
`

const kubeletConfig = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
failCgroupV1: false
cgroupDriver: cgroupfs
cgroupRoot: %q
enforceNodeAllocatable: []
containerRuntimeEndpoint: "unix://%s"
podLogsDir: %q
address: 127.0.0.1
readOnlyPort: 10255
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
failSwapOn: false
localStorageCapacityIsolation: false
resolvConf: ""
evictionHard: {memory.available: "0%%", nodefs.available: "0%%", imagefs.available: "0%%", nodefs.inodesFree: "0%%"}
`

// StartNode starts a node on h with the address that others reach it by.
// sandbox is the name of the image that holds a pod's namespaces; it and every
// other image must be imported, nothing is pulled. End the node with Close
// before its lab.
func (c *Cluster) StartNode(ctx context.Context, h *lab.Host, name, address, sandbox string) (*Node, error) {
	n := &Node{Name: name, cluster: c, host: h, cgroup: "hawser-" + h.Lab().Tag() + "-" + name}
	err := n.prepare(sandbox)
	if err == nil {
		err = n.startContainerd(ctx)
	}
	if err == nil {
		err = n.startKubelet(address)
	}
	if err != nil {
		return nil, fmt.Errorf("kube: node %s: %w", name, errors.Join(err, n.Close()))
	}
	return n, nil
}

func (n *Node) path(name string) string { return filepath.Join(n.dir, name) }

func (n *Node) prepare(sandbox string) (err error) {
	if n.dir, err = os.MkdirTemp(n.host.Lab().Dir(), "node-"); err != nil {
		return err
	}
	if err := n.makeCgroups(); err != nil {
		return err
	}
	text := fmt.Sprintf(containerdConfig, n.path("images"), n.path("state"), n.path("containerd.sock"), sandbox)
	return os.WriteFile(n.path("containerd.toml"), []byte(text), 0o600)
}

// startContainerd gives it a mount namespace: what it and the kubelet mount
// goes with them.
func (n *Node) startContainerd(ctx context.Context) (err error) {
	n.containerd, err = n.host.Start("unshare", "--mount", "--propagation", "private", "containerd", "--config", n.path("containerd.toml"))
	if err != nil {
		return err
	}
	return lab.Until(ctx, "containerd answers", func() error {
		_, err := n.ctr(ctx, "version")
		return err
	})
}

func (n *Node) startKubelet(address string) error {
	kubeconfig, err := n.cluster.writeKubeconfig("admin", n.cluster.tokens["admin"])
	if err != nil {
		return err
	}
	text := fmt.Sprintf(kubeletConfig, "/"+n.cgroup, n.path("containerd.sock"), n.path("logs"))
	if err := os.WriteFile(n.path("kubelet.yaml"), []byte(text), 0o600); err != nil {
		return err
	}
	n.kubelet, err = n.host.Start("nsenter", fmt.Sprintf("--mount=/proc/%d/ns/mnt", n.containerd.PID()), n.cluster.tool("kubelet"),
		"--config", n.path("kubelet.yaml"), "--kubeconfig", kubeconfig, "--root-dir", n.path("kubelet"), "--cert-dir", n.path("pki"),
		"--hostname-override", n.Name, "--node-ip", address, "--v", "2")
	return err
}

func (n *Node) ctr(ctx context.Context, args ...string) (string, error) {
	return n.host.Run(ctx, "ctr", append([]string{"--address", n.path("containerd.sock"), "--namespace", "k8s.io"}, args...)...)
}

// Import loads the images of a tar file.
func (n *Node) Import(ctx context.Context, file string) error {
	_, err := n.ctr(ctx, "images", "import", file)
	return err
}

// Metrics is what the kubelet serves at a path.
func (n *Node) Metrics(ctx context.Context, path string) (string, error) {
	client := &http.Client{Transport: &http.Transport{DialContext: n.host.Dial, DisableKeepAlives: true}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:10255"+path, nil)
	if err != nil {
		return "", err
	}
	answer, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return string(body), err
}

// Processes are those of the node's pods with that name.
func (n *Node) Processes(name string) ([]int, error) {
	all, err := hierarchies()
	if err != nil {
		return nil, err
	}
	var found []int
	err = filepath.WalkDir(filepath.Join(all[0], n.cgroup), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != "cgroup.procs" {
			return err
		}
		text, err := os.ReadFile(path)
		for _, field := range strings.Fields(string(text)) {
			comm, bad := os.ReadFile("/proc/" + field + "/comm")
			if pid, worse := strconv.Atoi(field); bad == nil && worse == nil && strings.TrimSpace(string(comm)) == name {
				found = append(found, pid)
			}
		}
		return err
	})
	return found, err
}

// Close ends the kubelet, containerd and the pods.
func (n *Node) Close() error {
	for _, p := range []*lab.Process{n.kubelet, n.containerd} {
		if p != nil {
			p.Kill()
		}
	}
	return n.removeCgroups()
}

// hierarchies are the places where cgroups are made: one for each controller,
// or one for all (cgroup v2).
func hierarchies() ([]string, error) {
	if exists("/sys/fs/cgroup/cgroup.controllers") {
		return []string{"/sys/fs/cgroup"}, nil
	}
	all, err := filepath.Glob("/sys/fs/cgroup/*/cgroup.procs")
	if err != nil || len(all) == 0 {
		return nil, errors.Join(err, errors.New("no cgroups below /sys/fs/cgroup"))
	}
	for i := range all {
		all[i] = filepath.Dir(all[i])
	}
	return all, nil
}

func (n *Node) makeCgroups() error {
	all, err := hierarchies()
	for _, dir := range all {
		err = errors.Join(err, os.MkdirAll(filepath.Join(dir, n.cgroup), 0o755))
		if strings.HasSuffix(dir, "cpuset") {
			for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
				value, bad := os.ReadFile(filepath.Join(dir, file))
				err = errors.Join(err, bad, os.WriteFile(filepath.Join(dir, n.cgroup, file), value, 0o644))
			}
		}
	}
	return err
}

// removeCgroups kills what is left in the node's cgroups, and removes them.
func (n *Node) removeCgroups() error {
	all, err := hierarchies()
	for _, dir := range all {
		err = errors.Join(err, removeCgroup(filepath.Join(dir, n.cgroup)))
	}
	return err
}

func removeCgroup(root string) error {
	var dirs []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			dirs = append(dirs, path)
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	slices.Reverse(dirs) // children first
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, dir := range dirs {
		err = errors.Join(err, lab.Until(ctx, dir+" is empty", func() error {
			if err := killAll(filepath.Join(dir, "cgroup.procs")); err != nil {
				return err
			}
			if err := os.Remove(dir); !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			return nil
		}))
	}
	return err
}

// killAll ends the processes that a cgroup lists.
func killAll(list string) error {
	text, err := os.ReadFile(list)
	for _, field := range strings.Fields(string(text)) {
		pid, bad := strconv.Atoi(field)
		if bad == nil {
			bad = syscall.Kill(pid, syscall.SIGKILL)
		}
		if bad != nil && !errors.Is(bad, syscall.ESRCH) {
			err = errors.Join(err, bad)
		}
	}
	return err
}
