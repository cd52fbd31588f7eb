package status

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Routes writes "show ip route": what is in the kernel through us, and what
// should be but is not. [20/0] is the kernel's metric and the route's MED.
func Routes(w io.Writer, s *Snapshot, all []Route) {
	notices(w, s)
	fmt.Fprintf(w, "Codes: B - BGP, > - selected route, * - FIB route\n\n")
	for _, r := range InTable(all) {
		routeLines(w, s, &r)
	}
	if s.Kernel.LastError != "" {
		fmt.Fprintf(w, "\n%% The kernel's last error, %s ago: %s\n", uptime(s.Kernel.LastErrorAt, s.Now), s.Kernel.LastError)
	}
}

func routeLines(w io.Writer, s *Snapshot, r *Route) {
	mark, hops := "*", r.Installed
	if len(hops) == 0 {
		mark, hops = " ", chosen(r.Paths)
	}
	head := fmt.Sprintf("B>%s %s [%d/%s]", mark, r.Prefix, s.Metric, optional(med(r.Paths), "0"))
	for i, h := range hops {
		if i > 0 {
			head = "  " + mark + strings.Repeat(" ", len(head)-3)
		}
		fmt.Fprintf(w, "%s via %s%s, %s\n", head, h.Address, h.state(len(r.Installed) > 0), uptime(since(r), s.Now))
	}
	switch {
	case r.Error == "":
	case len(r.Installed) > 0:
		fmt.Fprintf(w, "      not changed in the kernel: %s\n", r.Error)
	default:
		fmt.Fprintf(w, "      not in the kernel: %s\n", r.Error)
	}
}

// state is what stands between the address of a next hop and its age.
func (h NextHop) state(installed bool) string {
	text := ""
	if h.Interface != "" {
		text += ", " + h.Interface
	}
	if h.Weight > 1 {
		text += fmt.Sprintf(", weight %d", h.Weight)
	}
	if h.Leaving {
		text += ", leaving"
	}
	if h.Dead || !installed {
		text += " inactive"
	}
	return text
}

// chosen are the next hops that a route should have.
func chosen(paths []Path) []NextHop {
	var all []NextHop
	for _, p := range paths {
		if p.Best || p.Multipath {
			all = append(all, NextHop{Address: p.NextHop, Weight: 1})
		}
	}
	return all
}

// med is that of the best path, nil for none.
func med(paths []Path) *uint32 {
	for _, p := range paths {
		if p.Best {
			return p.MED
		}
	}
	return nil
}

// since is when the route came into the kernel, else when its best path came.
func since(r *Route) time.Time {
	if len(r.Installed) > 0 {
		return r.InstalledAt
	}
	for _, p := range r.Paths {
		if p.Best {
			return p.Since
		}
	}
	return time.Time{}
}
