package bgp

import (
	"log/slog"
	"net/netip"
	"time"

	"github.com/hawser-lb/hawser/shared/route"
	"github.com/hawser-lb/hawser/shared/secret"
)

// Config is what a Speaker is for its whole life.
type Config struct {
	// Listen are the addresses to accept connections on; 0.0.0.0 means all of
	// IPv4, :: all of IPv6. An address that is not there yet, or in use, is
	// retried until it can be had. Empty: never listen.
	Listen []netip.AddrPort
	Log    *slog.Logger
	// Restarting says that this process takes over from one whose forwarding
	// went on without it. Peers are told so (RFC 4724 §3, the R and F bits),
	// each in its first session, for as long as RestartTime after Run began.
	Restarting bool
	// Gone reports whether a host on a link of ours is not there any more, and
	// whether that can be known. While routes of a peer are kept it is asked
	// once in half a second, from any goroutine. Nil: nothing can be known.
	Gone func(host netip.Addr) (gone, sure bool)
	// Network to speak over; nil for the sockets of this machine.
	Network Network
	// Chance draws from [0, 1) how much each timer is shortened by jitter, nil
	// for at random. Several goroutines call it.
	Chance func() float64
}

// RestartStatus is what there is to see of graceful restart (RFC 4724).
type RestartStatus struct {
	// Offered is the time in our OPEN, 0 for none; Peer the one in theirs.
	Offered, Peer time.Duration
	// Negotiated: the peer keeps our routes when we go without a word.
	Negotiated bool
	// Families whose routes we keep when the peer goes without a word.
	Families []Family
	// PeerRestarted: the peer said that it has just restarted.
	PeerRestarted bool
	// Stale families have routes of an earlier session that were not told
	// again yet; they are given up at StaleUntil.
	Stale      []Family
	StaleUntil time.Time
	// Kept counts the sessions that ended with their routes kept.
	Kept uint64
}

// Settings are what a single peer and a range of peers have in common.
type Settings struct {
	// Name is the caller's label (a cluster section, a BGPPeer object); it
	// comes back in every event and status.
	Name     string
	LocalASN uint32
	// RouterID is an IPv4 address (RFC 6286), required.
	RouterID netip.Addr
	// PeerASN says which AS the other end may be in.
	PeerASN ASNRule
	// HoldTime offered, 0 or at least 3 s; whole seconds (RFC 4271 §4.2).
	HoldTime time.Duration
	// Keepalive, 0 for a third of the negotiated hold time.
	Keepalive time.Duration
	// LocalAddress to bind to when dialling; zero lets the kernel choose.
	LocalAddress netip.Addr
	// NextHop4 and NextHop6 are "next hop self" for routes of that family.
	// Zero: the session's own local address; for the family that the session
	// does not run over, an address of the interface which owns it.
	NextHop4, NextHop6 netip.Addr
	// ConnectRetry is the pause between attempts to connect, jittered
	// (RFC 4271 §10); 0 means 5 s. It grows up to 10 s, never more, while the
	// peer ends sessions. Where nobody answers, or nothing listens, it is a
	// second at the most.
	ConnectRetry time.Duration
	// Password signs every segment (TCP MD5, RFC 2385); at most 80 bytes,
	// unset for none. A range's password is its whole prefix's.
	Password secret.Text
	// TTLSecurity takes packets of the peer only when they have come over at
	// most that many hops, 1 for a peer on the link (GTSM, RFC 5082); up to
	// 254, 0 for off. The other end must send with TTL 255, as we always do.
	TTLSecurity uint8
	// RestartTime for graceful restart (RFC 4724), in whole seconds up to 4095;
	// 0 offers none. It is how long peers should wait for us, and the longest
	// that we wait for them. Another one counts from the next session on.
	RestartTime time.Duration
	// Multihop is how many hops our packets may go, which is the TTL they are
	// sent with; 0 for 255. It excludes TTLSecurity, which needs 255.
	Multihop uint8
}

// Peer is a neighbour known by its address. At most one Peer an address.
type Peer struct {
	Settings
	Address netip.Addr
	Port    uint16 // 0 means 179
	// Passive peers are waited for, never dialled.
	Passive bool
}

// Range accepts peers by source address. A Peer with that address wins over a
// Range, a longer prefix over a shorter.
type Range struct {
	Settings
	Prefix netip.Prefix
	// MaxPeers at a time, counted over all ranges of one Name; 0: no limit.
	MaxPeers int
}

// ASNRule says which AS numbers a peer may have. The zero rule accepts none.
type ASNRule struct {
	// Exactly this one, when not 0.
	Exactly uint32
	// External: any that differs from the local one.
	External bool
	// Any at all.
	Any bool
}

// Announcement is a route to tell and whom to tell it.
type Announcement struct {
	route.Route
	// To names the peers by address, ToNamed by the Name in their Settings.
	// Both nil means every peer, else either is enough.
	To      []netip.Addr
	ToNamed []string
}

// Family is an address family; only unicast is spoken.
type Family uint8

const (
	IPv4 Family = 4
	IPv6 Family = 6
)

// ListenStatus is one listening address: Err is nil while connections are
// accepted there, else the reason why not; it is tried again. Port 0 in Config
// shows as the port that was given.
type ListenStatus struct {
	Address netip.AddrPort
	Err     error
}

// Event is Established, Update, Down, Swept, ListenChanged or Refused.
type Event interface{ event() }

// Established: the session with Peer is up. No route of it is known yet, but
// for those that the last Down kept.
type Established struct {
	Peer PeerID
	// LocalAddress is this end of the TCP connection.
	LocalAddress netip.Addr
	ASN          uint32
	RouterID     netip.Addr
	At           time.Time
}

// Update is what one or more UPDATE messages said: first take Withdrawn away,
// then let each route of Reachable, in order, replace what the peer told of
// that prefix before, then EndOfRIB holds.
type Update struct {
	Peer      PeerID
	Withdrawn []netip.Prefix
	Reachable []route.Route
	// EndOfRIB of these families was told (RFC 4724 §2).
	EndOfRIB []Family
}

// Down: the session is gone, and with it every route of the peer except those
// of the families in Kept that were told in this very session: they are stale
// from now on (RFC 4724 §4.2), in force until the peer tells them anew or
// withdraws them, or a Swept event ends them. The next Established does not end
// them.
type Down struct {
	Peer   PeerID
	Reason string
	At     time.Time
	Kept   []Family
	// Until the peer may take to come back; zero when nothing is kept.
	Until time.Time
}

// Swept: what was still stale of these families is gone, since the peer has
// told everything anew, or its time is over, or its host is not there.
type Swept struct {
	Peer     PeerID
	Families []Family
	Reason   string
	At       time.Time
}

// ListenChanged: an address of Config.Listen cannot be listened on, for a reason
// that is new, or can be again.
type ListenChanged struct {
	ListenStatus
	At time.Time
}

// Refused: a connection was closed before a byte of it was read. One address is
// told once a minute at most; Refused of the Speaker counts all. These alone may
// be lost when their reader is slow.
type Refused struct {
	Address netip.Addr
	Reason  string
	At      time.Time
}

func (Established) event()   {}
func (Update) event()        {}
func (Down) event()          {}
func (Swept) event()         {}
func (ListenChanged) event() {}
func (Refused) event()       {}

// PeerID says who: the label of its settings and its address.
type PeerID struct {
	Name    string
	Address netip.Addr
}

// Notification is a NOTIFICATION message (RFC 4271 §4.5).
type Notification struct {
	Code, Subcode uint8
	Data          []byte
	// Text is the shutdown communication (RFC 9003), in UTF-8, for Cease/2
	// and Cease/4.
	Text string
}

// State is a session's state (RFC 4271 §8.2.2).
type State uint8

const (
	Idle State = iota
	Connect
	Active
	OpenSent
	OpenConfirm
	StateEstablished
)

// PeerStatus is all there is to see of one peer. A dynamic peer is shown for a
// while after its session ended, so that its last error can be read.
type PeerStatus struct {
	PeerID
	Dynamic bool // accepted by a Range
	Passive bool
	State   State
	// Since the state is Established, else since it was left; zero if never.
	Since    time.Time
	LocalASN uint32
	LocalID  netip.Addr
	// ASN and RouterID of the other end: what its OPEN said, else the ASN
	// asked for.
	ASN          uint32
	RouterID     netip.Addr
	LocalAddress netip.AddrPort
	RemotePort   uint16
	HoldTime     time.Duration // negotiated
	Keepalive    time.Duration // in use
	Sent         []Capability  // in our OPEN
	Received     []Capability  // in theirs
	Families     []Family      // in use on this session
	// CanRefresh: the peer can be asked to tell its routes again.
	CanRefresh bool
	// MaxMessage is the longest message on this session in bytes.
	MaxMessage  int
	MsgRcvd     MsgCount
	MsgSent     MsgCount
	Established uint64 // times the session came up
	Dropped     uint64 // times it went down
	// LastError in words, empty when there was none; survives until the next
	// one. LastErrorAt says when.
	LastError   string
	LastErrorAt time.Time
	LastSent    Notification // zero when none was sent
	LastRcvd    Notification // zero when none came
	// Announced is the number of prefixes told to the peer now.
	Announced int
	// OutQueue is the number of prefixes still to tell or to withdraw.
	OutQueue int
	// Withheld counts the announcements that cannot be told to this peer,
	// WithheldWhy names the first and its reason ("2001:db8::1/128: the peer
	// does not speak IPv6").
	Withheld    int
	WithheldWhy string
	// Password says whether the session is signed; TTLSecurity and Multihop
	// are as in its Settings.
	Password              bool
	TTLSecurity, Multihop uint8
	Restart               RestartStatus
	// Obstacle is why there can be no session however willing the other end
	// is, and what to do about it; empty for none.
	Obstacle string
	// Hint is what it may be that nothing is heard of the peer; empty while
	// there is nothing to say.
	Hint string
	// Malformed counts the UPDATEs whose routes were treated as withdrawn
	// (RFC 7606); MalformedWhy is what was wrong with the last.
	Malformed    uint64
	MalformedWhy string
}

// RangeStatus is what there is to know of a range beside its peers.
type RangeStatus struct {
	Name   string
	Prefix netip.Prefix
	// Obstacle and Hint are as in PeerStatus, for all the peers in it.
	Obstacle, Hint string
}

// MsgCount counts messages by type.
type MsgCount struct {
	Open, Update, Notification, Keepalive, RouteRefresh uint64
}

// Capability is one capability of an OPEN (RFC 5492), in words.
type Capability struct {
	Code uint8
	Text string // "multiprotocol IPv4 unicast", "4-octet AS 65001", …
}
