package kube

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/hawser-lb/hawser/shared/lab"
)

func (c *Cluster) startEtcd(ctx context.Context) error {
	peers := strings.Replace(c.etcdURL, ":2379", ":2380", 1)
	var err error
	c.etcd, err = c.host.Start("etcd", "--name", "lab", "--data-dir", c.path("etcd"), "--logger", "zap", "--log-level", "warn",
		"--listen-client-urls", c.etcdURL, "--advertise-client-urls", c.etcdURL,
		"--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", "lab="+peers)
	if err != nil {
		return fmt.Errorf("%w (Debian's package is etcd-server; `make deps` installs it)", err)
	}
	client := &http.Client{Transport: &http.Transport{DialContext: c.host.Dial, DisableKeepAlives: true}}
	return c.answers(ctx, c.etcd, client, c.etcdURL+"/health")
}

// StartAPIServer starts the API server, for the first time or after
// StopAPIServer, and returns when it is ready.
func (c *Cluster) StartAPIServer(ctx context.Context) error {
	args := []string{
		"--etcd-servers", c.etcdURL, "--bind-address", c.options.Address, "--secure-port", "6443", "--cert-dir", c.path("pki"),
		"--authorization-mode", "RBAC", "--token-auth-file", c.path("tokens.csv"), "--service-cluster-ip-range", c.options.ServiceCIDR,
		"--service-account-issuer", "https://kubernetes.default.svc", "--service-account-key-file", c.path("service-accounts.pem"),
		"--service-account-signing-key-file", c.path("service-accounts.pem"),
		"--profiling=false",
	}
	if !c.options.Pods {
		args = append(args, "--disable-admission-plugins", "ServiceAccount", "--endpoint-reconciler-type", "none")
	}
	if strings.HasPrefix(c.options.Address, "127.") {
		args = append(args, "--advertise-address", "192.0.2.1") // loopback is refused; nobody dials it
	}
	var err error
	if c.apiserver, err = c.host.Start(c.tool("kube-apiserver"), args...); err != nil {
		return err
	}
	return c.answers(ctx, c.apiserver, &http.Client{Transport: certified{c}}, c.Server()+"/readyz")
}

// StopAPIServer ends the API server. What it knows stays in etcd.
func (c *Cluster) StopAPIServer() { c.apiserver.Kill() }

// Etcd is etcd's process.
func (c *Cluster) Etcd() *lab.Process { return c.etcd }

func (c *Cluster) startControllers(context.Context) error {
	if len(c.options.Controllers) == 0 {
		return nil
	}
	config, err := c.writeKubeconfig("system:kube-controller-manager", c.tokens["system:kube-controller-manager"])
	if err != nil {
		return err
	}
	c.controllers, err = c.host.Start(c.tool("kube-controller-manager"), "--kubeconfig", config, "--root-ca-file", c.path("pki/apiserver.crt"), "--controllers", strings.Join(c.options.Controllers, ","),
		"--bind-address", "127.0.0.1", "--secure-port", "0", "--leader-elect=false",
		"--service-account-private-key-file", c.path("service-accounts.pem"), "--use-service-account-credentials=false")
	return err
}

func (c *Cluster) startScheduler(context.Context) error {
	if !c.options.Pods {
		return nil
	}
	config, err := c.writeKubeconfig("system:kube-scheduler", c.tokens["system:kube-scheduler"])
	if err != nil {
		return err
	}
	c.scheduler, err = c.host.Start(c.tool("kube-scheduler"), "--kubeconfig", config, "--bind-address", "127.0.0.1", "--secure-port", "0", "--leader-elect=false")
	return err
}

// proxyConfig leaves the machine's own conntrack settings alone and writes rules
// when they change: by default a second passes between two changes (DefaultPause).
const proxyConfig = `apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
hostnameOverride: %s
clientConnection: {kubeconfig: %q}
nftables: {minSyncPeriod: %s, syncPeriod: 30s}
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
healthzBindAddress: 127.0.0.1:10256
metricsBindAddress: 127.0.0.1:10249
`

// DefaultPause is what kube-proxy lets pass between two changes of its rules
// unless it is told otherwise, ShortPause what it does in the laboratory.
const (
	DefaultPause = time.Second
	ShortPause   = 10 * time.Millisecond
)

// StartProxy runs kube-proxy on a host, for the node of that name. The Node
// should be there, with its address in status: kube-proxy waits half a minute
// for one.
func (c *Cluster) StartProxy(_ context.Context, h *lab.Host, node string, pause time.Duration) (*lab.Process, error) {
	kubeconfig, err := c.writeKubeconfig("system:kube-proxy", c.tokens["system:kube-proxy"])
	if err != nil {
		return nil, fmt.Errorf("kube: %w", err)
	}
	config := c.path("kube-proxy-" + node + ".yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, proxyConfig, node, kubeconfig, pause), 0o600); err != nil {
		return nil, fmt.Errorf("kube: %w", err)
	}
	return h.Start(c.tool("kube-proxy"), "--config", config)
}

func (c *Cluster) tool(part string) string { return filepath.Join(c.bin, part) }

// answers waits until url says 200, and no longer than the process lives.
func (c *Cluster) answers(ctx context.Context, p *lab.Process, client *http.Client, url string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-p.Done():
			cancel(errors.New("it has ended"))
		case <-ctx.Done():
		}
	}()
	err := lab.Until(ctx, p.String(), func() error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		answer, err := client.Do(request)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if body, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode != http.StatusOK {
			return fmt.Errorf("%s says %s: %s %w", url, answer.Status, body, err)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%w\n%s", err, lastLines(p.Output(), 30))
	}
	return nil
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// Client speaks to the API server as the administrator, over connections that
// stay. The API server must have been started.
func (c *Cluster) Client() *http.Client { return &http.Client{Transport: &lasting{cluster: c}} }

// lasting makes its transport with the first request.
type lasting struct {
	cluster   *Cluster
	once      sync.Once
	transport *http.Transport
	err       error
}

func (t *lasting) RoundTrip(request *http.Request) (*http.Response, error) {
	t.once.Do(func() {
		if t.transport, t.err = (certified{t.cluster}).transport(); t.err == nil {
			t.transport.ForceAttemptHTTP2 = true
		}
	})
	if t.err != nil {
		return nil, t.err
	}
	return t.transport.RoundTrip(certified{t.cluster}.signed(request))
}

// certified is a transport that trusts the API server's certificate as soon as
// that is written, and speaks as the administrator.
type certified struct{ c *Cluster }

func (t certified) RoundTrip(request *http.Request) (*http.Response, error) {
	transport, err := t.transport()
	if err != nil {
		return nil, err
	}
	transport.DisableKeepAlives = true
	return transport.RoundTrip(t.signed(request))
}

func (t certified) transport() (*http.Transport, error) {
	authority, err := os.ReadFile(t.c.path("pki/apiserver.crt"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	return &http.Transport{DialContext: t.c.host.Dial, TLSClientConfig: &tls.Config{RootCAs: roots}}, nil
}

func (t certified) signed(request *http.Request) *http.Request {
	request = request.Clone(request.Context())
	request.Header.Set("Authorization", "Bearer "+t.c.tokens["admin"])
	return request
}
