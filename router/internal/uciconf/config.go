package uciconf

import (
	"log/slog"
	"net/netip"
	"time"

	"github.com/hawser-lb/hawser/shared/bgp"
	"github.com/hawser-lb/hawser/shared/secret"
)

// Config is the whole configuration, valid by construction: defaults filled
// in, references resolved, disabled sections left out.
type Config struct {
	Globals   Globals
	Clusters  []Cluster  // in the order of the file
	Neighbors []Neighbor // likewise
}

// Globals are the options of the section "globals".
type Globals struct {
	Enabled bool
	ASN     uint32
	// RouterID is zero when the file does not say; the daemon then takes an
	// interface's address.
	RouterID netip.Addr
	// Listen addresses; empty means every address.
	Listen        []netip.Addr
	ListenPort    uint16
	Table         uint32
	Metric        uint32
	Protocol      uint8 // rtnetlink protocol number, rtnetlink(7)
	MaxPaths      int
	Resilient     bool
	HoldTime      time.Duration
	RestartTime   time.Duration
	LogLevel      slog.Level
	MetricsListen netip.AddrPort // zero: off
}

// Session is what a cluster and a neighbor have in common; a neighbor that
// names a cluster inherits from it what it does not say itself.
type Session struct {
	Description string
	ASN         bgp.ASNRule
	Allow       []netip.Prefix // sorted; empty accepts nothing
	MaxPrefixes int
	Password    secret.Text
	TTLSecurity int // hops, 0: off
	Multihop    int // hops, 0: off
	BFD         BFD
	Send        []netip.Prefix // sorted
	Guard       bool
}

// BFD options (RFC 5880).
type BFD struct {
	Enabled    bool
	Interval   time.Duration
	Multiplier int
}

// Cluster is one section "cluster".
type Cluster struct {
	Name string // section name
	Session
	Source   []netip.Prefix // sorted
	MaxPeers int
}

// Neighbor is one section "neighbor".
type Neighbor struct {
	Name string // section name
	Session
	Address netip.Addr
	Cluster string // section name, "" for none
	Passive bool
}
