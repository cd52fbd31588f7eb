package soak

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/hawser-lb/hawser/shared/lab/soak/plan"
)

// foreignRoute is somebody else's, which Hawser must leave alone.
var foreignRoute = []string{"198.51.100.0/24", "via", "10.77.2.10", "proto", "static"}

func (k *soak) foreign(ctx context.Context, verb string) error {
	_, err := k.Router.Run(ctx, "ip", append([]string{"route", verb}, foreignRoute...)...)
	return err
}

func (k *soak) doRouter(ctx context.Context, verb string, a plan.Action) error {
	switch verb {
	case "config":
		return errors.Join(k.setRouter(ctx), k.agreed(ctx))
	case "mistake":
		return k.setRouter(ctx)
	case "kill":
		k.Router.Daemon().Kill()
		return nil
	case "stop":
		return k.Router.Daemon().Stop()
	case "start":
		return errors.Join(k.Router.Start(), k.witnessed(ctx))
	case "flush":
		return errors.Join(k.flush(ctx, a.Set["what"]), k.witnessed(ctx))
	case "lan":
		return errors.Join(k.lan(ctx), k.witnessed(ctx))
	case "theft":
		return errors.Join(k.steal(ctx, a.Set["what"]), k.witnessed(ctx))
	case "foreign":
		return errors.Join(k.foreign(ctx, "del"), k.foreign(ctx, "add"))
	}
	return errors.New("no such thing is done to a router")
}

// flush takes away all that Hawser has in the kernel, as somebody may who
// restarts the network. What Hawser mends meanwhile cannot be deleted as it was
// read, and that is no error.
func (k *soak) flush(ctx context.Context, what string) error {
	have, err := readKernel(ctx, k.Router.Host)
	if err != nil {
		return err
	}
	var lines strings.Builder
	for _, r := range have.routes {
		fmt.Fprintf(&lines, "route del %s metric %d proto %s\n", r.Dst, r.Metric, protocol)
	}
	for _, p := range have.guards {
		fmt.Fprintf(&lines, "route del unreachable %s proto %s\n", p, protocol)
	}
	if what == "all" {
		for _, n := range have.nextHops {
			fmt.Fprintf(&lines, "nexthop del id %d\n", n.ID)
		}
	}
	var late *exec.ExitError
	if _, err := k.Router.RunInput(ctx, lines.String(), "ip", "-force", "-batch", "-"); err != nil && !errors.As(err, &late) {
		return err
	}
	return nil
}

// lan turns the LAN off and on, which takes every route over it along.
func (k *soak) lan(ctx context.Context) error {
	if err := k.Router.SetLink("br-lan", false); err != nil {
		return err
	}
	if err := k.Router.SetLink("br-lan", true); err != nil {
		return err
	}
	_, err := k.Router.Run(ctx, "ip", "addr", "replace", "fd77:2::1/64", "dev", "br-lan", "nodad")
	return errors.Join(err, k.foreign(ctx, "replace"))
}

// steal takes something of Hawser's out of the kernel: the witness's route, its
// group or one of its next hops.
func (k *soak) steal(ctx context.Context, what string) error {
	have, err := readKernel(ctx, k.Router.Host)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(have.routes, func(r kernelRoute) bool { return r.Dst == k.address })
	if i < 0 {
		return fmt.Errorf("there is no route to %s to steal", k.address)
	}
	if what == "route" {
		_, err = k.Router.Run(ctx, "ip", "route", "del", k.address, "proto", protocol)
		return err
	}
	id := have.routes[i].ID
	for _, n := range have.nextHops {
		if what == "leg" && n.ID == id && len(n.Group) > 0 {
			id = n.Group[0].ID
			break
		}
	}
	_, err = k.Router.Run(ctx, "ip", "nexthop", "del", "id", strconv.Itoa(id))
	return err
}

// setRouter writes the router's file as the world has it, and waits until it
// is taken or refused.
func (k *soak) setRouter(ctx context.Context) error {
	f := k.world["router"][plan.TheRouter]
	if err := k.Router.Configure(routerConfig(f, k.world["peer"][plan.ThePeer])); err != nil {
		return err
	}
	if !k.world.DaemonUp() {
		return nil
	}
	err := until(ctx, "hawser to answer", func() error { _, err := k.snapshot(ctx); return err })
	if err != nil {
		return err
	}
	if err := k.Router.Daemon().Signal(syscall.SIGHUP); err != nil {
		return err
	}
	return until(ctx, "the router's file to be read", func() error {
		now, err := k.snapshot(ctx)
		switch {
		case err != nil:
			return err
		case now.Config.Rejected != (f["file"] == "bad"):
			return fmt.Errorf("refused is %v", now.Config.Rejected)
		case f["file"] == "good" && (strconv.Itoa(now.Metric) != f["metric"] || strconv.Itoa(now.MaxPaths) != f["paths"]):
			return fmt.Errorf("metric is %d, max_paths %d", now.Metric, now.MaxPaths)
		}
		return nil
	})
}

// snapshot is what the daemon tells of itself, as far as it is looked at.
type snapshot struct {
	Goroutines int `json:"goroutines"`
	Metric     int `json:"metric"`
	MaxPaths   int `json:"maxPaths"`
	Config     struct {
		Rejected bool `json:"rejected"`
	} `json:"config"`
	Neighbors []neighbor `json:"neighbors"`
}

type neighbor struct {
	Address string `json:"address"`
	State   string `json:"state"`
	Hold    int    `json:"holdSeconds"`
	BFD     *struct {
		State string `json:"state"`
	} `json:"bfd"`
}

func (k *soak) snapshot(ctx context.Context) (s snapshot, err error) {
	text, err := k.Router.Hawser(ctx, "show", "ip", "bgp", "summary", "--json")
	if err == nil {
		err = json.Unmarshal([]byte(text), &s)
	}
	return s, err
}

// agreed waits until every session that can be there is, and as both ends say.
func (k *soak) agreed(ctx context.Context) error {
	if !k.world.DaemonUp() {
		return nil
	}
	err := until(ctx, "the sessions as both ends say", func() error {
		s, err := k.snapshot(ctx)
		if err != nil {
			return err
		}
		for _, n := range k.Nodes {
			if !k.world.Running(n.Name) {
				continue
			}
			if why := k.disagrees(s, n.Address); why != "" {
				return fmt.Errorf("%s: %s", n.Name, why)
			}
		}
		return nil
	})
	return errors.Join(err, k.witnessed(ctx))
}

func (k *soak) disagrees(s snapshot, address string) string {
	router, peer := k.world["router"][plan.TheRouter], k.world["peer"][plan.ThePeer]
	i := slices.IndexFunc(s.Neighbors, func(n neighbor) bool { return n.Address == address })
	if i < 0 {
		return "not a neighbor"
	}
	n := s.Neighbors[i]
	ours, err1 := strconv.Atoi(router["hold"])
	theirs, err2 := strconv.Atoi(peer["hold"])
	bfd := router["bfd"] == "yes" && router["file"] == "good"
	switch {
	case n.State != "Established":
		return n.State
	case errors.Join(err1, err2) != nil || n.Hold != min(ours, theirs):
		return fmt.Sprintf("hold time %d s", n.Hold)
	case bfd && peer["bfd"] == "yes" && (n.BFD == nil || !strings.EqualFold(n.BFD.State, "up")):
		return fmt.Sprintf("BFD is not up: %+v", n.BFD)
	}
	return ""
}

// witnessed waits until the kernel's route to the witness goes by the nodes
// that announce it, and no others. A node whose speaker has ended may be kept.
func (k *soak) witnessed(ctx context.Context) error {
	if !k.world.DaemonUp() {
		return nil
	}
	var must, may []string
	for _, n := range k.Nodes {
		f := k.world["node"][n.Name]
		switch {
		case k.world.Announcing(n.Name):
			must, may = append(must, n.Address), append(may, n.Address)
		case f["speaker"] == "dead" && f["power"] == "on":
			may = append(may, n.Address)
		}
	}
	paths, err := strconv.Atoi(k.world["router"][plan.TheRouter]["paths"])
	if err != nil {
		return err
	}
	return until(ctx, "the witness's route by "+strings.Join(must, ", "), func() error {
		got, err := k.Router.NextHops(ctx, k.address)
		if err != nil {
			return err
		}
		missing := slices.DeleteFunc(slices.Clone(must), func(a string) bool { return slices.Contains(got, a) })
		surplus := slices.DeleteFunc(slices.Clone(got), func(a string) bool { return slices.Contains(may, a) })
		if len(surplus) > 0 || len(missing) > 0 && len(got) < min(paths, len(may)) {
			return fmt.Errorf("it goes by %v", got)
		}
		return nil
	})
}
