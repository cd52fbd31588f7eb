package quagga

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// section is one of UCI's.
type section struct {
	typ, name string
	options   []option
	note      string // stands above it
}

// option has one value, or any number when it is a list.
type option struct {
	name   string
	list   bool
	values []string
}

func (o option) equal(p option) bool { return o.name == p.name && slices.Equal(o.values, p.values) }

func decimal(n uint32) string { return strconv.FormatUint(uint64(n), 10) }

// sections are the globals, a cluster for each group in use and a neighbor for
// each address.
func (c *config) sections() []section {
	names := map[string]bool{"globals": true}
	all := []section{c.globals()}
	clusters := map[string]*cluster{}
	for _, g := range c.peers {
		if !g.address.IsValid() && c.used(g) {
			made := &cluster{name: unique(g.name, names), options: c.session(g)}
			clusters[g.name] = made
			all = append(all, c.clusterSection(g, made))
		}
	}
	for _, r := range c.ranges {
		if clusters[r.group] == nil {
			c.lose(r.line, "no such peer-group in this text")
		}
	}
	for _, p := range c.peers {
		if p.address.IsValid() {
			if s, ok := c.neighborSection(p, clusters, names); ok {
				all = append(all, s)
			}
		}
	}
	return all
}

// cluster is what became of a group.
type cluster struct {
	name    string
	options []option
}

func (c *config) used(g *peer) bool {
	return slices.ContainsFunc(c.peers, func(p *peer) bool { return p.group == g.name && p.address.IsValid() }) ||
		slices.ContainsFunc(c.ranges, func(r listen) bool { return r.group == g.name })
}

func (c *config) globals() section {
	s := section{typ: "globals", name: "globals"}
	add := func(name, value string) {
		if value != "" {
			s.options = append(s.options, option{name: name, values: []string{value}})
		}
	}
	add("asn", decimal(c.asn))
	add("router_id", c.routerID)
	add("max_paths", c.maxPaths)
	add("hold_time", c.holdTime())
	add("restart_time", c.restartTime)
	return s
}

// holdTime is the one that was said for all; where peers differ the shortest,
// since the lower of both ends counts.
func (c *config) holdTime() string {
	least, text := 0, ""
	for _, s := range c.allTimers() {
		keepalive, hold := s.arg(0), s.arg(1)
		n, ok := within(hold, 0, 65535)
		seconds, _ := strconv.Atoi(n)
		k, err := strconv.Atoi(keepalive)
		if !ok || seconds == 1 || seconds == 2 || err != nil {
			c.lose(s.line, "a hold time is 0, or from 3 to 65535 seconds")
			continue
		}
		if k*3 != seconds {
			c.lose(s.line, "keepalives are sent at a third of the hold time")
		}
		if text != "" && seconds != least {
			c.lose(s.line, "hold_time is one for all: the shortest")
		}
		if text == "" || seconds != 0 && (least == 0 || seconds < least) {
			least, text = seconds, n
		}
	}
	return text
}

func (c *config) allTimers() []said {
	var all []said
	if c.timers.number != 0 {
		all = append(all, c.timers)
	}
	for _, p := range c.peers {
		if s := p.said["timers"]; s.yes() {
			all = append(all, s)
		}
	}
	return all
}

// clusterSection needs an AS number; where the group has none each neighbor
// says its own, and nobody else can come in.
func (c *config) clusterSection(g *peer, made *cluster) section {
	s := section{typ: "cluster", name: made.name}
	if !slices.ContainsFunc(made.options, func(o option) bool { return o.name == "asn" }) {
		s.options = append(s.options, option{name: "asn", values: []string{"any"}})
		for _, r := range c.ranges {
			if r.group == g.name {
				c.lose(r.line, "its peer-group has no remote-as: nobody is let in")
			}
		}
	}
	s.options = append(s.options, made.options...)
	if shut := g.said["shutdown"]; shut.yes() {
		s.options = slices.Insert(s.options, 0, option{name: "enabled", values: []string{"0"}})
	}
	source := option{name: "source", list: true}
	for _, r := range c.ranges {
		if r.group == g.name && c.remoteAS(g) != "" {
			source.values = append(source.values, r.prefix.String())
		}
	}
	if len(source.values) > 0 {
		s.options = append(s.options, source)
		if c.maxPeers != "" {
			s.options = append(s.options, option{name: "max_peers", values: []string{c.maxPeers}})
		}
	}
	s.note = noteOf(s.options)
	return s
}

// neighborSection says what the cluster does not. Where the neighbor lacks
// something that its cluster has, it stands alone.
func (c *config) neighborSection(p *peer, clusters map[string]*cluster, names map[string]bool) (section, bool) {
	options := c.session(p)
	if c.remoteAS(p) == "" {
		c.lose(p.line, "this neighbor has no remote-as that is understood: left out")
		return section{}, false
	}
	s := section{typ: "neighbor", options: []option{{name: "address", values: []string{p.address.String()}}}}
	if shut := c.of(p, "shutdown"); shut.yes() {
		s.options = append(s.options, option{name: "enabled", values: []string{"0"}})
	}
	if of := clusters[p.group]; of != nil && covers(options, of.options) {
		s.options = append(s.options, option{name: "cluster", values: []string{of.name}})
		options = slices.DeleteFunc(options, func(o option) bool {
			return o.name != "description" && slices.ContainsFunc(of.options, o.equal)
		})
	} else if p.group != "" && of == nil {
		c.lose(p.line, "no such peer-group in this text")
	}
	s.options = append(s.options, options...)
	if passive := c.of(p, "passive"); !passive.yes() {
		s.options = append(s.options, option{name: "passive", values: []string{"0"}})
	}
	s.name = unique(nameOf(options, p), names)
	s.note = noteOf(s.options)
	return s, true
}

// covers reports whether each option of the cluster is there, with whatever
// value, so that nothing is inherited against the file's word.
func covers(options, cluster []option) bool {
	for _, o := range cluster {
		if o.name != "description" && !slices.ContainsFunc(options, func(p option) bool { return p.name == o.name }) {
			return false
		}
	}
	return true
}

// nameOf is the description, else a name made of the address.
func nameOf(options []option, p *peer) string {
	for _, o := range options {
		if o.name == "description" {
			return o.values[0]
		}
	}
	return "n" + p.address.String()
}

// unique makes a section name of text: letters, digits and underscores.
func unique(text string, taken map[string]bool) string {
	name := strings.Map(func(r rune) rune {
		if r < 0x80 && (r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z') {
			return r
		}
		return '_'
	}, text)
	name = name[:min(len(name), 32)]
	for i, base := 2, name; taken[name] || name == ""; i++ {
		name = fmt.Sprintf("%s_%d", base, i)
	}
	taken[name] = true
	return name
}

// noteOf remarks on what was carried over faithfully and should not stay so.
func noteOf(options []option) string {
	for _, o := range options {
		if o.name == "allow" && (slices.Contains(o.values, "0.0.0.0/0") || slices.Contains(o.values, "::/0")) {
			return "It took every prefix, and does here. Better: name the pools with list allow."
		}
	}
	if !slices.ContainsFunc(options, func(o option) bool { return o.name == "allow" || o.name == "cluster" }) {
		return "Nothing is accepted without list allow: name the pools."
	}
	return ""
}

// write is the text of the sections, with what is lost at its top.
func write(all []section, lost []Loss) string {
	var b strings.Builder
	if len(lost) > 0 {
		b.WriteString("# Not carried over, or not as it was:\n")
		for _, l := range lost {
			fmt.Fprintf(&b, "#   %s\n", l)
		}
		b.WriteByte('\n')
	}
	for i, s := range all {
		if i > 0 {
			b.WriteByte('\n')
		}
		if s.note != "" {
			fmt.Fprintf(&b, "# %s\n", s.note)
		}
		fmt.Fprintf(&b, "config %s '%s'\n", s.typ, s.name)
		for _, o := range s.options {
			word := "option"
			if o.list {
				word = "list"
			}
			for _, v := range o.values {
				fmt.Fprintf(&b, "\t%s %s '%s'\n", word, o.name, strings.ReplaceAll(v, "'", `'\''`))
			}
		}
	}
	return b.String()
}
