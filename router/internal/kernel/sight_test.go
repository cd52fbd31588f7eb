package kernel

import (
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What is thought of a host after looks half a second apart.
func TestOnlyAHostThatWasAskedAndGaveNoAnswerIsGone(t *testing.T) {
	const none = 0
	var vain []uint16 // for three seconds
	for range 6 {
		vain = append(vain, unix.NUD_PROBE)
	}
	after := func(before []uint16, states ...uint16) []uint16 { return append(slices.Clone(before), states...) }
	missing := []uint16{none, unix.NUD_INCOMPLETE, unix.NUD_INCOMPLETE, unix.NUD_INCOMPLETE}
	for name, c := range map[string]struct {
		states []uint16
		gone   bool
	}{
		"it answers each time":                      {[]uint16{unix.NUD_REACHABLE, unix.NUD_REACHABLE, unix.NUD_STALE}, false},
		"it has not answered yet":                   {after([]uint16{unix.NUD_REACHABLE}, vain...), false},
		"it answers late":                           {after(vain, unix.NUD_REACHABLE), false},
		"it was asked in vain":                      {after(vain, unix.NUD_FAILED), true},
		"it was asked in vain, and is asked anew":   {after(after([]uint16{unix.NUD_DELAY}, vain...), unix.NUD_INCOMPLETE), true},
		"it was asked in vain, and is forgotten":    {after(vain, none), true},
		"the link was down for a moment":            {[]uint16{unix.NUD_REACHABLE, unix.NUD_PROBE, none, unix.NUD_INCOMPLETE}, false},
		"it answered, and the link was down":        {after(vain, unix.NUD_REACHABLE, none, unix.NUD_INCOMPLETE), false},
		"nothing was known of it":                   {missing, false},
		"nothing was known of it, and it answers":   {after(missing, unix.NUD_REACHABLE), false},
		"nothing was known of it, and it is silent": {after(missing, missing[1:]...), false},
		"nothing was known of it for long":          {after(missing, missing[1], missing[1], missing[1], missing[1], missing[1]), true},
	} {
		t.Run(name, func(t *testing.T) {
			var s sight
			var gone bool
			now := time.Unix(1000, 0)
			for _, state := range c.states {
				now = now.Add(500 * time.Millisecond)
				s, gone = s.next(state, now)
			}
			if gone != c.gone {
				t.Errorf("gone: %t", gone)
			}
			if _, gone := s.next(unix.NUD_INCOMPLETE, now.Add(lookLife+time.Second)); gone {
				t.Error("a look of long ago has it gone")
			}
		})
	}
}
