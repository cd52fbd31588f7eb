package journal

import (
	"net/netip"
	"time"
)

// Kind is what happened, in one word that never changes its meaning;
// docs/status.md explains each.
type Kind string

// All the kinds there are.
const (
	Started         Kind = "started"
	StartComplete   Kind = "startComplete"
	ConfigLoaded    Kind = "configLoaded"
	ConfigRefused   Kind = "configRefused"
	SessionUp       Kind = "sessionUp"
	SessionDown     Kind = "sessionDown"
	SessionCleared  Kind = "sessionCleared"
	StaleGone       Kind = "staleRoutesGone"
	NotListening    Kind = "notListening"
	Listening       Kind = "listening"
	CallerRefused   Kind = "connectionRefused"
	RoutesRefused   Kind = "routesRefused"
	TooManyPrefixes Kind = "tooManyPrefixes"
	NextHopLost     Kind = "nextHopLost"
	NextHopBack     Kind = "nextHopBack"
	LivenessUp      Kind = "bfdUp"
	LivenessDown    Kind = "bfdDown"
	KernelError     Kind = "kernelError"
	RouterIDChosen  Kind = "routerIdChosen"
	RoutesMoved     Kind = "routesMoved"
	RouteAdded      Kind = "routeAdded"
	RouteChanged    Kind = "routeChanged"
	RouteRemoved    Kind = "routeRemoved"
)

// Event is one of them.
type Event struct {
	// Seq goes up by one with each event since the daemon's start.
	Seq  uint64    `json:"seq"`
	Time time.Time `json:"time"`
	Kind Kind      `json:"kind"`
	// Peer, Name (its section) and Prefix say what it is about.
	Peer   netip.Addr   `json:"peer,omitzero"`
	Name   string       `json:"name,omitempty"`
	Prefix netip.Prefix `json:"prefix,omitzero"`
	// Reason is a word, such as one of rib's.
	Reason string `json:"reason,omitempty"`
	// Text says all of it in a sentence.
	Text string `json:"text"`
}
