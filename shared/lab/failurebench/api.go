package failurebench

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/hawser-lb/hawser/shared/lab"
)

// What happens to the control plane, and to the addresses meanwhile.

// fleetSize is how many Services are given addresses at once.
const fleetSize = 100

// fleetManifest has no selector: addresses are what is asked for, not routes.
func fleetManifest(from, to int) string {
	var all []string
	for i := from; i < to; i++ {
		all = append(all, fmt.Sprintf(`apiVersion: v1
kind: Service
metadata: {name: fleet-%d, labels: {fleet: failure}}
spec: {type: LoadBalancer, allocateLoadBalancerNodePorts: false, ports: [{port: 80}]}
`, i))
	}
	return strings.Join(all, "---\n")
}

// ledger is what became of the Services' addresses.
type ledger struct {
	first   map[string]string // the first ones that a Service was seen with
	now     map[string]string
	changed map[string]bool
}

// see takes what each Service has; "" is none.
func (l *ledger) see(now map[string]string) {
	if l.first == nil {
		l.first, l.changed = map[string]string{}, map[string]bool{}
	}
	l.now = now
	for name, address := range now {
		if l.first[name] == "" {
			l.first[name] = address
		} else if l.first[name] != address {
			l.changed[name] = true
		}
	}
}

// with is how many have an address.
func (l *ledger) with() int {
	n := 0
	for _, address := range l.now {
		if address != "" {
			n++
		}
	}
	return n
}

// String is the verdict.
func (l *ledger) String() string {
	one, users := 0, map[string]int{}
	for _, all := range l.now {
		fields := strings.Fields(all)
		if len(fields) == 1 {
			one++
		}
		for _, address := range fields {
			users[address]++
		}
	}
	double := 0
	for _, n := range users {
		if n > 1 {
			double++
		}
	}
	return fmt.Sprintf("%d of %d Services have one address, %d given twice, %d changed", one, len(l.now), double, len(l.changed))
}

// look reads the fleet's addresses.
func (w *world) look(ctx context.Context, l *ledger) error {
	out, err := w.Kube.Kubectl(ctx, "get", "services", "-l", "fleet=failure", "-o",
		`jsonpath={range .items[*]}{.metadata.name}={.status.loadBalancer.ingress[*].ip}{"\n"}{end}`)
	if err != nil {
		return err
	}
	now := map[string]string{}
	for line := range strings.Lines(out) {
		name, address, _ := strings.Cut(strings.TrimSpace(line), "=")
		now[name] = address
	}
	l.see(now)
	return nil
}

// allocated waits until n Services have addresses.
func (w *world) allocated(ctx context.Context, l *ledger, n int) error {
	return lab.Until(ctx, fmt.Sprintf("%d Services to have addresses", n), func() error {
		if err := w.look(ctx, l); err != nil {
			return err
		}
		if got := l.with(); got < n {
			return fmt.Errorf("%d have", got)
		}
		return nil
	})
}

// fleet makes half of the Services before the event.
func fleet(ctx context.Context, d *deed) error {
	if err := d.Kube.Apply(ctx, fleetManifest(0, fleetSize/2)); err != nil {
		return err
	}
	return d.allocated(ctx, &d.ledger, fleetSize/2)
}

func fleetGone(ctx context.Context, d *deed) error {
	_, err := d.Kube.Kubectl(ctx, "delete", "services", "-l", "fleet=failure", "--wait=false")
	return err
}

// theRest makes the other half, and notes the verdict on all.
func (d *deed) theRest(ctx context.Context) error {
	if err := d.Kube.Apply(ctx, fleetManifest(fleetSize/2, fleetSize)); err != nil {
		return err
	}
	if err := d.allocated(ctx, &d.ledger, fleetSize); err != nil {
		return err
	}
	d.note("%v", &d.ledger)
	return nil
}

func apiGone(ctx context.Context, d *deed) error {
	d.Kube.StopAPIServer()
	if err := errors.Join(pause(ctx, time.Minute), d.Kube.StartAPIServer(ctx)); err != nil {
		return err
	}
	return d.theRest(ctx)
}

// etcdSlow lets etcd run for a fifth of the time, half a minute long.
func etcdSlow(ctx context.Context, d *deed) error {
	limited, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- d.theRest(ctx) }()
	var errs []error
	for limited.Err() == nil {
		errs = append(errs, d.Kube.Etcd().Signal(syscall.SIGSTOP))
		stood := pause(limited, 400*time.Millisecond)
		errs = append(errs, d.Kube.Etcd().Signal(syscall.SIGCONT))
		if errors.Join(errs...) != nil || stood != nil || pause(limited, 100*time.Millisecond) != nil {
			break
		}
	}
	return errors.Join(append(errs, <-done)...)
}

// leaderKill waits until the leader is in the middle, and does not start it
// again before the addresses are there: another one must take over.
func leaderKill(ctx context.Context, d *deed) error {
	holder, err := d.Kube.Kubectl(ctx, "get", "lease", "hawser-allocator", "-n", "hawser-system", "-o", "jsonpath={.spec.holderIdentity}")
	if err != nil {
		return err
	}
	node, _, _ := strings.Cut(holder, "_") // a word that tells its lives apart follows
	leader := d.Node(node)
	made := make(chan error, 1)
	go func() { made <- d.Kube.Apply(ctx, fleetManifest(0, fleetSize)) }()
	if err := d.allocated(ctx, &d.ledger, fleetSize/4); err != nil {
		return errors.Join(err, <-made)
	}
	d.node = leader.Name
	had := d.ledger.with()
	d.blow()
	leader.Speaker().Kill()
	if err := <-made; err != nil {
		return errors.Join(err, leader.StartSpeaker())
	}
	if err := d.allocated(ctx, &d.ledger, fleetSize); err != nil {
		return errors.Join(err, leader.StartSpeaker())
	}
	d.note("%d had addresses at the kill, all %s later; %v", had, short(time.Since(d.blown)), &d.ledger)
	if err := leader.StartSpeaker(); err != nil {
		return err
	}
	return d.again(ctx, time.Now(), "its start")
}
