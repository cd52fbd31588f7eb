package bgp

import (
	"errors"
	"time"
)

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

// errSilent ends a connection without a word to whoever has said none.
var errSilent = errors.New("said nothing while others wanted to come in")

// makeRoom closes the connection of a stranger, of that name unless it is "",
// which has waited longest without an OPEN: who means it sends that at once,
// and whoever only holds a place must not keep others out. It reports false
// when everybody has said something. s.mu is held.
func (s *Speaker) makeRoom(name string) bool {
	var oldest *conn
	for _, p := range s.peers {
		if c := p.silent(name); c != nil && (oldest == nil || c.began.Before(oldest.began)) {
			oldest = c
		}
	}
	if oldest == nil {
		return false
	}
	oldest.end(errSilent)
	return true
}

// silent is the dynamic peer's connection that still lacks an OPEN, nil when
// the peer has another name, or a better one.
func (p *peer) silent(name string) *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.dynamic || name != "" && p.conf.Name != name {
		return nil
	}
	var found *conn
	for c := range p.conns {
		if c.state > OpenSent {
			return nil
		}
		if !c.ending() {
			found = c
		}
	}
	return found
}
