package bfd

import (
	"log/slog"
	"time"
)

// flood is what is known of packets that are nobody's. Those of a second are
// looked at one by one up to a number; beyond it a fence stands, which keeps
// them in the kernel, for a while and until a second goes by with fewer.
type flood struct {
	strays  int       // ignored since the second began
	since   time.Time // the second's begin
	dropped uint64    // at that time
	up      bool      // the fence stands
	raised  time.Time // since when
	stale   bool      // and does not know all sessions as they are
	breathe time.Time // nothing is read before
}

// tolerable is how many packets a second may be nobody's.
const tolerable = 1000

// stands is for how long a fence stands at the least: what begins it again and
// again is one flood, and said once.
const stands = 10 * time.Second

// fence raises, mends and lowers it, and returns when to look again. After a
// round that left something unread, what found no room counts, too.
func (s *Speaker) fence(now time.Time, full bool) time.Time {
	f := &s.flood
	strays := f.strays
	if full {
		strays += int(s.kept() - f.dropped)
	}
	over := now.Sub(f.since) >= time.Second
	wanted := f.up
	switch {
	case strays > tolerable:
		wanted = true
	case over && f.up:
		wanted = s.kept()-f.dropped > tolerable || now.Sub(f.raised) < stands
	}
	if over || strays > tolerable {
		f.strays, f.since, f.dropped = 0, now, s.kept()
	}
	switch {
	case wanted && !f.up:
		f.raised = now
		s.remark(slog.LevelWarn, "bfd flood of packets that are nobody's: a filter keeps them out")
	case !wanted && f.up:
		s.remark(slog.LevelInfo, "bfd flood over")
	}
	if wanted != f.up || wanted && f.stale {
		f.up, f.stale = wanted, false
		s.guard()
	}
	if !f.up {
		return time.Time{}
	}
	return f.since.Add(time.Second)
}

// guard puts the fence before the sockets, or takes it away.
func (s *Speaker) guard() {
	for i := range s.doors {
		d := &s.doors[i]
		if d.receiver == nil {
			continue
		}
		err := d.guard(s.rules(d))
		if err != nil && !d.bare {
			s.remark(slog.LevelWarn, "bfd has no fence against a flood", "multihop", d.multihop, "ipv6", d.v6, "error", err)
		}
		d.bare = err != nil
	}
}

// rules are the sessions that a door serves; nil while there is no fence.
func (s *Speaker) rules(d *door) []rule {
	if !s.flood.up {
		return nil
	}
	all := []rule{}
	for _, w := range s.byKey {
		if s.door(w.want.Key) == d && w.state != AdminDown {
			all = append(all, rule{remote: w.want.Remote, mine: w.mine, theirs: w.remote.discriminator, up: w.state == Up})
		}
	}
	return all
}

// kept is how many packets never came in.
func (s *Speaker) kept() (n uint64) {
	for i := range s.doors {
		d := &s.doors[i]
		n += d.kept
		if d.receiver != nil {
			n += d.dropped()
		}
	}
	return n
}
