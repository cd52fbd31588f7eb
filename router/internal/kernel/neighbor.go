package kernel

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// The kernel believes in a neighbour that it has heard for 15 to 45 s and then
// for a few more. One that is asked after in between is asked three times, a
// second apart, and is there or is not: by ARP or by neighbour discovery, which
// no firewall of an ordinary host keeps from answering.

// lookLife is how long a look at a host counts as the one before the next.
const lookLife = 5 * time.Second

// answerTime is a little less than the kernel waits for three answers. An entry
// that is gone earlier was not asked in vain: the link was down, say.
const answerTime = 2500 * time.Millisecond

// resolveTime is longer than the kernel takes to find out that nobody has an
// address, of which it knew nothing before.
const resolveTime = 4 * time.Second

const (
	neighborHeaderLen = 12 // struct ndmsg
	// knownStates are those in which the kernel has a host's hardware address.
	knownStates = unix.NUD_REACHABLE | unix.NUD_STALE | unix.NUD_DELAY | unix.NUD_PROBE
	// givenStates are those of entries that are not found out by asking.
	givenStates = unix.NUD_PERMANENT | unix.NUD_NOARP
)

// sight is what the looks at one host have found.
type sight struct {
	at    time.Time // of the last look
	asked time.Time // since when the kernel waits for an answer; zero: it knew nothing
	since time.Time // when nothing was known of it for the first time
}

// Gone reports whether the host, on a link of ours, is not there any more, and
// has the kernel ask after it until the next look. Whoever wants to know looks
// again and again, at least once a second; it takes three or four. sure is
// false where that cannot be known: the host is not on a link, or the kernel is
// older than 5.0.
func (k *Kernel) Gone(host netip.Addr) (gone, sure bool, err error) {
	link, err := k.linkTo(host)
	switch {
	case err != nil || link == 0:
		return false, false, err
	case link == down:
		return k.look(host, 0), true, nil
	}
	state, err := k.neighbor(host, link)
	if err == nil && state == 0 && host.Is4() {
		// On a point-to-point link all hosts are one entry (arp_constructor).
		state, err = k.neighbor(netip.IPv4Unspecified(), link)
	}
	if err == nil && state&givenStates != 0 {
		return false, false, nil
	}
	if err == nil {
		gone = k.look(host, state)
		err = k.inquire(host, link, state)
	}
	if err != nil {
		return false, false, fmt.Errorf("kernel: neighbor %s: %w", host, err)
	}
	return gone, true, nil
}

// look notes what was seen of the host, and says whether it is gone.
func (k *Kernel) look(host netip.Addr, state uint16) (gone bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	s, gone := k.sights[host].next(state, now)
	maps.DeleteFunc(k.sights, func(_ netip.Addr, o sight) bool { return now.Sub(o.at) > lookLife })
	k.sights[host] = s
	return gone
}

// next is the sight after another look. An entry that the kernel knew, and asked
// after, and knows no longer has given no answer.
func (s sight) next(state uint16, now time.Time) (_ sight, gone bool) {
	if now.Sub(s.at) > lookLife {
		s = sight{}
	}
	s.at = now
	switch {
	case state&knownStates != 0:
		if state != unix.NUD_PROBE || s.asked.IsZero() {
			s.asked = now
		}
		s.since = time.Time{}
		return s, false
	case !s.asked.IsZero() && now.Sub(s.asked) >= answerTime:
		return s, true
	case s.since.IsZero():
		s.asked, s.since = time.Time{}, now
	}
	return s, now.Sub(s.since) >= resolveTime
}

// down is a link on which nobody can be asked.
const down = -1

// linkTo is the index of the link that host is on, 0 when it is on none, and
// down when the link is.
func (k *Kernel) linkTo(host netip.Addr) (int, error) {
	if zone := host.Zone(); zone != "" {
		f, err := k.Facts()
		if err != nil {
			return 0, err
		}
		for _, l := range f.Links {
			if l.Name == zone && l.Up && l.Carrier {
				return l.Index, nil
			}
			if l.Name == zone {
				return down, nil
			}
		}
		return 0, nil
	}
	if host.IsLinkLocalUnicast() && host.Is6() {
		return 0, nil // its zone would say on which
	}
	r, err := k.lookup(host)
	switch {
	case errors.Is(err, unix.ENETUNREACH), errors.Is(err, unix.EHOSTUNREACH):
		return 0, nil
	case err != nil:
		return 0, fmt.Errorf("kernel: the way to %s: %w", host, err)
	}
	if r.kind != unix.RTN_UNICAST || len(r.hops) != 1 || r.hops[0].Addr.IsValid() {
		return 0, nil
	}
	if r.down {
		return down, nil
	}
	return r.hops[0].Link, nil
}

// neighbor is the state of the entry for host, 0 when there is none.
func (k *Kernel) neighbor(host netip.Addr, link int) (state uint16, err error) {
	err = k.ask(netlink.Message{Header: netlink.Header{Type: unix.RTM_GETNEIGH}, Data: neighborBody(host, link, 0, 0)},
		func(_ uint16, body []byte) error {
			if len(body) < neighborHeaderLen {
				return errShort
			}
			state = native.Uint16(body[8:])
			return nil
		})
	switch {
	case errors.Is(err, unix.ENOENT):
		return 0, nil
	case errors.Is(err, unix.EOPNOTSUPP): // older than 5.0
		return unix.NUD_NOARP, nil
	}
	return state, err
}

// inquire has the kernel ask after the host, unless it does already.
func (k *Kernel) inquire(host netip.Addr, link int, state uint16) error {
	m := netlink.Message{Header: netlink.Header{Type: unix.RTM_NEWNEIGH, Flags: netlink.Request | netlink.Replace}}
	switch {
	case state&(unix.NUD_PROBE|unix.NUD_INCOMPLETE) != 0:
		return nil
	case state&knownStates != 0:
		m.Data = neighborBody(host, link, unix.NUD_PROBE, 0)
	default:
		m.Header.Flags |= netlink.Create
		m.Data = neighborBody(host, link, 0, unix.NTF_USE)
	}
	errs, err := k.exchange([]netlink.Message{m})
	if err != nil {
		return err
	}
	if errors.Is(errs[0], unix.ENOENT) || errors.Is(errs[0], unix.EINVAL) {
		return nil // the entry has changed since we looked
	}
	return errs[0]
}

// neighborBody is struct ndmsg and the address.
func neighborBody(host netip.Addr, link int, state uint16, flags uint8) []byte {
	host = host.WithZone("")
	b := make([]byte, neighborHeaderLen, neighborHeaderLen+20)
	b[0] = family(host)
	native.PutUint32(b[4:], uint32(link))
	native.PutUint16(b[8:], state)
	b[10] = flags
	return address(b, unix.NDA_DST, host)
}
