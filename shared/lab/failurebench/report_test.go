package failurebench

import (
	"strings"
	"testing"
	"time"
)

func find(t *testing.T, name string) event {
	t.Helper()
	for _, e := range events {
		if e.name == name {
			return e
		}
	}
	t.Fatalf("no event %s", name)
	return event{}
}

func TestTheTableHasTheSidesOfAnEventTogether(t *testing.T) {
	off, kill := find(t, "node-power-off-bfd"), find(t, "hawser-kill")
	var r Report
	r.add(Row{Event: off, Side: "Hawser", Toll: Toll{Sent: 900, Failed: 70, UnderWay: 2, Gap: 40 * time.Millisecond, Outage: 150 * time.Millisecond}, Losses: Losses{Open: 50, OfThrough: 16, Through: 16}})
	r.add(Row{Event: kill, Side: "Hawser", Toll: Toll{Sent: 900, Failed: 1}, Losses: Losses{Open: 50}, Notes: []string{"one", "two"}})
	r.add(Row{Event: off, Side: "pair", Toll: Toll{Sent: 9000, Outage: 90 * time.Second}, Losses: Losses{Open: 50, OfThrough: 20, Through: 20, Others: 7}})
	var text strings.Builder
	if err := r.Markdown(&text); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"node power-off, BFD 50 ms x 3 | Hawser | 900 | 70 (2 under way) | 40 ms | 150 ms | 16 of 16 | 0 of 34 | outage < 250 ms, others: 0 lost: met |",
		"node power-off, BFD 50 ms x 3 | pair | 9000 | 0 | 0 | 90 s | 20 of 20 | 7 of 30 | |",
		"router's daemon kill -9 | Hawser | 900 | 1 | 0 | 0 | – | 0 of 50 | 0 failed, 0 lost: **missed** |",
		"- router's daemon kill -9, Hawser: one; two.",
	}
	lines := strings.Split(text.String(), "\n")
	at := 0
	for _, line := range lines {
		if at < len(want) && strings.Contains(strings.Join(strings.Fields(line), " "), want[at]) {
			at++
		}
	}
	if at < len(want) {
		t.Errorf("there is no %q where it should be:\n%s", want[at], &text)
	}
}

func TestALedgerTellsOfAddressesGivenTwiceAndChanged(t *testing.T) {
	var l ledger
	l.see(map[string]string{"a": "192.0.2.1", "b": "192.0.2.2", "c": ""})
	if l.with() != 2 {
		t.Errorf("%d have addresses", l.with())
	}
	l.see(map[string]string{"a": "192.0.2.1", "b": "192.0.2.1", "c": "192.0.2.3"})
	if got, want := l.String(), "3 of 3 Services have one address, 1 given twice, 1 changed"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestOnlyWhatHasACounterpartIsMeasuredOnThePair(t *testing.T) {
	plan, err := choose(Options{Only: []string{"link-flap", "api-gone", "router-reboot"}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range plan {
		for _, e := range p.events {
			got = append(got, p.name+": "+e.name)
		}
	}
	want := "hawser: link-flap, hawser: router-reboot, hawser: api-gone, pair: link-flap, pair: router-reboot, pair-3s: link-flap"
	if strings.Join(got, ", ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, ", "), want)
	}
}
