package soak

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/hawser-lb/hawser/shared/lab/soak/plan"
)

// rest mends what is broken and waits until all is as the API server says; a
// sweep takes everything away besides, and measures.
func (k *soak) rest(ctx context.Context, kind string, before plan.World) error {
	if err := k.mend(ctx, before); err != nil {
		return err
	}
	if kind == plan.Sweep {
		if err := k.sweep(ctx, before); err != nil {
			return err
		}
	}
	if err := k.agreed(ctx); err != nil {
		return err
	}
	err := until(ctx, "the kernel's table to be as the API server says", func() error { return k.settled(ctx) })
	if err != nil {
		return err
	}
	k.record.checks++
	k.book.begin(k.world)
	if err := k.answers(ctx); err != nil {
		return err
	}
	if kind == plan.Sweep {
		return k.measure(ctx)
	}
	return nil
}

// mend ends what the actions since the last rest have left broken.
func (k *soak) mend(ctx context.Context, before plan.World) error {
	var errs []error
	for _, n := range k.Nodes {
		f := before["node"][n.Name]
		switch {
		case f["power"] == "off":
			errs = append(errs, n.PowerOn(ctx))
			continue
		case f["speaker"] == "hung":
			errs = append(errs, n.Speaker().Signal(syscall.SIGCONT))
		case f["speaker"] == "dead":
			errs = append(errs, n.StartSpeaker())
		}
		if f["link"] == "down" {
			errs = append(errs, n.PlugIn(ctx))
		}
	}
	if !before.DaemonUp() {
		errs = append(errs, k.Router.Start())
	}
	if before["router"][plan.TheRouter]["file"] == "bad" {
		errs = append(errs, k.setRouter(ctx))
	}
	return errors.Join(errs...)
}

// sweep makes the objects what they were in the beginning.
func (k *soak) sweep(ctx context.Context, before plan.World) error {
	var errs []error
	for _, class := range []string{"service", "advertisement", "pool"} {
		for _, name := range before.Names(class) {
			if k.world[class][name] == nil {
				errs = append(errs, k.remove(ctx, class, name))
			}
		}
	}
	errs = append(errs, k.setRouter(ctx))
	for _, class := range []string{"pool", "peer", "node"} {
		errs = append(errs, k.setAll(ctx, class))
	}
	return errors.Join(errs...)
}

// settled says what is not yet as the API server has it.
func (k *soak) settled(ctx context.Context) error {
	c, err := read(ctx, k.api)
	if err != nil {
		return err
	}
	have, err := readKernel(ctx, k.Router.Host)
	if err != nil {
		return err
	}
	f := k.world["router"][plan.TheRouter]
	paths, err := strconv.Atoi(f["paths"])
	if err != nil {
		return err
	}
	wrong := have.differences(want(c, paths, f["resilient"] == "yes"), f["metric"])
	wrong = append(wrong, guards(have)...)
	wrong = append(wrong, twice(c.services)...)
	wrong = append(wrong, k.unallocated(c)...)
	if late := k.book.behind(c.services); late != "" {
		wrong = append(wrong, "the watch has not brought "+late)
	}
	if out, err := k.Router.Run(ctx, "ip", append([]string{"route", "show"}, foreignRoute...)...); err != nil || out == "" {
		wrong = append(wrong, "the foreign route is gone")
	}
	if len(wrong) > 0 {
		return errors.New(strings.Join(wrong, "; "))
	}
	return nil
}

// guards must be there for what the router allows, and for nothing else.
func guards(k *kernel) []string {
	var got []string
	for _, p := range k.guards {
		got = append(got, p.String())
	}
	slices.Sort(got)
	if want := []string{"10.77.100.0/24", "fd77:100::/112"}; !slices.Equal(got, want) {
		return []string{fmt.Sprintf("guards are %v", got)}
	}
	return nil
}

// unallocated lists Services that hold what they have to give back, as nobody may
// lead for some seconds, and those of one family and without a wish that have
// nothing although there is something free.
func (k *soak) unallocated(c *cluster) []string {
	var all []string
	used := map[netip.Addr]bool{}
	for _, s := range c.services {
		for _, a := range s.holds() {
			used[a] = true
			if c.poolOf(a) == "" {
				all = append(all, fmt.Sprintf("%s holds %v, which is in no pool", s.Metadata.Name, a))
			}
			if !s.ours() {
				all = append(all, fmt.Sprintf("%s holds %v and is not ours", s.Metadata.Name, a))
			}
			if !slices.Contains(s.Spec.Families, familyOf(a)) {
				all = append(all, fmt.Sprintf("%s holds %v and is of %v", s.Metadata.Name, a, s.Spec.Families))
			}
		}
	}
	for name, f := range k.world["service"] {
		i := slices.IndexFunc(c.services, func(s *service) bool { return s.Metadata.Name == name })
		if i < 0 {
			all = append(all, name+" is not there")
			continue
		}
		if s := c.services[i]; s.ours() && len(s.holds()) == 0 && f["ask"] == "no" && f["pool"] == "no" && f["share"] == "no" &&
			f["dual"] == "SingleStack" && k.spare(f["family"], used) {
			all = append(all, name+" has no address although one is free")
		}
	}
	return all
}

func familyOf(a netip.Addr) string {
	if a.Is4() {
		return "IPv4"
	}
	return "IPv6"
}

// spare says whether a pool that gives to everybody has a free address.
func (k *soak) spare(family string, used map[netip.Addr]bool) bool {
	for _, f := range k.world["pool"] {
		if f["auto"] != "yes" {
			continue
		}
		for _, p := range prefixes(f) {
			if p.Addr().Is6() != (family == "IPv6") {
				continue
			}
			for a := p.Addr(); p.Contains(a); a = a.Next() {
				last := a.AsSlice()[len(a.AsSlice())-1]
				buggy := f["avoid"] == "yes" && a.Is4() && (last == 0 || last == 255)
				if !used[a] && !buggy {
					return true
				}
			}
		}
	}
	return false
}
