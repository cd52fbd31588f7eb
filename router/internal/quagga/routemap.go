package quagga

import (
	"cmp"
	"net/netip"
	"slices"
)

// routeMap is what "route-map NAME permit|deny SEQ" and the lines below say.
type routeMap struct{ entries []*mapEntry }

type mapEntry struct {
	line
	seq     string
	permit  bool
	lists   map[family]string // match ip address prefix-list
	strange []line            // matches that hawser does not know
	sets    []line
}

func (c *config) takeRouteMap(l line) {
	c.inside, c.entry = aMap, nil
	name, seq := l.word(1), l.word(3)
	n, ok := within(seq, 1, 65535)
	if !ok || l.word(2) != "permit" && l.word(2) != "deny" {
		c.inside = foreign
		c.lose(l, "not understood")
		return
	}
	m := c.maps[name]
	if m == nil {
		m = &routeMap{}
		c.maps[name] = m
	}
	c.entry = &mapEntry{line: l, seq: n, permit: l.word(2) == "permit", lists: map[family]string{}}
	i, _ := slices.BinarySearchFunc(m.entries, c.entry, func(a, b *mapEntry) int {
		return cmp.Or(cmp.Compare(len(a.seq), len(b.seq)), cmp.Compare(a.seq, b.seq))
	})
	m.entries = slices.Insert(m.entries, i, c.entry)
}

// takeMap reads a line below "route-map".
func (c *config) takeMap(l line) {
	switch {
	case l.is("match ip address prefix-list"):
		c.entry.lists[ipv4] = l.word(4)
	case l.is("match ipv6 address prefix-list"):
		c.entry.lists[ipv6] = l.word(4)
	case l.is("match"), l.is("call"), l.is("continue"), l.is("on-match"):
		c.entry.strange = append(c.entry.strange, l)
	case l.is("set"):
		c.entry.sets = append(c.entry.sets, l)
	case l.is("description"):
	default:
		c.lose(l, "not understood")
	}
}

// trivial reports whether the map lets everything pass as it is.
func (m *routeMap) trivial() bool {
	if len(m.entries) == 0 {
		return false
	}
	e := m.entries[0]
	return e.permit && len(e.lists)+len(e.strange)+len(e.sets) == 0
}

// passed are the prefixes inside which the map lets routes of the family pass.
// An entry with a condition that hawser does not know lets none pass: what is
// imported accepts no more than before.
func (c *config) passed(m *routeMap, f family) []netip.Prefix {
	var all []netip.Prefix
	for i, e := range m.entries {
		c.loseSets(e)
		switch {
		case c.loseStrange(e):
		case !e.permit:
			if len(e.lists) == 0 {
				return all
			}
			if i+1 < len(m.entries) && e.lists[f] != "" {
				c.lose(e.line, "option allow has no exceptions: name the prefixes around it")
			}
		case len(e.lists) == 0:
			return append(all, whole(f))
		case e.lists[f] != "":
			if list := c.list(e.line, e.lists[f], f); list != nil {
				all = append(all, c.allowed(list)...)
			}
		}
	}
	return all
}

// lets reports whether the map lets a network of ours go out.
func (c *config) lets(m *routeMap, p netip.Prefix) bool {
	for _, e := range m.entries {
		c.loseSets(e)
		if c.loseStrange(e) {
			continue
		}
		name := e.lists[familyOf(p)]
		switch {
		case len(e.lists) == 0:
			return e.permit
		case name == "":
		default:
			if list := c.list(e.line, name, familyOf(p)); list != nil && list.permits(p) {
				return e.permit
			}
		}
	}
	return false
}

func (c *config) loseStrange(e *mapEntry) bool {
	for _, l := range e.strange {
		c.lose(l, "hawser filters by prefix only: the entry lets nothing pass")
	}
	return len(e.strange) > 0
}

func (c *config) loseSets(e *mapEntry) {
	for _, l := range e.sets {
		c.lose(l, "hawser takes and sends routes as they are")
	}
}

// list finds a prefix-list; one that is nowhere denies everything.
func (c *config) list(l line, name string, f family) *prefixList {
	list := c.lists[key(name, f)]
	if list == nil {
		c.lose(l, "prefix-list "+visible(name)+" is not in this text: nothing passes")
	}
	return list
}
