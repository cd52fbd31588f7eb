package journal

import (
	"sync"
	"time"
)

const (
	// Kept is how many events are remembered.
	Kept = 200
	// pending is how many events may wait for one follower.
	pending = 64
)

// Journal remembers the last events and hands new ones to who follows.
type Journal struct {
	mu        sync.Mutex
	seq       uint64
	ring      [Kept]Event
	n         int // how many of ring are filled
	next      int // where in ring the next one goes
	followers map[*Follower]struct{}
}

// New returns an empty Journal.
func New() *Journal { return &Journal{followers: map[*Follower]struct{}{}} }

// Add remembers e, numbers it, and tells it to the followers. A zero Time is
// now.
func (j *Journal) Add(e Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	e = j.number(e)
	j.ring[j.next] = e
	j.next = (j.next + 1) % Kept
	j.n = min(j.n+1, Kept)
	j.tell(e)
}

// Tell is Add for what is too frequent to be remembered.
func (j *Journal) Tell(e Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.tell(j.number(e))
}

// number gives e its place and time.
func (j *Journal) number(e Event) Event {
	j.seq++
	e.Seq = j.seq
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	return e
}

// tell hands e to the followers; who has no room left is cut off.
func (j *Journal) tell(e Event) {
	for f := range j.followers {
		select {
		case f.events <- e:
		default:
			delete(j.followers, f)
			close(f.events)
		}
	}
}

// Since returns the remembered events behind number after, the oldest first,
// at most the newest most of them; last is the number of the newest event
// there was.
func (j *Journal) Since(after uint64, most int) (events []Event, last uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	events = []Event{}
	for i := max(0, j.n-max(0, most)); i < j.n; i++ {
		if e := j.ring[(j.next-j.n+i+Kept)%Kept]; e.Seq > after {
			events = append(events, e)
		}
	}
	return events, j.seq
}

// Follower is a reader of new events.
type Follower struct {
	j      *Journal
	events chan Event
}

// Follow returns a reader of the events from now on. Stop it when done.
func (j *Journal) Follow() *Follower {
	j.mu.Lock()
	defer j.mu.Unlock()
	f := &Follower{j: j, events: make(chan Event, pending)}
	j.followers[f] = struct{}{}
	return f
}

// Events is closed once the follower has not kept up, or has been stopped.
func (f *Follower) Events() <-chan Event { return f.events }

// Stop ends it; a second call is nothing to do.
func (f *Follower) Stop() {
	f.j.mu.Lock()
	defer f.j.mu.Unlock()
	if _, follows := f.j.followers[f]; follows {
		delete(f.j.followers, f)
		close(f.events)
	}
}
