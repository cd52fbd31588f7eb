package failurebench

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// act is what is done to one side.
type act struct {
	before func(context.Context, *deed) error // prepares; nil: nothing
	do     func(context.Context, *deed) error // the event, until its end is known
	back   func(context.Context, *deed) error // undoes it; nil: nothing
}

// event is one thing that dies.
type event struct {
	name  string // for --only
	title string
	goal  goal
	acts  map[kind]act // a side that is not there has no counterpart
}

// goal is what Hawser should reach; it is printed and not asserted.
type goal struct {
	text string
	met  func(Row) bool
}

var (
	noGoal    = goal{}
	nothing   = goal{"0 failed, 0 lost", func(r Row) bool { return r.Failed == 0 && r.Through == 0 && r.Others == 0 }}
	others    = goal{"others: 0 lost", func(r Row) bool { return r.Others == 0 }}
	withBFD   = goal{"outage < 250 ms, others: 0 lost", func(r Row) bool { return r.Outage < 250*time.Millisecond && r.Others == 0 }}
	rebooting = goal{"whole < 3 s after ping", func(r Row) bool { return r.Whole > 0 && r.Whole < 3*time.Second }}
)

// events in the order in which they are measured.
var events = []event{
	{"node-power-off", "node power-off", others, map[kind]act{
		ours: {nil, powerOff, powerOn}, pairs: {nil, powerOff, powerOn}}},
	{"node-power-off-bfd", "node power-off, BFD 50 ms x 3", withBFD, map[kind]act{
		ours: {withFastBFD, powerOff, bothBack(powerOn, withoutBFD)}}},
	{"link-flap", "node's cable out for a second", others, map[kind]act{
		ours: {nil, linkFlap, nil}, pairs: {nil, linkFlap, nil}}},
	{"speaker-kill", "speaker kill -9", nothing, map[kind]act{
		ours: {nil, speakerKill, nil}, pairs: {nil, gobgpKill, nil}}},
	{"speaker-upgrade", "rolling upgrade of all speakers", nothing, map[kind]act{
		ours: {nil, speakerUpgrade, nil}, pairs: {nil, gobgpUpgrade, nil}}},
	{"node-drain", "drain of a node", nothing, map[kind]act{
		ours: {nil, drain, undrain}, pairs: {nil, withdraw, announceAgain}}},
	{"node-shutdown", "orderly shutdown of a node", nothing, map[kind]act{
		ours: {nil, shutdown, shutdownBack}, pairs: {nil, gobgpShutdown, powerOn}}},
	{"hawser-kill", "router's daemon kill -9", nothing, map[kind]act{
		ours: {nil, hawserKill, nil}, pairs: {nil, bgpdKill, nil}}},
	{"hawser-upgrade", "router's daemon upgraded", nothing, map[kind]act{
		ours: {nil, hawserUpgrade, nil}, pairs: {nil, frrUpgrade, nil}}},
	{"reload", "configuration changed, reload", nothing, map[kind]act{
		ours: {nil, reload, reloadBack}, pairs: {nil, frrReload, nil}}},
	{"network-restart", "router's network restart", noGoal, map[kind]act{
		ours: {nil, networkRestart, nil}, pairs: {nil, networkRestart, nil}}},
	{"router-reboot", "router reboot", rebooting, map[kind]act{
		ours: {nil, reboot, nil}, pairs: {nil, frrReboot, nil}}},
	{"api-gone", "API server gone for a minute", nothing, map[kind]act{
		ours: {fleet, apiGone, fleetGone}}},
	{"leader-kill", "leader killed amid 100 allocations", nothing, map[kind]act{
		ours: {nil, leaderKill, fleetGone}}},
	{"etcd-slow", "etcd stands still four fifths of the time", nothing, map[kind]act{
		ours: {fleet, etcdSlow, fleetGone}}},
}

// EventNames are what Options.Only may have.
func EventNames() []string {
	var all []string
	for _, e := range events {
		all = append(all, e.name)
	}
	return all
}

// pick is a side and what is measured there.
type pick struct {
	name   string
	side   func(*world) side
	events []event
}

// candidate is a side that there is.
type candidate struct {
	name string
	kind kind
	make func(*world) side
	few  []string // events that differ there; empty: all that its kind has
}

var candidates = []candidate{
	{"hawser", ours, func(w *world) side { return hawser{w} }, nil},
	{"pair", pairs, func(w *world) side { return newPair(w, 90*time.Second) }, nil},
	{"pair-3s", pairs, func(w *world) side { return newPair(w, 3*time.Second) }, []string{"node-power-off", "link-flap"}},
}

// SideNames are what Options.Sides may have.
func SideNames() []string {
	var all []string
	for _, c := range candidates {
		all = append(all, c.name)
	}
	return all
}

// choose turns names into what is measured.
func choose(o Options) ([]pick, error) {
	for _, c := range []struct{ asked, there []string }{{o.Only, EventNames()}, {o.Sides, SideNames()}} {
		for _, name := range c.asked {
			if !slices.Contains(c.there, name) {
				return nil, fmt.Errorf("nothing is called %q; there are %s", name, strings.Join(c.there, ", "))
			}
		}
	}
	wanted := func(list []string, name string) bool { return len(list) == 0 || slices.Contains(list, name) }
	var plan []pick
	for _, c := range candidates {
		if !wanted(o.Sides, c.name) {
			continue
		}
		p := pick{name: c.name, side: c.make}
		for _, e := range events {
			if _, has := e.acts[c.kind]; has && wanted(o.Only, e.name) && wanted(c.few, e.name) {
				p.events = append(p.events, e)
			}
		}
		if len(p.events) > 0 {
			plan = append(plan, p)
		}
	}
	return plan, nil
}
