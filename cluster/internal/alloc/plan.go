package alloc

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/hawser-lb/hawser/cluster/internal/model"
)

// Plan is what should be written.
type Plan struct {
	// Assignments, by key: New's has every Service that is wanted or has
	// something to lose, a Ledger's those that are not as they should be.
	Assignments []Assignment
	// Use is how full each pool will be, by name.
	Use []model.PoolUse
	// Problems are pools that cannot be used, by name.
	Problems []Problem
}

// Assignment is what one Service holds once the plan is carried out.
type Assignment struct {
	Service model.Key
	// Addresses in the order of the Service's families, for
	// status.loadBalancer.ingress. Not to be written to: they may be the
	// snapshot's own.
	Addresses []netip.Addr
	// Pools has the pool of each of Addresses.
	Pools  []string
	Change Change
	// Message says, for the event, what happened and why; empty when there is
	// nothing to say.
	Message string
	// Unmet says what the Service asks for and cannot have. It may stand
	// beside any Change: one of two families may be given and the other not.
	Unmet string
	// Write is true when status or annotation differ from what the API server
	// has.
	Write bool
}

// From is the value of the annotation hawser.dev/allocated-from-pool: the
// names of the pools, each once.
func (a Assignment) From() string {
	if len(a.Pools) == 1 {
		return a.Pools[0]
	}
	var names []string
	for _, p := range a.Pools {
		if !slices.Contains(names, p) {
			names = append(names, p)
		}
	}
	return strings.Join(names, ",")
}

// Change is what a plan does to one Service.
type Change uint8

const (
	Kept     Change = iota // as before, and nothing is wrong
	Assigned               // one more address than before
	Changed                // another address than before
	Released               // an address less than before
	Failed                 // as before, though the Service asks for more or other
)

var changes = [...]struct{ name, event string }{
	Kept:     {"kept", ""},
	Assigned: {"assigned", "AddressAssigned"},
	Changed:  {"changed", "AddressChanged"},
	Released: {"released", "AddressReleased"},
	Failed:   {"failed", "AllocationFailed"},
}

// Events are the reasons of every event that Event may answer.
func Events() []string {
	var out []string
	for _, c := range changes {
		if c.event != "" {
			out = append(out, c.event)
		}
	}
	return out
}

// String is the change in a word, for logs and metrics.
func (c Change) String() string { return changes[c].name }

// Event is the reason of the event that tells of the change; empty when none
// does.
func (c Change) Event() string { return changes[c].event }

// Problem says why a pool is not used.
type Problem struct {
	Pool   string
	Reason string // Overlaps
	Detail string
}

// Overlaps is the reason of a pool that is not used because an older one has
// some of its addresses.
const Overlaps = "Overlaps"
