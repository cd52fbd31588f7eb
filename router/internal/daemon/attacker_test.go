package daemon

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hawser-lb/hawser/router/internal/status"
	"github.com/hawser-lb/hawser/shared/lab"
)

// attacker is a raw TCP client that speaks as much BGP as it likes.
type attacker struct {
	t *testing.T
	net.Conn
}

// attack connects from an address of a host, which the kernel there must have.
func attack(t *testing.T, from *lab.Host, own string) *attacker {
	t.Helper()
	c, err := connect(t, from, own)
	if err != nil {
		t.Fatal(err)
	}
	return &attacker{t, c}
}

func connect(t *testing.T, from *lab.Host, own string) (c net.Conn, err error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(own)}}
	err = from.Do(func() (err error) {
		c, err = d.DialContext(t.Context(), "tcp", "10.77.2.1:179")
		return err
	})
	if err == nil {
		t.Cleanup(func() { c.Close() })
		err = c.SetDeadline(time.Now().Add(time.Minute))
	}
	return c, err
}

var marker = bytes.Repeat([]byte{0xff}, 16)

// message is a BGP message with a sound header.
func message(kind byte, body ...byte) []byte {
	b := binary.BigEndian.AppendUint16(bytes.Clone(marker), uint16(19+len(body)))
	return append(append(b, kind), body...)
}

const (
	mOpen, mUpdate, mNotification, mKeepalive = 1, 2, 3, 4
)

// open is an OPEN with the optional parameters.
func open(version byte, asn, hold uint16, id string, parameters ...byte) []byte {
	b := []byte{version}
	b = binary.BigEndian.AppendUint16(b, asn)
	b = binary.BigEndian.AppendUint16(b, hold)
	b = append(b, netip.MustParseAddr(id).AsSlice()...)
	b = append(b, byte(len(parameters)))
	return message(mOpen, append(b, parameters...)...)
}

// longMessages is the capability of RFC 8654 as an optional parameter.
var longMessages = []byte{2, 2, 6, 0}

// update announces prefixes with the attacker as next hop.
func update(own string, prefixes ...netip.Prefix) []byte {
	attrs := []byte{0x40, 1, 1, 0, 0x40, 2, 4, 2, 1, 0xfd, 0xe9, 0x40, 3, 4}
	attrs = append(attrs, netip.MustParseAddr(own).AsSlice()...)
	b := []byte{0, 0, 0, byte(len(attrs))}
	return message(mUpdate, append(append(b, attrs...), nlri(prefixes)...)...)
}

// withdrawal takes prefixes back.
func withdrawal(prefixes ...netip.Prefix) []byte {
	gone := nlri(prefixes)
	return message(mUpdate, append(append(binary.BigEndian.AppendUint16(nil, uint16(len(gone))), gone...), 0, 0)...)
}

func nlri(prefixes []netip.Prefix) (b []byte) {
	for _, p := range prefixes {
		b = append(append(b, byte(p.Bits())), p.Addr().AsSlice()[:(p.Bits()+7)/8]...)
	}
	return b
}

// say sends bytes to somebody who may have hung up.
func (a *attacker) say(b []byte) error {
	_, err := a.Write(b)
	return err
}

// hear reads the next message.
func (a *attacker) hear() (kind byte, body []byte, err error) {
	head := make([]byte, 19)
	if _, err := io.ReadFull(a, head); err != nil {
		return 0, nil, err
	}
	body = make([]byte, int(binary.BigEndian.Uint16(head[16:]))-19)
	_, err = io.ReadFull(a, body)
	return head[18], body, err
}

// shake goes through the handshake.
func (a *attacker) shake(own string) {
	a.t.Helper()
	a.shakeFor(own, 9)
}

// shakeFor offers a hold time in seconds, and more.
func (a *attacker) shakeFor(own string, hold uint16, parameters ...byte) {
	a.t.Helper()
	for _, b := range [][]byte{open(4, 65001, hold, own, parameters...), message(mKeepalive)} {
		if err := a.say(b); err != nil {
			a.t.Fatal(err)
		}
	}
	for {
		kind, body, err := a.hear()
		if err != nil || kind == mNotification {
			a.t.Fatalf("no session: message %d %v, %v", kind, body, err)
		}
		if kind == mKeepalive {
			return
		}
	}
}

// verdict is the code of the NOTIFICATION that the session ends with, or how
// else it ends.
func (a *attacker) verdict() string {
	for {
		kind, body, err := a.hear()
		if err != nil {
			return err.Error()
		}
		if kind == mNotification {
			return fmt.Sprintf("%d/%d", body[0], body[1])
		}
	}
}

// rss is what a process has in memory, in KiB.
func rss(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	n, err := strconv.Atoi(strings.Fields(rest + " -")[0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// cpu is the time that a process has had, in user and kernel mode.
func cpu(t *testing.T, pid int) time.Duration {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	f := strings.Fields(rest)
	var ticks int
	for _, word := range f[11:13] {
		n, err := strconv.Atoi(word)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / 100
}

// undisturbed fails unless node 2 has the session and the route that it had.
func (s *scene) undisturbed() {
	s.t.Helper()
	snap, err := s.snapshot()
	s.check(err)
	n, err := neighbor(snap, "10.77.2.12")
	s.check(err)
	if n.State != "Established" || n.DroppedCount != 0 || n.EstablishedCount != 1 {
		s.t.Errorf("node 2: %+v", n)
	}
	if got := s.kernel(svc); got != "10.77.2.12" {
		s.t.Errorf("its route is via %q", got)
	}
}

// besieged is a router with one good node and an attacker with many addresses
// in the source of its cluster.
func besieged(t *testing.T, config string) (s *scene, evil *lab.Host) {
	t.Helper()
	s = newScene(t, config)
	s.start()
	s.node(2, svc+"/32")
	s.routed(svc, "10.77.2.12")
	evil = s.lab.Host("evil")
	var addrs []string
	for i := range 50 {
		addrs = append(addrs, fmt.Sprintf("10.77.2.%d/24", 100+i))
	}
	s.lan.Attach(evil, "eth0", addrs...)
	return s, evil
}

func TestHostileMessagesEndTheirSessionAndNoOther(t *testing.T) {
	s, evil := besieged(t, home)
	long := bytes.Clone(message(mUpdate))
	long[16], long[17] = 0x10, 0x01 // 4097
	short := bytes.Clone(message(mKeepalive))
	short[17] = 18
	own := func(i int) string { return fmt.Sprintf("10.77.2.%d", 100+i) }
	for i, c := range []struct {
		what, verdict string
		session       bool // once it is up
		says          []byte
	}{
		{"no BGP at all", "1/1", false, []byte("GET / HTTP/1.1\r\nHost: router\r\n\r\n")},
		{"zeros", "1/1", false, make([]byte, 100_000)},
		{"a length below the header's", "1/2", false, short},
		{"a length above the largest", "1/2", true, long},
		{"an unknown type", "1/3", false, message(99)},
		{"a KEEPALIVE with a body", "1/2", false, message(mKeepalive, 0)},
		{"version 3", "2/1", false, open(3, 65001, 90, own(0))},
		{"a foreign AS", "2/2", false, open(4, 65009, 90, own(0))},
		{"no identifier", "2/3", false, open(4, 65001, 90, "0.0.0.0")},
		{"a hold time of a second", "2/6", false, open(4, 65001, 1, own(0))},
		{"an UPDATE before the OPEN", "5/1", false, update(own(0), netip.MustParsePrefix("10.77.100.9/32"))},
		{"a KEEPALIVE before the OPEN", "5/1", false, message(mKeepalive)},
		{"a second OPEN", "5/3", true, open(4, 65001, 9, own(0))},
		{"withdrawn routes longer than the message", "3/1", true, message(mUpdate, 0xff, 0xff, 0, 0)},
		{"attributes longer than the message", "3/1", true, message(mUpdate, 0, 0, 0xff, 0xff)},
		{"half a message and nothing more", "4/0", true, message(mUpdate, 0, 0, 0, 0)[:20]},
	} {
		t.Run(c.what, func(t *testing.T) {
			a := attack(t, evil, own(i))
			if c.session {
				hold := uint16(0)
				if c.verdict == "4/0" {
					hold = 3
				}
				a.shakeFor(own(i), hold)
			}
			// The router may have hung up in the middle.
			if err := a.say(c.says); err != nil && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
				t.Fatal(err)
			}
			if got := a.verdict(); got != c.verdict && !(got != "EOF" && strings.Contains(got, "reset")) {
				t.Errorf("ends with %s, want NOTIFICATION %s", got, c.verdict)
			}
		})
	}
	s.eventually("what was wrong is shown", func(snap status.Snapshot) error {
		n, err := neighbor(snap, own(0))
		if err == nil && (n.LastError == "" || n.MsgSent.Notification != 1) {
			err = fmt.Errorf("%+v", n)
		}
		return err
	})
	s.undisturbed()
}

func TestWhatAPeerMakesTheRouterHoldIsBounded(t *testing.T) {
	for _, c := range []struct {
		what       string
		length     int
		parameters []byte
	}{
		{"messages of 4096 bytes", 4096, nil},
		{"messages of 65535 bytes (RFC 8654)", 65535, longMessages},
	} {
		t.Run(c.what, func(t *testing.T) {
			s, evil := besieged(t, home)
			before := rss(t, s.daemon.PID())
			// Each has sent all of a message but its last byte.
			part := make([]byte, c.length-1)
			copy(part, message(mUpdate))
			binary.BigEndian.PutUint16(part[16:], uint16(c.length))
			const many = 40
			for i := range many {
				own := fmt.Sprintf("10.77.2.%d", 100+i)
				a := attack(t, evil, own)
				a.shakeFor(own, 0, c.parameters...)
				if err := a.say(part); err != nil {
					t.Fatal(err)
				}
			}
			s.eventually("all of them are peers", func(snap status.Snapshot) error {
				if n := snap.Clusters[0].Established; n != many+1 {
					return fmt.Errorf("%d", n)
				}
				return nil
			})
			after := rss(t, s.daemon.PID())
			t.Logf("%d peers in the middle of a message: %d KiB before, %d KiB after, %d KiB each", many, before, after, (after-before)/many)
			// A multiple of what it is, for the race detector and the collector's sake.
			if each := (after - before) / many; each > 1024 {
				t.Errorf("a peer costs %d KiB", each)
			}
			s.undisturbed()
		})
	}
}

func TestAHundredThousandRoutesOfOneAreTheTroubleOfThatOneAlone(t *testing.T) {
	s, evil := besieged(t, strings.Replace(home, "list allow '10.77.100.0/24'", "list allow '10.64.0.0/10'", 1))
	before := rss(t, s.daemon.PID())
	const own, total, each = "10.77.2.100", 100_000, 800
	a := attack(t, evil, own)
	a.shake(own)
	var flood []byte
	for i := 0; i < total; i += each {
		var some []netip.Prefix
		for n := i; n < i+each; n++ {
			some = append(some, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 64 + byte(n>>16), byte(n >> 8), byte(n)}), 32))
		}
		flood = append(flood, update(own, some...)...)
	}
	wrote := make(chan error, 1)
	go func() { wrote <- a.say(flood) }()
	got := a.verdict()
	if err := <-wrote; err == nil && got != "6/1" {
		t.Errorf("ends with %s", got)
	}
	s.eventually("Cease/1", func(snap status.Snapshot) error {
		n, err := neighbor(snap, own)
		if err == nil && (n.DroppedCount != 1 || !strings.Contains(n.LastError, "Maximum Number of Prefixes Reached")) {
			err = fmt.Errorf("%+v", n)
		}
		if err == nil && snap.Kernel.Routes != 1 {
			err = fmt.Errorf("%d routes in the kernel", snap.Kernel.Routes)
		}
		return err
	})
	after := rss(t, s.daemon.PID())
	t.Logf("%d routes from a peer allowed 1000: %d KiB before, %d KiB after; it hears %s", total, before, after, got)
	if after-before > 32<<10 {
		t.Errorf("memory grew by %d KiB", after-before)
	}
	// It is held down: nobody answers before the minute is over.
	refused, err := connect(t, evil, own)
	if err == nil {
		_, err = io.ReadFull(refused, make([]byte, 1))
	}
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a peer that is held down is heard: %v", err)
	}
	s.undisturbed()
}

func TestNobodyTakesWhatIsNotItsOwn(t *testing.T) {
	s, evil := besieged(t, home+`
config cluster 'other'
	option asn '65001'
	list source '10.77.2.100/30'
	list allow '10.77.101.0/24'
	list allow '10.77.2.0/24'
`)
	const own = "10.77.2.100"
	a := attack(t, evil, own)
	a.shake(own)
	told := map[string]string{
		"0.0.0.0/0": "defaultRoute", "10.77.2.77/32": "martian", "10.77.2.1/32": "martian",
		"10.77.100.1/32": "notAllowed", "127.0.0.1/32": "notAllowed", "224.0.0.5/32": "notAllowed",
	}
	var all []netip.Prefix
	for p := range told {
		all = append(all, netip.MustParsePrefix(p))
	}
	if err := a.say(update(own, all...)); err != nil {
		t.Fatal(err)
	}
	s.eventually("each has its reason", func(snap status.Snapshot) error {
		for prefix, reason := range told {
			p, err := pathOf(snap, prefix, own)
			if err != nil {
				return fmt.Errorf("%s: %w", prefix, err)
			}
			if p.Reason != reason {
				return fmt.Errorf("%s: %q, want %s", prefix, p.Reason, reason)
			}
		}
		return nil
	})
	s.undisturbed()
}

func TestAFlappingRouteIsTheKernelsBusinessTenTimesASecond(t *testing.T) {
	s, evil := besieged(t, home)
	const own = "10.77.2.100"
	a := attack(t, evil, own)
	a.shake(own)
	prefix := netip.MustParsePrefix("10.77.100.200/32")
	count := func() uint64 {
		snap, err := s.snapshot()
		s.check(err)
		return snap.Kernel.Steps
	}
	steps, used, began := count(), cpu(t, s.daemon.PID()), time.Now()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range 300 { // a hundred flaps a second, for three
		for _, b := range [][]byte{update(own, prefix), withdrawal(prefix)} {
			if err := a.say(b); err != nil {
				t.Fatal(err)
			}
			<-tick.C
		}
	}
	took := time.Since(began)
	steps, used = count()-steps, cpu(t, s.daemon.PID())-used
	t.Logf("300 flaps in %v: %d messages to the kernel, %.0f %% of a core", took.Round(time.Millisecond), steps, 100*used.Seconds()/took.Seconds())
	// A route that comes is three messages, its next hop, its group and itself;
	// one that goes with its next hop is a single one.
	if most := uint64(2 * 10 * (took.Seconds() + 1)); steps > most {
		t.Errorf("the kernel saw %d messages, at most %d are right", steps, most)
	}
	if err := a.say(update(own, prefix)); err != nil {
		t.Fatal(err)
	}
	s.routed("10.77.100.200", own)
	s.undisturbed()
}

func TestASocketClientGoneMadIsNotNoticed(t *testing.T) {
	s, evil := besieged(t, home)
	var mad []net.Conn
	defer func() {
		for _, c := range mad {
			c.Close()
		}
	}()
	for i := range 1000 {
		c, err := net.Dial("unix", s.file("sock"))
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		mad = append(mad, c)
	}
	answered, line := 0, bytes.Repeat([]byte{'x'}, 10<<20)
	for i, c := range mad {
		s.check(c.SetDeadline(time.Now().Add(time.Minute)))
		much := 1 << 17
		if i%100 == 0 {
			much = len(line)
		}
		// Who was turned away may find the door closed.
		c.Write(line[:much])
		if answer, _ := io.ReadAll(io.LimitReader(c, 1<<16)); bytes.Contains(answer, []byte(`{"error":"`)) {
			answered++
		}
	}
	t.Logf("1000 connections with garbage: %d got an error line, %d KiB RSS", answered, rss(t, s.daemon.PID()))
	if answered < 500 {
		t.Errorf("only %d got an error line", answered)
	}
	const own = "10.77.2.100"
	a := attack(t, evil, own)
	a.shake(own)
	if err := a.say(update(own, netip.MustParsePrefix("10.77.100.77/32"))); err != nil {
		t.Fatal(err)
	}
	s.routed("10.77.100.77", own)
	s.undisturbed()
}
