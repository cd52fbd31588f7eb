package status

import (
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
)

// BFDView is the part of a Snapshot that "show bfd" shows.
type BFDView struct {
	Peers   []BFDPeer         `json:"peers"`
	Ignored map[string]uint64 `json:"bfdIgnored,omitempty"`
}

// BFDPeer is a BFD session with the address of its peer.
type BFDPeer struct {
	Address netip.Addr `json:"address"`
	Name    string     `json:"name"` // section
	BFD
}

// BFDOnly is s without all that is not BFD.
func (s *Snapshot) BFDOnly() BFDView {
	v := BFDView{Peers: []BFDPeer{}, Ignored: s.BFDIgnored}
	for i := range s.Neighbors {
		if n := &s.Neighbors[i]; n.BFD != nil {
			v.Peers = append(v.Peers, BFDPeer{n.Address, n.Name, *n.BFD})
		}
	}
	return v
}

// BFDPeers writes "show bfd": every peer that is watched, and the packets that
// were nobody's.
func BFDPeers(w io.Writer, s *Snapshot) {
	notices(w, s)
	n := 0
	for i := range s.Neighbors {
		if b := s.Neighbors[i].BFD; b != nil {
			n++
			s.Neighbors[i].bfd(w, s)
		}
	}
	if n == 0 {
		fmt.Fprintln(w, "No peer is watched by BFD")
	}
	if len(s.BFDIgnored) == 0 {
		return
	}
	fmt.Fprintln(w, "Ignored packets, by reason")
	for _, reason := range slices.Sorted(maps.Keys(s.BFDIgnored)) {
		fmt.Fprintf(w, "  %-22s %d\n", reason, s.BFDIgnored[reason])
	}
}

func (n *Neighbor) bfd(w io.Writer, s *Snapshot) {
	b := n.BFD
	fmt.Fprintf(w, "BFD peer %s, section %s", n.Address, n.Name)
	if b.Multihop {
		fmt.Fprint(w, ", multihop")
	}
	fmt.Fprintf(w, "\n  %s for %s, the peer says %s\n", b.State, uptime(b.Since, s.Now), b.RemoteState)
	fmt.Fprintf(w, "  Up %d times, down %d times; last diagnostic: %s, the peer's: %s\n", b.Ups, b.Downs, b.Diagnostic, b.RemoteDiagnostic)
	fmt.Fprintf(w, "  Sends every %v ms, is down after %v ms of silence\n", b.TransmitMilliseconds, b.DetectMilliseconds)
	fmt.Fprintf(w, "  The peer sends every %v ms at most, takes one every %v ms; multiplier %d, ours %d\n",
		b.RemoteTransmitMilliseconds, b.RemoteReceiveMilliseconds, b.RemoteMultiplier, b.Multiplier)
	fmt.Fprintf(w, "  Discriminator %d, the peer's %d; packets sent %d, received %d\n", b.Discriminator, b.RemoteDiscriminator, b.Sent, b.Received)
	if b.Error != "" {
		fmt.Fprintf(w, "  ! %s\n", b.Error)
	}
}
