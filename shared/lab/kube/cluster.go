package kube

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-lb/hawser/shared/lab"
)

// Options of a cluster; the zero value is a good one.
type Options struct {
	// Address that the API server listens on; nodes reach it there. Empty: a
	// random one of loopback, so that clusters stand side by side.
	Address string
	// Controllers that kube-controller-manager runs. Empty: DefaultControllers;
	// NoControllers: the process is not started.
	Controllers []string
	// ServiceCIDR is the range of cluster IPs, or two for dual stack. Empty:
	// DefaultServiceCIDR.
	ServiceCIDR string
	// Pods makes the cluster one that runs them: a scheduler, the controllers
	// of DaemonSets and of the authority's certificate, tokens in pods, and
	// the API server as the Service kubernetes.
	Pods bool
}

// DefaultServiceCIDR is dual stack.
const DefaultServiceCIDR = "10.96.0.0/16,fd00:96::/112"

// DefaultControllers turn Deployments into Pods, Pods into EndpointSlices, and
// clean up after what is deleted.
var DefaultControllers = []string{
	"deployment-controller", "replicaset-controller", "endpointslice-controller", "namespace-controller",
	"serviceaccount-controller", "garbage-collector-controller",
}

// podControllers are those that Options.Pods adds.
var podControllers = []string{"daemonset-controller", "root-ca-certificate-publisher-controller"}

// NoControllers leaves kube-controller-manager out.
var NoControllers = []string{}

// Cluster is a running control plane.
type Cluster struct {
	// Kubeconfig is the administrator's.
	Kubeconfig string

	host    *lab.Host
	options Options
	dir     string
	bin     string // a directory of links: kubectl and the others
	tokens  map[string]string
	etcdURL string

	etcd, apiserver, controllers, scheduler *lab.Process
}

// Test starts a cluster on loopback that goes with the test.
func Test(t testing.TB, o Options) *Cluster {
	t.Helper()
	l, err := lab.New(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	c, err := Start(t.Context(), l.Machine(), o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Start starts a cluster on a host and returns when it answers. It goes with
// the host's lab.
func Start(ctx context.Context, h *lab.Host, o Options) (*Cluster, error) {
	c := &Cluster{host: h, options: o, tokens: map[string]string{}}
	for _, step := range []func(context.Context) error{c.prepare, c.startEtcd, c.StartAPIServer, c.startControllers, c.startScheduler} {
		if err := step(ctx); err != nil {
			return nil, fmt.Errorf("kube: %w", err)
		}
	}
	return c, nil
}

// prepare writes everything that the processes read.
func (c *Cluster) prepare(context.Context) error {
	binary, err := Binary()
	if err != nil {
		return err
	}
	local := loopback()
	if c.options.Address == "" {
		c.options.Address = local
	}
	if c.options.Controllers == nil {
		c.options.Controllers = DefaultControllers
	}
	if c.options.Pods {
		c.options.Controllers = append(slices.Clone(c.options.Controllers), podControllers...)
	}
	if c.options.ServiceCIDR == "" {
		c.options.ServiceCIDR = DefaultServiceCIDR
	}
	c.etcdURL = "http://" + local + ":2379"
	if c.dir, err = os.MkdirTemp(c.host.Lab().Dir(), "kube-"); err != nil {
		return err
	}
	c.bin, c.Kubeconfig = filepath.Join(c.dir, "bin"), filepath.Join(c.dir, "admin.kubeconfig")
	if err := os.Mkdir(c.bin, 0o755); err != nil {
		return err
	}
	for _, part := range []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet", "kubectl"} {
		if err := os.Symlink(binary, filepath.Join(c.bin, part)); err != nil {
			return err
		}
	}
	return c.writeSecrets()
}

// Binary is the path of the binary that holds all parts: $HAWSER_KUBE, else
// build/kube in the checkout at or above the working directory.
func Binary() (string, error) {
	path := os.Getenv("HAWSER_KUBE")
	if path == "" {
		dir, err := os.Getwd()
		if err != nil {
			return "", err
		}
		for ; !exists(filepath.Join(dir, "cluster", "testcluster", "go.mod")); dir = filepath.Dir(dir) {
			if dir == filepath.Dir(dir) {
				return "", fmt.Errorf("no checkout of Hawser at or above the working directory: set HAWSER_KUBE to the binary that `make build/kube` builds")
			}
		}
		path = filepath.Join(dir, "build", "kube")
	}
	if !exists(path) {
		return "", fmt.Errorf("%s is missing: run `make build/kube`", path)
	}
	return filepath.Abs(path)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// loopback is an address of 127.0.0.0/8 that nobody else has, so that ports
// can be fixed.
func loopback() string {
	var b [3]byte
	rand.Read(b[:])
	return fmt.Sprintf("127.%d.%d.%d", 1+b[0]%254, b[1], 1+b[2]%254)
}

func secret() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// Server is the API server's URL.
func (c *Cluster) Server() string { return "https://" + c.options.Address + ":6443" }

// BinDir is a directory with kubectl in it, for somebody's PATH.
func (c *Cluster) BinDir() string { return c.bin }

// Env is what a kubectl that the cluster did not start itself should have in
// its environment.
func (c *Cluster) Env() []string {
	return []string{"KUBECONFIG=" + c.Kubeconfig, "KUBECACHEDIR=" + filepath.Join(c.dir, "cache"), "KUBERC=off"}
}

// KubectlCommand is how a person on this machine calls kubectl from a shell,
// inside the host's namespace when there is one.
func (c *Cluster) KubectlCommand() string {
	command := "env " + strings.Join(c.Env(), " ") + " " + filepath.Join(c.bin, "kubectl")
	if ns := c.host.Namespace(); ns != "" {
		return "ip netns exec " + ns + " " + command
	}
	return command
}

// Kubectl runs kubectl as the administrator and returns what it prints.
func (c *Cluster) Kubectl(ctx context.Context, args ...string) (string, error) {
	return c.KubectlInput(ctx, "", args...)
}

// Follow starts a kubectl that goes on, such as a watch. log gets what it
// prints.
func (c *Cluster) Follow(log io.Writer, args ...string) (*lab.Process, error) {
	return c.host.Launch(lab.Command{Name: filepath.Join(c.bin, "kubectl"), Args: args, Env: c.Env(), Log: log})
}

// Apply is `kubectl apply` of manifests as text, by the server.
func (c *Cluster) Apply(ctx context.Context, manifests string) error {
	_, err := c.KubectlInput(ctx, manifests, "apply", "--server-side", "-f", "-")
	return err
}

// KubectlInput is Kubectl with text on stdin.
func (c *Cluster) KubectlInput(ctx context.Context, stdin string, args ...string) (string, error) {
	words := append(c.Env(), filepath.Join(c.bin, "kubectl"))
	return c.host.RunInput(ctx, stdin, "env", append(words, args...)...)
}

// ServiceAccountConfig writes a kubeconfig for a ServiceAccount that exists
// and returns its path: who uses it has that account's rights and no more.
func (c *Cluster) ServiceAccountConfig(ctx context.Context, namespace, name string) (string, error) {
	token, err := c.Kubectl(ctx, "create", "token", name, "--namespace", namespace, "--duration", "24h")
	if err != nil {
		return "", err
	}
	return c.writeKubeconfig(namespace+"-"+name, strings.TrimSpace(token))
}
