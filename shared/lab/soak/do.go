package soak

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/hawser-lb/hawser/shared/lab/scene"
	"github.com/hawser-lb/hawser/shared/lab/soak/plan"
)

// do carries an action out. before is the world without it.
func (k *soak) do(ctx context.Context, a plan.Action, before plan.World) error {
	class, verb, _ := strings.Cut(a.Kind, ".")
	switch class {
	case "service", "pool", "advertisement":
		return k.doObject(ctx, class, verb, a, before)
	case "peer":
		return k.doPeer(ctx, verb)
	case "router":
		return k.doRouter(ctx, verb, a)
	case "node":
		return k.doNode(ctx, verb, k.Node(a.Object))
	case "speaker":
		return k.doSpeaker(ctx, verb, k.Node(a.Object))
	case "leader":
		return k.doLeader(ctx, a.Set["what"])
	case "api", "etcd", "wait":
		return k.outage(ctx, class, a.Set["seconds"])
	case plan.Rest, plan.Sweep:
		return k.rest(ctx, a.Kind, before)
	}
	return fmt.Errorf("nobody knows how to do %s", a.Kind)
}

// doObject writes one object as the world has it, and waits for nothing.
func (k *soak) doObject(ctx context.Context, class, verb string, a plan.Action, before plan.World) error {
	if verb == "delete" {
		return k.remove(ctx, class, a.Object)
	}
	if a.Kind == "service.type" && before["service"][a.Object]["type"] != "ClusterIP" && a.Set["type"] != "ClusterIP" &&
		a.Set["type"] != before["service"][a.Object]["type"] {
		// A load balancer's class cannot be changed: it has to be none in between.
		between := plan.Fields{}
		for key, value := range k.world["service"][a.Object] {
			between[key] = value
		}
		between["type"] = "ClusterIP"
		if err := k.api.set(ctx, servicesPath+"/"+a.Object, serviceObject(a.Object, between)); err != nil {
			return err
		}
	}
	return k.set(ctx, class, a.Object)
}

// set writes an object as the world has it.
func (k *soak) set(ctx context.Context, class, name string) error {
	f := k.world[class][name]
	switch class {
	case "service":
		if err := k.api.set(ctx, servicesPath+"/"+name, serviceObject(name, f)); err != nil {
			return err
		}
		all := sliceObjects(name, f, k.Nodes)
		for _, s := range sortedKeys(all) {
			if err := k.api.set(ctx, slicesPath+"/"+s, all[s]); err != nil {
				return err
			}
		}
		return nil
	case "pool":
		return k.api.set(ctx, poolsPath+"/"+name, poolObject(name, f))
	case "advertisement":
		// The witness's comes before any other and goes after all of them.
		if err := k.api.set(ctx, advertisementsPath+"/"+witness, witnessAdvertisement()); err != nil {
			return err
		}
		return k.api.set(ctx, advertisementsPath+"/"+name, advertisement(name, f))
	case "peer":
		if f["password"] != "no" {
			if err := k.api.set(ctx, secretsPath+"/"+secretName, secretObject(f)); err != nil {
				return err
			}
		}
		return k.api.set(ctx, peersPath+"/"+name, peerObject(f))
	case "node":
		return k.api.merge(ctx, nodesPath+"/"+name, nodePatch(f))
	}
	return fmt.Errorf("nobody knows how to write a %s", class)
}

func (k *soak) setAll(ctx context.Context, class string) error {
	for _, name := range k.world.Names(class) {
		if err := k.set(ctx, class, name); err != nil {
			return err
		}
	}
	return nil
}

func (k *soak) remove(ctx context.Context, class, name string) error {
	switch class {
	case "service":
		var errs []error
		for _, s := range sortedKeys(sliceObjects(name, plan.Fields{"pods": "---"}, k.Nodes)) {
			errs = append(errs, k.api.remove(ctx, slicesPath+"/"+s))
		}
		return errors.Join(append(errs, k.api.remove(ctx, servicesPath+"/"+name))...)
	case "pool":
		return k.api.remove(ctx, poolsPath+"/"+name)
	}
	err := k.api.remove(ctx, advertisementsPath+"/"+name)
	if err == nil && len(k.world[class]) == 0 {
		err = k.api.remove(ctx, advertisementsPath+"/"+witness)
	}
	return err
}

// doPeer changes the peer, and the router's file where both must agree.
func (k *soak) doPeer(ctx context.Context, verb string) error {
	if verb == "password" {
		if err := k.setRouter(ctx); err != nil {
			return err
		}
	}
	if err := k.set(ctx, "peer", plan.ThePeer); err != nil {
		return err
	}
	return k.agreed(ctx)
}

func (k *soak) doNode(ctx context.Context, verb string, n *scene.Node) error {
	var err error
	switch verb {
	case "off":
		err = n.PowerOff()
	case "on":
		err = n.PowerOn(ctx)
	case "cut":
		err = n.Unplug()
	case "join":
		err = n.PlugIn(ctx)
	case "label":
		return k.set(ctx, "node", n.Name)
	default:
		err = k.set(ctx, "node", n.Name)
	}
	return errors.Join(err, k.witnessed(ctx))
}

func (k *soak) doSpeaker(ctx context.Context, verb string, n *scene.Node) error {
	switch verb {
	case "kill":
		n.Speaker().Kill()
		return nil
	case "stop":
		return n.Speaker().Stop()
	case "start":
		return errors.Join(n.StartSpeaker(), k.witnessed(ctx))
	case "hang":
		return errors.Join(n.Speaker().Signal(syscall.SIGSTOP), k.witnessed(ctx))
	case "wake":
		return errors.Join(n.Speaker().Signal(syscall.SIGCONT), k.witnessed(ctx))
	}
	return errors.New("no such thing is done to a speaker")
}

// doLeader ends the leader's process, or takes its Lease away; that one's whose
// speaker must live loses its Lease only.
func (k *soak) doLeader(ctx context.Context, what string) error {
	var text string
	err := until(ctx, "somebody to lead", func() (err error) {
		text, err = k.Kube.Kubectl(ctx, "get", "lease", "hawser-allocator", "-n", scene.Namespace, "-o", "jsonpath={.spec.holderIdentity}")
		return err
	})
	if err != nil {
		return err
	}
	for _, n := range k.Nodes {
		if what == "process" && strings.HasPrefix(text, n.Name) && n.Name != plan.Kept {
			n.Speaker().Kill()
			return errors.Join(n.StartSpeaker(), k.witnessed(ctx))
		}
	}
	return k.api.remove(ctx, leasesPath+"/hawser-allocator")
}

// outage takes the API server or its store away for some seconds; or nothing.
func (k *soak) outage(ctx context.Context, what, seconds string) error {
	n, err := strconv.Atoi(seconds)
	if err != nil {
		return err
	}
	switch what {
	case "etcd":
		err = k.Kube.Etcd().Signal(syscall.SIGSTOP)
	case "api":
		k.Kube.StopAPIServer()
	}
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-time.After(time.Duration(n) * time.Second):
	}
	switch what {
	case "etcd":
		err = errors.Join(err, k.Kube.Etcd().Signal(syscall.SIGCONT))
	case "api":
		err = errors.Join(err, k.Kube.StartAPIServer(ctx))
	}
	return err
}
