package kernel

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/hawser-lb/hawser/router/internal/fib"
)

// What a resilient group is made of. A flow belongs to a bucket by its hash, and
// a bucket to a member; a bucket changes hands when its member goes, or when it
// has been quiet for the idle timer and another member has too few.
const (
	// buckets divide the flows: with 16 members each has its share to within
	// 6 %, and a bucket costs 16 (on 32 bits) to 32 bytes of the kernel's.
	buckets = 256
	// unbalancedTimer 0: busy buckets are never taken away, however uneven
	// the shares are. A member that joins gets new flows and quiet buckets.
	unbalancedTimer = 0
)

// Numbers of linux/nexthop.h and its neighbours that golang.org/x/sys does not have.
const (
	resilientType = 1 // NEXTHOP_GRP_TYPE_RES

	attributeObject = 30 // RTA_NH_ID of linux/rtnetlink.h

	resBuckets         = 1 // NHA_RES_GROUP_BUCKETS
	resIdleTimer       = 2 // NHA_RES_GROUP_IDLE_TIMER
	resUnbalancedTimer = 3 // NHA_RES_GROUP_UNBALANCED_TIMER

	attributeResGroup = 12 // NHA_RES_GROUP

	// clockTick is the unit of timers towards user space, USER_HZ.
	clockTick = 10 * time.Millisecond
)

const objectHeaderLen = 8 // struct nhmsg

// objectMessage is a step about a next-hop object.
func objectMessage(s fib.Step) netlink.Message {
	m := netlink.Message{Header: netlink.Header{Type: unix.RTM_NEWNEXTHOP, Flags: netlink.Request}}
	switch s.Verb {
	case fib.AddHop, fib.AddGroup:
		m.Header.Flags |= netlink.Create | netlink.Excl
	case fib.ReplaceGroup:
		m.Header.Flags |= netlink.Replace
	case fib.DeleteHop, fib.DeleteGroup:
		m.Header.Type = unix.RTM_DELNEXTHOP
	}
	b := make([]byte, objectHeaderLen, 64+8*len(s.Members))
	b[2] = s.Protocol
	b = number(b, unix.NHA_ID, uint32(s.ID))
	switch s.Verb {
	case fib.AddHop:
		hop := s.NextHops[0]
		b[0] = family(hop.Addr)
		b = address(b, unix.NHA_GATEWAY, hop.Addr)
		b = number(b, unix.NHA_OIF, uint32(hop.Link))
	case fib.AddGroup, fib.ReplaceGroup:
		b = groupAttributes(b, s)
	}
	m.Data = b
	return m
}

// lightOutside has the lightest members first and last. The kernel gives each
// member the buckets between two sums of weights, rounded: only at the ends is a
// share of less than half a bucket surely none, as a next hop that leaves needs it.
func lightOutside(members []fib.Member) []fib.Member {
	sorted := slices.Clone(members)
	slices.SortStableFunc(sorted, func(a, b fib.Member) int { return a.Weight - b.Weight })
	if n := len(sorted); n == 0 || sorted[0].Weight == sorted[n-1].Weight {
		return members
	}
	out := make([]fib.Member, len(sorted))
	for i, m := range sorted {
		if i%2 == 0 {
			out[i/2] = m
		} else {
			out[len(out)-1-i/2] = m
		}
	}
	return out
}

// groupAttributes appends the members, the type and, of a resilient group, the
// timer. How many buckets it has is said once, when it is made.
func groupAttributes(b []byte, s fib.Step) []byte {
	var entries []byte // struct nexthop_grp
	for _, m := range lightOutside(s.Members) {
		entries = native.AppendUint32(entries, uint32(m.ID))
		entries = append(entries, uint8(m.Weight-1), 0, 0, 0)
	}
	b = attribute(b, unix.NHA_GROUP, entries)
	if !s.Resilient {
		return b
	}
	b = attribute(b, unix.NHA_GROUP_TYPE, native.AppendUint16(nil, resilientType))
	var made []byte
	if s.Verb == fib.AddGroup {
		made = attribute(made, resBuckets, native.AppendUint16(nil, buckets))
		made = number(made, resUnbalancedTimer, unbalancedTimer)
	}
	made = number(made, resIdleTimer, uint32(s.Idle/clockTick))
	return attribute(b, attributeResGroup|unix.NLA_F_NESTED, made)
}

// object is a next-hop object as the kernel tells it.
type object struct {
	id       fib.ID
	protocol uint8
	hop      fib.NextHop
	group    []fib.Member // none: it is a next hop
	kind     uint16
	idle     time.Duration
}

// anObject reads RTM_NEWNEXTHOP or RTM_DELNEXTHOP.
func anObject(body []byte) (object, error) {
	if len(body) < objectHeaderLen {
		return object{}, errShort
	}
	o := object{protocol: body[2]}
	for kind, value := range each(body[objectHeaderLen:]) {
		switch kind {
		case unix.NHA_ID:
			o.id = fib.ID(native.Uint32(four(value)))
		case unix.NHA_GATEWAY:
			o.hop.Addr, _ = netip.AddrFromSlice(value)
		case unix.NHA_OIF:
			o.hop.Link = int(native.Uint32(four(value)))
		case unix.NHA_GROUP:
			for entry := range slices.Chunk(value, 8) {
				if len(entry) == 8 {
					o.group = append(o.group, fib.Member{ID: fib.ID(native.Uint32(entry)), Weight: int(entry[4]) + 1})
				}
			}
		case unix.NHA_GROUP_TYPE:
			o.kind = native.Uint16(two(value))
		case attributeResGroup:
			for kind, value := range each(value) {
				if kind == resIdleTimer {
					o.idle = time.Duration(native.Uint32(four(value))) * clockTick
				}
			}
		}
	}
	return o, nil
}

// readObjects puts the objects that carry our protocol numbers into have, and
// notes the ids of the others.
func (k *Kernel) readObjects(have *fib.Have, numbers []uint8) error {
	var all []object
	err := k.dump(netlink.Message{Header: netlink.Header{Type: unix.RTM_GETNEXTHOP}, Data: make([]byte, objectHeaderLen)},
		func() { all = nil },
		func(_ uint16, body []byte) error {
			o, err := anObject(body)
			all = append(all, o)
			return err
		})
	if err != nil {
		return err
	}
	for _, o := range all {
		switch {
		case !slices.Contains(numbers, o.protocol):
			have.Taken[o.id] = true
		case o.group == nil:
			have.Hops[o.id] = fib.Hop{NextHop: o.hop, Protocol: o.protocol}
		}
	}
	for _, o := range all {
		if o.group != nil && !have.Taken[o.id] {
			have.PutGroup(o.id, fib.Group{Members: o.group, Resilient: o.kind == resilientType, Idle: o.idle, Protocol: o.protocol})
		}
	}
	return nil
}

// feel finds out what the kernel can do by asking for what cannot be there: a
// kernel that knows such objects says so otherwise than one that does not.
func (k *Kernel) feel() error {
	questions := []struct {
		ask  uint16
		kind fib.Kind
	}{{unix.RTM_GETNEXTHOP, fib.HashGroups}, {unix.RTM_GETNEXTHOPBUCKET, fib.ResilientGroups}}
	for _, q := range questions {
		errs, err := k.exchange([]netlink.Message{{
			Header: netlink.Header{Type: netlink.HeaderType(q.ask), Flags: netlink.Request},
			Data:   make([]byte, objectHeaderLen),
		}})
		if err != nil {
			return err
		}
		if errors.Is(errs[0], unix.EOPNOTSUPP) {
			return nil
		}
		k.kind = q.kind
	}
	return nil
}
