package failurebench

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hawser-lb/hawser/shared/lab"
	"github.com/hawser-lb/hawser/shared/lab/scene"
)

// What happens to nodes and to their speakers.

// powerOff cuts the link first: that is the moment.
func powerOff(ctx context.Context, d *deed) error {
	n := d.victim()
	if err := n.SetLink("eth0", false); err != nil {
		return err
	}
	d.blow()
	d.silence(n)
	if err := n.PowerOff(); err != nil {
		return err
	}
	return d.without(ctx, n)
}

func powerOn(ctx context.Context, d *deed) error {
	err := d.victim().PowerOn(ctx)
	return errors.Join(err, d.speak(ctx, d.victim()))
}

// silence ends the pair's speaker of a node without a word; Hawser's is ended
// by the scene.
func (d *deed) silence(n *scene.Node) {
	if p, is := d.side.(*pair); is {
		p.speakers[n.Name].Kill()
	}
}

// speak starts the pair's speaker of a node.
func (d *deed) speak(ctx context.Context, n *scene.Node) error {
	if p, is := d.side.(*pair); is {
		return p.startSpeaker(ctx, n)
	}
	return nil
}

func bothBack(all ...func(context.Context, *deed) error) func(context.Context, *deed) error {
	return func(ctx context.Context, d *deed) error {
		var errs []error
		for _, f := range all {
			errs = append(errs, f(ctx, d))
		}
		return errors.Join(errs...)
	}
}

func withFastBFD(ctx context.Context, d *deed) error {
	if err := d.Router.Configure(scene.RouterConfig + "\toption bfd '1'\n\toption bfd_interval '50'\n"); err != nil {
		return err
	}
	if err := d.Kube.Apply(ctx, scene.PeerManifest+"  bfd: {enabled: true, transmitInterval: 50ms, receiveInterval: 50ms}\n"); err != nil {
		return err
	}
	return lab.Until(ctx, "BFD with each node", func() error {
		nodes, err1 := d.Kube.Kubectl(ctx, "get", "bgpnodes", "-o", "jsonpath={.items[*].status.sessions[*].bfd}")
		router, err2 := d.Router.Hawser(ctx, "show", "ip", "bgp", "neighbors", "--json")
		seen := strings.Count(router, `"detectMilliseconds": 150,`)
		if strings.Count(nodes, "Up") != len(d.Nodes) || seen != len(d.Nodes) {
			return fmt.Errorf("nodes: %s; the router sees %d: %w", nodes, seen, errors.Join(err1, err2))
		}
		return nil
	})
}

func withoutBFD(ctx context.Context, d *deed) error {
	_, err := d.Kube.Kubectl(ctx, "patch", "peer", "router", "--type=merge", "-p", `{"spec":{"bfd":null}}`)
	return errors.Join(err, d.Router.Configure(scene.RouterConfig))
}

// linkFlap takes the cable out at the router's end and puts it in again.
func linkFlap(ctx context.Context, d *deed) error {
	cable := d.cable(d.victim())
	if err := d.Router.SetLink(cable, false); err != nil {
		return err
	}
	d.blow()
	err := pause(ctx, time.Second)
	return errors.Join(err, d.Router.SetLink(cable, true))
}

// speakerKill has the kubelet start it again at once, as it does the first time.
func speakerKill(ctx context.Context, d *deed) error {
	n := d.victim()
	n.Speaker().Kill()
	if err := n.StartSpeaker(); err != nil {
		return err
	}
	if err := d.ready(ctx, n); err != nil {
		return err
	}
	return d.again(ctx, d.blown, "the kill")
}

// ready waits until a speaker is, by the probe of the DaemonSet.
func (d *deed) ready(ctx context.Context, n *scene.Node) error {
	return lab.Until(ctx, "the speaker of "+n.Name+" to be ready", func() error {
		_, err := n.Run(ctx, "curl", "-sSf", "--max-time", "5", "http://127.0.0.1:7474/readyz")
		return err
	})
}

// speakerUpgrade does as a DaemonSet: the next when the last is ready.
func speakerUpgrade(ctx context.Context, d *deed) error {
	for _, n := range d.Nodes {
		if err := n.Speaker().Stop(); err != nil {
			return err
		}
		if err := errors.Join(n.StartSpeaker(), d.ready(ctx, n)); err != nil {
			return err
		}
	}
	return d.again(ctx, d.blown, "the first one's end")
}

func drain(ctx context.Context, d *deed) error {
	n := d.victim()
	if _, err := d.Kube.Kubectl(ctx, "annotate", "node", n.Name, "hawser.dev/drain="); err != nil {
		return err
	}
	return d.without(ctx, n)
}

func undrain(ctx context.Context, d *deed) error {
	if _, err := d.Kube.Kubectl(ctx, "annotate", "node", d.victim().Name, "hawser.dev/drain-"); err != nil {
		return err
	}
	return d.again(ctx, time.Now(), "the end of the drain")
}

// condition of a node, as its kubelet or the node controller says it.
func (d *deed) condition(ctx context.Context, n *scene.Node, status, message string) error {
	patch := fmt.Sprintf(`{"status":{"conditions":[{"type":"Ready","status":%q,"reason":"Scene","message":%q}]}}`, status, message)
	_, err := d.Kube.Kubectl(ctx, "patch", "node", n.Name, "--subresource=status", "--type=strategic", "-p", patch)
	return err
}

// shutdown is what systemd and the kubelet do where graceful shutdown is set up:
// the node says that it goes, its pods end, then there is no power.
func shutdown(ctx context.Context, d *deed) error {
	n := d.victim()
	if err := d.condition(ctx, n, "False", "node is shutting down"); err != nil {
		return err
	}
	if err := d.without(ctx, n); err != nil {
		return err
	}
	if err := n.Speaker().Stop(); err != nil {
		return err
	}
	return errors.Join(n.PowerOff(), d.condition(ctx, n, "Unknown", "Kubelet stopped posting node status."))
}

func shutdownBack(ctx context.Context, d *deed) error {
	return errors.Join(powerOn(ctx, d), d.condition(ctx, d.victim(), "True", ""))
}
