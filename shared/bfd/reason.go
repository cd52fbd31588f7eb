package bfd

// reason why a packet was ignored.
type reason uint8

const (
	taken reason = iota
	short
	otherVersion
	wrongLength
	authenticated
	noMultiplier
	multipoint
	noDiscriminator
	farTTL
	otherDiscriminator
	otherAddress
	unwatched
	closed
	otherNeighbor
	flooded
	reasonCount
)

var reasons = [reasonCount]string{
	taken:              "",
	short:              "short",
	otherVersion:       "version",
	wrongLength:        "length",
	authenticated:      "authentication",
	noMultiplier:       "multiplier",
	multipoint:         "multipoint",
	noDiscriminator:    "noDiscriminator",
	farTTL:             "ttl",
	otherDiscriminator: "discriminator",
	otherAddress:       "address",
	unwatched:          "unwatched",
	closed:             "closed",
	otherNeighbor:      "neighborDiscriminator",
	flooded:            "flood",
}

// Ignored counts packets that were for no session, by reason; those that never
// happened are absent. docs/status.md says what each of Reasons means.
type Ignored map[string]uint64

// Reasons are all that Ignored may hold.
func Reasons() []string { return reasons[taken+1:] }
