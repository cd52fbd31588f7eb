// Package metrics tells Prometheus what status tells people: the numbers of a
// Snapshot in the text exposition format, over as much HTTP as a scrape needs.
//
//	status.Snapshot -> Write -> text -> GET /metrics
//
// net/http would cost a router more flash than all of this program's other
// libraries; a scrape is one request and one answer a connection, so that is
// what the Server speaks. It is off until metrics_listen names an address, and
// it answers everybody who reaches that: no secret is in a Snapshot.
package metrics
