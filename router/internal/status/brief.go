package status

import (
	"net/netip"
	"time"
)

// Digest is a Snapshot with its neighbors in brief, so that who asks every few
// seconds is not sent everything about every one of them.
type Digest struct {
	*Snapshot
	Neighbors []Brief `json:"neighbors"`
}

// Brief is the part of a Neighbor that a table of them shows.
type Brief struct {
	Address     netip.Addr     `json:"address"`
	Name        string         `json:"name"`
	Description string         `json:"description,omitempty"`
	Cluster     string         `json:"cluster,omitempty"`
	Dynamic     bool           `json:"dynamic"`
	ASN         uint32         `json:"asn"`
	State       string         `json:"state"`
	Since       time.Time      `json:"since,omitzero"`
	Accepted    int            `json:"prefixesAccepted"`
	Stale       int            `json:"prefixesStale"`
	Refused     map[string]int `json:"prefixesRefused"`
	LastError   string         `json:"lastError,omitempty"`
	LastErrorAt time.Time      `json:"lastErrorAt,omitzero"`
	BFD         *BriefBFD      `json:"bfd,omitempty"`
	Obstacle    string         `json:"obstacle,omitempty"`
	Hint        string         `json:"hint,omitempty"`
}

// BriefBFD is the part of a BFD that goes with a Brief.
type BriefBFD struct {
	State string `json:"state"`
	Error string `json:"error,omitempty"`
}

func digest(s *Snapshot) *Digest {
	d := &Digest{Snapshot: s, Neighbors: make([]Brief, len(s.Neighbors))}
	for i, n := range s.Neighbors {
		d.Neighbors[i] = Brief{
			Address: n.Address, Name: n.Name, Description: n.Description, Cluster: n.Cluster, Dynamic: n.Dynamic,
			ASN: n.ASN, State: n.State, Since: n.Since, Accepted: n.Accepted, Stale: n.Stale, Refused: n.Refused,
			LastError: n.LastError, LastErrorAt: n.LastErrorAt, Obstacle: n.Obstacle, Hint: n.Hint,
		}
		if n.BFD != nil {
			d.Neighbors[i].BFD = &BriefBFD{State: n.BFD.State, Error: n.BFD.Error}
		}
	}
	return d
}
