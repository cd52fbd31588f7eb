package scene

import (
	"testing"
	"time"
)

func TestAMachineThatStandsStillIsNoFailureOfTheNetwork(t *testing.T) {
	for _, c := range []struct {
		what  string
		got   Visits
		wrong int
	}{
		{"one node of three is silent", Visits{Failed: 30, Slow: 30, LongestGap: 40 * time.Millisecond}, 30},
		{"all stood still for a second", Visits{Failed: 4, Slow: 4, LongestGap: 1100 * time.Millisecond}, 0},
		{"some were refused then", Visits{Failed: 4, Slow: 3, LongestGap: 1100 * time.Millisecond}, 1},
		{"nobody answers any more", Visits{Failed: 51, Slow: 51, LongestGap: 1100 * time.Millisecond}, 51},
	} {
		c.got.perSecond = 50
		if n := c.got.Wrong(); n != c.wrong {
			t.Errorf("%s: %d are wrong, not %d", c.what, n, c.wrong)
		}
	}
}
