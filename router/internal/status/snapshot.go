package status

import (
	"net/netip"
	"time"
)

// Snapshot is the daemon at one moment. Times are absolute (RFC 3339 in JSON);
// durations are in seconds, in fields that end in Seconds.
type Snapshot struct {
	Version string    `json:"version"`
	Started time.Time `json:"started"`
	Now     time.Time `json:"now"`
	PID     int       `json:"pid"`
	// Goroutines of the daemon now: a number that does not grow.
	Goroutines int        `json:"goroutines"`
	ASN        uint32     `json:"asn"`
	RouterID   netip.Addr `json:"routerId"`
	Table      uint32     `json:"table"`
	Metric     uint32     `json:"metric"`
	Protocol   uint8      `json:"protocol"`
	MaxPaths   int        `json:"maxPaths"`
	// NextHops says how routes with several next hops stand in the kernel:
	// "multipath", "nexthop groups" or "resilient groups", and why not a
	// better one.
	NextHops string `json:"nextHops"`
	Config   Config `json:"config"`
	// Listening has one entry an address, with the reason while it fails.
	Listening []Listen `json:"listening"`
	// Metrics is where they are served, absent when they are off.
	Metrics *Listen `json:"metrics,omitempty"`
	// RefusedConnections from addresses that no section names.
	RefusedConnections uint64 `json:"refusedConnections"`
	// BFDIgnored are packets that were for no BFD session, by reason.
	BFDIgnored map[string]uint64 `json:"bfdIgnored,omitempty"`
	Clusters   []Cluster         `json:"clusters"`
	Neighbors  []Neighbor        `json:"neighbors"`
	Routes     []Route           `json:"routes"`
	// TableVersion goes up with each change of the chosen routes.
	TableVersion uint64 `json:"tableVersion"`
	Kernel       Kernel `json:"kernel"`
	Totals       Totals `json:"totals"`
}

// Totals are counts over all peers since the daemon's start, also of those that
// are gone.
type Totals struct {
	Established int    `json:"established"` // sessions now
	Sessions    uint64 `json:"sessions"`    // that came up
	Flaps       uint64 `json:"flaps"`       // that went down
	Updates     uint64 `json:"updates"`     // taken in
	Announced   uint64 `json:"announced"`   // prefixes told in them
	Withdrawn   uint64 `json:"withdrawn"`   // prefixes taken back in them
	Accepted    int    `json:"prefixesAccepted"`
	// Refused are the prefixes refused now, by reason.
	Refused map[string]int `json:"prefixesRefused"`
}

// Config says which file runs and what was wrong with the newest one.
type Config struct {
	File     string    `json:"file"`
	LoadedAt time.Time `json:"loadedAt"` // the running one
	// Rejected is true while the file on disk has mistakes and the one
	// loaded before keeps running.
	Rejected bool     `json:"rejected"`
	Problems []string `json:"problems"` // of the newest file, as `hawser check` prints them
}

// Listen is one listening address.
type Listen struct {
	Address netip.AddrPort `json:"address"`
	Error   string         `json:"error,omitempty"`
}

// Cluster is one section "cluster" and what came of it.
type Cluster struct {
	Name        string         `json:"name"`
	Description string         `json:"description,omitempty"`
	ASN         string         `json:"asn"` // "65001", "external", "any"
	Source      []netip.Prefix `json:"source"`
	Allow       []netip.Prefix `json:"allow"`
	MaxPeers    int            `json:"maxPeers"`
	MaxPrefixes int            `json:"maxPrefixes"`
	Peers       int            `json:"peers"` // known now
	Established int            `json:"established"`
	Accepted    int            `json:"accepted"` // prefixes
	Refused     map[string]int `json:"refused"`  // prefixes by reason
	// Obstacle is why there can be no session, Hint what may be wrong while
	// there is none; both say what to do.
	Obstacle string `json:"obstacle,omitempty"`
	Hint     string `json:"hint,omitempty"`
}

// Neighbor is one BGP peer.
type Neighbor struct {
	Address          netip.Addr     `json:"address"`
	Name             string         `json:"name"` // section
	Description      string         `json:"description,omitempty"`
	Cluster          string         `json:"cluster,omitempty"`
	Dynamic          bool           `json:"dynamic"`
	Passive          bool           `json:"passive"`
	ASN              uint32         `json:"asn"`
	RouterID         netip.Addr     `json:"routerId"`
	LocalASN         uint32         `json:"localAsn"`
	LocalID          netip.Addr     `json:"localRouterId"`
	LocalAddress     string         `json:"localAddress,omitempty"` // address:port
	RemotePort       uint16         `json:"remotePort,omitempty"`
	State            string         `json:"state"` // Idle … Established
	Since            time.Time      `json:"since,omitzero"`
	HoldSeconds      int            `json:"holdSeconds"`
	KeepaliveSeconds int            `json:"keepaliveSeconds"`
	Families         []string       `json:"families"` // "ipv4Unicast", "ipv6Unicast"
	CapabilitiesSent []string       `json:"capabilitiesSent"`
	CapabilitiesRcvd []string       `json:"capabilitiesReceived"`
	MsgRcvd          Messages       `json:"messagesReceived"`
	MsgSent          Messages       `json:"messagesSent"`
	InQueue          int            `json:"inQueue"`
	OutQueue         int            `json:"outQueue"`
	TableVersion     uint64         `json:"tableVersion"`
	Received         int            `json:"prefixesReceived"` // held, accepted and refused
	Accepted         int            `json:"prefixesAccepted"`
	AcceptedIPv6     int            `json:"prefixesAcceptedIpv6"` // those of Accepted that are IPv6
	Refused          map[string]int `json:"prefixesRefused"`      // by reason
	Sent             int            `json:"prefixesSent"`
	EstablishedCount uint64         `json:"connectionsEstablished"`
	DroppedCount     uint64         `json:"connectionsDropped"`
	LastError        string         `json:"lastError,omitempty"` // in words
	LastErrorAt      time.Time      `json:"lastErrorAt,omitzero"`
	Stale            int            `json:"prefixesStale"` // accepted, told in a session that is over
	Restart          Restart        `json:"gracefulRestart"`
	CanRefresh       bool           `json:"canRefresh"` // can be asked to tell its routes again
	MaxMessage       int            `json:"maxMessage"` // bytes
	// BFD is absent when the peer is not watched.
	BFD *BFD `json:"bfd,omitempty"`
	// Signed by TCP MD5; TTLSecurity and Multihop in hops, 0 for off.
	Signed      bool  `json:"signed"`
	TTLSecurity uint8 `json:"ttlSecurity"`
	Multihop    uint8 `json:"multihop"`
	// Obstacle and Hint are as in Cluster.
	Obstacle string `json:"obstacle,omitempty"`
	Hint     string `json:"hint,omitempty"`
	// The last NOTIFICATIONs in words.
	NotificationSent string `json:"lastNotificationSent,omitempty"`
	NotificationRcvd string `json:"lastNotificationReceived,omitempty"`
	// Malformed counts the updates whose routes were taken as withdrawn
	// (RFC 7606), and MalformedWhy is the last one's fault; Withheld what
	// cannot be told to this peer, and WithheldWhy the first one's reason.
	Malformed    uint64 `json:"malformedUpdates,omitempty"`
	MalformedWhy string `json:"malformedWhy,omitempty"`
	Withheld     int    `json:"prefixesWithheld,omitempty"`
	WithheldWhy  string `json:"withheldWhy,omitempty"`
}

// Restart is graceful restart (RFC 4724) on one session.
type Restart struct {
	OfferedSeconds int       `json:"offeredSeconds"`     // by us, 0 for not
	PeerSeconds    int       `json:"peerSeconds"`        // by the peer
	Negotiated     bool      `json:"negotiated"`         // it keeps our routes when we restart
	Families       []string  `json:"families,omitempty"` // whose routes we keep when it does
	PeerRestarted  bool      `json:"peerRestarted"`
	Stale          []string  `json:"staleFamilies,omitempty"` // with routes of a session that is over
	StaleUntil     time.Time `json:"staleUntil,omitzero"`
	Kept           uint64    `json:"sessionsKept"` // ended with their routes kept
}

// BFD is one session of Bidirectional Forwarding Detection (RFC 5880).
type BFD struct {
	State       string    `json:"state"` // "AdminDown", "Down", "Init", "Up"
	Since       time.Time `json:"since"`
	RemoteState string    `json:"remoteState"`
	Diagnostic  string    `json:"diagnostic"` // why it left Up last
	// TransmitMilliseconds is the interval in use, before jitter;
	// DetectMilliseconds how long nothing may come, 0 until the peer spoke.
	TransmitMilliseconds float64 `json:"transmitMilliseconds"`
	DetectMilliseconds   float64 `json:"detectMilliseconds"`
	Multihop             bool    `json:"multihop"`
	Multiplier           uint8   `json:"multiplier"`
	Discriminator        uint32  `json:"discriminator"`
	// What the peer said last; zero until it spoke.
	RemoteDiscriminator        uint32  `json:"remoteDiscriminator"`
	RemoteDiagnostic           string  `json:"remoteDiagnostic"`
	RemoteMultiplier           uint8   `json:"remoteMultiplier"`
	RemoteTransmitMilliseconds float64 `json:"remoteTransmitMilliseconds"` // it sends no faster
	RemoteReceiveMilliseconds  float64 `json:"remoteReceiveMilliseconds"`  // it takes no faster
	Sent                       uint64  `json:"packetsSent"`
	Received                   uint64  `json:"packetsReceived"`
	Ups                        uint64  `json:"ups"`
	Downs                      uint64  `json:"downs"`
	Error                      string  `json:"error,omitempty"` // of the socket
}

// Messages counts BGP messages by type.
type Messages struct {
	Open         uint64 `json:"open"`
	Update       uint64 `json:"update"`
	Notification uint64 `json:"notification"`
	Keepalive    uint64 `json:"keepalive"`
	RouteRefresh uint64 `json:"routeRefresh"`
	Total        uint64 `json:"total"`
}

// Route is one prefix with every path that was told for it, refused ones too.
type Route struct {
	Prefix netip.Prefix `json:"prefix"`
	Paths  []Path       `json:"paths"`
	// Installed is what the kernel holds for it now; empty when nothing.
	Installed   []NextHop `json:"installed"`
	InstalledAt time.Time `json:"installedAt,omitzero"`
	// Error of the last attempt to install it.
	Error string `json:"error,omitempty"`
}

// Path is one peer's route to a prefix.
type Path struct {
	Peer        netip.Addr `json:"peer"`
	NextHop     netip.Addr `json:"nextHop"`
	Best        bool       `json:"best"`              // the one with ">"
	Multipath   bool       `json:"multipath"`         // chosen as well: "="
	Leaving     bool       `json:"leaving,omitempty"` // in graceful shutdown beside others that are not
	Stale       bool       `json:"stale,omitempty"`   // told in a session that is over
	Reason      string     `json:"reason,omitempty"`  // refused: a word of rib's list
	Detail      string     `json:"detail,omitempty"`  // the same in a sentence
	Origin      string     `json:"origin"`            // "i", "e", "?"
	ASPath      string     `json:"asPath"`            // "65001 {65002,65003}"
	LocalPref   *uint32    `json:"localPref,omitempty"`
	MED         *uint32    `json:"med,omitempty"`
	Communities []string   `json:"communities,omitempty"`
	Since       time.Time  `json:"since"`
}

// NextHop is one leg of an installed route.
type NextHop struct {
	Address   netip.Addr `json:"address"`
	Interface string     `json:"interface"`
	Weight    int        `json:"weight"` // 1 unless weighted
	// Leaving next hops keep the connections that they have and get next to no new ones.
	Leaving bool `json:"leaving,omitempty"`
	Dead    bool `json:"dead,omitempty"`
}

// Kernel counts what was asked of it.
type Kernel struct {
	Routes int `json:"routes"` // ours, as last read back, guards apart
	// Guards are the prefixes with an unreachable route, so that their unused
	// addresses lead nowhere else.
	Guards   []netip.Prefix `json:"guards"`
	NextHops int            `json:"nextHops"` // objects of ours
	Groups   int            `json:"groups"`
	// Advice is what would make the machine a better router.
	Advice      []string  `json:"advice"`
	Steps       uint64    `json:"steps"` // applied since start
	Errors      uint64    `json:"errors"`
	LastError   string    `json:"lastError,omitempty"`
	LastErrorAt time.Time `json:"lastErrorAt,omitzero"`
	LastAudit   time.Time `json:"lastAudit,omitzero"`
	// Waiting says why no route is deleted yet ("waiting for End-of-RIB from
	// 192.168.1.5"), empty when reconciling is whole.
	Waiting string `json:"waiting,omitempty"`
}
