package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/hawser-lb/hawser/shared/lab/scene"
)

// stay applies pool, peer and Service, says how to get in, and keeps the scene
// until it is interrupted.
func stay(ctx context.Context, tell *teller, s *scene.Scene) error {
	for _, manifest := range []string{scene.PoolManifest, scene.PeerManifest, scene.WebService} {
		if err := s.Kube.Apply(ctx, manifest); err != nil {
			return err
		}
	}
	if err := s.WebPods(ctx); err != nil {
		return err
	}
	tell.chapter("The scene is yours", "Ctrl-C ends it and removes everything. In another terminal, as root:")
	fmt.Fprintf(tell.out, `
   alias hawser='ip netns exec %s %s --socket %s'
   export %s; PATH=%s:$PATH
   hawser show ip bgp summary
   hawser show ip route
   kubectl get svc,pool,peer
   ip netns exec %s curl -sSI http://10.77.100.1/      # the address that kubectl shows
   ip netns exec %s bash                               # the router; client, node1 … node3 likewise

   the router's configuration: %s (edit it: the daemon sees that)
`, s.Router.Namespace(), s.Binary("hawser"), s.Router.Socket(), strings.Join(s.Kube.Env(), " "), s.Kube.BinDir(),
		s.Client.Namespace(), s.Router.Namespace(), s.Router.ConfigFile())
	<-ctx.Done()
	return nil
}
