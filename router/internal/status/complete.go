package status

// complete makes every list and map in the JSON a list and a map: a reader
// never meets null in the place of an empty one.
func (s *Snapshot) complete() {
	list(&s.Config.Problems)
	list(&s.Listening)
	list(&s.Clusters)
	list(&s.Neighbors)
	list(&s.Routes)
	table(&s.Totals.Refused)
	for i := range s.Clusters {
		c := &s.Clusters[i]
		list(&c.Source)
		list(&c.Allow)
		table(&c.Refused)
	}
	for i := range s.Neighbors {
		n := &s.Neighbors[i]
		list(&n.Families)
		list(&n.CapabilitiesSent)
		list(&n.CapabilitiesRcvd)
		table(&n.Refused)
	}
	for i := range s.Routes {
		list(&s.Routes[i].Paths)
		list(&s.Routes[i].Installed)
	}
}

func list[T any](l *[]T) {
	if *l == nil {
		*l = []T{}
	}
}

func table(m *map[string]int) {
	if *m == nil {
		*m = map[string]int{}
	}
}
