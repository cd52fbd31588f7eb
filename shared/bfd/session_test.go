package bfd

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// met is a session that is up with a neighbour which sends and takes a packet
// each 50 ms and has a multiplier of 5.
func met(want Session, now time.Time) (*session, packet) {
	s := newSession(want, 1, rand.Float64, now)
	p := packet{state: Init, multiplier: 5, mine: 2, yours: 1, desiredTx: 50 * time.Millisecond, requiredRx: 50 * time.Millisecond}
	s.receive(&p, now)
	p.state, p.final = Up, true
	s.receive(&p, now)
	p.final = false
	return s, p
}

func wanting(interval time.Duration, multiplier uint8) Session {
	return Session{Key: Key{Remote: east}, Transmit: interval, Receive: interval, Multiplier: multiplier}
}

// TestJitterTakesOffWhatTheRFCSays is RFC 5880 §6.8.7: 0 to 25 %, and with a
// multiplier of 1 at least 10 %.
func TestJitterTakesOffWhatTheRFCSays(t *testing.T) {
	now := time.Now()
	for multiplier, most := range map[uint8]time.Duration{1: 90 * time.Millisecond, 3: 100 * time.Millisecond} {
		s, _ := met(wanting(100*time.Millisecond, multiplier), now)
		shortest, longest := time.Hour, time.Duration(0)
		for range 10_000 {
			d := s.jittered()
			shortest, longest = min(shortest, d), max(longest, d)
		}
		if shortest < 75*time.Millisecond || longest > most || shortest > 76*time.Millisecond || longest < most-time.Millisecond {
			t.Errorf("multiplier %d: %v to %v", multiplier, shortest, longest)
		}
	}
}

// TestALatePacketIsFollowedByAnEarlyOne stays within jitter all the same.
func TestALatePacketIsFollowedByAnEarlyOne(t *testing.T) {
	now := time.Now()
	s, _ := met(wanting(100*time.Millisecond, 3), now)
	s.sendAt = now
	late := now.Add(60 * time.Millisecond)
	if send, _ := s.tick(late); !send {
		t.Fatal("nothing is sent")
	}
	if gap := s.sendAt.Sub(late); gap != 75*time.Millisecond {
		t.Errorf("the next comes after %v", gap)
	}
}

// TestDetectionIsTheNeighboursMultiplierAndTheSlowerInterval is RFC 5880 §6.8.4.
func TestDetectionIsTheNeighboursMultiplierAndTheSlowerInterval(t *testing.T) {
	now := time.Now()
	for ours, want := range map[time.Duration]time.Duration{20 * time.Millisecond: 250 * time.Millisecond, 80 * time.Millisecond: 400 * time.Millisecond} {
		s, _ := met(wanting(ours, 3), now)
		if got := s.detection(); got != want {
			t.Errorf("we take one each %v, it sends each 50 ms, five times: %v, want %v", ours, got, want)
		}
		if got := s.interval(); got != max(ours, 50*time.Millisecond) {
			t.Errorf("we send each %v", got)
		}
	}
}

// TestWhoFlapsIsUpOnceASecond is a neighbour that closes and opens its session as
// fast as it can: each time is news, for which there is no end.
func TestWhoFlapsIsUpOnceASecond(t *testing.T) {
	now := time.Now()
	s, p := met(wanting(50*time.Millisecond, 3), now)
	cycle := func() (up bool) {
		for _, p.state = range []State{AdminDown, Down, Init} {
			s.receive(&p, now)
		}
		return s.state == Up
	}
	ups := 0
	for range 1000 {
		now = now.Add(time.Millisecond)
		if cycle() {
			ups++
		}
	}
	if ups < quickFlaps || ups > quickFlaps+1 {
		t.Errorf("up %d times in a second", ups)
	}
	if now = now.Add(slow); !cycle() {
		t.Error("it is not up again a second later")
	}
	now = now.Add(2 * calm)
	for range quickFlaps {
		if !cycle() {
			t.Error("after a calm it is not up at once")
		}
	}
}

// TestWhoLeavesSaysSoHoweverLate: the other end is not to take it for a failure.
func TestWhoLeavesSaysSoHoweverLate(t *testing.T) {
	now := time.Now()
	for _, told := range []bool{false, true} {
		s, _ := met(wanting(50*time.Millisecond, 3), now)
		s.leave(now)
		if told {
			if send, over := s.tick(now); !send || over || s.packet(false).state != AdminDown {
				t.Errorf("at once: sends %t, is over %t", send, over)
			}
		}
		if send, over := s.tick(now.Add(time.Minute)); send == told || !over || s.packet(false).state != AdminDown {
			t.Errorf("told before %t: sends %t, is over %t", told, send, over)
		}
	}
}

// TestIntervalsHoldUntilThePollIsAnswered: what is changed twice meanwhile keeps
// to what the neighbour believes still (RFC 5880 §6.8.3).
func TestIntervalsHoldUntilThePollIsAnswered(t *testing.T) {
	now := time.Now()
	s, p := met(wanting(50*time.Millisecond, 3), now)
	for _, interval := range []time.Duration{400 * time.Millisecond, time.Second} {
		s.change(wanting(interval, 3), now)
	}
	if got := s.interval(); got != 50*time.Millisecond {
		t.Errorf("unanswered, we send each %v", got)
	}
	p.final = true
	s.receive(&p, now)
	if got := s.interval(); got != time.Second {
		t.Errorf("answered, we send each %v", got)
	}
}

// quiet fails if a session sends by itself within a minute.
func quiet(t *testing.T, s *session, p packet, now time.Time) {
	t.Helper()
	for range 1200 {
		now = now.Add(50 * time.Millisecond)
		s.receive(&p, now)
		if send, _ := s.tick(now); send {
			t.Fatalf("it sends %+v", s.packet(false))
		}
	}
	if s.state != Up {
		t.Error("it is down")
	}
}

// TestWhoCanTakeNothingIsSentNothing is a Required Min RX Interval of 0 (RFC 5880
// §6.8.7).
func TestWhoCanTakeNothingIsSentNothing(t *testing.T) {
	now := time.Now()
	s, p := met(wanting(50*time.Millisecond, 3), now)
	p.requiredRx = 0
	s.receive(&p, now)
	quiet(t, s, p, now)
}

// TestANeighbourInDemandModeIsSentAnswersOnly is RFC 5880 §6.6.
func TestANeighbourInDemandModeIsSentAnswersOnly(t *testing.T) {
	now := time.Now()
	s, p := met(wanting(50*time.Millisecond, 3), now)
	p.demand = true
	s.receive(&p, now)
	quiet(t, s, p, now)
	p.poll = true
	if !s.receive(&p, now) {
		t.Error("its Poll is not answered")
	}
	now = now.Add(100 * time.Millisecond)
	s.change(wanting(80*time.Millisecond, 3), now)
	if send, _ := s.tick(now); !send || !s.packet(false).poll {
		t.Error("new intervals are not announced")
	}
	p.poll, p.demand = false, false
	s.receive(&p, now)
	if s.sendAt.IsZero() {
		t.Error("it left demand mode, and nothing is sent")
	}
}

// TestOursSaysThatNeitherEchoNorDemandIsSpoken is what packets of ours never ask.
func TestOursSaysThatNeitherEchoNorDemandIsSpoken(t *testing.T) {
	s, _ := met(wanting(50*time.Millisecond, 3), time.Now())
	var b [packetLength]byte
	p := s.packet(false)
	p.write(b[:])
	if b[1]&(flagDemand|flagAuth|flagMulti) != 0 || b[20]|b[21]|b[22]|b[23] != 0 {
		t.Errorf("%x", b)
	}
}

// TestOurSocketSendsAsTheRFCSays is RFC 5881 §4 and §5: a source port of the
// dynamic range, the same for the whole session, and TTL 255.
func TestOurSocketSendsAsTheRFCSays(t *testing.T) {
	st, err := udp{}.open()
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	for _, remote := range []string{"127.0.0.1", "::1"} {
		w, err := st.dial(Key{Remote: netip.MustParseAddr(remote)})
		if err != nil {
			t.Fatal(err)
		}
		fd := w.(*outbox).fd
		sa, err := unix.Getsockname(fd)
		if err != nil {
			t.Fatal(err)
		}
		port, level, name := 0, unix.IPPROTO_IP, unix.IP_TTL
		switch a := sa.(type) {
		case *unix.SockaddrInet4:
			port = a.Port
		case *unix.SockaddrInet6:
			port, level, name = a.Port, unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS
		}
		ttl, err := unix.GetsockoptInt(fd, level, name)
		if err != nil || ttl != 255 || port < 49152 || port > 65535 {
			t.Errorf("to %s: port %d, TTL %d, %v", remote, port, ttl, err)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
}
