package metrics

import (
	"bufio"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hawser-lb/hawser/router/internal/status"
)

// Write writes s in Prometheus' text format, version 0.0.4. Every name begins
// with hawser_router_; docs/metrics.md has them all.
func Write(w io.Writer, s *status.Snapshot) error {
	p := page{bufio.NewWriter(w)}
	p.daemon(s)
	p.kernel(&s.Kernel)
	p.clusters(s.Clusters)
	p.neighbors(s.Neighbors)
	p.bfd(s)
	return p.Flush()
}

// page is the text in the making; its writer remembers the first error.
type page struct{ *bufio.Writer }

// label is one name and value.
type label struct{ name, value string }

var escaped = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

// family begins a metric: "gauge" or "counter".
func (p page) family(name, kind, help string) {
	p.WriteString("# HELP hawser_router_" + name + " " + help + "\n# TYPE hawser_router_" + name + " " + kind + "\n")
}

func (p page) sample(name string, value float64, labels ...label) {
	p.WriteString("hawser_router_" + name)
	for i, l := range labels {
		p.WriteByte("{,"[min(i, 1)])
		p.WriteString(l.name + `="` + escaped.Replace(l.value) + `"`)
	}
	if len(labels) > 0 {
		p.WriteByte('}')
	}
	p.WriteString(" " + strconv.FormatFloat(value, 'g', -1, 64) + "\n")
}

// one is a metric with a single sample.
func (p page) one(name, kind, help string, value float64) {
	p.family(name, kind, help)
	p.sample(name, value)
}

func truth(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func (p page) daemon(s *status.Snapshot) {
	p.family("info", "gauge", "1, with what does not change while it runs.")
	p.sample("info", 1, label{"version", s.Version}, label{"asn", strconv.FormatUint(uint64(s.ASN), 10)}, label{"router_id", s.RouterID.String()})
	p.one("start_time_seconds", "gauge", "When the daemon started, in seconds since 1970.", seconds(s.Started))
	p.one("config_ok", "gauge", "0 while the file on disk has mistakes and the one before keeps running.", truth(!s.Config.Rejected))
	p.one("config_loaded_time_seconds", "gauge", "When the running configuration was read, in seconds since 1970.", seconds(s.Config.LoadedAt))
	p.one("connections_refused_total", "counter", "Connections from addresses that no section names.", float64(s.RefusedConnections))
	p.family("listening", "gauge", "1 while BGP connections are accepted on the address.")
	for _, l := range s.Listening {
		p.sample("listening", truth(l.Error == ""), label{"address", l.Address.String()})
	}
}

func (p page) kernel(k *status.Kernel) {
	p.one("kernel_routes", "gauge", "Routes of ours in the kernel, guards apart.", float64(k.Routes))
	p.one("kernel_guards", "gauge", "Unreachable routes of ours for unused addresses.", float64(len(k.Guards)))
	p.one("kernel_nexthops", "gauge", "Next-hop objects of ours in the kernel.", float64(k.NextHops))
	p.one("kernel_groups", "gauge", "Next-hop groups of ours in the kernel.", float64(k.Groups))
	p.one("kernel_steps_total", "counter", "Changes made in the kernel.", float64(k.Steps))
	p.one("kernel_errors_total", "counter", "Changes that the kernel refused, and readings that went wrong.", float64(k.Errors))
}

func (p page) clusters(all []status.Cluster) {
	p.family("cluster_peers", "gauge", "Peers of a cluster, by whether their session is established.")
	for _, c := range all {
		p.sample("cluster_peers", float64(c.Established), label{"cluster", c.Name}, label{"established", "true"})
		p.sample("cluster_peers", float64(c.Peers-c.Established), label{"cluster", c.Name}, label{"established", "false"})
	}
}

func (p page) neighbors(all []status.Neighbor) {
	each := func(name, kind, help string, value func(*status.Neighbor) float64) {
		p.family(name, kind, help)
		for i := range all {
			p.sample(name, value(&all[i]), who(&all[i])...)
		}
	}
	each("session_up", "gauge", "1 while the session is established.", func(n *status.Neighbor) float64 { return truth(n.State == "Established") })
	each("session_ups_total", "counter", "Times that the session came up.", func(n *status.Neighbor) float64 { return float64(n.EstablishedCount) })
	each("session_downs_total", "counter", "Times that an established session ended.", func(n *status.Neighbor) float64 { return float64(n.DroppedCount) })
	each("messages_received_total", "counter", "BGP messages from the peer.", func(n *status.Neighbor) float64 { return float64(n.MsgRcvd.Total) })
	each("messages_sent_total", "counter", "BGP messages to the peer.", func(n *status.Neighbor) float64 { return float64(n.MsgSent.Total) })
	each("prefixes_accepted", "gauge", "Prefixes of the peer that count.", func(n *status.Neighbor) float64 { return float64(n.Accepted) })
	each("prefixes_sent", "gauge", "Prefixes that the peer has been told.", func(n *status.Neighbor) float64 { return float64(n.Sent) })
	p.family("prefixes_refused", "gauge", "Prefixes of the peer that do not count, by reason.")
	for i := range all {
		for _, reason := range slices.Sorted(maps.Keys(all[i].Refused)) {
			p.sample("prefixes_refused", float64(all[i].Refused[reason]), append(who(&all[i]), label{"reason", reason})...)
		}
	}
}

// bfd has the peers that are watched, and no others.
func (p page) bfd(s *status.Snapshot) {
	each := func(name, kind, help string, value func(*status.BFD) float64) {
		p.family(name, kind, help)
		for i := range s.Neighbors {
			if n := &s.Neighbors[i]; n.BFD != nil {
				p.sample(name, value(n.BFD), who(n)...)
			}
		}
	}
	each("bfd_up", "gauge", "1 while BFD hears the peer.", func(b *status.BFD) float64 { return truth(b.State == "Up") })
	each("bfd_downs_total", "counter", "Times that BFD left Up.", func(b *status.BFD) float64 { return float64(b.Downs) })
	each("bfd_packets_received_total", "counter", "BFD packets from the peer.", func(b *status.BFD) float64 { return float64(b.Received) })
	each("bfd_packets_sent_total", "counter", "BFD packets to the peer.", func(b *status.BFD) float64 { return float64(b.Sent) })
	p.family("bfd_packets_ignored_total", "counter", "BFD packets that were for no session, by reason.")
	for _, reason := range slices.Sorted(maps.Keys(s.BFDIgnored)) {
		p.sample("bfd_packets_ignored_total", float64(s.BFDIgnored[reason]), label{"reason", reason})
	}
}

// who are the labels of a peer: its section and address.
func who(n *status.Neighbor) []label {
	return []label{{"name", n.Name}, {"address", n.Address.String()}}
}
