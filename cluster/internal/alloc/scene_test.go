package alloc

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/hawser-lb/hawser/cluster/internal/model"
	"github.com/hawser-lb/hawser/shared/addr"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// scene is a snapshot under construction. Objects are the younger the later
// they are added.
type scene struct{ model.Snapshot }

func (s *scene) age() time.Time {
	return epoch.Add(time.Duration(len(s.Services)+len(s.Pools)) * time.Minute)
}

func cluster(options ...func(*scene)) *scene {
	s := &scene{}
	for _, o := range options {
		o(s)
	}
	return s
}

// pool adds "name range range …".
func pool(text string, options ...func(*model.Pool)) func(*scene) {
	words := strings.Fields(text)
	p := model.Pool{Name: words[0], AutoAssign: true}
	for _, w := range words[1:] {
		r, err := addr.Parse(w)
		if err != nil {
			panic(err)
		}
		p.Ranges = append(p.Ranges, r)
	}
	return func(s *scene) {
		p.Created = s.age()
		for _, o := range options {
			o(&p)
		}
		s.Pools = append(s.Pools, p)
	}
}

func notAuto(p *model.Pool)    { p.AutoAssign = false }
func avoidBuggy(p *model.Pool) { p.AvoidBuggyIPs = true }
func crossing(p *model.Pool)   { p.CrossNamespaceSharing = true }
func pinned(priority int) func(*model.Pool) {
	return func(p *model.Pool) { p.Pinned, p.Priority = true, priority }
}
func forNamespace(names ...string) func(*model.Pool) {
	return func(p *model.Pool) { p.Pinned, p.Namespaces = true, names }
}
func forNamespacesWith(key, value string) func(*model.Pool) {
	return func(p *model.Pool) {
		p.Pinned = true
		p.NamespaceSelectors = append(p.NamespaceSelectors, label(key, value))
	}
}
func forServicesWith(key, value string) func(*model.Pool) {
	return func(p *model.Pool) {
		p.Pinned = true
		p.ServiceSelectors = append(p.ServiceSelectors, label(key, value))
	}
}

func label(key, value string) model.Selector {
	return model.Terms{{Key: key, Op: model.In, Values: []string{value}}}
}

// namespace adds labels "key=value".
func namespace(name, text string) func(*scene) {
	key, value, _ := strings.Cut(text, "=")
	return func(s *scene) {
		if s.Namespaces == nil {
			s.Namespaces = map[string]model.Labels{}
		}
		s.Namespaces[name] = model.Labels{key: value}
	}
}

// service adds an IPv4 Service "namespace/name" or "name" in namespace d, with
// port TCP 80.
func service(name string, options ...func(*model.Service)) func(*scene) {
	ns, n, ok := strings.Cut(name, "/")
	if !ok {
		ns, n = "d", name
	}
	return func(s *scene) {
		svc := model.Service{
			Key: model.Key{Namespace: ns, Name: n}, Created: s.age(), Wanted: true,
			Families: []model.Family{model.IPv4}, Policy: model.SingleStack,
			Ports: []model.Port{{Protocol: "TCP", Number: 80}},
		}
		for _, o := range options {
			o(&svc)
		}
		s.Services = append(s.Services, &svc)
	}
}

func holds(addresses ...string) func(*model.Service) {
	return func(s *model.Service) { s.Holds = parse(addresses) }
}
func asks(addresses ...string) func(*model.Service) {
	return func(s *model.Service) { s.WantAddresses = parse(addresses) }
}
func asksPool(name string) func(*model.Service) {
	return func(s *model.Service) { s.WantPool = name }
}
func shares(key string) func(*model.Service) {
	return func(s *model.Service) { s.SharingKey = key }
}
func local(pods string) func(*model.Service) {
	return func(s *model.Service) { s.Local, s.Backends = true, pods }
}
func port(protocol string, number int32) func(*model.Service) {
	return func(s *model.Service) { s.Ports = []model.Port{{Protocol: protocol, Number: number}} }
}
func labelled(key, value string) func(*model.Service) {
	return func(s *model.Service) { s.Labels = model.Labels{key: value} }
}
func stack(policy model.FamilyPolicy, families ...model.Family) func(*model.Service) {
	return func(s *model.Service) { s.Policy, s.Families = policy, families }
}
func prefersBoth(s *model.Service)  { stack(model.PreferDualStack, model.IPv4, model.IPv6)(s) }
func requiresBoth(s *model.Service) { stack(model.RequireDualStack, model.IPv4, model.IPv6)(s) }
func notWanted(s *model.Service)    { s.Wanted = false }
func garbled(why string) func(*model.Service) {
	return func(s *model.Service) { s.WishError = why }
}

func parse(addresses []string) []netip.Addr {
	out := make([]netip.Addr, len(addresses))
	for i, a := range addresses {
		out[i] = netip.MustParseAddr(a)
	}
	return out
}

// told prints a plan, one Service a line, then what else there is.
func told(p Plan) string {
	var b strings.Builder
	for _, a := range p.Assignments {
		fmt.Fprintf(&b, "%s %s", a.Service, a.Change)
		for i, x := range a.Addresses {
			fmt.Fprintf(&b, " %s@%s", x, a.Pools[i])
		}
		if a.Message != "" {
			b.WriteString(" | " + a.Message)
		}
		b.WriteString("\n")
	}
	for _, x := range p.Problems {
		fmt.Fprintf(&b, "pool %s %s | %s\n", x.Pool, x.Reason, x.Detail)
	}
	return b.String()
}

// moves reports whether the plan changes anything.
func moves(p Plan) bool {
	return slices.ContainsFunc(p.Assignments, func(a Assignment) bool {
		return a.Write || a.Change != Kept && a.Change != Failed
	})
}

// settled is what comes of a snapshot when one plan after another is carried
// out, and the plan that then changes nothing.
func settled(s model.Snapshot) (model.Snapshot, Plan) {
	for range 50 {
		p := New(s)
		if !moves(p) {
			return s, p
		}
		s = carriedOut(s, p)
	}
	panic("fifty plans, and the last one still changes something")
}

// carriedOut is the snapshot after the plan has been written.
func carriedOut(s model.Snapshot, p Plan) model.Snapshot {
	by := map[model.Key]Assignment{}
	for _, a := range p.Assignments {
		by[a.Service] = a
	}
	s.Services = slices.Clone(s.Services)
	for i, before := range s.Services {
		now, a := *before, by[before.Key]
		now.Holds, now.HoldsFrom = a.Addresses, a.From()
		s.Services[i] = &now
	}
	return s
}
