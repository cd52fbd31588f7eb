package bfd

import (
	"encoding/binary"
	"time"
)

// State of a session (RFC 5880 §4.1).
type State uint8

const (
	AdminDown State = iota
	Down
	Init
	Up
)

// String is the RFC's word.
func (s State) String() string {
	return [...]string{"AdminDown", "Down", "Init", "Up"}[s&3]
}

// Diagnostic says why a session left Up (RFC 5880 §4.1).
type Diagnostic uint8

const (
	NoDiagnostic      Diagnostic = 0
	DetectionExpired  Diagnostic = 1
	NeighborDown      Diagnostic = 3
	AdministrativeEnd Diagnostic = 7
)

var diagnostics = [...]string{
	"no diagnostic", "control detection time expired", "echo function failed", "neighbor signaled session down",
	"forwarding plane reset", "path down", "concatenated path down", "administratively down", "reverse concatenated path down",
}

// String is the RFC's text.
func (d Diagnostic) String() string {
	if int(d) < len(diagnostics) {
		return diagnostics[d]
	}
	return "reserved diagnostic"
}

// packet is a control packet (RFC 5880 §4.1). Intervals are whole microseconds.
type packet struct {
	diagnostic  Diagnostic
	state       State
	poll, final bool
	demand      bool // never set in ours
	multiplier  uint8
	mine, yours uint32 // discriminators, as the sender sees them
	desiredTx   time.Duration
	requiredRx  time.Duration
}

const (
	packetLength = 24
	version      = 1

	flagPoll   = 0x20
	flagFinal  = 0x10
	flagAuth   = 0x04
	flagDemand = 0x02
	flagMulti  = 0x01
)

// write fills b, which has packetLength bytes.
func (p *packet) write(b []byte) {
	b[0] = version<<5 | uint8(p.diagnostic)&0x1f
	b[1] = uint8(p.state) << 6
	if p.poll {
		b[1] |= flagPoll
	}
	if p.final {
		b[1] |= flagFinal
	}
	if p.demand {
		b[1] |= flagDemand
	}
	b[2], b[3] = p.multiplier, packetLength
	binary.BigEndian.PutUint32(b[4:], p.mine)
	binary.BigEndian.PutUint32(b[8:], p.yours)
	binary.BigEndian.PutUint32(b[12:], uint32(p.desiredTx/time.Microsecond))
	binary.BigEndian.PutUint32(b[16:], uint32(p.requiredRx/time.Microsecond))
	binary.BigEndian.PutUint32(b[20:], 0) // no echo
}

// read checks and takes apart what came, in the order of RFC 5880 §6.8.6. It
// does not know sessions.
func (p *packet) read(b []byte) reason {
	switch {
	case len(b) < packetLength:
		return short
	case b[0]>>5 != version:
		return otherVersion
	case b[3] < packetLength || int(b[3]) > len(b):
		return wrongLength
	case b[1]&flagAuth != 0:
		return authenticated
	case b[2] == 0:
		return noMultiplier
	case b[1]&flagMulti != 0:
		return multipoint
	case binary.BigEndian.Uint32(b[4:]) == 0:
		return noDiscriminator
	}
	*p = packet{
		diagnostic: Diagnostic(b[0] & 0x1f), state: State(b[1] >> 6),
		poll: b[1]&flagPoll != 0, final: b[1]&flagFinal != 0, demand: b[1]&flagDemand != 0, multiplier: b[2],
		mine: binary.BigEndian.Uint32(b[4:]), yours: binary.BigEndian.Uint32(b[8:]),
		desiredTx:  time.Duration(binary.BigEndian.Uint32(b[12:])) * time.Microsecond,
		requiredRx: time.Duration(binary.BigEndian.Uint32(b[16:])) * time.Microsecond,
	}
	if p.yours == 0 && p.state != Down && p.state != AdminDown {
		return noDiscriminator
	}
	return taken
}
