package bgp

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/osrg/gobgp/v3/pkg/packet/bgp"
)

const (
	// dialWait bounds one attempt to connect: TCP's own second repetition
	// comes after three seconds, and a new attempt is sooner than the third.
	dialWait = 3 * time.Second
	// retryBase and retryMax bound the pause between attempts, retrySoon that
	// after a stable session and while nobody is there.
	retrySoon = time.Second
	retryBase = 5 * time.Second
	retryMax  = 10 * time.Second
)

// occupied reports whether dialling would be pointless now: there is a session
// or nearly one, or the peer is held down.
func (p *peer) occupied() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.up != nil || time.Now().Before(p.idleUntil) {
		return true
	}
	for c := range p.conns {
		if c.dialled || c.state == OpenConfirm {
			return true
		}
	}
	return false
}

// pause before the next attempt: short after a stable session and while nobody
// is there, growing to retryMax while the peer says no.
func (p *peer) pause() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	base := p.conf.ConnectRetry
	if base <= 0 {
		base = retryBase
	}
	if p.failures == 0 || p.away {
		return p.s.jitter(min(base, retrySoon))
	}
	return p.s.jitter(min(base+base/2*time.Duration(min(p.failures, 100)-1), retryMax))
}

// jitter takes up to a quarter off (RFC 4271 §10).
func (s *Speaker) jitter(d time.Duration) time.Duration {
	chance := s.cfg.Chance
	if chance == nil {
		chance = rand.Float64
	}
	return d - time.Duration(chance()*float64(d)/4)
}

// dial keeps trying to connect while nothing else is going on. It is the
// ConnectRetryTimer of RFC 4271 §8.
func (p *peer) dial(ctx context.Context, conf Peer) {
	for pause := time.Duration(0); ; pause = p.pause() {
		for p.occupied() {
			select {
			case <-ctx.Done():
				return
			case <-p.wake:
			}
			pause = p.pause()
		}
		if !sleep(ctx, pause) {
			return
		}
		if !p.occupied() {
			p.connect(ctx, conf)
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// connect makes one attempt.
func (p *peer) connect(ctx context.Context, conf Peer) {
	port := conf.Port
	if port == 0 {
		port = bgp.BGP_PORT
	}
	p.setDialling(true)
	defer p.setDialling(false)
	nc, err := p.dialOnce(ctx, conf, netip.AddrPortFrom(conf.Address, port))
	if ctx.Err() != nil {
		if err == nil {
			nc.Close()
		}
		return // nobody wants the connection any more
	}
	away := absent(err)
	p.mu.Lock()
	p.away = away
	p.mu.Unlock()
	if err != nil {
		err = spoken(conf, err)
		p.missed(err)
		p.mu.Lock()
		defer p.mu.Unlock()
		if !away {
			p.failures++
		}
		err = fmt.Errorf("connect: %w", err)
		p.complain("no session", err.Error(), time.Now())
		p.record(err, time.Now())
		return
	}
	c, err := p.s.newConn(nc, true)
	if err == nil {
		err = p.attach(c)
	}
	if err != nil {
		nc.Close()
	}
}

func (p *peer) dialOnce(ctx context.Context, conf Peer, remote netip.AddrPort) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialWait)
	defer cancel()
	return p.s.net.dial(ctx, conf.LocalAddress, remote, conf.protection())
}

// absent tells a peer that is not there from one that says no. It may be a
// router that boots, whose program comes after its address: the pause does not
// grow with the time that it is away.
func absent(err error) bool {
	return timedOut(err) || gone(err) || errors.Is(err, syscall.ENETUNREACH) || errors.Is(err, syscall.ECONNREFUSED)
}

func timedOut(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// spoken is the error of an attempt in our words.
func spoken(conf Peer, err error) error {
	switch {
	case !timedOut(err):
		return plain(err)
	case conf.Password.IsSet():
		return fmt.Errorf("no answer within %s: is the password the same on both sides?", dialWait)
	}
	return fmt.Errorf("no answer within %s", dialWait)
}

func (p *peer) setDialling(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dialling = on
}
