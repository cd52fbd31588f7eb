package failurebench

import (
	"slices"
	"testing"
	"time"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// at is so many milliseconds after the beginning.
func at(ms int) time.Time { return epoch.Add(time.Duration(ms) * time.Millisecond) }

func TestTheGapIsTheLongestTimeWithoutAGoodAnswer(t *testing.T) {
	for what, c := range map[string]struct {
		good []int
		end  int
		want time.Duration
	}{
		"before the first answer": {[]int{70, 80}, 90, 70 * time.Millisecond},
		"between two":             {[]int{10, 60, 65}, 70, 50 * time.Millisecond},
		"that has not ended":      {[]int{10, 20}, 100, 80 * time.Millisecond},
		"without any":             {nil, 100, 100 * time.Millisecond},
	} {
		j := newJournal(at(0))
		for _, ms := range c.good {
			j.good(at(ms), "node1")
		}
		if got := j.toll(at(0), at(c.end)); got.Gap != c.want || got.Sent != len(c.good) || got.Failed != 0 || got.Outage != 0 {
			t.Errorf("%s: %+v, want a gap of %v", what, got, c.want)
		}
	}
}

func TestTheOutageIsFromTheFirstToTheLastRequestThatFailed(t *testing.T) {
	j := newJournal(at(0))
	j.good(at(5), "node1")
	for _, ms := range []int{300, 40, 90, 210} { // in the order of their ends
		j.bad(at(ms), "reset")
	}
	j.good(at(400), "node1")
	got := j.toll(at(50), at(410))
	if got.Outage != 260*time.Millisecond || got.Failed != 4 || got.UnderWay != 1 || got.Sent != 6 || got.Reasons["reset"] != 4 {
		t.Errorf("%+v", got)
	}
}

func TestWhoLostWhat(t *testing.T) {
	all := []Long{
		{Node: "node1", Echoed: at(100)},
		{Node: "node1", Echoed: at(20), Lost: "reset"},
		{Node: "node2", Echoed: at(20), Lost: "reset"},
		{Node: "node2", Echoed: at(20)},
		{Node: "node2", Echoed: at(100)},
		{Node: "node3", Echoed: at(30)},
	}
	got := losses(all, "node2", at(90))
	if got.Open != 6 || got.OfThrough != 3 || got.Through != 2 || got.Others != 2 || got.Silent != 2 {
		t.Errorf("%+v", got)
	}
	if !slices.Equal(got.ThroughReasons, []string{"reset", "silent"}) || !slices.Equal(got.OthersReasons, []string{"reset", "silent"}) {
		t.Errorf("%+v", got)
	}
	if got := losses(all, "", at(90)); got.Through != 0 || got.OfThrough != 0 || got.Others != 4 {
		t.Errorf("with no node concerned: %+v", got)
	}
}
