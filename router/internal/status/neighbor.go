package status

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"
)

var zeroAddr netip.Addr

// Neighbors writes "show ip bgp neighbors": all there is to know of sessions.
func Neighbors(w io.Writer, s *Snapshot, all []Neighbor) {
	notices(w, s)
	if len(all) == 0 {
		fmt.Fprintln(w, "No neighbor is configured and none has connected")
	}
	for i := range all {
		if i > 0 {
			fmt.Fprintln(w)
		}
		neighborHead(w, s, &all[i])
		neighborCapabilities(w, &all[i])
		neighborRestart(w, s, &all[i])
		neighborMessages(w, &all[i])
		neighborFamilies(w, &all[i])
		neighborEnds(w, s, &all[i])
	}
}

func neighborHead(w io.Writer, s *Snapshot, n *Neighbor) {
	link := "external"
	if n.ASN == n.LocalASN {
		link = "internal"
	}
	if n.ASN == 0 {
		fmt.Fprintf(w, "BGP neighbor is %s, remote AS not known yet, local AS %d\n", n.Address, n.LocalASN)
	} else {
		fmt.Fprintf(w, "BGP neighbor is %s, remote AS %d, local AS %d, %s link\n", n.Address, n.ASN, n.LocalASN, link)
	}
	if n.Description != "" {
		fmt.Fprintf(w, " Description: %s\n", n.Description)
	}
	fmt.Fprintf(w, " %s\n", n.origin())
	fmt.Fprintf(w, "  BGP version 4, remote router ID %s\n", identifier(n.RouterID))
	fmt.Fprintf(w, "  BGP state = %s", n.State)
	if n.State == established {
		fmt.Fprintf(w, ", up for %s", uptime(n.Since, s.Now))
	} else if !n.Since.IsZero() {
		fmt.Fprintf(w, ", down for %s", uptime(n.Since, s.Now))
	}
	fmt.Fprintf(w, "\n  Hold time is %d, keepalive interval is %d seconds\n", n.HoldSeconds, n.KeepaliveSeconds)
	if n.Signed {
		fmt.Fprintln(w, "  Signed with a password (TCP MD5)")
	}
	if n.TTLSecurity > 0 {
		fmt.Fprintf(w, "  Heard from at most %d hops away (TTL security)\n", n.TTLSecurity)
	}
	if n.Multihop > 0 {
		fmt.Fprintf(w, "  Packets go %d hops at most\n", n.Multihop)
	}
	if n.BFD != nil {
		fmt.Fprintf(w, "  BFD is %s, sends every %v ms, is down after %v ms of silence\n", n.BFD.State, n.BFD.TransmitMilliseconds, n.BFD.DetectMilliseconds)
	}
	trouble(w, n.Obstacle, n.Hint)
}

// origin says which section makes this a neighbor.
func (n *Neighbor) origin() string {
	how := "waits for its connection"
	if !n.Passive {
		how = "is dialled"
	}
	if n.Dynamic {
		return fmt.Sprintf("Dynamic: accepted by a source of cluster %s", n.Cluster)
	}
	if n.Cluster != "" {
		return fmt.Sprintf("Section %s of cluster %s, %s", n.Name, n.Cluster, how)
	}
	return fmt.Sprintf("Section %s, %s", n.Name, how)
}

func neighborCapabilities(w io.Writer, n *Neighbor) {
	if len(n.CapabilitiesSent)+len(n.CapabilitiesRcvd) == 0 {
		return
	}
	fmt.Fprintln(w, "  Neighbor capabilities:")
	for _, c := range n.CapabilitiesSent {
		said := "advertised"
		if slices.Contains(n.CapabilitiesRcvd, c) {
			said = "advertised and received"
		}
		fmt.Fprintf(w, "    %s: %s\n", c, said)
	}
	for _, c := range n.CapabilitiesRcvd {
		if !slices.Contains(n.CapabilitiesSent, c) {
			fmt.Fprintf(w, "    %s: received\n", c)
		}
	}
}

// neighborRestart is what becomes of the routes when one end restarts.
func neighborRestart(w io.Writer, s *Snapshot, n *Neighbor) {
	r := &n.Restart
	if r.OfferedSeconds+r.PeerSeconds > 0 || r.Kept > 0 {
		fmt.Fprintf(w, "  Graceful restart: offered for %d s by us, for %d s by the peer\n", r.OfferedSeconds, r.PeerSeconds)
	}
	if n.State == established {
		ours, theirs := "drops", "none"
		if r.Negotiated {
			ours = "keeps"
		}
		if len(r.Families) > 0 {
			theirs = familyWords(r.Families)
		}
		fmt.Fprintf(w, "    When we restart the peer %s our routes; when it does we keep its: %s\n", ours, theirs)
		if r.PeerRestarted {
			fmt.Fprintln(w, "    The peer said that it had just restarted")
		}
	}
	if r.Kept > 0 {
		fmt.Fprintf(w, "    Sessions that ended with their routes kept: %d\n", r.Kept)
	}
	if len(r.Stale) > 0 {
		fmt.Fprintf(w, "    Stale routes: %d of %s, given up in %s, at %s\n", n.Stale, familyWords(r.Stale),
			uptime(s.Now, r.StaleUntil), r.StaleUntil.Format(time.RFC3339))
	}
}

func neighborMessages(w io.Writer, n *Neighbor) {
	fmt.Fprintln(w, "  Message statistics:")
	fmt.Fprintf(w, "    Inq depth is %d\n    Outq depth is %d\n", n.InQueue, n.OutQueue)
	fmt.Fprintf(w, "    %-15s %10s %10s\n", "", "Sent", "Rcvd")
	for _, row := range []struct {
		name       string
		sent, rcvd uint64
	}{
		{"Opens:", n.MsgSent.Open, n.MsgRcvd.Open},
		{"Notifications:", n.MsgSent.Notification, n.MsgRcvd.Notification},
		{"Updates:", n.MsgSent.Update, n.MsgRcvd.Update},
		{"Keepalives:", n.MsgSent.Keepalive, n.MsgRcvd.Keepalive},
		{"Route Refresh:", n.MsgSent.RouteRefresh, n.MsgRcvd.RouteRefresh},
		{"Total:", n.MsgSent.Total, n.MsgRcvd.Total},
	} {
		fmt.Fprintf(w, "    %-15s %10d %10d\n", row.name, row.sent, row.rcvd)
	}
	if n.State == established {
		asked := "cannot be asked"
		if n.CanRefresh {
			asked = "can be asked"
		}
		fmt.Fprintf(w, "    Messages have %d bytes at most; the peer %s to tell its routes again\n", n.MaxMessage, asked)
	}
}

func neighborFamilies(w io.Writer, n *Neighbor) {
	if len(n.Families) > 0 {
		fmt.Fprintf(w, "\n For address family: %s\n", familyWords(n.Families))
	} else {
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "  %d prefixes held, %d accepted, %d refused", n.Received, n.Accepted, total(n.Refused))
	if why := reasons(n.Refused); why != "" {
		fmt.Fprintf(w, " (%s)", why)
	}
	fmt.Fprintf(w, "; %d sent\n", n.Sent)
}

// familyWords are families as Quagga names them.
func familyWords(names []string) string {
	return strings.NewReplacer("ipv4Unicast", "IPv4 Unicast", "ipv6Unicast", "IPv6 Unicast").Replace(strings.Join(names, ", "))
}

func neighborEnds(w io.Writer, s *Snapshot, n *Neighbor) {
	fmt.Fprintf(w, "\n  Connections established %d; dropped %d\n", n.EstablishedCount, n.DroppedCount)
	if n.LastError == "" {
		fmt.Fprintln(w, "  Last error never")
	} else {
		fmt.Fprintf(w, "  Last error %s ago, at %s: %s\n", uptime(n.LastErrorAt, s.Now), n.LastErrorAt.Format(time.RFC3339), n.LastError)
	}
	for _, said := range []struct{ how, text string }{{"sent", n.NotificationSent}, {"received", n.NotificationRcvd}} {
		if said.text != "" {
			fmt.Fprintf(w, "  Last NOTIFICATION %s: %s\n", said.how, said.text)
		}
	}
	if n.Malformed > 0 {
		fmt.Fprintf(w, "  Malformed updates taken as withdrawals: %d, the last: %s\n", n.Malformed, n.MalformedWhy)
	}
	if n.Withheld > 0 {
		fmt.Fprintf(w, "  Prefixes that cannot be told: %d, the first: %s\n", n.Withheld, n.WithheldWhy)
	}
	if n.LocalAddress != "" {
		fmt.Fprintf(w, "Local host: %s\n", n.LocalAddress)
	}
	if n.RemotePort != 0 {
		fmt.Fprintf(w, "Foreign host: %s\n", netip.AddrPortFrom(n.Address, n.RemotePort))
	}
}
