// Package failurebench measures what a client notices when something dies: on
// the standard scene (shared/lab/scene) it asks a Service 500 times a second,
// each time on a new connection, holds 50 connections open beside, and then
// pulls one plug after the other.
//
//	events (a table of values) -> a side: Hawser, or gobgpd and FRR -> one row each
//	client -> journal -> Toll (pure) -> Report
//
// The two sides are measured one after the other on the same scene: the same
// client, nodes, kube-proxy and addresses; only who speaks BGP on the nodes and
// on the router changes. An event that has no meaning on a side has no row there.
//
// What is measured is never asserted. An event that could not be measured, since
// the world did not come back within its bound, is an error; a figure that is
// bad is a figure.
package failurebench
