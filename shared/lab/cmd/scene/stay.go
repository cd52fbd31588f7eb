package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hawser-lb/hawser/shared/lab"
	"github.com/hawser-lb/hawser/shared/lab/scene"
)

// enter is a file for a person's shell: three words that go where they belong.
// Values: the namespaces' prefix, hawser, its socket, kubectl.
const enter = `on() { host=$1; shift; ip netns exec %[1]s"$host" "$@"; }
hawser() { on router env HAWSER_SOCKET=%[3]s %[2]s "$@"; }
kubectl() { %[4]s "$@"; }
`

// stay applies pool, peer and Service, says how to get in, and keeps the scene
// until it is interrupted.
func stay(ctx context.Context, tell *teller, s *scene.Scene) error {
	tell.progress("a pool, a peer and the Service web")
	for _, manifest := range []string{scene.PoolManifest, scene.PeerManifest, scene.WebService} {
		if err := s.Kube.Apply(ctx, manifest); err != nil {
			return err
		}
	}
	if err := s.WebPods(ctx); err != nil {
		return err
	}
	address, err := served(ctx, s)
	if err != nil {
		return err
	}
	prefix := strings.TrimSuffix(s.Router.Namespace(), s.Router.Name())
	path, err := s.File("enter", fmt.Sprintf(enter, prefix, s.Binary("hawser"), s.Router.Socket(), s.Kube.KubectlCommand()))
	if err != nil {
		return err
	}
	tell.chapter("The scene is yours", "Ctrl-C ends it and removes everything. In another terminal, as root:")
	fmt.Fprintf(tell.out, `
   . %s
   hawser show ip bgp summary
   hawser show ip route
   kubectl get services,pools,peers
   on client curl -sSI http://%s/
   on router bash        # also: client, control, node1, node2, node3

   the router's configuration is %s
   (save another one over it: the daemon sees that)
`, path, address, s.Router.ConfigFile())
	<-ctx.Done()
	tell.progress("the scene is being removed")
	return nil
}

// served waits until every node has its session and the Service answers, and
// says from which address.
func served(ctx context.Context, s *scene.Scene) (address string, err error) {
	err = lab.Until(ctx, "the Service to answer", func() (err error) {
		if address, err = s.ServiceAddress(ctx, "web"); err != nil || address == "" {
			return errors.Join(err, errors.New("it has no address"))
		}
		if n, err := s.Router.Established(ctx); err != nil || n < len(s.Nodes) {
			return errors.Join(err, fmt.Errorf("of %d sessions %d are up", len(s.Nodes), n))
		}
		bounded, cancel := context.WithTimeout(ctx, scene.Patience)
		defer cancel()
		_, err = s.Get(bounded, address)
		return err
	})
	return address, err
}
