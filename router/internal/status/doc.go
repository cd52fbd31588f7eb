// Package status is what a person may know of the running daemon: one Snapshot,
// the unix socket that serves it, its client, and its text form in Quagga's
// words. The CLI, rpcd and through it LuCI see the daemon by this room only.
//
//	daemon -> Snapshot -> Server =unix socket= Client -> cli (text | JSON) | rpcd
//
// The socket speaks one JSON request a line and one JSON answer a line. Field
// names are stable; docs/status.md lists them. No secret is ever in it.
package status
