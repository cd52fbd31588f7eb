package controller

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hawser-lb/hawser/cluster/internal/model"
	"github.com/hawser-lb/hawser/cluster/internal/serviceproxy"
)

const (
	askFirst  = 10 * time.Millisecond // the pause after a guest has come; it doubles
	askMost   = 100 * time.Millisecond
	askAtOnce = 8
)

// usher keeps Services of externalTrafficPolicy Local waiting whose pods are new
// on the node, until the node's service proxy says that it sends traffic to
// them: both learn of a pod at the same time, and the proxy has rules to write.
// Whoever has been let in stays so while there are pods. Nobody waits for
// longer than wait, and for a proxy that was silent all that time no other
// waits, until it answers somebody.
type usher struct {
	node string
	ask  func(context.Context, netip.AddrPort) error // nil: nobody waits
	wait time.Duration
	wake func() // after somebody has been let in
	log  *slog.Logger

	mu     sync.Mutex
	guests map[model.Key]*guest
	let    []model.Key // in since last taken
	silent bool        // the proxy has not answered for all of wait
	opened time.Time   // when the first guests came, all together
	come   chan struct{}
}

// guest is a Service with something to send traffic to.
type guest struct {
	doors []door // at which it is yet to be let in; none: it is in
	since time.Time
}

// door is where the proxy says how it is with one family: the same port at each
// of these addresses, or at some of them.
type door []netip.AddrPort

func newUsher(o Options, wake func()) *usher {
	return &usher{node: o.Node, ask: o.Proxy, wait: o.ProxyWait, wake: wake, log: o.Log, guests: map[model.Key]*guest{}, come: make(chan struct{}, 1)}
}

// look takes note of a Service that is new or has changed, and of the node's own
// addresses; it is judged for the board afterwards.
func (u *usher) look(s *model.Service, own []netip.Addr, now time.Time) {
	if u.ask == nil || u.wait <= 0 {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.opened.IsZero() {
		u.opened = now
	}
	g := u.guests[s.Key]
	switch {
	case !s.Wanted || !u.leads(s):
		delete(u.guests, s.Key)
	case g == nil:
		g = &guest{doors: u.doors(s, own), since: now}
		u.guests[s.Key] = g
		if len(g.doors) > 0 {
			select {
			case u.come <- struct{}{}:
			default:
			}
		}
	case len(g.doors) > 0:
		g.doors = u.doors(s, own)
	}
}

// leave forgets a Service.
func (u *usher) leave(k model.Key) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.guests, k)
}

// only forgets all Services that are not among these.
func (u *usher) only(all []*model.Service) {
	u.mu.Lock()
	defer u.mu.Unlock()
	stay := make(map[model.Key]*guest, len(u.guests))
	for _, s := range all {
		if g := u.guests[s.Key]; g != nil {
			stay[s.Key] = g
		}
	}
	u.guests = stay
}

// leads reports whether a pod that traffic comes to by this node is there.
func (u *usher) leads(s *model.Service) bool {
	return slices.ContainsFunc(s.Endpoints, func(e model.Endpoint) bool { return e.Usable() && (!s.Local || e.Node == u.node) })
}

// doors are where the proxy must say yes. It counts pods that are ready, and no
// others.
func (u *usher) doors(s *model.Service, own []netip.Addr) []door {
	if !s.Local || s.HealthPort == 0 {
		return nil
	}
	var all []door
	for _, f := range s.Families {
		if !slices.ContainsFunc(s.Endpoints, func(e model.Endpoint) bool { return e.Ready && e.Node == u.node && e.Serves(f) }) {
			continue
		}
		var d door
		for _, a := range append(slices.Clip(own), netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()) {
			if model.FamilyOf(a) == f {
				d = append(d, netip.AddrPortFrom(a, s.HealthPort))
			}
		}
		all = append(all, d)
	}
	return all
}

// waiting reports whether the Service has yet to be let in.
func (u *usher) waiting(k model.Key) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	g := u.guests[k]
	return g != nil && len(g.doors) > 0
}

// first reports whether those who were there at the beginning are still waited
// for.
func (u *usher) first() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.ContainsFunc(u.pending(), func(a asked) bool { return a.since.Equal(u.opened) })
}

// taken are those that were let in since the last call.
func (u *usher) taken() []model.Key {
	u.mu.Lock()
	defer u.mu.Unlock()
	let := u.let
	u.let = nil
	return let
}

// run asks for those who wait, until ctx ends.
func (u *usher) run(ctx context.Context) {
	for pause := askFirst; ctx.Err() == nil; {
		var again <-chan time.Time
		if u.round(ctx) {
			again = time.After(pause)
		}
		select {
		case <-ctx.Done():
		case <-again:
			pause = min(2*pause, askMost)
		case <-u.come:
			pause = askFirst
		}
	}
}

// asked is a guest while it is asked for, and the answer.
type asked struct {
	key   model.Key
	doors []door
	since time.Time
	err   error
}

// pending are those who wait; mu is held.
func (u *usher) pending() []asked {
	var all []asked
	for k, g := range u.guests {
		if len(g.doors) > 0 {
			all = append(all, asked{key: k, doors: g.doors, since: g.since})
		}
	}
	return all
}

// round asks for everybody once, and reports whether somebody waits on.
func (u *usher) round(ctx context.Context) (more bool) {
	u.mu.Lock()
	all := u.pending()
	u.mu.Unlock()
	var g errgroup.Group
	g.SetLimit(askAtOnce)
	for i := range all {
		g.Go(func() error { all[i].err = u.at(ctx, all[i].doors); return nil })
	}
	_ = g.Wait()
	if ctx.Err() != nil {
		return false
	}
	let := u.settle(all, time.Now())
	if let > 0 {
		u.wake()
	}
	return let < len(all)
}

// at asks at each door, and answers nil when all say yes.
func (u *usher) at(ctx context.Context, doors []door) error {
	for _, d := range doors {
		var err error
		for _, a := range d {
			if err = u.ask(ctx, a); err == nil || answered(err) {
				break
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func answered(err error) bool { return errors.As(err, new(*serviceproxy.NotYet)) }

// settle lets in who may come in, and who has waited long enough.
func (u *usher) settle(all []asked, now time.Time) (let int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if slices.ContainsFunc(all, func(a asked) bool { return a.err == nil || answered(a.err) }) {
		u.silent = false
	}
	mute := u.silent
	var late []asked
	for _, a := range all {
		switch {
		case a.err == nil, mute:
		case now.Sub(a.since) < u.wait:
			continue
		default:
			late = append(late, a)
			u.silent = u.silent || !answered(a.err)
		}
		let++
		if g := u.guests[a.key]; g != nil && g.since.Equal(a.since) {
			g.doors = nil
			u.let = append(u.let, a.key)
		}
	}
	if len(late) > 0 {
		u.log.Warn("announced although the node's service proxy does not say that it sends traffic there",
			"services", len(late), "first", late[0].key.String(), "healthCheckNodePort", late[0].doors[0][0].Port(), "waited", u.wait, "reason", late[0].err)
	}
	return let
}
