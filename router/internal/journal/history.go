package journal

import "time"

const (
	// Step lies between two samples.
	Step = 15 * time.Second
	// Samples make an hour.
	Samples = int(time.Hour / Step)
)

// History is an hour of two figures. It is not safe for concurrent use.
type History struct {
	end     time.Time // of the newest sample
	samples []sample  // the oldest first, once turned by next
	next    int
}

type sample struct{ established, routes uint32 }

// Due is when the next sample should be taken; zero while there is none yet.
func (h *History) Due() time.Time {
	if h.end.IsZero() {
		return time.Time{}
	}
	return h.end.Add(Step)
}

// Add takes the figures of now, if they are due. What was missed, as on a
// machine that slept, is filled with them.
func (h *History) Add(now time.Time, established, routes int) {
	missed := 1
	if !h.end.IsZero() {
		missed = int(now.Sub(h.end) / Step)
	}
	for range min(missed, Samples) {
		h.put(sample{uint32(established), uint32(routes)})
	}
	switch {
	case h.end.IsZero() || missed > Samples:
		h.end = now
	case missed > 0:
		h.end = h.end.Add(time.Duration(missed) * Step)
	}
}

func (h *History) put(s sample) {
	if len(h.samples) < Samples {
		h.samples = append(h.samples, s)
		return
	}
	h.samples[h.next] = s
	h.next = (h.next + 1) % Samples
}

// Read returns the figures, the oldest first, and when the newest was taken.
func (h *History) Read() (end time.Time, established, routes []uint32) {
	established, routes = make([]uint32, len(h.samples)), make([]uint32, len(h.samples))
	for i := range h.samples {
		s := h.samples[(h.next+i)%len(h.samples)]
		established[i], routes[i] = s.established, s.routes
	}
	return h.end, established, routes
}
