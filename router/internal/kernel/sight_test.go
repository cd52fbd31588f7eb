package kernel

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What is thought of a host after looks half a second apart.
func TestOnlyAHostThatWasAskedAndGaveNoAnswerIsGone(t *testing.T) {
	const none = 0
	missing := []uint16{none, unix.NUD_INCOMPLETE, unix.NUD_INCOMPLETE, unix.NUD_INCOMPLETE}
	for name, c := range map[string]struct {
		states []uint16
		gone   bool
	}{
		"it answers each time":                      {[]uint16{unix.NUD_REACHABLE, unix.NUD_REACHABLE, unix.NUD_STALE}, false},
		"it has not answered yet":                   {[]uint16{unix.NUD_REACHABLE, unix.NUD_PROBE, unix.NUD_PROBE}, false},
		"it answers late":                           {[]uint16{unix.NUD_STALE, unix.NUD_PROBE, unix.NUD_PROBE, unix.NUD_REACHABLE}, false},
		"it was asked in vain":                      {[]uint16{unix.NUD_REACHABLE, unix.NUD_PROBE, unix.NUD_FAILED}, true},
		"it was asked in vain, and is asked anew":   {[]uint16{unix.NUD_DELAY, unix.NUD_INCOMPLETE}, true},
		"the entry was there and is not":            {[]uint16{unix.NUD_PROBE, none}, true},
		"nothing was known of it":                   {missing, false},
		"nothing was known of it, and it answers":   {append(missing[:4:4], unix.NUD_REACHABLE), false},
		"nothing was known of it, and it is silent": {append(missing[:4:4], missing[1:]...), false},
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
	var s sight
	now := time.Unix(1000, 0)
	for gone := false; !gone; now = now.Add(500 * time.Millisecond) {
		if s, gone = s.next(unix.NUD_INCOMPLETE, now); now.After(time.Unix(1010, 0)) {
			t.Fatal("a host that nobody ever hears is never gone")
		}
	}
}
