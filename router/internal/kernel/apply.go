package kernel

import (
	"errors"
	"fmt"
	"slices"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/hawser-lb/hawser/router/internal/fib"
)

// batch is how many messages one send carries.
const batch = 128

// Apply carries the steps out in their order. A step that fails stops no other;
// the error joins a *fib.StepError for each. Any other error in it means that
// the conversation broke off: what stands then is only known by reading it.
func (k *Kernel) Apply(steps []fib.Step) error {
	var failed []error
	messages := make([]netlink.Message, 0, min(batch, len(steps)))
	for some := range slices.Chunk(steps, batch) {
		messages = messages[:0]
		for _, s := range some {
			messages = append(messages, k.cfg.message(s))
		}
		errs, err := k.exchange(messages)
		if err != nil {
			return errors.Join(append(failed, fmt.Errorf("kernel: %w", err))...)
		}
		for i, err := range errs {
			if err := outcome(some[i], err); err != nil {
				failed = append(failed, &fib.StepError{Step: some[i], Err: err})
			}
		}
	}
	k.nameForeign(failed)
	return errors.Join(failed...)
}

// outcome is what the kernel's answer means for the step.
func outcome(s fib.Step, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EPERM):
		return ErrPermission
	case s.Verb == fib.Delete && (errors.Is(err, unix.ESRCH) || errors.Is(err, unix.ENOENT)):
		return nil // already gone, which is what was wanted
	case s.Verb == fib.Add && errors.Is(err, unix.EEXIST):
		return ErrForeign
	}
	return err
}

// nameForeign says of each route that stands in our way whose it is.
func (k *Kernel) nameForeign(failed []error) {
	for _, f := range families {
		var inTheWay map[fib.Key]standing
		for _, err := range failed {
			var step *fib.StepError
			if !errors.As(err, &step) || !errors.Is(step.Err, ErrForeign) || family(step.Step.Key.Prefix.Addr()) != f {
				continue
			}
			if inTheWay == nil {
				inTheWay = k.anyones(f)
			}
			if r, found := inTheWay[step.Step.Key]; found {
				step.Err = fmt.Errorf("%w: protocol %s, metric %d: remove it or give hawser another metric",
					ErrForeign, protocolName(r.protocol), r.key.Metric)
			}
		}
	}
}

// anyones are the routes of all programs in our table. When they cannot be
// read, the errors that they would explain stay as they are.
func (k *Kernel) anyones(family uint8) map[fib.Key]standing {
	found, err := k.standing(family, unix.RTPROT_UNSPEC)
	if err != nil {
		return map[fib.Key]standing{}
	}
	by := make(map[fib.Key]standing, len(found))
	for _, r := range found {
		by[r.key] = r
	}
	return by
}

// protocolName is the name that ip(8) prints for well-known numbers.
func protocolName(p uint8) string {
	names := map[uint8]string{
		unix.RTPROT_KERNEL: "kernel", unix.RTPROT_BOOT: "boot", unix.RTPROT_STATIC: "static",
		unix.RTPROT_RA: "ra", unix.RTPROT_ZEBRA: "zebra", unix.RTPROT_BIRD: "bird",
		unix.RTPROT_DHCP: "dhcp", unix.RTPROT_BGP: "bgp", unix.RTPROT_OSPF: "ospf",
	}
	if name, known := names[p]; known {
		return name
	}
	return fmt.Sprint(p)
}
