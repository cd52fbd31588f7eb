package bench

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hawser-lb/hawser/shared/lab"
	"github.com/hawser-lb/hawser/shared/lab/routes"
)

// table follows what the kernel of one host holds of the measured prefixes, by
// the kernel's own messages.
type table struct {
	host  *lab.Host
	watch *routes.Watch
	pool  netip.Prefix
	hops  map[netip.Addr]int // next hops by /32
	// with counts the prefixes by their number of next hops.
	with     map[int]int
	routes   int // route messages since reset
	nextHops int // next-hop object messages since reset
	last     time.Time
}

func follow(host *lab.Host, pool netip.Prefix) (*table, error) {
	t := &table{host: host, pool: pool, hops: map[netip.Addr]int{}, with: map[int]int{}}
	err := host.Do(func() (err error) {
		t.watch, err = routes.OpenWatch()
		return err
	})
	return t, err
}

func (t *table) close() { t.watch.Close() }

// reset starts a new count of messages.
func (t *table) reset() { t.routes, t.nextHops, t.last = 0, 0, time.Time{} }

// quiet reads on until the kernel has been silent for the pause.
func (t *table) quiet(pause time.Duration) error {
	for {
		switch err := t.step(pause); {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case err != nil:
			return err
		}
	}
}

func (t *table) step(wait time.Duration) error {
	changes, err := t.watch.Next(wait)
	if err != nil {
		return err
	}
	for _, c := range changes {
		t.apply(c)
	}
	return nil
}

func (t *table) apply(c routes.Change) {
	switch c.Kind {
	case unix.RTM_NEWNEXTHOP, unix.RTM_DELNEXTHOP:
		t.nextHops++
		t.last = c.At
		return
	}
	if c.Route.Table != unix.RT_TABLE_MAIN || !t.pool.Contains(c.Route.Prefix.Addr()) {
		return
	}
	t.routes++
	t.last = c.At
	hops := 0
	if c.Kind == unix.RTM_NEWROUTE {
		hops = len(c.Route.Hops)
	}
	t.set(c.Route.Prefix.Addr(), hops)
}

func (t *table) set(prefix netip.Addr, hops int) {
	if before := t.hops[prefix]; before > 0 {
		t.with[before]--
	}
	delete(t.hops, prefix)
	if hops > 0 {
		t.hops[prefix] = hops
		t.with[hops]++
	}
}

// reread replaces what the messages told by what the kernel holds: a next-hop
// object that goes takes routes along without a message for each.
func (t *table) reread() error {
	var all []routes.Route
	err := t.host.Do(func() (err error) {
		all, err = routes.List()
		return err
	})
	if err != nil {
		return err
	}
	clear(t.hops)
	clear(t.with)
	for _, r := range all {
		if r.Table == unix.RT_TABLE_MAIN && t.pool.Contains(r.Prefix.Addr()) {
			t.set(r.Prefix.Addr(), len(r.Hops))
		}
	}
	return nil
}

// lull is how long the kernel is silent before its table is read as a whole.
const lull = 200 * time.Millisecond

// until waits until exactly this many prefixes are there, each with this many
// next hops, and returns when the message that completed it was heard.
func (t *table) until(prefixes, hops int, deadline time.Time) (time.Time, error) {
	// What was read may know more than the messages have told.
	done := func() bool { return len(t.hops) == prefixes && t.with[hops] == prefixes && !t.last.IsZero() }
	for !done() {
		if time.Now().After(deadline) {
			return time.Time{}, fmt.Errorf("the kernel holds %d prefixes, by number of next hops %v; want %d with %d each", len(t.hops), t.with, prefixes, hops)
		}
		err := t.step(lull)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = t.reread()
		}
		if err != nil {
			return time.Time{}, err
		}
	}
	complete := t.last
	if err := t.reread(); err != nil {
		return time.Time{}, err
	}
	if !done() {
		return time.Time{}, errors.New("the kernel's messages and its table say different things")
	}
	return complete, nil
}
