package kernel

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/hawser-lb/hawser/router/internal/fib"
)

// batch is how many messages one send carries.
const batch = 128

// ErrKept is the error of a step that would have taken away what others depend
// on still, since another step of the plan failed.
var ErrKept = errors.New("kept, since what should replace it does not stand")

// errTaken is an object that somebody made under our number since we looked.
var errTaken = errors.New("another program's next-hop object has that number")

// Apply carries the steps out in their order. A step that fails stops no other
// but those that depend on it: a group is made of the next hops that could be
// had, and nothing is taken away whose replacement does not stand. The error
// joins a *fib.StepError for each. Any other error in it means that the
// conversation broke off: what stands then is only known by reading it.
func (k *Kernel) Apply(steps []fib.Step) error {
	a := application{k: k, lost: map[fib.ID]error{}, without: map[netip.Prefix]bool{}}
	for len(steps) > 0 {
		n := 1
		for n < len(steps) && n < batch && steps[n].Verb == steps[0].Verb {
			n++
		}
		if err := a.some(steps[:n]); err != nil {
			return errors.Join(append(a.failed, fmt.Errorf("kernel: %w", err))...)
		}
		steps = steps[n:]
	}
	k.nameForeign(a.failed)
	return errors.Join(a.failed...)
}

// application is what an Apply knows of the steps behind it.
type application struct {
	k       *Kernel
	failed  []error
	lost    map[fib.ID]error      // objects that could not be made
	without map[netip.Prefix]bool // prefixes with a failed step
	kept    bool                  // something else may depend on any object
}

// some carries out steps of one verb.
func (a *application) some(steps []fib.Step) error {
	sent := make([]fib.Step, 0, len(steps))
	messages := make([]netlink.Message, 0, len(steps))
	foreign := a.foreign(steps)
	for _, s := range steps {
		s, err := a.possible(s)
		if protocol, is := foreign[s.Key]; is && err == nil {
			err = foreignError(protocol, s.Key)
		}
		if err != nil {
			a.fail(s, err)
			continue
		}
		sent = append(sent, s)
		messages = append(messages, message(s))
	}
	if len(messages) == 0 {
		return nil
	}
	errs, err := a.k.exchange(messages)
	if err != nil {
		return err
	}
	for i, err := range errs {
		err := outcome(sent[i], err)
		if err != nil && sent[i].Verb.OfRoute() && len(sent[i].NextHops) > 1 && sent[i].ID == 0 && !errors.Is(err, ErrForeign) {
			if err = a.legByLeg(sent[i], err); err == errStanding {
				continue
			}
		}
		if err != nil {
			a.fail(sent[i], err)
		}
	}
	return nil
}

// foreign says where routes that are to be replaced stand behind another
// program's. Those with a former number of ours are ours.
func (a *application) foreign(steps []fib.Step) map[fib.Key]uint8 {
	if steps[0].Verb != fib.Replace {
		return nil
	}
	keys := make([]fib.Key, len(steps))
	for i, s := range steps {
		keys[i] = s.Key
	}
	found := a.k.behindForeign(keys)
	maps.DeleteFunc(found, func(_ fib.Key, protocol uint8) bool { return slices.Contains(a.k.former, protocol) })
	return found
}

func foreignError(protocol uint8, at fib.Key) error {
	return fmt.Errorf("%w: protocol %s, metric %d: remove it or give hawser another metric",
		ErrForeign, protocolName(protocol), at.Metric)
}

// possible is the step without what cannot be had, or why it cannot be done.
func (a *application) possible(s fib.Step) (fib.Step, error) {
	switch s.Verb {
	case fib.AddGroup, fib.ReplaceGroup:
		if err := a.lost[s.ID]; err != nil {
			return s, err
		}
		var err error
		left := slices.DeleteFunc(slices.Clone(s.Members), func(m fib.Member) bool {
			err = cmp.Or(err, a.lost[m.ID])
			return a.lost[m.ID] != nil
		})
		if len(left) == 0 {
			return s, err
		}
		s.Members = left
	case fib.Add, fib.Replace:
		return s, a.lost[s.ID]
	case fib.Delete:
		if a.without[s.Key.Prefix] {
			a.kept = true
			return s, ErrKept
		}
	case fib.DeleteHop, fib.DeleteGroup:
		if a.kept {
			return s, ErrKept
		}
	}
	return s, nil
}

// fail notes a failure for the steps to come.
func (a *application) fail(s fib.Step, err error) {
	a.failed = append(a.failed, &fib.StepError{Step: s, Err: err})
	switch s.Verb {
	case fib.AddHop, fib.AddGroup:
		a.lost[s.ID] = err
	case fib.Replace, fib.ReplaceGroup:
		a.kept = true
	}
	if s.Verb.OfRoute() {
		a.without[s.Key.Prefix] = true
	}
}

// errStanding is a route that stands with those of its legs that could be had.
var errStanding = errors.New("some of the legs stand")

// legByLeg makes a route that the kernel refused with those of its legs that it
// takes, and names the others. It returns the error that there was when it
// takes none.
func (a *application) legByLeg(s fib.Step, refused error) error {
	var taken []fib.NextHop
	var failed []error
	for _, leg := range s.NextHops {
		try := s
		try.NextHops = append(slices.Clone(taken), leg)
		errs, err := a.k.exchange([]netlink.Message{message(try)})
		if err == nil {
			err = outcome(try, errs[0])
		}
		if err != nil {
			failed = append(failed, &fib.StepError{
				Step: fib.Step{Verb: fib.AddHop, NextHops: []fib.NextHop{{Addr: leg.Addr, Link: leg.Link}}}, Err: err,
			})
			continue
		}
		taken, s.Verb = try.NextHops, fib.Replace
	}
	if len(taken) == 0 {
		return refused
	}
	a.failed = append(a.failed, failed...)
	return errStanding
}

// outcome is what the kernel's answer means for the step.
func outcome(s fib.Step, err error) error {
	gone := errors.Is(err, unix.ESRCH) || errors.Is(err, unix.ENOENT)
	switch v := s.Verb; {
	case err == nil:
		return nil
	case errors.Is(err, unix.EPERM):
		return ErrPermission
	case gone && (v == fib.Delete || v == fib.DeleteHop || v == fib.DeleteGroup):
		return nil // already, which is what was wanted
	case v == fib.Add && errors.Is(err, unix.EEXIST):
		return ErrForeign
	case (v == fib.AddHop || v == fib.AddGroup) && errors.Is(err, unix.EEXIST):
		return errTaken
	}
	return err
}

// nameForeign says of each route that stands in our way whose it is.
func (k *Kernel) nameForeign(failed []error) {
	for _, f := range families {
		var inTheWay map[fib.Key]standing
		for _, err := range failed {
			var step *fib.StepError
			if !errors.As(err, &step) || step.Step.Verb != fib.Add || !errors.Is(step.Err, ErrForeign) || family(step.Step.Key.Prefix.Addr()) != f {
				continue
			}
			if inTheWay == nil {
				inTheWay = k.anyones(f)
			}
			if r, found := inTheWay[step.Step.Key]; found {
				step.Err = foreignError(r.protocol, r.key)
			}
		}
	}
}

// anyones are the routes of all programs in our table. When they cannot be
// read, the errors that they would explain stay as they are.
func (k *Kernel) anyones(family uint8) map[fib.Key]standing {
	found, err := k.standing(family, k.cfg.Table, unix.RTPROT_UNSPEC)
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
