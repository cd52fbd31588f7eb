package bgp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawser-lb/hawser/shared/lab"
	"github.com/hawser-lb/hawser/shared/secret"
)

func guardedBy(password string, hops uint8) Settings {
	s := settings(65000, "10.255.0.1")
	s.Password, s.TTLSecurity = secret.New(password), hops
	return s
}

func within(prefix string, s Settings) Range {
	return Range{Settings: s, Prefix: netip.MustParsePrefix(prefix)}
}

// keys reads "10.0.0.0/8=a 10.0.0.1/32=b".
func keysFrom(text string) map[netip.Prefix]secret.Text {
	out := map[netip.Prefix]secret.Text{}
	for _, word := range strings.Fields(text) {
		p, key, _ := strings.Cut(word, "=")
		out[netip.MustParsePrefix(p)] = secret.New(key)
	}
	return out
}

func TestAListenerIsToldTheKeysThatChanged(t *testing.T) {
	for _, c := range []struct {
		want, have string
		f          Family
		steps      string
	}{
		{"", "", IPv4, ""},
		{"10.0.0.0/8=a", "", IPv4, "10.0.0.0/8=a"},
		{"10.0.0.0/8=a", "10.0.0.0/8=a", IPv4, ""},
		{"10.0.0.0/8=b 10.0.0.1/32=a", "10.0.0.0/8=a 10.0.0.1/32=a", IPv4, "10.0.0.0/8=b"},
		{"", "10.0.0.0/8=a 10.0.0.1/32=b", IPv4, "10.0.0.0/8= 10.0.0.1/32="},
		{"fd00::/64=a 10.0.0.1/32=b", "", IPv4, "10.0.0.1/32=b"},
		{"fd00::/64=a 10.0.0.1/32=b", "fd00::/64=b", IPv6, "fd00::/64=a"},
	} {
		var got []string
		for _, s := range keySteps(keysFrom(c.want), keysFrom(c.have), c.f) {
			got = append(got, fmt.Sprintf("%s=%s", s.prefix, s.password.Reveal()))
		}
		if text := strings.Join(got, " "); text != c.steps {
			t.Errorf("from %q to %q of %s: %q, want %q", c.have, c.want, c.f, text, c.steps)
		}
	}
}

func TestAListenerAsksForTheTTLThatEveryPeerHas(t *testing.T) {
	for _, c := range []struct {
		peers  []Peer
		ranges []Range
		want   string
	}{
		{nil, nil, "map[]"},
		{[]Peer{passive("10.0.0.2", guardedBy("", 1))}, nil, "map[IPv4:255]"},
		{[]Peer{passive("10.0.0.2", guardedBy("", 1)), passive("10.0.0.3", guardedBy("", 254))}, nil, "map[IPv4:2]"},
		{[]Peer{passive("10.0.0.2", guardedBy("", 1))}, []Range{within("10.0.0.0/8", guardedBy("", 0))}, "map[IPv4:0]"},
		{[]Peer{passive("fd00::2", guardedBy("", 2))}, []Range{within("10.0.0.0/8", guardedBy("", 0))}, "map[IPv4:0 IPv6:254]"},
	} {
		if got := fmt.Sprint(wardOf(c.peers, c.ranges).least); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}

func TestWhoCanHaveNoSessionIsNamedWithTheReason(t *testing.T) {
	peers := []Peer{passive("10.0.0.2", guardedBy("a", 0)), passive("10.0.0.3", guardedBy("", 0)), passive("10.9.0.1", guardedBy("", 0))}
	dialled := Peer{Settings: guardedBy("", 0), Address: netip.MustParseAddr("10.0.0.4")}
	ranges := []Range{within("10.0.0.0/16", guardedBy("b", 0)), within("10.0.5.0/24", guardedBy("", 0))}
	words := func(m map[netip.Prefix]error) string {
		var out []string
		for _, p := range []string{"10.0.0.2/32", "10.0.0.3/32", "10.9.0.1/32", "10.0.0.4/32", "10.0.0.0/16", "10.0.5.0/24"} {
			if err := m[netip.MustParsePrefix(p)]; err != nil {
				out = append(out, p+": "+strings.Split(err.Error(), ":")[0])
			}
		}
		return strings.Join(out, "\n")
	}
	inside := "it has no password and lies inside 10.0.0.0/16, which has one"
	if got, want := words(obstacles(append(peers, dialled), ranges, nil, nil)), "10.0.0.3/32: "+inside+"\n10.0.5.0/24: "+inside; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	none := "a password is set and this kernel has no TCP MD5 (CONFIG_TCP_MD5SIG)"
	if got, want := words(obstacles(peers, ranges, errNoSigning, nil)), "10.0.0.2/32: "+none+"\n10.0.0.0/16: "+none; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	failed := map[netip.Prefix]error{netip.MustParsePrefix("10.0.0.2/32"): errors.New("no room")}
	if got, want := words(obstacles(peers[:1], nil, nil, failed)), "10.0.0.2/32: its password cannot be used"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestASYNIsReadToItsEnd(t *testing.T) {
	v4 := func(ttl byte, options ...byte) []byte {
		b := make([]byte, 40, 80)
		b[0], b[8], b[32] = 0x45, ttl, byte(5+len(options)/4)<<4
		return append(b, options...)
	}
	v6 := append(make([]byte, 60), 1, 1, 19, 18)
	v6[0], v6[6], v6[7], v6[52] = 0x60, 6, 64, 6<<4
	extended := append([]byte{}, v6...)
	extended[6] = 60 // destination options come first
	md5 := append([]byte{1, 1, 19, 18}, make([]byte, 16)...)
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"nothing":                  {nil, errNoSYN.Error()},
		"half a header":            {v4(255)[:39], errNoSYN.Error()},
		"of no family":             {make([]byte, 80), errNoSYN.Error()},
		"plain":                    {v4(255), "{255 false}"},
		"signed":                   {v4(254, md5...), "{254 true}"},
		"a signature after an MSS": {v4(1, append([]byte{2, 4, 5, 180}, md5...)...), "{1 true}"},
		"an option without end":    {v4(1, 2, 0, 0, 0), "{1 false}"},
		"the end before a key":     {v4(1, append([]byte{0, 0, 0, 0}, md5...)...), "{1 false}"},
		"IPv6, cut off":            {v6, "{64 true}"},
		"IPv6 with more headers":   {extended, errNoSYN.Error()},
	} {
		got, err := parseSYN(c.b)
		text := fmt.Sprint(got)
		if err != nil {
			text = err.Error()
		}
		if text != c.want {
			t.Errorf("%s: %s, want %s", name, text, c.want)
		}
	}
}

func TestTheKernelsDropsAreReadByName(t *testing.T) {
	const text = "TcpExt: A TCPMD5NotFound TCPMD5Unexpected TCPMD5Failure B\nTcpExt: 1 2 3 4 5\nIpExt: TCPMD5Failure\nIpExt: 9\n"
	if got := parseDrops(text); got != (drops{2, 3, 4}) {
		t.Errorf("%+v", got)
	}
	for _, odd := range []string{"", "TcpExt:", "TcpExt: TCPMD5Failure\nTcpExt: x", "TcpExt: A\nTcpExt: 1 2 3"} {
		if got := parseDrops(odd); got != (drops{}) {
			t.Errorf("%q: %+v", odd, got)
		}
	}
}

func TestAnUnsignedSessionIsNeverOpenedForLackOfAKernel(t *testing.T) {
	conf := guardedBy("hunter2", 0)
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.unsigned = errNoSigning
		s := New(Config{Listen: []netip.AddrPort{here}, Log: testLog(t)})
		s.net = w
		mustSet(t, s, []Peer{
			{Settings: conf, Address: netip.MustParseAddr("10.0.0.2")},
			passive("10.0.0.3", settings(65000, "10.255.0.1")),
		}, []Range{within("10.1.0.0/16", conf)})
		us := hear(t, s)
		synctest.Wait()
		for _, from := range []string{"10.0.0.2", "10.1.0.1"} {
			if got := w.call(t, from).skip(); got != errClosed.Error() && got != "EOF" {
				t.Errorf("%s hears %s", from, got)
			}
		}
		other := w.call(t, "10.0.0.3")
		other.shake(65001, 90, "10.255.0.3")
		synctest.Wait()
		if !us.up("10.0.0.3") {
			t.Error("the peer without a password has no session")
		}
		time.Sleep(time.Minute)
		if len(w.dialed) > 0 {
			t.Error("the peer is dialled")
		}
		if st := us.status(t, "10.0.0.2"); st.State != Idle || !strings.Contains(st.Obstacle, "CONFIG_TCP_MD5SIG") {
			t.Errorf("status %+v", st)
		}
		if r := us.Ranges(); len(r) != 1 || !strings.Contains(r[0].Obstacle, "CONFIG_TCP_MD5SIG") {
			t.Errorf("ranges %+v", r)
		}
		if n := us.Refused(); n != 2 {
			t.Errorf("%d connections refused", n)
		}
	})
}

func TestSilenceIsExplainedByWhatTheKernelDropped(t *testing.T) {
	inWorld(t, []Peer{passive("10.0.0.2", guardedBy("a", 0)), passive("10.0.0.3", guardedBy("", 0))}, nil,
		func(t *testing.T, w *world, us *ear) {
			if st := us.status(t, "10.0.0.2"); st.Hint != "" {
				t.Errorf("a hint at once: %s", st.Hint)
			}
			time.Sleep(silence)
			if st := us.status(t, "10.0.0.2"); !strings.Contains(st.Hint, "without the right password") {
				t.Errorf("hint %q", st.Hint)
			}
			w.drops = drops{missing: 1, unexpected: 2, wrong: 3}
			if st := us.status(t, "10.0.0.2"); !strings.HasPrefix(st.Hint, "the kernel dropped 3 segments with another password and 1 without any") {
				t.Errorf("hint %q", st.Hint)
			}
			if st := us.status(t, "10.0.0.3"); !strings.HasPrefix(st.Hint, "the kernel dropped 2 segments that were signed") {
				t.Errorf("hint %q", st.Hint)
			}
		})
}

// signed is a speaker of ours with everything on one key: a range and a peer.
func signed(t *testing.T, h *lab.Host) *Speaker {
	t.Helper()
	s := New(Config{
		Listen: []netip.AddrPort{netip.MustParseAddrPort("10.0.0.1:179"), netip.MustParseAddrPort("[::]:179"), netip.MustParseAddrPort("0.0.0.0:1179")},
		Log:    testLog(t),
	})
	s.net = hostNet{h}
	return s
}

// caller is a speaker on the other host that dials ours from one address.
func caller(t *testing.T, h *lab.Host, from, to string, conf Settings) *ear {
	t.Helper()
	s := New(Config{Log: testLog(t)})
	s.net = hostNet{h}
	conf.LocalAddress, conf.LocalASN = netip.MustParseAddr(from), 65001
	conf.RouterID = netip.MustParseAddr("10.255.1.1")
	at := netip.MustParseAddrPort(to)
	mustSet(t, s, []Peer{{Settings: conf, Address: at.Addr(), Port: at.Port()}}, nil)
	return hear(t, s)
}

func TestAKeyThatChangesResetsItsPeerAlone(t *testing.T) {
	a, b := wire(t)
	for _, extra := range []string{"10.0.0.3/24", "10.0.0.4/24"} {
		if _, err := b.Run(t.Context(), "ip", "addr", "add", extra, "dev", "eth0"); err != nil {
			t.Fatal(err)
		}
	}
	s := signed(t, a)
	peer := func(key string) []Peer { return []Peer{passive("10.0.0.3", guardedBy(key, 0))} }
	ranges := []Range{within("10.0.0.0/24", guardedBy("range", 0)), within("fd00::/64", guardedBy("six", 0))}
	mustSet(t, s, peer("own"), ranges)
	us := hear(t, s)
	caller(t, b, "10.0.0.2", "10.0.0.1:179", guardedBy("range", 0))
	caller(t, b, "10.0.0.3", "10.0.0.1:179", guardedBy("own", 0))
	caller(t, b, "10.0.0.4", "10.0.0.1:1179", guardedBy("range", 0))
	caller(t, b, "fd00::2", "[fd00::1]:179", guardedBy("six", 0))
	all := []string{"10.0.0.2", "10.0.0.3", "10.0.0.4", "fd00::2"}
	for _, p := range all {
		eventually(t, p+" comes up", func() bool { return us.up(p) })
	}

	mustSet(t, s, peer("new"), ranges)
	eventually(t, "10.0.0.3 goes down", func() bool { return !us.up("10.0.0.3") })
	eventually(t, "the kernel drops what the old key signs", func() bool { return fresh(s).wrong > 0 })
	if us.up("10.0.0.3") || len(us.downs()) != 1 {
		t.Errorf("sessions went down: %q", us.downs())
	}
	mustSet(t, s, peer("own"), ranges)
	eventually(t, "10.0.0.3 is back", func() bool { return us.up("10.0.0.3") })

	// With its peer gone, the address is the range's: the key is the range's.
	mustSet(t, s, nil, ranges)
	for _, g := range s.guards {
		if _, has := g.(*guarded).have[netip.MustParsePrefix("10.0.0.3/32")]; has {
			t.Error("the key of a peer that is gone is still set")
		}
	}
	eventually(t, "10.0.0.3 goes with its peer", func() bool { return !us.up("10.0.0.3") })
	caller(t, b, "10.0.0.3", "10.0.0.1:1179", guardedBy("range", 0))
	eventually(t, "10.0.0.3 comes by the range", func() bool { return us.up("10.0.0.3") })
	for _, p := range all {
		if !us.up(p) {
			t.Errorf("%s is down", p)
		}
	}
}

// Both protections at once: what they do apart is seen between two of us.
func TestProtectedSessionsAreUnderstoodByEveryOther(t *testing.T) {
	for transport, who := range map[Family]string{IPv4: "they dial into a range", IPv6: "we dial"} {
		for name, o := range oracles {
			t.Run(fmt.Sprintf("%s/%s/%s", transport, who, name), func(t *testing.T) {
				t.Parallel()
				protected(t, o(), transport, who == "we dial")
			})
		}
	}
}

// protected has a session with the right password, none with a wrong one, and
// one again with the right one.
func protected(t *testing.T, o oracle, transport Family, weDial bool) {
	a, b := wire(t)
	job := task{asn: 65001, peerASN: 65000, peer: ends[transport][0], local: ends[transport][1], hold: 90,
		passive: weDial, password: "correct-horse", near: true, originate: []string{"203.0.113.1/32"}}
	s := signed(t, a)
	set := func(password string) {
		conf := guardedBy(password, 1)
		if weDial {
			mustSet(t, s, []Peer{{Settings: conf, Address: netip.MustParseAddr(job.local)}}, nil)
		} else {
			mustSet(t, s, nil, []Range{within("10.0.0.0/24", conf)})
		}
	}
	set(job.password)
	us := hear(t, s)
	o.start(t, b, job)
	patiently(t, "the session with the right password", func() bool { return us.count(job.local) == 1 })
	set("wrong")
	patiently(t, "its end with the wrong one", func() bool { return !us.up(job.local) })
	patiently(t, "something dropped", func() bool { return fresh(s).wrong > 0 || dropped(t, b) > 0 })
	if weDial {
		patiently(t, "the reason why", func() bool {
			return strings.Contains(us.status(t, job.local).LastError, "is the password the same on both sides?")
		})
	}
	if us.up(job.local) {
		t.Error("a session with the wrong password")
	}
	set(job.password)
	patiently(t, "the session once more", func() bool { return us.count(job.local) == 1 })
}

// patiently is eventually for others, who retry at their own pace.
func patiently(t *testing.T, what string, cond func() bool) {
	t.Helper()
	lab.Eventually(t, what, func() error {
		if cond() {
			return nil
		}
		return errors.New("not yet")
	})
}

// fresh is what the kernel of our host dropped since the speaker runs.
func fresh(s *Speaker) drops {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.newDrops()()
}

// dropped is what the kernel of h dropped for a wrong signature.
func dropped(t *testing.T, h *lab.Host) uint64 {
	t.Helper()
	d, err := hostNet{h}.dropped()
	if err != nil {
		t.Fatal(err)
	}
	return d.wrong
}

// Somebody further away can send no packet that arrives with TTL 255.
func TestWhoIsFurtherAwayIsNotHeard(t *testing.T) {
	a, b := wire(t)
	if _, err := b.Run(t.Context(), "ip", "addr", "add", "10.0.0.3/24", "dev", "eth0"); err != nil {
		t.Fatal(err)
	}
	s := signed(t, a)
	far := guardedBy("", 0)
	far.Multihop = 254 // sent with that TTL, as if it had been 255 one hop before
	near := guardedBy("", 1)
	// The range keeps the listener from asking for a TTL itself.
	mustSet(t, s, []Peer{passive("10.0.0.2", near), passive("fd00::2", near)}, []Range{within("10.0.0.0/24", guardedBy("", 0))})
	us := hear(t, s)
	caller(t, b, "10.0.0.2", "10.0.0.1:179", far)
	six := caller(t, b, "fd00::2", "[fd00::1]:179", far)
	eventually(t, "the connection is refused", func() bool { return us.Refused() > 0 })
	eventually(t, "the handshake over IPv6 is not answered", func() bool {
		return strings.Contains(six.status(t, "fd00::1").LastError, "no answer")
	})
	caller(t, b, "10.0.0.3", "10.0.0.1:179", far)
	eventually(t, "the one that is not asked has a session", func() bool { return us.up("10.0.0.3") })
	mustSet(t, s, []Peer{passive("10.0.0.2", guardedBy("", 2)), passive("fd00::2", guardedBy("", 2))}, nil)
	for _, p := range []string{"10.0.0.2", "fd00::2"} {
		eventually(t, p+" is near enough for two hops", func() bool { return us.up(p) })
	}
}

// One socket for both families would need a second key for each IPv4 peer, at
// its mapped address, and would let those in that have none there.
func TestAnIPv6ListenerTakesNoIPv4(t *testing.T) {
	l, err := tcp{}.listen(t.Context(), netip.MustParseAddrPort("[::]:0"), ward{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	at, err := addrPort(l.Addr())
	if err != nil {
		t.Fatal(err)
	}
	if c, err := net.Dial("tcp4", netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), at.Port()).String()); err == nil {
		c.Close()
		t.Error("IPv4 comes in by the IPv6 listener")
	}
	s := New(Config{Listen: []netip.AddrPort{netip.MustParseAddrPort("[::ffff:127.0.0.1]:0")}})
	s.SetPeers(nil, nil)
	us := hear(t, s)
	eventually(t, "a mapped address is the IPv4 one", func() bool {
		st := us.Listening()[0]
		return st.Err == nil && st.Address.Addr() == netip.MustParseAddr("127.0.0.1")
	})
}

func TestSettingsThatExcludeOneAnotherAreRefused(t *testing.T) {
	both := guardedBy("", 1)
	both.Multihop = 2
	for want, conf := range map[string]Settings{
		"exclude one another":   both,
		"at most 80":            guardedBy(strings.Repeat("x", 81), 0),
		"255 hops: at most 254": guardedBy("", 255),
	} {
		err := New(Config{}).SetPeers([]Peer{passive("10.0.0.2", conf)}, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// FuzzSYN says that no first packet harms whoever looks at it: its options are
// a stranger's.
func FuzzSYN(f *testing.F) {
	packet := func(version byte, at int, options ...byte) {
		b := make([]byte, at+20, at+60)
		b[0], b[at+12] = version, byte(5+len(options)/4)<<4
		f.Add(append(b, options...))
	}
	packet(0x45, 20, 2, 4, 5, 180)
	packet(0x46, 24, 1, 1, 19, 18)
	packet(0x60, 40, append([]byte{1, 1, 19, 18}, make([]byte, 16)...)...)
	f.Add([]byte("\x60\x00\x00\x00\x00\x00\x06\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := parseSYN(b); err != nil && s != (syn{}) {
			t.Errorf("%+v beside %v", s, err)
		}
	})
}
