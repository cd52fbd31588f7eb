package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hawser-lb/hawser/shared/lab"
	"github.com/hawser-lb/hawser/shared/lab/scene"
)

// story is one telling of the demo.
type story struct {
	*teller
	s       *scene.Scene
	address string        // of the Service
	first   time.Duration // Service created -> first 200
}

// demo tells the story, a chapter at a time; the first one that does not come
// true ends it.
func demo(ctx context.Context, tell *teller, s *scene.Scene) error {
	st := &story{teller: tell, s: s}
	for _, chapter := range []func(context.Context) error{
		st.configure, st.serve, st.look, st.loseNode, st.deleteService, st.oldConfigMap,
	} {
		if err := chapter(ctx); err != nil {
			return err
		}
	}
	tell.chapter("The end", "")
	tell.fact("Service created to first 200 at the client: %v", st.first.Round(time.Millisecond))
	tell.fact("everything came true in %.0f s; the scene is being removed", time.Since(tell.started).Seconds())
	return nil
}

func (st *story) configure(ctx context.Context) error {
	st.chapter("Two objects in the cluster, three lines on the router",
		"no line anywhere names a node: the router takes every speaker out of 10.77.2.0/24")
	if _, err := st.run(ctx, st.s.Router.Host, "cat /etc/config/hawser", "cat", st.s.Router.ConfigFile()); err != nil {
		return err
	}
	if err := st.apply(ctx, "pool.yaml", scene.PoolManifest); err != nil {
		return err
	}
	if err := st.apply(ctx, "peer.yaml", scene.PeerManifest); err != nil {
		return err
	}
	err := lab.Until(ctx, "three sessions on the router", func() error {
		n, err := st.s.Router.Established(ctx)
		if err == nil && n != 3 {
			err = fmt.Errorf("there are %d", n)
		}
		return err
	})
	if err != nil {
		return err
	}
	st.fact("all three speakers are connected")
	return st.hawser(ctx, "show", "ip", "bgp", "summary")
}

func (st *story) serve(ctx context.Context) error {
	st.chapter("A Service of type LoadBalancer", "three pods, one a node; the client waits behind the router")
	if err := st.s.WebPods(ctx); err != nil {
		return err
	}
	if err := st.kubectl(ctx, "get", "pods", "-o", "wide"); err != nil {
		return err
	}
	took, err := st.expose(ctx)
	st.first = took
	return err
}

// expose creates the Service and says how long the client waited.
func (st *story) expose(ctx context.Context) (took time.Duration, err error) {
	watch, err := st.s.WatchServices(ctx)
	if err != nil {
		return 0, err
	}
	defer watch.Stop()
	if err := st.apply(ctx, "web.yaml", scene.WebService, func(ctx context.Context) (err error) {
		st.address, took, err = st.s.FirstReply(ctx, watch, "web")
		return err
	}); err != nil {
		return 0, err
	}
	st.fact("%v after the Service was created the client has its first 200", took.Round(time.Millisecond))
	if err := st.nextHops(ctx, 3); err != nil {
		return 0, err
	}
	return took, st.kubectl(ctx, "get", "service", "web")
}

func (st *story) look(ctx context.Context) error {
	st.chapter("What the router did", "one route, the kernel's own table, all three nodes in it")
	if err := st.hawser(ctx, "show", "ip", "bgp", "summary"); err != nil {
		return err
	}
	if err := st.hawser(ctx, "show", "ip", "route"); err != nil {
		return err
	}
	if _, err := st.run(ctx, st.s.Router.Host, "ip route show proto 73", "ip", "route", "show", "proto", "73"); err != nil {
		return err
	}
	return st.curl(ctx)
}

// curl asks as a person behind the router would.
func (st *story) curl(ctx context.Context) error {
	url := "http://" + st.address + "/"
	out, err := st.run(ctx, st.s.Client, command("curl", "-sSI", url), "curl", "-sSI", "--max-time", "5", url)
	if err == nil && !strings.HasPrefix(out, "HTTP/1.1 200 OK") {
		err = fmt.Errorf("curl %s: no 200", url)
	}
	return err
}

func (st *story) loseNode(ctx context.Context) error {
	st.chapter("A node dies", "the plug of node2 is pulled: no last word. The client asks fifty times a second")
	visitor := st.s.Visit(ctx, st.address, 50)
	defer visitor.Stop()
	if err := atLeast(ctx, visitor, 100); err != nil {
		return err
	}
	st.fact("before: %v", visitor.Count())
	begun := time.Now()
	if err := st.s.Node("node2").PowerOff(); err != nil {
		return err
	}
	if err := st.nextHops(ctx, 2); err != nil {
		return err
	}
	st.fact("node2 left the route %v after the plug was pulled (hold time 3 s)", time.Since(begun).Round(time.Millisecond))
	// Those sent before this moment may still have met the old route.
	if err := visitor.Settle(ctx); err != nil {
		return err
	}
	st.fact("until the route was right: %v", visitor.Count())
	if err := atLeast(ctx, visitor, 100); err != nil {
		return err
	}
	after := visitor.Count()
	st.fact("since then: %v", after)
	if after.Wrong() > 0 || after.Nodes["node2"] > 0 {
		return fmt.Errorf("requests failed although the route was right: %v (%s)", after, after.LastError)
	}
	if err := st.hawser(ctx, "show", "ip", "route"); err != nil {
		return err
	}
	return st.returnNode(ctx)
}

func (st *story) returnNode(ctx context.Context) error {
	begun := time.Now()
	if err := st.s.Node("node2").PowerOn(ctx); err != nil {
		return err
	}
	if err := st.nextHops(ctx, 3); err != nil {
		return err
	}
	st.fact("node2 is back in the route %v after it was switched on", time.Since(begun).Round(time.Millisecond))
	if err := st.newService(ctx); err != nil {
		return err
	}
	return st.hawser(ctx, "show", "ip", "bgp", "summary")
}

// newService is one whose connections find the node that is back. Those of a
// service that is never quiet stay where they are.
func (st *story) newService(ctx context.Context) error {
	if err := st.apply(ctx, "later.yaml", strings.Replace(scene.WebService, "name: web", "name: later", 1)); err != nil {
		return err
	}
	asked := 0
	err := lab.Until(ctx, "an answer from node2", func() error {
		address, err := st.s.ServiceAddress(ctx, "later")
		if err != nil || address == "" {
			return errors.Join(errors.New("the new Service has no address"), err)
		}
		bounded, cancel := context.WithTimeout(ctx, scene.Patience)
		defer cancel()
		asked++
		reply, err := st.s.Get(bounded, address)
		if err == nil && reply.Node != "node2" {
			err = fmt.Errorf("%s answered", reply.Node)
		}
		return err
	})
	if err == nil {
		st.fact("node2 answers again: request %d to a new Service went to it", asked)
	}
	return err
}

func (st *story) deleteService(ctx context.Context) error {
	st.chapter("The Service goes, and its route with it", "")
	if err := st.kubectl(ctx, "delete", "service", "web", "later"); err != nil {
		return err
	}
	if err := st.nextHops(ctx, 0); err != nil {
		return err
	}
	return st.hawser(ctx, "show", "ip", "route")
}

func (st *story) oldConfigMap(ctx context.Context) error {
	st.chapter("The same with MetalLB's old ConfigMap", "pool and peer go; the file that people have comes instead")
	if err := st.kubectl(ctx, "delete", "pool,peer", "--all"); err != nil {
		return err
	}
	if err := st.apply(ctx, "metallb.yaml", scene.OldConfigMap); err != nil {
		return err
	}
	if _, err := st.expose(ctx); err != nil {
		return err
	}
	if err := st.hawser(ctx, "show", "ip", "route"); err != nil {
		return err
	}
	return st.curl(ctx)
}

// apply shows a manifest and applies it. meanwhile, what is to be seen from
// that moment on is looked at.
func (st *story) apply(ctx context.Context, name, manifest string, meanwhile ...func(context.Context) error) error {
	path, err := st.s.File(name, manifest)
	if err != nil {
		return err
	}
	st.typed("control", "cat "+name)
	st.printed(manifest)
	st.typed("control", command("kubectl", "apply", "-f", name))
	looking, ctx := errgroup.WithContext(ctx)
	for _, look := range meanwhile {
		looking.Go(func() error { return look(ctx) })
	}
	looking.Go(func() error {
		out, err := st.s.Kube.Kubectl(ctx, "apply", "-f", path)
		st.printed(out)
		return err
	})
	return looking.Wait()
}

func (st *story) kubectl(ctx context.Context, args ...string) error {
	st.typed("control", command("kubectl", args...))
	out, err := st.s.Kube.Kubectl(ctx, args...)
	st.printed(out)
	return err
}

func (st *story) hawser(ctx context.Context, args ...string) error {
	st.typed("router", command("hawser", args...))
	out, err := st.s.Router.Hawser(ctx, args...)
	st.printed(out)
	return err
}

// nextHops waits until the kernel's route to the Service has n next hops.
func (st *story) nextHops(ctx context.Context, n int) error {
	return lab.Until(ctx, fmt.Sprintf("%d next hops for %s", n, st.address), func() error {
		hops, err := st.s.Router.NextHops(ctx, st.address)
		if err == nil && len(hops) != n {
			err = fmt.Errorf("there are %d: %s", len(hops), strings.Join(hops, ", "))
		}
		return err
	})
}

// atLeast waits until the visitor has n more answers.
func atLeast(ctx context.Context, v *scene.Visitor, n int) error {
	return lab.Until(ctx, fmt.Sprintf("%d answers", n), func() error {
		if ok := v.OK(); ok < n {
			return fmt.Errorf("%d until now", ok)
		}
		return nil
	})
}
