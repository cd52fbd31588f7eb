package kernel

import (
	"context"
	"errors"
	"fmt"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Change says what is no longer as it was read.
type Change uint8

const (
	// LinksChanged: the facts, and with them perhaps the routes.
	LinksChanged Change = 1 << iota
	// RoutesChanged: somebody else changed a route of ours, or one that
	// stands where ours would.
	RoutesChanged
)

// Watch calls tell whenever something changed that was not our doing, until ctx
// ends, which is no error. When notifications were lost, everything changed.
func (k *Kernel) Watch(ctx context.Context, tell func(Change)) error {
	stop := context.AfterFunc(ctx, func() { k.watch.Close() })
	defer stop()
	for {
		messages, err := k.watch.Receive()
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, unix.ENOBUFS):
			tell(LinksChanged | RoutesChanged)
			continue
		case err != nil:
			return fmt.Errorf("kernel: watch: %w", err)
		}
		if c := k.meaning(messages); c != 0 {
			tell(c)
		}
	}
}

// meaning of notifications for us. A foreign route matters when it is ours by
// its number, may have overwritten ours, or leaves a place that ours may take.
func (k *Kernel) meaning(messages []netlink.Message) Change {
	var c Change
	for _, m := range messages {
		switch m.Header.Type {
		case unix.RTM_NEWLINK, unix.RTM_DELLINK, unix.RTM_NEWADDR, unix.RTM_DELADDR:
			c |= LinksChanged
		case unix.RTM_NEWNEXTHOP, unix.RTM_DELNEXTHOP:
			if o, err := anObject(m.Data); err == nil && o.protocol == k.cfg.Protocol {
				c |= RoutesChanged
			}
		case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
			r, err := route(m.Data)
			if err != nil || r.cloned {
				continue
			}
			leaves := m.Header.Type == unix.RTM_DELROUTE || m.Header.Flags&netlink.Replace != 0
			if r.protocol == k.cfg.Protocol || leaves && r.key.Table == k.cfg.Table {
				c |= RoutesChanged
			}
		}
	}
	return c
}
