package failurebench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hawser-lb/hawser/shared/lab"
	"github.com/hawser-lb/hawser/shared/lab/scene"
)

// kind of side, by which an event has its acts.
type kind int

const (
	ours kind = iota
	pairs
)

// side is who speaks BGP, on the nodes and on the router.
type side interface {
	name() string
	kind() kind
	// protocol is the kernel's number of its routes.
	protocol() string
	start(context.Context) error
	stop(context.Context) error
	// fresh has flows dealt out to all nodes anew, before an event.
	fresh(context.Context) error
	// sessions that are up, as the router counts them.
	sessions(context.Context) (int, error)
}

// hawser is Hawser on both ends; the scene has started it.
type hawser struct{ *world }

func (hawser) name() string     { return "Hawser" }
func (hawser) kind() kind       { return ours }
func (hawser) protocol() string { return "73" }

func (hawser) start(context.Context) error { return nil }

// stop leaves the speakers without a peer, so that they only give addresses,
// and has the daemon take its routes away.
func (h hawser) stop(ctx context.Context) error {
	off := strings.Replace(scene.RouterConfig, "'globals'\n", "'globals'\n\toption enabled '0'\n", 1)
	if _, err := h.Kube.Kubectl(ctx, "delete", "peer", "router"); err != nil {
		return err
	}
	if err := h.Router.Configure(off); err != nil { // the daemon sees the file change
		return err
	}
	limited, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	return h.Router.Daemon().Wait(limited)
}

// fresh takes the groups of next hops away, and the daemon makes new ones: a
// resilient group leaves a node that has come back without flows for as long as
// every bucket is busy, and this client keeps them all busy.
func (h hawser) fresh(ctx context.Context) error {
	_, err := h.Router.Run(ctx, "ip", "nexthop", "flush", "proto", h.protocol())
	return err
}

func (h hawser) sessions(ctx context.Context) (int, error) { return h.Router.Established(ctx) }

// batch runs commands of ip(8) on the router in one process.
func (w *world) batch(ctx context.Context, lines ...string) error {
	_, err := w.Router.RunInput(ctx, strings.Join(lines, "\n")+"\n", "ip", "-batch", "-")
	return err
}

// bridgePorts are the router's ends of the cables to control and the nodes.
var bridgePorts = []string{"br-lan-p1", "br-lan-p2", "br-lan-p3", "br-lan-p4"}

// cable is the router's end of the cable to a node.
func (w *world) cable(n *scene.Node) string { return bridgePorts[1+slices.Index(w.Nodes, n)] }

// down takes the router's network away as netifd does: the bridge is deleted,
// and with the interfaces go the addresses, the routes and the next hops.
func (w *world) down(ctx context.Context) error {
	return w.batch(ctx, "link set wan down", "addr flush dev wan", "link set br-lan down", "link del br-lan", "nexthop flush")
}

// up makes the router's network as it was, with a new bridge.
func (w *world) up(ctx context.Context) error {
	lines := []string{"link add name br-lan type bridge forward_delay 0 stp_state 0 mcast_snooping 0"}
	for _, port := range bridgePorts {
		lines = append(lines, "link set "+port+" master br-lan up")
	}
	return w.batch(ctx, append(lines, "link set br-lan up",
		"addr add "+scene.RouterAddress+"/24 dev br-lan", "addr add fd77:2::1/64 dev br-lan nodad",
		"link set wan up", "addr add 10.77.1.1/24 dev wan", "addr add fd77:1::1/64 dev wan nodad")...)
}

// reachable waits until the router answers a node, as ping would say: here it
// says that nobody listens on a port, which its kernel does.
func (w *world) reachable(ctx context.Context) (time.Time, error) {
	err := lab.Until(ctx, "the router to answer", func() error {
		c, err := w.Nodes[0].Dial(ctx, "udp", scene.RouterAddress+":9")
		if err != nil {
			return err
		}
		defer c.Close()
		_, err1 := c.Write([]byte("ahoy"))
		err2 := c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		_, err3 := c.Read(make([]byte, 1))
		if err := errors.Join(err1, err2, err3); !errors.Is(err, unix.ECONNREFUSED) {
			return fmt.Errorf("it does not: %w", err)
		}
		return nil
	})
	return time.Now(), err
}

// hup tells hawser to read its configuration, and waits until all is as before.
func (d *deed) hup(ctx context.Context) error {
	if err := d.Router.Daemon().Signal(syscall.SIGHUP); err != nil {
		return err
	}
	return d.whole(ctx, d.side)
}

// deed is one event as it happens.
type deed struct {
	*world
	side
	blown time.Time
	node  string // the one concerned, "" for none
	notes []string
	// wholeAfter is how long after its first answer a router had all back.
	wholeAfter time.Duration
	ledger     ledger
}

// blow says that the event is now, and not when it was prepared.
func (d *deed) blow() { d.blown = time.Now() }

func (d *deed) note(format string, args ...any) {
	d.notes = append(d.notes, fmt.Sprintf(format, args...))
}

// victim is the node that things happen to.
func (d *deed) victim() *scene.Node {
	n := d.Nodes[1]
	d.node = n.Name
	return n
}

// without waits until the route goes by the other nodes only, and notes when.
func (d *deed) without(ctx context.Context, gone *scene.Node) error {
	var rest []string
	for _, n := range d.Nodes {
		if n != gone {
			rest = append(rest, n.Address)
		}
	}
	limited, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	if err := d.hops(limited, d.side, rest...); err != nil {
		return err
	}
	d.note("the node left the route after %s", short(time.Since(d.blown)))
	return nil
}

// again waits until all is as before, and notes how long after a moment.
func (d *deed) again(ctx context.Context, since time.Time, of string) error {
	limited, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	if err := d.whole(limited, d.side); err != nil {
		return err
	}
	d.note("sessions and routes whole %s after %s", short(time.Since(since)), of)
	return nil
}
