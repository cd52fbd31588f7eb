package bfdbench

import (
	"bytes"
	"strings"
	"sync"
)

// count of false alarms between the router and one peer.
type count struct{ ours, theirs int }

// alarms reads the daemon's log as it is written.
type alarms struct {
	mu   sync.Mutex
	rest []byte
	all  map[string]count
}

// Write implements io.Writer.
func (a *alarms) Write(b []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.rest = append(a.rest, b...)
	for {
		line, rest, whole := bytes.Cut(a.rest, []byte("\n"))
		if !whole {
			return len(b), nil
		}
		a.note(string(line))
		a.rest = rest
	}
}

const expired = "control detection time expired"

func (a *alarms) note(line string) {
	_, line, ok := strings.Cut(line, "msg=bfd peer=")
	if !ok {
		return
	}
	peer, line, _ := strings.Cut(line, " ")
	if a.all == nil {
		a.all = map[string]count{}
	}
	c := a.all[peer]
	switch {
	case strings.Contains(line, `reason="`+expired):
		c.ours++
	case strings.Contains(line, "down: "+expired):
		c.theirs++
	}
	a.all[peer] = c
}

// since are the alarms after an earlier answer of total.
func (a *alarms) since(before map[string]count) map[string]count {
	now := a.total()
	for peer, c := range now {
		now[peer] = count{c.ours - before[peer].ours, c.theirs - before[peer].theirs}
	}
	return now
}

func (a *alarms) total() map[string]count {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := map[string]count{}
	for peer, c := range a.all {
		all[peer] = c
	}
	return all
}
