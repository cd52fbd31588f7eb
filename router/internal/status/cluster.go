package status

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
)

// guards are those of the allowed prefixes that are guarded.
func guards(allow, guarded []netip.Prefix) []netip.Prefix {
	return slices.DeleteFunc(slices.Clone(allow), func(p netip.Prefix) bool { return !slices.Contains(guarded, p) })
}

// Clusters writes "show clusters": each section and what came of it.
func Clusters(w io.Writer, s *Snapshot) {
	notices(w, s)
	if len(s.Clusters) == 0 {
		fmt.Fprintln(w, "No cluster is configured")
	}
	for i, c := range s.Clusters {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "Cluster %s", c.Name)
		if c.Description != "" {
			fmt.Fprintf(w, " (%s)", c.Description)
		}
		fmt.Fprintf(w, "\n  AS        %s\n", c.ASN)
		fmt.Fprintf(w, "  Source    %s\n", joined(c.Source, "none: only neighbors that name it"))
		fmt.Fprintf(w, "  Allow     %s\n", joined(c.Allow, "nothing is accepted"))
		if guarded := guards(c.Allow, s.Kernel.Guards); len(guarded) > 0 {
			fmt.Fprintf(w, "  Guard     %s: unused addresses are unreachable\n", joined(guarded, ""))
		}
		fmt.Fprintf(w, "  Peers     %d established of %d, at most %d\n", c.Established, c.Peers, c.MaxPeers)
		fmt.Fprintf(w, "  Prefixes  %d accepted, %d refused", c.Accepted, total(c.Refused))
		if why := reasons(c.Refused); why != "" {
			fmt.Fprintf(w, " (%s)", why)
		}
		fmt.Fprintf(w, ", at most %d a peer\n", c.MaxPrefixes)
		trouble(w, c.Obstacle, c.Hint)
	}
}

// trouble says why there is no session, or what it may be.
func trouble(w io.Writer, obstacle, hint string) {
	if obstacle != "" {
		fmt.Fprintf(w, "  No session can be had: %s\n", obstacle)
	}
	if hint != "" {
		fmt.Fprintf(w, "  Nobody is heard: %s\n", hint)
	}
}
