package model

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hawser-lb/hawser/shared/addr"
)

func TestASelectorMatchesAsKubernetesMeansIt(t *testing.T) {
	web := Labels{"app": "web", "tier": "gold"}
	for _, c := range []struct {
		name   string
		labels map[string]string
		terms  []Term
		text   string
		web    bool
		bare   bool
	}{
		{"nothing selects everything", nil, nil, "", true, true},
		{"labels must all be there", map[string]string{"tier": "gold", "app": "web"}, nil, "app=web,tier=gold", true, false},
		{"a label of another value", map[string]string{"app": "dns"}, nil, "app=dns", false, false},
		{"one value of several", nil, []Term{{"app", In, []string{"web", "dns", "web"}}}, "app in (dns,web)", true, false},
		{"none of several, or no label at all", nil, []Term{{"app", NotIn, []string{"web", "dns"}}}, "app notin (dns,web)", false, true},
		{"not this value", nil, []Term{{"app", NotIn, []string{"dns"}}}, "app!=dns", true, true},
		{"there", nil, []Term{{"app", Exists, nil}}, "app", true, false},
		{"not there", nil, []Term{{"app", DoesNotExist, nil}}, "!app", false, true},
		{"labels and expressions both", map[string]string{"app": "web"}, []Term{{"tier", NotIn, []string{"gold"}}}, "app=web,tier!=gold", false, false},
	} {
		s, err := NewTerms(c.labels, c.terms)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if s.String() != c.text || s.Matches(web) != c.web || s.Matches(nil) != c.bare {
			t.Errorf("%s: %q, %t, %t", c.name, s, s.Matches(web), s.Matches(nil))
		}
	}
}

func TestASelectorWithoutMeaningIsRefused(t *testing.T) {
	for want, term := range map[string]Term{
		`a label selector needs a key`:                                            {"", Exists, nil},
		`label "a": operator In needs values`:                                     {"a", In, nil},
		`label "a": operator NotIn needs values`:                                  {"a", NotIn, nil},
		`label "a": operator Exists takes no values`:                              {"a", Exists, []string{"b"}},
		`label "a": operator DoesNotExist takes no values`:                        {"a", DoesNotExist, []string{"b"}},
		`label "a": operator "Gt" is none of In, NotIn, Exists, DoesNotExist`:     {"a", "Gt", []string{"1"}},
		`label "a": operator "exists" is none of In, NotIn, Exists, DoesNotExist`: {"a", "exists", nil},
	} {
		if _, err := NewTerms(nil, []Term{term}); err == nil || err.Error() != want {
			t.Errorf("%v: %v", term, err)
		}
	}
}

func TestNoSelectorMeansEveryoneAndOneOfSeveralIsEnough(t *testing.T) {
	a, b := Terms{{"a", Exists, nil}}, Terms{{"b", Exists, nil}}
	if !AnyMatches(nil, nil) || AnyMatches([]Selector{a, b}, Labels{"c": ""}) || !AnyMatches([]Selector{a, b}, Labels{"b": ""}) {
		t.Error("AnyMatches")
	}
}

func TestAPoolAdmits(t *testing.T) {
	gold, web := Terms{{"tier", In, []string{"gold"}}}, Terms{{"app", In, []string{"web"}}}
	for _, c := range []struct {
		name string
		pool Pool
		want string // of the four below, those admitted
	}{
		{"everyone", Pool{}, "named/web named/dns gold/web other/web"},
		{"a namespace by name", Pool{Namespaces: []string{"named"}}, "named/web named/dns"},
		{"a namespace by label", Pool{NamespaceSelectors: []Selector{gold}}, "gold/web"},
		{"either", Pool{Namespaces: []string{"named"}, NamespaceSelectors: []Selector{gold}}, "named/web named/dns gold/web"},
		{"a Service by label", Pool{ServiceSelectors: []Selector{web}}, "named/web gold/web other/web"},
		{"both halves", Pool{Namespaces: []string{"named"}, ServiceSelectors: []Selector{web}}, "named/web"},
	} {
		var got []string
		for _, s := range []string{"named/web", "named/dns", "gold/web", "other/web"} {
			ns, app, _ := strings.Cut(s, "/")
			labels := Labels{}
			if ns == "gold" {
				labels["tier"] = "gold"
			}
			if c.pool.Admits(ns, labels, Labels{"app": app}) {
				got = append(got, s)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestOfOverlappingPoolsTheOldestOwnsAndTheYoungerIsAskedLast(t *testing.T) {
	at := func(day int) time.Time { return time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC) }
	p := NewPools([]Pool{
		{Name: "young", Created: at(3), Ranges: ranges("192.0.2.128-192.0.3.10", "203.0.113.0/24")},
		{Name: "old", Created: at(1), Ranges: ranges("192.0.2.0/24", "2001:db8::/64")},
		{Name: "clear", Created: at(4), Ranges: ranges("192.0.3.0/24")}, // overlaps only one that is not used
		{Name: "twin", Created: at(1), Ranges: ranges("192.0.2.7/32")},
	})
	for text, want := range map[string]string{
		"192.0.2.7": "old", "192.0.2.200": "old", "192.0.3.1": "clear", "203.0.113.9": "young", "2001:db8::1": "old", "2001:db8:1::": "", "198.51.100.1": "", "0.0.0.0": "", "255.255.255.255": "",
	} {
		got := ""
		if pool := p.Of(netip.MustParseAddr(text)); pool != nil {
			got = pool.Name
		}
		if got != want {
			t.Errorf("%s is in %q, want %q", text, got, want)
		}
	}
	var said []string
	for _, o := range p.Overlaps {
		said = append(said, o.Pool+" "+o.Range.String()+" "+o.Older+" "+o.OlderRange.String())
	}
	if got, want := strings.Join(said, "; "), "twin 192.0.2.7/32 old 192.0.2.0/24; young 192.0.2.128-192.0.3.10 old 192.0.2.0/24"; got != want {
		t.Error(got)
	}
	for name, want := range map[string]bool{"old": true, "clear": true, "young": false, "twin": false} {
		if p.Usable(name) != want {
			t.Errorf("%s usable: %t", name, !want)
		}
	}
}

func ranges(texts ...string) (out []addr.Range) {
	for _, text := range texts {
		r, err := addr.Parse(text)
		if err != nil {
			panic(err)
		}
		out = append(out, r)
	}
	return out
}
