package journal

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func texts(events []Event) []string {
	var out []string
	for _, e := range events {
		out = append(out, fmt.Sprintf("%d %s", e.Seq, e.Text))
	}
	return out
}

func TestOnlyTheLastEventsAreRemembered(t *testing.T) {
	j := New()
	for i := range Kept + 3 {
		j.Add(Event{Kind: SessionUp, Text: fmt.Sprint(i)})
	}
	all, last := j.Since(0, Kept)
	if len(all) != Kept || all[0].Text != "3" || all[Kept-1].Text != fmt.Sprint(Kept+2) || last != Kept+3 {
		t.Errorf("%d events from %q to %q, last %d", len(all), all[0].Text, all[len(all)-1].Text, last)
	}
	if few, _ := j.Since(0, 2); !slices.Equal(texts(few), []string{"202 201", "203 202"}) {
		t.Errorf("the newest two: %q", texts(few))
	}
	if none, last := j.Since(Kept+3, Kept); len(none) != 0 || none == nil || last != Kept+3 {
		t.Errorf("behind the last: %v, %d", none, last)
	}
}

func TestWhatIsOnlyToldIsNotRemembered(t *testing.T) {
	j := New()
	f := j.Follow()
	defer f.Stop()
	j.Tell(Event{Kind: RouteAdded, Text: "a"})
	j.Add(Event{Kind: SessionUp, Text: "b"})
	if all, _ := j.Since(0, Kept); !slices.Equal(texts(all), []string{"2 b"}) {
		t.Errorf("%q", texts(all))
	}
	if a, b := <-f.Events(), <-f.Events(); a.Text != "a" || b.Text != "b" || a.Time.IsZero() {
		t.Errorf("%+v, %+v", a, b)
	}
}

func TestAReaderThatDoesNotKeepUpIsCutOff(t *testing.T) {
	j := New()
	slow, other := j.Follow(), j.Follow()
	for i := range pending + 1 {
		j.Add(Event{Text: fmt.Sprint(i)})
		<-other.Events()
	}
	n := 0
	for range slow.Events() {
		n++
	}
	if n != pending {
		t.Errorf("%d events until the end, want %d", n, pending)
	}
	slow.Stop()
	j.Add(Event{Text: "later"})
	if e := <-other.Events(); e.Text != "later" {
		t.Errorf("the other one reads %q", e.Text)
	}
	other.Stop()
	other.Stop()
	if _, open := <-other.Events(); open {
		t.Error("a stopped follower reads on")
	}
}

func TestHistoryIsAnHourLong(t *testing.T) {
	var h History
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	if !h.Due().IsZero() {
		t.Errorf("the first sample is due at %v", h.Due())
	}
	for i := range Samples + 2 {
		h.Add(at.Add(time.Duration(i)*Step), i, 10*i)
	}
	h.Add(h.Due().Add(-time.Second), 7, 7) // not due
	end, established, routes := h.Read()
	if len(established) != Samples || established[0] != 2 || routes[Samples-1] != uint32(10*(Samples+1)) {
		t.Errorf("%d samples, %d first, %d last", len(established), established[0], routes[len(routes)-1])
	}
	if want := at.Add(time.Duration(Samples+1) * Step); !end.Equal(want) || !h.Due().Equal(want.Add(Step)) {
		t.Errorf("ends at %v, due %v", end, h.Due())
	}
}

func TestTimeThatWasMissedKeepsTheClock(t *testing.T) {
	var h History
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	h.Add(at, 1, 1)
	h.Add(at.Add(3*Step+time.Second), 2, 2)
	end, established, _ := h.Read()
	if !slices.Equal(established, []uint32{1, 2, 2, 2}) || !end.Equal(at.Add(3*Step)) {
		t.Errorf("%v until %v", established, end)
	}
	h.Add(at.Add(100*time.Hour), 3, 3)
	if end, established, _ := h.Read(); len(established) != Samples || established[0] != 3 || !end.Equal(at.Add(100*time.Hour)) {
		t.Errorf("%d samples until %v", len(established), end)
	}
}
