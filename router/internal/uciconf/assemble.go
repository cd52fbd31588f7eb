package uciconf

import (
	"fmt"
	"net/netip"
	"slices"
)

// draft is a configuration in the making: disabled sections are still in it,
// beside the section that each part was read from.
type draft struct {
	say       *report
	globals   Globals
	clusters  []made[Cluster]
	neighbors []made[Neighbor]
}

// made is what was read from a section.
type made[T any] struct {
	*section
	it      T
	enabled bool
}

// config turns sections into a Config.
func config(all []*section, tables Tables, say *report) Config {
	d := draft{say: say}
	d.readGlobals(all, tables)
	for _, s := range all {
		switch s.typ {
		case "globals", "neighbor":
		case "cluster":
			d.clusters = append(d.clusters, d.readCluster(s))
		default:
			say.unknownType(s)
		}
	}
	for _, s := range all {
		if s.typ == "neighbor" {
			d.neighbors = append(d.neighbors, d.readNeighbor(s))
		}
	}
	d.checkClusters()
	d.checkNeighbors()
	d.checkKeys()
	c := Config{Globals: d.globals}
	for _, m := range d.clusters {
		if m.enabled {
			c.Clusters = append(c.Clusters, m.it)
		}
	}
	for _, m := range d.neighbors {
		if m.enabled {
			c.Neighbors = append(c.Neighbors, m.it)
		}
	}
	return c
}

// enabled reads the option that every type of section has.
func (d *draft) enabled(s *section) bool {
	o := s.get("enabled")
	s.drop("enabled")
	if o == nil {
		return true
	}
	on := true
	for _, p := range given(*o, false) {
		var err error
		if on, err = boolean(p.text); err != nil {
			d.say.wrong(s, "enabled", p, err.Error())
		}
	}
	return on
}

// drop takes an option out that has been read.
func (s *section) drop(name string) {
	s.options = slices.DeleteFunc(slices.Clone(s.options), func(o option) bool { return o.name == name })
}

func (d *draft) readGlobals(all []*section, tables Tables) {
	fields := globalFields(tables)
	defaults(&d.globals, fields)
	d.globals.Enabled = true
	var first *section
	for _, s := range all {
		switch {
		case s.typ != "globals":
		case first != nil:
			d.say.add(s, "", place{line: s.line}, fmt.Sprintf("a second section of this type: only '%s' counts, move the options there", first.name), false)
		default:
			first = s
			d.globals.Enabled = d.enabled(s)
			fill(&d.globals, s, fields, d.say)
			if !s.has("asn") && d.globals.Enabled {
				d.say.missing(s, "asn", "missing: the router's own AS number, such as one from 64512 to 65534")
			}
			checkGlobals(s, d.globals, d.say)
		}
	}
	if first == nil && !d.say.partial {
		d.say.add(nil, "", place{}, "no section of type globals: add config globals 'globals' with option asn", false)
	}
}

func (d *draft) readCluster(s *section) made[Cluster] {
	m := made[Cluster]{section: s, enabled: d.enabled(s)}
	defaults(&m.it, clusterFields)
	m.it.Name = s.name
	fill(&m.it, s, clusterFields, d.say)
	if !s.has("asn") {
		d.say.missing(s, "asn", "missing: the AS number of the cluster's speakers, or external, or any")
	}
	return m
}

// readNeighbor lets a neighbor begin with what its cluster says, the
// description apart.
func (d *draft) readNeighbor(s *section) made[Neighbor] {
	m := made[Neighbor]{section: s, enabled: d.enabled(s)}
	defaults(&m.it, neighborFields)
	m.it.Name = s.name
	if s.has("cluster") {
		name := given(*s.get("cluster"), false)[0].text
		if i := slices.IndexFunc(d.clusters, func(c made[Cluster]) bool { return c.name == name }); i < 0 {
			d.say.wrongValue(s, "cluster", name, "no section config cluster '"+visible(name)+"' in this file"+d.otherCluster(name))
		} else {
			m.it.Session = d.clusters[i].it.Session
			m.it.Description = ""
			if m.enabled && !d.clusters[i].enabled {
				m.enabled = false
				d.say.warn(s, "cluster", "is disabled, and this neighbor with it")
			}
		}
	} else if !s.has("asn") {
		d.say.missing(s, "asn", "missing: the neighbor's AS number, or external, or any, or option cluster to inherit it")
	}
	fill(&m.it, s, neighborFields, d.say)
	if !s.has("address") {
		d.say.missing(s, "address", "missing: the neighbor's address")
	}
	return m
}

func (d *draft) otherCluster(name string) string {
	var known []string
	for _, c := range d.clusters {
		known = append(known, c.name)
	}
	if near := nearest(name, known); near != "" {
		return "; is '" + near + "' meant?"
	}
	return ""
}

// checkSession sees what no single option of a session shows.
func checkSession(s *section, it Session, say *report) {
	if it.TTLSecurity > 0 && it.Multihop > 0 {
		option := "multihop"
		if !s.has(option) {
			option = "ttl_security"
		}
		say.wrongValue(s, option, "", "ttl_security and multihop exclude each other: ttl_security takes the number of hops itself")
	}
	for _, p := range it.Allow {
		if p.Bits() == 0 && s.has("allow") {
			say.warn(s, "allow", p.String()+" allows every address, the router's own networks too (never the default route itself): name the pool")
		}
	}
}

func (d *draft) checkClusters() {
	sources := map[netip.Prefix]string{}
	for i, m := range d.clusters {
		if !m.enabled {
			continue
		}
		checkSession(m.section, m.it.Session, d.say)
		if len(m.it.Allow) == 0 && !m.has("allow") {
			d.say.lacks(m.section, "allow", "missing: this cluster accepts nothing; name its pools, such as list allow '192.0.2.0/24'")
		}
		if len(m.it.Source) == 0 && !m.has("source") && !d.named(m.name) {
			d.say.lacks(m.section, "source", "missing, and no neighbor names this cluster: nobody can connect; say where its nodes are, such as list source '192.168.1.0/24'")
		}
		for _, p := range m.it.Source {
			if other, taken := sources[p]; taken {
				d.say.wrongValue(m.section, "source", p.String(), "is a source of cluster '"+other+"' as well: one prefix tells one cluster")
				continue
			}
			sources[p] = m.name
		}
		d.checkOverlap(m, d.clusters[:i])
	}
}

// checkOverlap remarks on pools that two clusters may announce.
func (d *draft) checkOverlap(m made[Cluster], before []made[Cluster]) {
	for _, other := range before {
		if !other.enabled {
			continue
		}
		for _, p := range m.it.Allow {
			if slices.ContainsFunc(other.it.Allow, p.Overlaps) {
				d.say.add(m.section, "allow", m.where("allow", p.String()), "overlaps what cluster '"+other.name+"' may announce: either can take the other's addresses", true)
			}
		}
	}
}

// named reports whether a neighbor belongs to the cluster.
func (d *draft) named(cluster string) bool {
	return slices.ContainsFunc(d.neighbors, func(n made[Neighbor]) bool { return n.it.Cluster == cluster })
}

// keyed is a prefix of a section and whether its peers have a password.
type keyed struct {
	netip.Prefix
	cluster  string
	password bool
}

// checkKeys finds peers without a password that the kernel would ask for one:
// it goes by addresses, and there is no exception to the key of a prefix.
func (d *draft) checkKeys() {
	var sources []keyed
	for _, m := range d.clusters {
		for _, p := range m.it.Source {
			if m.enabled {
				sources = append(sources, keyed{p, m.name, m.it.Password.IsSet()})
			}
		}
	}
	for _, m := range d.clusters {
		for _, p := range m.it.Source {
			if around := surrounding(sources, p); m.enabled && !m.it.Password.IsSet() && around != nil {
				d.say.wrongValue(m.section, "source", p.String(), around.asks())
			}
		}
	}
	for _, m := range d.neighbors {
		if !m.enabled || !m.it.Address.IsValid() || m.it.Password.IsSet() {
			continue
		}
		if around := surrounding(sources, netip.PrefixFrom(m.it.Address, m.it.Address.BitLen())); around != nil {
			d.say.wrongValue(m.section, "address", m.it.Address.String(), around.asks())
		}
	}
}

func (k *keyed) asks() string {
	return "lies inside " + k.String() + " of cluster '" + k.cluster + "', whose password the kernel asks of everybody there: give this section a password too"
}

// surrounding is the narrowest of the sources with a password that p is in.
func surrounding(sources []keyed, p netip.Prefix) *keyed {
	var found *keyed
	for i, s := range sources {
		if s.password && s.Bits() <= p.Bits() && s.Contains(p.Addr()) && (found == nil || s.Bits() > found.Bits()) {
			found = &sources[i]
		}
	}
	return found
}

func (d *draft) checkNeighbors() {
	addresses := map[netip.Addr]string{}
	for _, m := range d.neighbors {
		if !m.enabled {
			continue
		}
		checkSession(m.section, m.it.Session, d.say)
		if len(m.it.Allow) == 0 && !m.has("allow") && m.it.Cluster == "" {
			d.say.lacks(m.section, "allow", "missing: nothing is accepted from this neighbor; name its pools, such as list allow '192.0.2.0/24'")
		}
		if !m.it.Address.IsValid() {
			continue
		}
		text := m.it.Address.String()
		if other, taken := addresses[m.it.Address]; taken {
			d.say.wrongValue(m.section, "address", text, "is the address of neighbor '"+other+"' as well: remove one of them")
		}
		addresses[m.it.Address] = m.name
		if slices.Contains(d.globals.Listen, m.it.Address) {
			d.say.wrongValue(m.section, "address", text, "is the router's own (listen_address)")
		}
	}
}
