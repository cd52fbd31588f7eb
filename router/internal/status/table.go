package status

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Table writes "show ip bgp": every path, the refused ones with the reason.
func Table(w io.Writer, s *Snapshot, f Family) {
	notices(w, s)
	all := Told(s.RoutesOf(f))
	if len(all) == 0 {
		fmt.Fprintln(w, "No BGP prefixes displayed, 0 exist")
		return
	}
	fmt.Fprintf(w, "BGP table version is %d, local router ID is %s\n", s.TableVersion, identifier(s.RouterID))
	fmt.Fprintln(w, "Status codes: * valid, > best, = multipath, l leaving, S stale, x refused")
	fmt.Fprintf(w, "Origin codes: i - IGP, e - EGP, ? - incomplete\n\n")
	fmt.Fprintln(w, "   Network          Next Hop            Metric LocPrf Weight Path")
	paths, refused := 0, 0
	for _, r := range all {
		for i := range r.Paths {
			network := ""
			if i == 0 {
				network = r.Prefix.String()
			}
			pathLine(w, network, &r.Paths[i])
			if r.Paths[i].Reason != "" {
				refused++
			}
		}
		paths += len(r.Paths)
	}
	fmt.Fprintf(w, "\nTotal number of prefixes %d, paths %d", len(all), paths)
	if refused > 0 {
		fmt.Fprintf(w, ", refused %d", refused)
	}
	fmt.Fprintln(w)
}

// marks are the codes before a path.
func (p *Path) marks() string {
	valid := "*"
	if p.Stale {
		valid = "S"
	}
	switch {
	case p.Reason != "":
		return "x  "
	case p.Best:
		return valid + "> "
	case p.Multipath:
		return valid + "= "
	case p.Leaving:
		return valid + "l "
	}
	return valid + "  "
}

// pathLine is one path. What is too wide for its column pushes the rest to
// the next line, as in Quagga.
func pathLine(w io.Writer, network string, p *Path) {
	line := p.marks() + fmt.Sprintf("%-17s", network)
	if len(network) > 16 {
		line += "\n" + strings.Repeat(" ", 20)
	}
	hop := p.NextHop.String()
	line += fmt.Sprintf("%-16s", hop)
	if len(hop) > 15 {
		line += "\n" + strings.Repeat(" ", 36)
	}
	line += fmt.Sprintf("%10s%7s%7d ", optional(p.MED, "0"), optional(p.LocalPref, ""), 0)
	if p.ASPath != "" {
		line += p.ASPath + " "
	}
	fmt.Fprintln(w, line+p.Origin)
	if p.Reason != "" {
		fmt.Fprintf(w, "%20srefused, %s\n", "", p.why())
	}
}

// why is the reason of a refusal, with the sentence when there is one.
func (p *Path) why() string {
	if p.Detail == "" {
		return p.Reason
	}
	return p.Reason + ": " + p.Detail
}

func optional(n *uint32, none string) string {
	if n == nil {
		return none
	}
	return strconv.FormatUint(uint64(*n), 10)
}

// Entry writes "show ip bgp PREFIX": all there is to know of one route.
func Entry(w io.Writer, s *Snapshot, r Route) {
	notices(w, s)
	fmt.Fprintf(w, "BGP routing table entry for %s\n", r.Prefix)
	fmt.Fprintf(w, "Paths: (%d available, %s)\n", len(r.Paths), bestOf(r.Paths))
	for i := range r.Paths {
		entryPath(w, s, &r.Paths[i])
	}
	switch {
	case len(r.Installed) > 0:
		fmt.Fprintf(w, "Kernel: table %d, metric %d, protocol %d, %d next hop%s, for %s, %s", s.Table, s.Metric, s.Protocol,
			len(r.Installed), plural(len(r.Installed)), uptime(r.InstalledAt, s.Now), s.NextHops)
		if r.Error != "" {
			fmt.Fprintf(w, "; not changed: %s", r.Error)
		}
		fmt.Fprintln(w)
		shares(w, r.Installed)
	case r.Error != "":
		fmt.Fprintf(w, "Kernel: %s\n", r.Error)
	default:
		fmt.Fprintln(w, "Kernel: not in its table")
	}
}

// shares says what part of the connections each next hop gets.
func shares(w io.Writer, hops []NextHop) {
	sum := 0
	for _, h := range hops {
		if !h.Dead && !h.Leaving {
			sum += h.Weight
		}
	}
	for _, h := range hops {
		share := 0
		if !h.Dead && !h.Leaving {
			share = h.Weight * 100 / max(sum, 1)
		}
		fmt.Fprintf(w, "  via %s%s, %d %%\n", h.Address, h.state(true), share)
	}
}

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}

func bestOf(paths []Path) string {
	for i := range paths {
		if paths[i].Best {
			return fmt.Sprintf("best #%d", i+1)
		}
	}
	return "no best path"
}

var originWords = map[string]string{"i": "IGP", "e": "EGP", "?": "incomplete"}

func entryPath(w io.Writer, s *Snapshot, p *Path) {
	path := p.ASPath
	if path == "" {
		path = "Local"
	}
	fmt.Fprintf(w, "  %s\n", path)
	fmt.Fprintf(w, "    %s from %s\n", p.NextHop, p.Peer)
	line := "      Origin " + originWords[p.Origin]
	if p.MED != nil {
		line += ", metric " + optional(p.MED, "")
	}
	line += ", localpref " + optional(p.LocalPref, "100")
	switch {
	case p.Reason != "":
		line += ", refused"
	case p.Best && p.Multipath:
		line += ", valid, multipath, best"
	case p.Best:
		line += ", valid, best"
	case p.Multipath:
		line += ", valid, multipath"
	case p.Leaving:
		line += ", valid, leaving"
	default:
		line += ", valid"
	}
	fmt.Fprintln(w, line)
	if p.Reason != "" {
		fmt.Fprintf(w, "      Refused, %s\n", p.why())
	}
	if p.Leaving {
		fmt.Fprintln(w, "      Leaving: in graceful shutdown, so its next hop gets next to no new connections")
	}
	if p.Stale {
		fmt.Fprintln(w, "      Stale: told in a session that is over")
	}
	if len(p.Communities) > 0 {
		fmt.Fprintf(w, "      Community: %s\n", strings.Join(p.Communities, " "))
	}
	fmt.Fprintf(w, "      Last update: %s\n\n", p.Since.Format(time.RFC3339))
}
