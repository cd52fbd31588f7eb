package clusterbench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hawser-lb/hawser/shared/lab"
	"github.com/hawser-lb/hawser/shared/lab/kube"
)

const (
	nodes     = 3
	namespace = "hawser-system"
	pool      = "10.64.0.0/16"
)

// world is everything that runs.
type world struct {
	lab      *lab.Lab
	root     string
	router   *lab.Host
	nodes    []*lab.Host
	speakers []*lab.Process
	kube     *kube.Cluster
	account  string // the speakers' kubeconfig
	api      *api
	heard    *heard
}

const routerConfig = `config globals 'globals'
	option asn '65000'
	option router_id '10.77.2.1'

config cluster 'bench'
	option asn '65001'
	list source '10.77.2.0/24'
	list allow '` + pool + `'
	option max_prefixes '100000'
`

const objects = `apiVersion: hawser.dev/v1alpha1
kind: AddressPool
metadata: {name: bench}
spec: {addresses: [` + pool + `]}
---
apiVersion: hawser.dev/v1alpha1
kind: BGPPeer
metadata: {name: router}
spec: {myASN: 65001, peerASN: 65000, peerAddress: 10.77.2.1, gracefulRestart: {enabled: false}}
`

// build starts everything and returns when the sessions are up.
func build(ctx context.Context, l *lab.Lab, root string) (*world, error) {
	w := &world{lab: l, root: root, router: l.Host("router")}
	lan := l.Bridge(w.router, "br-lan", "10.77.2.1/24")
	control := l.Host("control")
	lan.Attach(control, "eth0", "10.77.2.10/24")
	for i := range nodes {
		h := l.Host(fmt.Sprintf("node%d", i+1))
		lan.Attach(h, "eth0", fmt.Sprintf("10.77.2.%d/24", 11+i))
		w.nodes = append(w.nodes, h)
	}
	if err := l.Err(); err != nil {
		return nil, err
	}
	var err error
	if w.kube, err = kube.Start(ctx, control, kube.Options{Address: "10.77.2.10", Controllers: kube.NoControllers}); err != nil {
		return nil, err
	}
	w.api = &api{client: w.kube.Client(), server: w.kube.Server()}
	if err := w.deploy(ctx); err != nil {
		return nil, err
	}
	if err := w.startRouter(); err != nil {
		return nil, err
	}
	if w.heard, err = listen(ctx, w.api, w.router); err != nil {
		return nil, err
	}
	for i := range w.nodes {
		if err := w.startSpeaker(i); err != nil {
			return nil, err
		}
	}
	return w, w.ready(ctx)
}

func (w *world) deploy(ctx context.Context) error {
	if _, err := w.kube.Kubectl(ctx, "apply", "-k", filepath.Join(w.root, "cluster", "deploy")); err != nil {
		return err
	}
	text := objects
	for i := range w.nodes {
		text += fmt.Sprintf("---\napiVersion: v1\nkind: Node\nmetadata: {name: node%d}\n", i+1)
	}
	err := lab.Until(ctx, "the objects", func() error { return w.kube.Apply(ctx, text) })
	if err != nil {
		return err
	}
	for i := range w.nodes {
		address := fmt.Sprintf(`{"status":{"addresses":[{"type":"InternalIP","address":"10.77.2.%d"}]}}`, 11+i)
		if _, err := w.kube.Kubectl(ctx, "patch", "node", fmt.Sprintf("node%d", i+1), "--subresource", "status", "--type", "merge", "-p", address); err != nil {
			return err
		}
	}
	w.account, err = w.kube.ServiceAccountConfig(ctx, namespace, "hawser-speaker")
	return err
}

func (w *world) startRouter() error {
	config := filepath.Join(w.lab.Dir(), "hawser")
	if err := os.WriteFile(config, []byte(routerConfig), 0o600); err != nil {
		return err
	}
	_, err := w.router.Start(filepath.Join(w.root, "build", "hawser"), "run", "-c", config, "--socket", filepath.Join(w.lab.Dir(), "sock"))
	return err
}

func (w *world) startSpeaker(i int) error {
	p, err := w.nodes[i].Start(filepath.Join(w.root, "build", "hawser-speaker"), "run", "--node-name", fmt.Sprintf("node%d", i+1),
		"--namespace", namespace, "--kubeconfig", w.account, "--metrics-address", "127.0.0.1:7473")
	if err != nil {
		return err
	}
	if i < len(w.speakers) {
		w.speakers[i] = p
	} else {
		w.speakers = append(w.speakers, p)
	}
	return nil
}

// ready waits until every speaker is.
func (w *world) ready(ctx context.Context) error {
	for i, h := range w.nodes {
		err := lab.Until(ctx, fmt.Sprintf("the speaker of node%d", i+1), func() error {
			out, err := get(ctx, h, "http://127.0.0.1:7474/readyz")
			if err == nil && !strings.HasPrefix(out, "ok") {
				err = errors.New(out)
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("%w\n%s", err, w.speakers[i].Output())
		}
	}
	return nil
}

// leader is the speaker that gives out addresses.
func (w *world) leader(ctx context.Context) (int, error) {
	for i, h := range w.nodes {
		if out, err := get(ctx, h, "http://127.0.0.1:7473/metrics"); err == nil && strings.Contains(out, "\nhawser_leader 1\n") {
			return i, nil
		}
	}
	return 0, errors.New("no speaker leads")
}

// patience is how long anything may take.
const patience = 5 * time.Minute
