package failurebench

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// failure is one request that got no good answer.
type failure struct {
	begun  time.Time
	reason string
}

// journal is what the client notes of its requests, in the order of their ends.
type journal struct {
	begun, last time.Time // the first moment, and that of the latest good answer
	gap         time.Duration
	ok          int
	nodes       map[string]int
	failures    []failure
}

func newJournal(now time.Time) *journal {
	return &journal{begun: now, last: now, nodes: map[string]int{}}
}

func (j *journal) good(now time.Time, node string) {
	j.gap = max(j.gap, now.Sub(j.last))
	j.last = now
	j.ok++
	j.nodes[node]++
}

func (j *journal) bad(begun time.Time, reason string) {
	j.failures = append(j.failures, failure{begun, reason})
}

// Toll is what an event cost the client's requests.
type Toll struct {
	Sent   int
	Failed int
	// UnderWay of the failed ones had begun before the event: what is in a
	// cable that is cut is lost whatever anybody does.
	UnderWay int
	// Gap is the longest time without a good answer.
	Gap time.Duration
	// Outage is from the beginning of the first request that failed to that of
	// the last one.
	Outage  time.Duration
	Reasons map[string]int
}

// toll counts up to a moment. blow is when the event was.
func (j *journal) toll(blow, end time.Time) Toll {
	t := Toll{Sent: j.ok + len(j.failures), Failed: len(j.failures), Gap: max(j.gap, end.Sub(j.last)), Reasons: map[string]int{}}
	for _, f := range j.failures {
		t.Reasons[f.reason]++
		if f.begun.Before(blow) {
			t.UnderWay++
		}
	}
	if len(j.failures) > 0 {
		order := func(a, b failure) int { return a.begun.Compare(b.begun) }
		t.Outage = slices.MaxFunc(j.failures, order).begun.Sub(slices.MinFunc(j.failures, order).begun)
	}
	return t
}

// clone is a copy that the client does not write to.
func (j *journal) clone() *journal {
	c := *j
	c.nodes, c.failures = maps.Clone(j.nodes), slices.Clone(j.failures)
	return &c
}

// Long is a connection that is held open and echoes several times a second.
type Long struct {
	Node   string // that it goes through
	Echoed time.Time
	Lost   string // why, "" while it stands
}

// Losses are of the long connections.
type Losses struct {
	Open           int // when the event began
	Through        int // lost, that went through the node concerned
	OfThrough      int // of so many
	Others         int // lost, through all other nodes
	Silent         int // of those lost: never reset, but without an echo to the end
	ThroughReasons []string
	OthersReasons  []string
}

// losses counts. node is the one concerned, "" for none; a connection that is
// not lost and has no echo since quiet is silent, which is lost too.
func losses(all []Long, node string, quiet time.Time) Losses {
	l := Losses{Open: len(all)}
	through, others := map[string]bool{}, map[string]bool{}
	for _, c := range all {
		if node != "" && c.Node == node {
			l.OfThrough++
		}
		reason := c.Lost
		if reason == "" && c.Echoed.Before(quiet) {
			reason = "silent"
			l.Silent++
		}
		switch {
		case reason == "":
		case node != "" && c.Node == node:
			l.Through++
			through[reason] = true
		default:
			l.Others++
			others[reason] = true
		}
	}
	l.ThroughReasons, l.OthersReasons = words(through), words(others)
	return l
}

func words(set map[string]bool) []string {
	return slices.SortedFunc(maps.Keys(set), cmp.Compare)
}
