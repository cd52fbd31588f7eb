package status

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/hawser-lb/hawser/router/internal/journal"
)

// Protocol is the version of the socket's language. It goes up when a word
// changes its meaning, not when one is added.
const Protocol = 1

// Request is one line to the socket.
type Request struct {
	// Protocol that the asker speaks; 0 for whichever there is.
	Protocol int `json:"protocol,omitempty"`
	// Get names what is wanted: snapshot, overview, routes, events, history
	// or follow. Do names what is to be done: clear.
	Get string `json:"get,omitempty"`
	Do  string `json:"do,omitempty"`
	// Routes asks for a snapshot with all the routes, which may be many.
	Routes bool `json:"routes,omitempty"`
	// Pick is which routes an overview or a page of routes has.
	Pick
	// After is the number of the last event that is known; Events is how many
	// are wanted at most.
	After  uint64 `json:"after,omitempty"`
	Events int    `json:"events,omitempty"`
	// Peer is who is to be cleared, none for all; Soft asks for the routes
	// again instead of ending the session.
	Peer netip.Addr `json:"peer,omitzero"`
	Soft bool       `json:"soft,omitempty"`
}

// Pick chooses a page of routes.
type Pick struct {
	// Filter is a part of a prefix's text, or of a next hop's or peer's
	// address, or of a refusal's word.
	Filter string `json:"filter,omitempty"`
	// Only is "installed", "refused" or "failed", none for all.
	Only string `json:"only,omitempty"`
	// Family is "ipv4" or "ipv6", none for both.
	Family string `json:"family,omitempty"`
	Offset int    `json:"offset,omitempty"`
	// Limit is 100 when it is 0, and at most MostRoutes.
	Limit int `json:"limit,omitempty"`
}

const (
	// MostRoutes in one page.
	MostRoutes = 500
	// usualRoutes are in a page when nobody says how many.
	usualRoutes = 100
	// PageBytes is about how large a page may grow: it ends before Limit then.
	PageBytes = 48 << 10
)

// check says what is wrong with a request.
func (r *Request) check() error {
	switch {
	case r.Protocol != 0 && r.Protocol != Protocol:
		return fmt.Errorf("protocol %d is not spoken here: this daemon speaks %d", r.Protocol, Protocol)
	case (r.Get == "") == (r.Do == ""):
		return fmt.Errorf("a request has either get or do")
	case r.Do != "" && r.Do != "clear":
		return fmt.Errorf("do %.40q: there is clear only", r.Do)
	case r.Offset < 0 || r.Limit < 0 || r.Events < 0:
		return fmt.Errorf("offset, limit and events are not negative")
	case r.Only != "" && r.Only != "installed" && r.Only != "refused" && r.Only != "failed":
		return fmt.Errorf("only %.40q: use installed, refused or failed", r.Only)
	case r.Family != "" && r.Family != "ipv4" && r.Family != "ipv6":
		return fmt.Errorf("family %.40q: use ipv4 or ipv6", r.Family)
	}
	if r.Limit == 0 {
		r.Limit = usualRoutes
	}
	r.Limit = min(r.Limit, MostRoutes)
	if r.Events == 0 {
		r.Events = journal.Kept
	}
	return nil
}

// Answer is one line from the socket; exactly one field is set.
type Answer struct {
	Error    string         `json:"error,omitempty"`
	Snapshot *Snapshot      `json:"snapshot,omitempty"`
	Overview *Overview      `json:"overview,omitempty"`
	Routes   *Page          `json:"routes,omitempty"`
	Events   *Events        `json:"events,omitempty"`
	History  *History       `json:"history,omitempty"`
	Cleared  *Cleared       `json:"cleared,omitempty"`
	Event    *journal.Event `json:"event,omitempty"`
}

// Overview is what a page that shows everything asks for, in one answer.
type Overview struct {
	// Status is the snapshot, with neighbors in brief and without routes: those
	// are in the page.
	Status  *Digest `json:"status"`
	Routes  Page    `json:"routes"`
	Events  Events  `json:"events"`
	History History `json:"history"`
}

// Page is a part of the routes, sorted by prefix.
type Page struct {
	Routes []Route `json:"routes"`
	// Total is how many routes match, on all pages.
	Total  int `json:"total"`
	Offset int `json:"offset"`
	// Next is the offset of the next page, 0 after the last one.
	Next int `json:"next,omitempty"`
}

// Events are remembered ones, the oldest first.
type Events struct {
	Events []journal.Event `json:"events"`
	// Last is the number of the newest event there was.
	Last uint64 `json:"last"`
}

// History is an hour of figures, the oldest first, one every StepSeconds until
// End.
type History struct {
	End         time.Time `json:"end,omitzero"`
	StepSeconds int       `json:"stepSeconds"`
	Established []uint32  `json:"established"`
	Routes      []uint32  `json:"routes"`
}

// Cleared says what came of a clear.
type Cleared struct {
	Peers []netip.Addr `json:"peers"`
	// Soft says that their routes were asked for again; else their sessions
	// were ended.
	Soft bool `json:"soft"`
	// Unable are peers that cannot tell their routes again (RFC 2918 was not
	// negotiated).
	Unable []netip.Addr `json:"unable"`
}
