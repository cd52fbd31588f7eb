package daemon

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/hawser-lb/hawser/router/internal/status"
	"github.com/hawser-lb/hawser/router/internal/uciconf"
	"github.com/hawser-lb/hawser/shared/lab"
)

const protected = `
config globals
	option asn '65000'
	option router_id '10.77.2.1'
	option hold_time '9'

config cluster 'home'
	option asn '65001'
	list source '10.77.2.0/24'
	list allow '10.77.100.0/24'
	option password 'open-sesame'
	option ttl_security '1'
	list send '0.0.0.0/0'
	list send '2001:db8::/32'
`

const protectedBIRD = `log stderr all;
router id 10.77.2.12;
protocol device {}
protocol static four { ipv4; route 10.77.100.1/32 blackhole; }
protocol bgp hawser {
 local 10.77.2.12 as 65001;
 neighbor 10.77.2.1 as 65000;
 hold time 9;
 connect delay time 1;
 connect retry time 1;
 error wait time 1, 2;
 password "open-sesame";
 ttl security on;
 ipv4 { import all; export where source = RTS_STATIC; };
 ipv6 { import all; export none; };
}
`

func TestAProtectedClusterLearnsWhatItMayAndNobodyElseIsHeard(t *testing.T) {
	s := newScene(t, protected)
	s.start()
	bird := s.lab.Host("bird")
	s.lan.Attach(bird, "eth0", "10.77.2.12/24", "2001:db8:2::12/64")
	s.check(os.WriteFile(s.file("bird.conf"), []byte(protectedBIRD), 0o600))
	_, err := bird.Start("bird", "-f", "-c", s.file("bird.conf"), "-s", s.file("bird.ctl"), "-P", s.file("bird.pid"))
	s.check(err)
	s.routed(svc, "10.77.2.12")
	s.node(1, svc+"/32") // has no password
	told := func(prefix, want string) func(status.Snapshot) error {
		return func(status.Snapshot) error {
			out, err := bird.Run(t.Context(), "birdc", "-s", s.file("bird.ctl"), "show", "route", "all", "protocol", "hawser")
			if err != nil {
				return err
			}
			_, of, _ := strings.Cut(out, prefix)
			of, _, _ = strings.Cut(of, "BGP.local_pref")
			if (want == "") != (of == "") || !strings.Contains(of, want) {
				return fmt.Errorf("%s", out)
			}
			return nil
		}
	}
	s.eventually("the default route by the router itself", told("0.0.0.0/0", "BGP.next_hop: 10.77.2.1"))
	s.eventually("a route of the other family", told("2001:db8::/32", "BGP.next_hop: 2001:db8:2::1"))
	s.eventually("how it is protected is shown, the password is not", func(snap status.Snapshot) error {
		n, err := neighbor(snap, "10.77.2.12")
		if err == nil && (!n.Signed || n.TTLSecurity != 1 || n.Sent != 2 || n.Obstacle+n.Hint != "") {
			err = fmt.Errorf("%+v", n)
		}
		return err
	})
	if _, err := neighbor(must(s.snapshot()), "10.77.2.11"); err == nil {
		t.Error("who has no password is a peer")
	}

	// What is sent changes without a reset, and is for nobody by default.
	s.configure(strings.Replace(protected, "\tlist send '0.0.0.0/0'\n", "", 1))
	s.eventually("the default route is gone", told("0.0.0.0/0", ""))
	s.eventually("the session is the one it was", func(snap status.Snapshot) error {
		n, err := neighbor(snap, "10.77.2.12")
		if err == nil && (n.EstablishedCount != 1 || n.Sent != 1) {
			err = fmt.Errorf("%+v", n)
		}
		return err
	})
	s.configure(strings.Replace(protected, "open-sesame", "abracadabra", 1))
	s.routed(svc, "")
	if out := s.daemon.Output(); strings.Contains(out, "sesame") || strings.Contains(out, "abracadabra") {
		t.Error("a password is in the log")
	}
}

func must(s status.Snapshot, err error) status.Snapshot {
	if err != nil {
		panic(err)
	}
	return s
}

func TestAPrefixIsToldToTheSectionsThatSendIt(t *testing.T) {
	c, problems := uciconf.Parse("hawser", []byte(protected+`
config cluster 'quiet'
	option asn '65002'
	list source '10.78.0.0/24'
	list allow '10.77.101.0/24'

config neighbor 'heir'
	option address '10.77.2.5'
	option cluster 'home'

config neighbor 'other'
	option address '10.77.2.6'
	option cluster 'home'
	list send '::/0'
`), uciconf.SystemTables)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range offers(c) {
		got = append(got, fmt.Sprint(a.Prefix, " to ", a.ToNamed))
	}
	want := "0.0.0.0/0 to [home heir] ::/0 to [other] 2001:db8::/32 to [home heir]"
	if text := strings.Join(got, " "); text != want {
		t.Errorf("%s, want %s", text, want)
	}
	if n := len(offers(uciconf.Config{})); n != 0 {
		t.Errorf("%d routes are told to nobody", n)
	}
}

const distant = `
config globals
	option asn '65000'
	option router_id '10.77.2.1'
	option hold_time '9'

config cluster 'far'
	option asn '65001'
	list source '10.88.0.0/24'
	list source '10.77.2.0/24'
	list allow '10.77.100.0/24'
	option multihop '2'
`

// A speaker behind another router has a session when the hops allow it; its
// routes count when their next hops are on a link of ours.
func TestASpeakerBehindARouterIsHeardAsFarAsTheHopsGo(t *testing.T) {
	s := newScene(t, distant)
	mid, far := s.lab.Host("mid"), s.lab.Host("far")
	mid.Forward()
	s.lan.Attach(mid, "eth0", "10.77.2.20/24")
	s.lab.Link(mid, "eth1", []string{"10.88.0.1/24"}, far, "eth0", []string{"10.88.0.2/24"})
	_, err := far.Run(t.Context(), "ip", "route", "add", "default", "via", "10.88.0.1")
	s.check(err)
	s.ip("route add 10.88.0.0/24 via 10.77.2.20")
	s.start()
	n := &node{Host: far, s: s}
	n.announce("10.77.100.1/32", "10.77.100.2/32 10.77.2.20")
	n.speaker, err = far.Launch(lab.Command{
		Name: s.self, Env: []string{role + "=node"}, Argv0: "speaker",
		Args: []string{"10.88.0.2", "10.77.2.1", "65001", n.announced()},
	})
	s.check(err)

	s.routed("10.77.100.2", "10.77.2.20")
	s.eventually("a next hop behind the router is refused by name", func(snap status.Snapshot) error {
		p, err := pathOf(snap, "10.77.100.1/32", "10.88.0.2")
		if err == nil && p.Reason != "nextHopUnreachable" {
			err = fmt.Errorf("%+v", p)
		}
		return err
	})

	s.configure(strings.Replace(distant, "option multihop '2'", "option multihop '1'", 1))
	s.routed("10.77.100.2", "") // our packets do not come through any more
	s.configure(strings.Replace(distant, "option multihop '2'", "option ttl_security '1'", 1))
	s.eventually("a TTL of 254 is not enough", func(snap status.Snapshot) error {
		n, err := neighbor(snap, "10.88.0.2")
		if err == nil && (n.State == "Established" || n.TTLSecurity != 1) {
			err = fmt.Errorf("%+v", n)
		}
		return err
	})
	s.configure(strings.Replace(distant, "option multihop '2'", "option ttl_security '2'", 1))
	s.routed("10.77.100.2", "10.77.2.20")
}
