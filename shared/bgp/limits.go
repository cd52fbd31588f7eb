package bgp

import "time"

const (
	// acceptBurst connections of one peer are accepted at once, and then
	// acceptRate a second.
	acceptBurst = 10
	acceptRate  = 5
)

// bucket lets burst things through at once and then rate a second. The zero
// bucket is full.
type bucket struct {
	used float64
	at   time.Time
}

// take reports whether one more may pass now, and counts it then.
func (b *bucket) take(now time.Time) bool {
	b.used = max(0, b.used-now.Sub(b.at).Seconds()*acceptRate)
	b.at = now
	if b.used > acceptBurst-1 {
		return false
	}
	b.used++
	return true
}
