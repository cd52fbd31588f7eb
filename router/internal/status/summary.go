package status

import (
	"fmt"
	"io"
	"slices"
	"strconv"
)

// Summary writes "show ip bgp summary": one line a neighbor. The sessions are
// the same for both families, the prefixes counted are those of f.
func Summary(w io.Writer, s *Snapshot, f Family) {
	notices(w, s)
	fmt.Fprintf(w, "BGP router identifier %s, local AS number %d\n", identifier(s.RouterID), s.ASN)
	fmt.Fprintf(w, "BGP table version %d, kernel routes %d\n", s.TableVersion, s.Kernel.Routes)
	fmt.Fprintf(w, "Peers %d, connections refused %d\n\n", len(s.Neighbors), s.RefusedConnections)
	if len(s.Neighbors) == 0 {
		fmt.Fprintln(w, "No neighbor is configured and none has connected")
		return
	}
	fmt.Fprintln(w, "Neighbor        V         AS MsgRcvd MsgSent   TblVer  InQ OutQ Up/Down  State/PfxRcd Description")
	all, _ := s.NeighborsAt(zeroAddr)
	refused := 0
	for i := range all {
		summaryLine(w, s, &all[i], f)
		refused += total(all[i].Refused)
	}
	fmt.Fprintf(w, "\nTotal number of neighbors %d\n", len(all))
	if refused > 0 {
		fmt.Fprintf(w, "Refused prefixes %d: show ip bgp says why\n", refused)
	}
}

func summaryLine(w io.Writer, s *Snapshot, n *Neighbor, f Family) {
	name := n.Address.String()
	if len(name) > 15 {
		name = fmt.Sprintf("%s\n%15s", name, "")
	}
	fmt.Fprintf(w, "%-15s 4 %10d %7d %7d %8d %4d %4d %8s %12s", name, n.ASN, n.MsgRcvd.Total, n.MsgSent.Total,
		n.TableVersion, n.InQueue, n.OutQueue, uptime(n.Since, s.Now), n.stateOrPrefixes(f))
	if d := n.label(); d != "" {
		fmt.Fprintf(w, " %s", d)
	}
	fmt.Fprintln(w)
}

// established is the name of the state in which prefixes count.
const established = "Established"

// stateOrPrefixes is the last column: the accepted prefixes of the family
// while the session is up, "-" when it does not carry the family.
func (n *Neighbor) stateOrPrefixes(f Family) string {
	if n.State != established {
		return n.State
	}
	if !slices.Contains(n.Families, f.word()) {
		return "-"
	}
	if f == IPv6 {
		return strconv.Itoa(n.AcceptedIPv6)
	}
	return strconv.Itoa(n.Accepted - n.AcceptedIPv6)
}

// word is the family's name in a Neighbor's Families.
func (f Family) word() string {
	if f == IPv6 {
		return "ipv6Unicast"
	}
	return "ipv4Unicast"
}

// label is what tells a person which neighbor this is.
func (n *Neighbor) label() string {
	if n.Description != "" {
		return n.Description
	}
	if n.Cluster != "" {
		return "(" + n.Cluster + ")"
	}
	return ""
}
