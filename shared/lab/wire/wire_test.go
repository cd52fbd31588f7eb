package wire

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

var (
	left  = netip.MustParseAddr("192.0.2.1")
	right = netip.MustParseAddrPort("192.0.2.2:179")
)

// pair is a connection between two hosts, a millisecond apart.
type pair struct {
	t    *testing.T
	a, b *Host
	p, q *Process
	x, y net.Conn
}

// within runs a story in fake time.
func within(t *testing.T, story func(p *pair)) {
	synctest.Test(t, func(t *testing.T) {
		n := New()
		p := &pair{t: t, a: n.Host(time.Millisecond/2, left), b: n.Host(time.Millisecond/2, right.Addr())}
		p.p, p.q = p.a.Process(), p.b.Process()
		l, err := p.q.Listen(netip.AddrPortFrom(netip.IPv4Unspecified(), right.Port()))
		if err != nil {
			t.Fatal(err)
		}
		if p.x, err = p.p.Dial(t.Context(), netip.Addr{}, right); err != nil {
			t.Fatal(err)
		}
		if p.y, err = l.Accept(); err != nil {
			t.Fatal(err)
		}
		story(p)
		time.Sleep(time.Minute) // timers that were set come to their end
	})
}

func (p *pair) say(text string) {
	p.t.Helper()
	if _, err := p.x.Write([]byte(text)); err != nil {
		p.t.Fatal(err)
	}
}

// hear expects text to come after that time, or the error.
func (p *pair) hear(text string, after time.Duration, why error) {
	p.t.Helper()
	began, b := time.Now(), make([]byte, 99)
	n, err := p.y.Read(b)
	if took := time.Since(began); string(b[:n]) != text || took != after || !errors.Is(err, why) {
		p.t.Errorf("heard %q after %v (%v), want %q after %v (%v)", b[:n], took, err, text, after, why)
	}
}

func TestWhatIsSaidArrivesOneLatencyLater(t *testing.T) {
	within(t, func(p *pair) {
		p.say("hello")
		p.hear("hello", time.Millisecond, nil)
		p.x.Close()
		p.hear("", time.Millisecond, io.EOF)
	})
}

func TestABrokenLinkIsSilenceAndLosesNothing(t *testing.T) {
	within(t, func(p *pair) {
		p.b.Link(true, false)
		p.say("one ")
		p.say("two")
		time.AfterFunc(5*time.Second, func() { p.b.Link(false, false) })
		p.hear("one two", 5*time.Second+resend, nil)
	})
}

func TestAKilledProgramsConnectionsAreClosedForIt(t *testing.T) {
	within(t, func(p *pair) {
		p.p.Kill()
		p.hear("", time.Millisecond, io.EOF)
		if _, err := p.x.Write([]byte("more")); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the killed program writes: %v", err)
		}
	})
}

func TestAHostWithoutPowerClosesNothingAndLaterResets(t *testing.T) {
	within(t, func(p *pair) {
		p.b.Power(false)
		p.say("are you there?")
		time.Sleep(time.Hour)
		p.y = p.x
		time.AfterFunc(time.Second, func() { p.b.Power(true) })
		p.hear("", time.Second+resend, syscall.ECONNRESET)
	})
}

func TestWhoCannotBeReachedIsKnownAfterThreeSeconds(t *testing.T) {
	within(t, func(p *pair) {
		began := time.Now()
		p.a.Link(true, false)
		_, err := p.p.Dial(context.Background(), left, right)
		if took := time.Since(began); !errors.Is(err, syscall.EHOSTUNREACH) || took != resolve {
			t.Errorf("%v after %v", err, took)
		}
		p.a.Link(false, false)
		p.q.Kill()
		if _, err = p.p.Dial(context.Background(), left, right); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("where nobody listens: %v", err)
		}
	})
}

func TestAResetBreaksBothEnds(t *testing.T) {
	within(t, func(p *pair) {
		p.a.n.Reset(p.a, p.b)
		p.hear("", 0, syscall.ECONNRESET)
		if _, err := p.x.Write(nil); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the other end: %v", err)
		}
	})
}
