package bgp

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hawser-lb/hawser/shared/lab"
	"github.com/hawser-lb/hawser/shared/route"
)

// wire is one link between us (10.0.0.1, fd00::1) and another implementation
// (10.0.0.2, fd00::2).
func wire(t *testing.T) (us, them *lab.Host) {
	t.Helper()
	l := lab.Test(t)
	us, them = l.Host("us"), l.Host("them")
	l.Link(us, "eth0", []string{"10.0.0.1/24", "fd00::1/64"}, them, "eth0", []string{"10.0.0.2/24", "fd00::2/64"})
	return us, them
}

var ends = map[Family][2]string{IPv4: {"10.0.0.1", "10.0.0.2"}, IPv6: {"fd00::1", "fd00::2"}}

// listening is a speaker of ours on a host.
func listening(t *testing.T, h *lab.Host, peer Peer) *ear {
	t.Helper()
	s := New(Config{
		Listen: []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:179"), netip.MustParseAddrPort("[::]:179")},
		Log:    testLog(t),
	})
	s.net = hostNet{h}
	mustSet(t, s, []Peer{peer}, nil)
	return hear(t, s)
}

func everyOracle(t *testing.T, test func(t *testing.T, o oracle)) {
	for name, make := range oracles {
		t.Run(name, func(t *testing.T) { test(t, make()) })
	}
}

// until polls an oracle.
func until(t *testing.T, what string, want string, ask func() (string, error)) {
	t.Helper()
	lab.Eventually(t, what, func() error {
		got, err := ask()
		if err != nil {
			return err
		}
		if got != want {
			return fmt.Errorf("got %q, want %q", got, want)
		}
		return nil
	})
}

// containing is until for a part of the answer.
func containing(t *testing.T, what string, part string, ask func() (string, error)) {
	t.Helper()
	lab.Eventually(t, what, func() error {
		got, err := ask()
		if err != nil {
			return err
		}
		if !strings.Contains(strings.ToLower(got), strings.ToLower(part)) {
			return fmt.Errorf("got %q, want %q in it", got, part)
		}
		return nil
	})
}

var dressed = &route.Attributes{
	MED: route.Some(50), Communities: []uint32{65000<<16 | 1, 65000<<16 | 2},
	LargeCommunities: []route.LargeCommunity{{65000, 1, 2}},
}

func describe(r route.Route) string {
	var path, comm, large []string
	for _, s := range r.Path {
		for _, asn := range s.ASNs {
			path = append(path, fmt.Sprint(asn))
		}
	}
	for _, c := range r.Communities {
		comm = append(comm, fmt.Sprintf("%d:%d", c>>16, c&0xffff))
	}
	for _, c := range r.LargeCommunities {
		large = append(large, fmt.Sprintf("%d:%d:%d", c[0], c[1], c[2]))
	}
	med := ""
	if r.MED.Set {
		med = fmt.Sprint(r.MED.Value)
	}
	return fields(strings.Join(path, " "), r.NextHop.String(), med, strings.Join(comm, " "), strings.Join(large, " "))
}

// exchange has both sides tell a route of each family and compares what the
// other one sees, attribute by attribute.
func exchange(t *testing.T, us *ear, o oracle, job task, ourPath, theirPath string) {
	t.Helper()
	for f, prefix := range map[Family]string{IPv4: "198.51.100.1/32", IPv6: "2001:db8:1::1/128"} {
		until(t, "our route of "+f.String(), fmt.Sprintf("path %s | via %s | med 50 | communities 65000:1 65000:2 | large 65000:1:2", ourPath, ends[f][0]),
			func() (string, error) { return o.sees(prefix) })
	}
	for _, prefix := range job.originate {
		f := familyOf(netip.MustParsePrefix(prefix).Addr())
		until(t, "their route of "+f.String(), fmt.Sprintf("path %s | via %s | med 77 | communities 65001:5 65001:6 | large 65001:7:8", theirPath, ends[f][1]),
			func() (string, error) {
				r, ok := us.route(job.peerOf(), prefix)
				if !ok {
					return "", nil
				}
				return describe(r), nil
			})
	}
}

// peerOf is their address as we know it.
func (j task) peerOf() string { return j.local }

func TestRoutesOfBothFamiliesCrossEitherTransportWhoeverDials(t *testing.T) {
	for _, transport := range families {
		for _, who := range []string{"we dial", "they dial", "both dial"} {
			t.Run(fmt.Sprintf("%s/%s", transport, who), func(t *testing.T) {
				everyOracle(t, func(t *testing.T, o oracle) {
					a, b := wire(t)
					job := task{
						asn: 65001, peerASN: 65000, peer: ends[transport][0], local: ends[transport][1],
						passive: who == "we dial", hold: 90,
						originate: []string{"203.0.113.1/32", "2001:db8:2::1/128"},
					}
					conf := settings(65000, "10.255.0.1")
					conf.PeerASN = ASNRule{Exactly: 65001}
					us := listening(t, a, Peer{Settings: conf, Address: netip.MustParseAddr(job.local), Passive: who == "they dial"})
					us.Announce(announce(dressed, "198.51.100.1/32", "2001:db8:1::1/128"))
					o.start(t, b, job)
					exchange(t, us, o, job, "65000", "65001")
					st := us.status(t, job.local)
					if st.State != StateEstablished || st.ASN != 65001 || st.RouterID.String() != "10.255.0.2" || st.Announced != 2 {
						t.Errorf("status %+v", st)
					}
					us.Announce(nil)
					until(t, "our routes withdrawn", "0 0", counts(o))
					o.withdraw(t)
					eventually(t, "their routes withdrawn", func() bool { return us.count(job.local) == 0 })
					if d := us.downs(); len(d) > 0 && who != "both dial" {
						t.Errorf("the session went down: %q", d)
					}
				})
			})
		}
	}
}

func counts(o oracle) func() (string, error) {
	return func() (string, error) {
		n4, err := o.count(IPv4)
		if err != nil {
			return "", err
		}
		n6, err := o.count(IPv6)
		return fmt.Sprint(n4, " ", n6), err
	}
}

func TestFourOctetASNumbersCross(t *testing.T) {
	everyOracle(t, func(t *testing.T, o oracle) {
		a, b := wire(t)
		job := task{asn: 4200000002, peerASN: 4200000001, peer: "10.0.0.1", local: "10.0.0.2", hold: 90,
			originate: []string{"203.0.113.1/32", "2001:db8:2::1/128"}}
		us := listening(t, a, Peer{Settings: settings(4200000001, "10.255.0.1"), Address: netip.MustParseAddr("10.0.0.2")})
		us.Announce(announce(dressed, "198.51.100.1/32", "2001:db8:1::1/128"))
		o.start(t, b, job)
		exchange(t, us, o, job, "4200000001", "4200000002")
	})
}

// GoBGP cannot be told to leave its capability out. FRR without capabilities
// tells nothing to whoever sent some.
func TestATwoOctetPeerHearsASTransAndTheRealPath(t *testing.T) {
	for name, o := range map[string]oracle{"FRR": &frr{}, "BIRD": &bird{}} {
		t.Run(name, func(t *testing.T) {
			a, b := wire(t)
			job := task{asn: 65001, peerASN: 65000, peer: "10.0.0.1", local: "10.0.0.2", twoOctet: true, hold: 90, originate: []string{"203.0.113.1/32"}}
			us := listening(t, a, Peer{Settings: settings(65000, "10.255.0.1"), Address: netip.MustParseAddr("10.0.0.2")})
			long := *dressed
			long.Path = []route.Segment{{Type: route.Sequence, ASNs: []uint32{64999, 4200000009}}}
			us.Announce(announce(&long, "198.51.100.1/32"))
			o.start(t, b, job)
			// Whoever does not speak four octets may still read AS4_PATH.
			lab.Eventually(t, "our route", func() error {
				got, err := o.sees("198.51.100.1/32")
				if !strings.HasPrefix(got, "path 65000 64999 23456 |") && !strings.HasPrefix(got, "path 65000 64999 4200000009 |") {
					return fmt.Errorf("%q, %v", got, err)
				}
				return nil
			})
			eventually(t, "their route", func() bool { return name == "FRR" || us.count("10.0.0.2") == 1 })
			if st := us.status(t, "10.0.0.2"); st.ASN != 65001 {
				t.Errorf("ASN %d", st.ASN)
			}
		})
	}
}

func TestAPeerWithoutCapabilitiesHasIPv4(t *testing.T) {
	for name, o := range map[string]oracle{"FRR": &frr{}, "BIRD": &bird{}} {
		t.Run(name, func(t *testing.T) {
			a, b := wire(t)
			job := task{asn: 65001, peerASN: 65000, peer: "10.0.0.1", local: "10.0.0.2", classic: true, hold: 90, originate: []string{"203.0.113.1/32"}}
			us := listening(t, a, Peer{Settings: settings(65000, "10.255.0.1"), Address: netip.MustParseAddr("10.0.0.2")})
			us.Announce(announce(dressed, "198.51.100.1/32", "2001:db8:1::1/128"))
			o.start(t, b, job)
			containing(t, "our route", "path 65000", func() (string, error) { return o.sees("198.51.100.1/32") })
			eventually(t, "their route", func() bool { return name == "FRR" || us.count("10.0.0.2") == 1 })
			st := us.status(t, "10.0.0.2")
			if !slices.Equal(st.Families, []Family{IPv4}) || st.Withheld != 1 {
				t.Errorf("families %v, withheld %d %q", st.Families, st.Withheld, st.WithheldWhy)
			}
		})
	}
}

func TestAWrongASIsRefusedAndBothEndsSayWhy(t *testing.T) {
	for _, who := range []string{"we dial", "they dial"} {
		t.Run(who, func(t *testing.T) {
			everyOracle(t, func(t *testing.T, o oracle) {
				a, b := wire(t)
				conf := settings(65000, "10.255.0.1")
				conf.PeerASN = ASNRule{Exactly: 65009}
				us := listening(t, a, Peer{Settings: conf, Address: netip.MustParseAddr("10.0.0.2"), Passive: who == "they dial"})
				o.start(t, b, task{asn: 65001, peerASN: 65000, peer: "10.0.0.1", local: "10.0.0.2", hold: 90, passive: who == "we dial"})
				eventually(t, "refusal", func() bool {
					st := us.status(t, "10.0.0.2")
					return st.LastError == "sent OPEN Message Error/Bad Peer AS: the peer is in AS 65001, expected 65009" &&
						st.LastSent.String() == "OPEN Message Error/Bad Peer AS"
				})
				if len(us.events) > 0 {
					t.Errorf("events %v", us.events)
				}
				containing(t, "their words", "bad peer as", o.complaint)
			})
		})
	}
}

func TestWeAreToldThatOurASIsWrong(t *testing.T) {
	everyOracle(t, func(t *testing.T, o oracle) {
		a, b := wire(t)
		us := listening(t, a, Peer{Settings: settings(65000, "10.255.0.1"), Address: netip.MustParseAddr("10.0.0.2")})
		o.start(t, b, task{asn: 65001, peerASN: 65009, peer: "10.0.0.1", local: "10.0.0.2", hold: 90, passive: true})
		eventually(t, "their refusal", func() bool {
			n := us.status(t, "10.0.0.2").LastRcvd
			return n.Code == 2 && n.Subcode == 2
		})
	})
}

func TestAPeerThatFallsSilentIsGoneWhenItsHoldTimeIs(t *testing.T) {
	everyOracle(t, func(t *testing.T, o oracle) {
		a, b := wire(t)
		conf := settings(65000, "10.255.0.1")
		conf.HoldTime = 9 * time.Second
		us := listening(t, a, Peer{Settings: conf, Address: netip.MustParseAddr("10.0.0.2")})
		o.start(t, b, task{asn: 65001, peerASN: 65000, peer: "10.0.0.1", local: "10.0.0.2", hold: 90, originate: []string{"203.0.113.1/32"}})
		eventually(t, "their route", func() bool { return us.count("10.0.0.2") == 1 })
		before := len(us.downs())
		if err := o.process().Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		eventually(t, "hold timer", func() bool { return len(us.downs()) > before })
		if got := us.downs()[before]; got != "sent Hold Timer Expired: nothing heard for 9s" {
			t.Errorf("%q", got)
		}
		if err := o.process().Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		eventually(t, "their route again", func() bool { return us.count("10.0.0.2") == 1 })
	})
}

// many distinct prefixes of one family.
func many(f Family, n int) []string {
	out := make([]string, n)
	for i := range out {
		if f == IPv4 {
			out[i] = fmt.Sprintf("100.64.%d.%d/32", i/256, i%256)
		} else {
			out[i] = fmt.Sprintf("2001:db8:ffff::%x/128", i+1)
		}
	}
	return out
}

func TestFiveThousandPrefixesInOneGoAndBack(t *testing.T) {
	const n = 5000
	everyOracle(t, func(t *testing.T, o oracle) {
		a, b := wire(t)
		job := task{asn: 65001, peerASN: 65000, peer: "10.0.0.1", local: "10.0.0.2", hold: 90}
		if _, slow := o.(*gobgp); !slow { // its command line takes one a call
			job.originate = append(many(IPv4, n), many(IPv6, n)...)
		}
		us := listening(t, a, Peer{Settings: settings(65000, "10.255.0.1"), Address: netip.MustParseAddr("10.0.0.2")})
		o.start(t, b, job)
		eventually(t, "session", func() bool { return us.up("10.0.0.2") })
		eventually(t, "their routes", func() bool { return us.count("10.0.0.2") == len(job.originate) })
		var all []Announcement
		for _, p := range append(many(IPv4, n), many(IPv6, n)...) {
			p = strings.NewReplacer("100.64.", "100.96.", "ffff", "fffe").Replace(p)
			all = append(all, announce(dressed, p)...)
		}
		us.Announce(all)
		until(t, "our routes", "5000 5000", counts(o))
		if st := us.status(t, "10.0.0.2"); st.MsgSent.Update > 60 || st.Announced != 2*n || st.OutQueue != 0 {
			t.Errorf("%d UPDATEs, %d announced, %d queued", st.MsgSent.Update, st.Announced, st.OutQueue)
		}
		us.Announce(all[:1])
		until(t, "all but one withdrawn", "1 0", counts(o))
		o.withdraw(t)
		eventually(t, "theirs withdrawn", func() bool { return us.count("10.0.0.2") == 0 })
		if d := us.downs(); len(d) > 0 {
			t.Errorf("the session went down: %q", d)
		}
	})
}
