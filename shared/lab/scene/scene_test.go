package scene_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-lb/hawser/shared/lab"
	"github.com/hawser-lb/hawser/shared/lab/scene"
)

// The nodes' addresses, as next hops are sorted.
var everyNode = []string{"10.77.2.11", "10.77.2.12", "10.77.2.13"}

// the is the one scene that all tests share: it takes seconds to start. Each
// test begins with harbour, which brings it back into its first state.
var the *scene.Scene

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	ctx := context.Background()
	l, err := lab.New(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	if the, err = scene.Start(ctx, l, scene.Options{}); err != nil {
		return 0, fmt.Errorf("%w\n%s", err, l.Report(40))
	}
	return m.Run(), nil
}

// harbour is the scene with a pool, a peer, three ready pods and three
// sessions, and without a Service or a route.
func harbour(t *testing.T) *scene.Scene {
	t.Helper()
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(the.Lab.Report(40))
		}
	})
	kubectl(t, "delete", "service", "-l", "!provider", "--ignore-not-found")
	kubectl(t, "delete", "configmap", "config", "-n", scene.Namespace, "--ignore-not-found")
	kubectl(t, "delete", "pool", "foreign", "younger", "--ignore-not-found")
	if err := the.Router.Configure(scene.RouterConfig); err != nil {
		t.Fatal(err)
	}
	apply(t, scene.PoolManifest+"---\n"+scene.PeerManifest)
	if err := the.WebPods(t.Context()); err != nil {
		t.Fatal(err)
	}
	sessions(t, 3)
	lab.Eventually(t, "the kernel to have none of hawser's routes", func() error {
		out, err := the.Router.Run(t.Context(), "ip", "route", "show", "proto", "73", "type", "unicast")
		if err == nil && out != "" {
			err = errors.New(out)
		}
		return err
	})
	return the
}

func kubectl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := the.Kube.Kubectl(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func apply(t *testing.T, manifest string) {
	t.Helper()
	if err := the.Kube.Apply(t.Context(), manifest); err != nil {
		t.Fatal(err)
	}
}

// service is a manifest of a LoadBalancer Service over the web pods. more are
// lines of its spec.
func service(name string, more ...string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Service
metadata:
  name: %s
spec:
  type: LoadBalancer
  selector: {app: web}
  ports: [{port: 80, targetPort: %d}]
  %s
`, name, scene.BackendPort, strings.Join(more, "\n  "))
}

// sessions waits until n speakers are connected to the router.
func sessions(t *testing.T, n int) {
	t.Helper()
	lab.Eventually(t, fmt.Sprintf("%d sessions on the router", n), func() error {
		got, err := the.Router.Established(t.Context())
		if err == nil && got != n {
			err = fmt.Errorf("there are %d", got)
		}
		return err
	})
}

// addresses waits until a Service has n addresses, IPv4 before IPv6.
func addresses(t *testing.T, name string, n int) []string {
	t.Helper()
	var all []string
	lab.Eventually(t, fmt.Sprintf("Service %s to have %d addresses", name, n), func() error {
		out, err := the.Kube.Kubectl(t.Context(), "get", "service", name, "-o", "jsonpath={.status.loadBalancer.ingress[*].ip}")
		all = strings.Fields(out)
		if err == nil && len(all) != n {
			err = fmt.Errorf("it has %q", all)
		}
		return err
	})
	slices.SortFunc(all, func(a, b string) int { return strings.Count(a, ":") - strings.Count(b, ":") })
	return all
}

// nextHops waits until exactly these are the kernel's next hops to a prefix.
func nextHops(t *testing.T, prefix string, want ...string) {
	t.Helper()
	lab.Eventually(t, fmt.Sprintf("the route to %s by %v", prefix, want), func() error {
		got, err := the.Router.NextHops(t.Context(), prefix)
		if err == nil && !slices.Equal(got, want) {
			err = fmt.Errorf("it goes by %v", got)
		}
		return err
	})
}

// answers waits until the client gets a 200 from an address.
func answers(t *testing.T, address string) scene.Reply {
	t.Helper()
	var reply scene.Reply
	lab.Eventually(t, "a 200 from "+address, func() (err error) {
		ctx, cancel := context.WithTimeout(t.Context(), scene.Patience)
		defer cancel()
		if reply, err = the.Get(ctx, address); err == nil && reply.Status != 200 {
			err = fmt.Errorf("status %d", reply.Status)
		}
		return err
	})
	return reply
}

// visited waits for n more answers and says what came in meanwhile.
func visited(t *testing.T, v *scene.Visitor, n int) scene.Visits {
	t.Helper()
	v.Count()
	lab.Eventually(t, fmt.Sprintf("%d answers", n), func() error {
		if ok := v.OK(); ok < n {
			return fmt.Errorf("%d until now", ok)
		}
		return nil
	})
	return v.Count()
}
