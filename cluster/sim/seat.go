package sim

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hawser-lb/hawser/cluster/internal/controller"
	"github.com/hawser-lb/hawser/cluster/internal/kube"
	"github.com/hawser-lb/hawser/cluster/internal/model"
)

// seat is one speaker's connection to the API server.
type seat struct {
	api     *API
	node    string
	changed chan struct{}
	view    *kube.View // of the worker alone
	shown   mirror     // what view was made of

	// Under api.mu.
	mirror mirror
	synced bool
	away   bool
	dead   bool
	since  int // counts the times that it was cut off
	term   context.Context
	end    context.CancelFunc
}

// mirror is what a node knows of the cluster.
type mirror struct {
	nodes    []model.Node
	services map[model.Key]entry
}

var (
	_ controller.Source     = (*seat)(nil)
	_ controller.Leadership = (*seat)(nil)
	_ controller.Writer     = (*seat)(nil)
)

// errAway is the answer of an API server that cannot be reached.
var errAway = errors.New("no route to the API server")

// errStale is the answer to a write that was decided on an old version.
var errStale = errors.New("the object has been modified")

func (a *API) sit(node string, away bool) *seat {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := &seat{api: a, node: node, changed: make(chan struct{}, 1), away: away}
	a.seats = append(a.seats, s)
	slices.SortStableFunc(a.seats, func(x, y *seat) int { return strings.Compare(x.node, y.node) })
	s.look()
	if a.leader == nil {
		a.elect(handover, nil)
	}
	return s
}

// rise is the end of the connection.
func (s *seat) rise(released bool) {
	a := s.api
	a.mu.Lock()
	defer a.mu.Unlock()
	s.dead = true
	a.seats = slices.DeleteFunc(a.seats, func(o *seat) bool { return o == s })
	if a.leader != s {
		return
	}
	s.resign()
	if released {
		a.elect(handover, nil)
	} else {
		a.elect(takeover, nil)
	}
}

// able reports whether the speaker could lead; api.mu is held, as below.
func (s *seat) able() bool { return !s.dead && !s.away && s.synced }

func (s *seat) resign() {
	s.end()
	s.term, s.api.leader = nil, nil
	s.poke()
}

func (s *seat) poke() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

func (s *seat) cutOff(away bool) {
	if s.away == away {
		return
	}
	s.away = away
	if !away {
		s.look()
		if s.api.leader == nil {
			s.api.elect(handover, nil)
		}
		return
	}
	s.since++
	if since := s.since; s.api.leader == s {
		time.AfterFunc(certain, func() {
			s.api.mu.Lock()
			defer s.api.mu.Unlock()
			if s.api.leader == s && s.away && s.since == since {
				s.resign()
				s.api.elect(takeover-certain, nil)
			}
		})
	}
}

// look has the node see what there is, a moment later.
func (s *seat) look() {
	now := mirror{s.api.nodes, maps.Clone(s.api.services)}
	version := s.api.version
	time.AfterFunc(watchTime, func() {
		s.api.mu.Lock()
		defer s.api.mu.Unlock()
		if s.away || s.dead || version != s.api.version {
			return // lost, or a newer one is under way
		}
		s.mirror, s.synced = now, true
		s.poke()
	})
}

func (s *seat) Changed() <-chan struct{} { return s.changed }

func (s *seat) Synced() bool {
	s.api.mu.Lock()
	defer s.api.mu.Unlock()
	return s.synced
}

func (s *seat) Leading() (context.Context, bool) {
	s.api.mu.Lock()
	defer s.api.mu.Unlock()
	return s.term, s.term != nil
}

// View brings the worker's view up to date, and says what that took.
func (s *seat) View() *kube.View {
	s.api.mu.Lock()
	now := s.mirror
	s.api.mu.Unlock()
	before := s.shown
	s.shown = now
	if s.view == nil || fmt.Sprint(before.nodes) != fmt.Sprint(now.nodes) {
		return s.whole(now)
	}
	v := s.view
	v.Changes = kube.Changes{}
	for k := range before.services {
		if _, stays := now.services[k]; !stays {
			v.Remove(k)
			v.Changes.Services = append(v.Changes.Services, k)
		}
	}
	for k, e := range now.services {
		if e != before.services[k] {
			v.Put(e.Service)
			v.Changes.Services = append(v.Changes.Services, k)
		}
	}
	slices.SortFunc(v.Changes.Services, compareKeys)
	return v
}

func compareKeys(a, b model.Key) int { return strings.Compare(a.Name, b.Name) }

// whole is a view made anew.
func (s *seat) whole(m mirror) *kube.View {
	snapshot := model.Snapshot{Pools: []model.Pool{s.api.pool}, Peers: []model.Peer{s.api.peer}, Nodes: slices.Clone(m.nodes)}
	for _, k := range slices.SortedFunc(maps.Keys(m.services), compareKeys) {
		snapshot.Services = append(snapshot.Services, m.services[k].Service)
	}
	s.view = kube.NewView(snapshot, kube.Config{Usable: true})
	return s.view
}

// SetAddresses writes what a Service holds, if nobody else has changed it.
func (s *seat) SetAddresses(ctx context.Context, g kube.Grant) error {
	select {
	case <-time.After(writeTime):
	case <-ctx.Done():
		return ctx.Err()
	}
	a := s.api
	a.mu.Lock()
	defer a.mu.Unlock()
	e, there := a.services[g.Service]
	switch {
	case s.away || s.dead:
		return errAway
	case !there || e.version != s.shownVersion(g.Service):
		return errStale
	}
	now := *e.Service
	now.Holds, now.HoldsFrom = g.Addresses, g.From
	a.version++
	a.services[g.Service] = entry{&now, a.version}
	for _, o := range a.seats {
		o.look()
	}
	return nil
}

// shownVersion is of the Service as the worker last saw it, who is waiting.
func (s *seat) shownVersion(k model.Key) int { return s.shown.services[k].version }

// answer is what a write of a status gets.
func (s *seat) answer() error {
	s.api.mu.Lock()
	defer s.api.mu.Unlock()
	if s.away || s.dead {
		return errAway
	}
	return nil
}

func (s *seat) SetPoolStatus(context.Context, string, *model.PoolUse, kube.Verdict) error {
	return s.answer()
}

func (s *seat) SetPeerStatus(context.Context, string, *kube.SessionCount, kube.Verdict) error {
	return s.answer()
}

func (s *seat) SetAdvertisementStatus(context.Context, string, kube.Verdict) error { return s.answer() }

func (s *seat) Sessions() (map[string][]kube.Session, uint64)  { return nil, 0 }
func (s *seat) SetStandings(map[model.Key]kube.Standing)       {}
func (s *seat) Report(kube.Report)                             {}
func (s *seat) Event(kube.Ref, kube.EventType, string, string) {}
func (s *seat) EventsDropped() uint64                          { return 0 }
