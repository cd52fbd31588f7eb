package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hawser-lb/hawser/router/internal/fib"
	"github.com/hawser-lb/hawser/router/internal/kernel"
	"github.com/hawser-lb/hawser/router/internal/status"
	"github.com/hawser-lb/hawser/router/internal/uciconf"
	"github.com/hawser-lb/hawser/shared/bgp"
	"github.com/hawser-lb/hawser/shared/route"
)

// fakeKernel keeps a table.
type fakeKernel struct {
	mu      sync.Mutex
	facts   kernel.Facts
	table   *fib.Have
	kind    fib.Kind
	cover   map[netip.Prefix]string
	bad     map[netip.Addr]bool // next hops that are refused
	changes []change
	deaf    error                 // of reading
	refuses map[netip.Prefix]bool // steps that fail
	broken  error                 // of Apply as a whole
	tell    func(kernel.Change)
}

type change struct {
	at   time.Time
	step fib.Step
}

func (k *fakeKernel) Facts() (kernel.Facts, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.facts, k.deaf
}

func (k *fakeKernel) Have(...uint8) (*fib.Have, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.table.Clone(), k.deaf
}

func (k *fakeKernel) Kind() fib.Kind { return k.kind }

func (k *fakeKernel) Cover([]netip.Prefix) (map[netip.Prefix]string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.cover, nil
}

// put has a plain route stand, as an earlier version would have left it.
func (k *fakeKernel) put(p netip.Prefix, hops ...netip.Addr) {
	k.table.PutRoute(at(p), fib.Route{NextHops: legs(hops...), Protocol: 73})
}

func (k *fakeKernel) Apply(steps []fib.Step) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.broken != nil {
		return k.broken
	}
	var errs []error
	for _, s := range steps {
		if k.refuses[s.Key.Prefix] {
			errs = append(errs, &fib.StepError{Step: s, Err: errors.New("no such device")})
			continue
		}
		if s.Verb == fib.AddHop && k.bad[s.NextHops[0].Addr] {
			errs = append(errs, &fib.StepError{Step: s, Err: errors.New("invalid gateway")})
			continue
		}
		if s.Members != nil {
			s.Members = slices.DeleteFunc(slices.Clone(s.Members), func(m fib.Member) bool {
				_, stands := k.table.Hops[m.ID]
				return !stands
			})
		}
		k.changes = append(k.changes, change{time.Now(), s})
		k.table.Apply([]fib.Step{s})
	}
	return errors.Join(errs...)
}

func (k *fakeKernel) Watch(ctx context.Context, tell func(kernel.Change)) error {
	k.mu.Lock()
	k.tell = tell
	k.mu.Unlock()
	<-ctx.Done()
	return nil
}

func (k *fakeKernel) Gone(netip.Addr) (gone, sure bool, err error) { return false, false, nil }

func (k *fakeKernel) Close() error { return nil }

// do changes the fake behind the daemon's back.
func (k *fakeKernel) do(f func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	f()
}

// fakeSpeaker keeps peers.
type fakeSpeaker struct {
	events chan bgp.Event
	mu     sync.Mutex
	peers  []bgp.Peer
	ranges []bgp.Range
	resets []string
	able   bool // to refresh
	state  bgp.State
}

func (s *fakeSpeaker) Run(ctx context.Context) error {
	<-ctx.Done()
	close(s.events)
	return nil
}

func (s *fakeSpeaker) SetPeers(peers []bgp.Peer, ranges []bgp.Range) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.peers, s.ranges = peers, ranges
	return nil
}

func (s *fakeSpeaker) Reset(peer netip.Addr, n bgp.Notification, idle time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resets = append(s.resets, fmt.Sprintf("%s %d/%d %v", peer, n.Code, n.Subcode, idle))
}

func (s *fakeSpeaker) Refresh(peer netip.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.able {
		s.resets = append(s.resets, peer.String()+" refresh")
	}
	return s.able
}

func (s *fakeSpeaker) Retell(peer netip.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resets = append(s.resets, peer.String()+" retell")
	return true
}

func (s *fakeSpeaker) Status() []bgp.PeerStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []bgp.PeerStatus
	for _, p := range s.peers {
		out = append(out, bgp.PeerStatus{PeerID: bgp.PeerID{Name: p.Name, Address: p.Address}, Families: []bgp.Family{bgp.IPv4}, State: s.state})
	}
	return out
}

func (s *fakeSpeaker) Farewell(string)               {}
func (s *fakeSpeaker) Announce([]bgp.Announcement)   {}
func (s *fakeSpeaker) Events() <-chan bgp.Event      { return s.events }
func (s *fakeSpeaker) Listening() []bgp.ListenStatus { return nil }
func (s *fakeSpeaker) Ranges() []bgp.RangeStatus     { return nil }
func (s *fakeSpeaker) Refused() uint64               { return 0 }
func (s *fakeSpeaker) up(peer netip.Addr) {
	s.events <- bgp.Established{Peer: bgp.PeerID{Address: peer}, ASN: 65001}
}
func (s *fakeSpeaker) down(peer netip.Addr) {
	s.events <- bgp.Down{Peer: bgp.PeerID{Address: peer}, Reason: "test"}
}
func (s *fakeSpeaker) away(peer netip.Addr) {
	s.events <- bgp.Down{Peer: bgp.PeerID{Address: peer}, Reason: "test", Kept: []bgp.Family{bgp.IPv4}}
}
func (s *fakeSpeaker) swept(peer netip.Addr) {
	s.events <- bgp.Swept{Peer: bgp.PeerID{Address: peer}, Families: []bgp.Family{bgp.IPv4}, Reason: "test"}
}
func (s *fakeSpeaker) end(peer netip.Addr) {
	s.update(bgp.Update{EndOfRIB: []bgp.Family{bgp.IPv4}}, peer)
}
func (s *fakeSpeaker) update(u bgp.Update, p netip.Addr) { u.Peer.Address = p; s.events <- u }

func (s *fakeSpeaker) tell(peer netip.Addr, prefixes ...netip.Prefix) {
	attrs := &route.Attributes{NextHop: peer}
	var u bgp.Update
	for _, p := range prefixes {
		u.Reachable = append(u.Reachable, route.Route{Prefix: p, Attributes: attrs})
	}
	s.update(u, peer)
}

func (s *fakeSpeaker) withdraw(peer netip.Addr, prefixes ...netip.Prefix) {
	s.update(bgp.Update{Withdrawn: prefixes}, peer)
}

var (
	five     = netip.MustParseAddr("192.168.1.5")
	six      = netip.MustParseAddr("192.168.1.6")
	service  = netip.MustParsePrefix("192.168.10.1/32")
	service2 = netip.MustParsePrefix("192.168.10.2/32")
)

const twoNeighbors = `
config globals
	option asn '65000'
	option restart_time '60'
config neighbor 'five'
	option address '192.168.1.5'
	option asn '65001'
	list allow '192.168.10.0/24'
	option max_prefixes '2'
config neighbor 'six'
	option address '192.168.1.6'
	option asn '65001'
	list allow '192.168.10.0/24'
`

// world is a line between fakes, in fake time.
type world struct {
	*testing.T
	k    *fakeKernel
	s    *fakeSpeaker
	d    *Daemon
	file string
	// open is asked before the kernel is opened anew.
	open func(kernel.Config) error
}

// within runs a story in a bubble of fake time.
func within(t *testing.T, config string, story func(w *world)) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "hawser")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, file: file, k: &fakeKernel{table: fib.NewHave(), kind: fib.ResilientGroups, refuses: map[netip.Prefix]bool{}, bad: map[netip.Addr]bool{}}}
		w.s = &fakeSpeaker{events: make(chan bgp.Event)}
		w.k.facts = kernel.Facts{
			Links:     []kernel.Link{{Index: 3, Name: "br-lan", Up: true, Carrier: true}},
			Addresses: []kernel.Address{{Link: 3, Own: netip.MustParseAddr("192.168.1.1"), Subnet: netip.MustParsePrefix("192.168.1.0/24")}},
		}
		cfg, problems := uciconf.Load(file)
		if err := problems.Err(); err != nil {
			t.Fatal(err)
		}
		w.d = newDaemon(Options{ConfigFile: file, Log: slog.New(slog.DiscardHandler), Level: new(slog.LevelVar)}, parts{
			speaker: func(bgp.Config) Speaker { return w.s },
			kernel:  func(c kernel.Config) (Kernel, error) { return w.k, w.open(c) },
		})
		ctx, cancel := context.WithCancel(t.Context())
		group, ctx := errgroup.WithContext(ctx)
		l := newLine(w.d, w.k, cfg, problems)
		l.group = group
		group.Go(func() error { return l.hands.run(ctx) })
		group.Go(func() error { defer w.d.stop(); return l.run(ctx) })
		synctest.Wait()
		story(w)
		cancel()
		if err := group.Wait(); err != nil {
			t.Error(err)
		}
	})
}

// table waits until nothing moves and returns what the kernel holds.
func (w *world) table() string {
	synctest.Wait()
	w.k.mu.Lock()
	defer w.k.mu.Unlock()
	t := w.k.table.Table()
	for k := range t {
		if k.Metric == guardMetric {
			delete(t, k)
		}
	}
	return t.String()
}

func (w *world) expect(what, table string) {
	w.Helper()
	if got := w.table(); got != table {
		w.Errorf("%s:\n%swant:\n%s", what, got, table)
	}
}

func (w *world) status() status.Snapshot { return w.d.Snapshot(true) }

func via(prefix netip.Prefix, hops ...netip.Addr) string {
	words := make([]string, len(hops))
	for i, h := range hops {
		words[i] = fmt.Sprintf("via %s link 3", h)
	}
	return fmt.Sprintf("%s metric 20 %s\n", prefix, strings.Join(words, ", "))
}

func legs(hops ...netip.Addr) []fib.NextHop {
	var out []fib.NextHop
	for _, h := range hops {
		out = append(out, fib.NextHop{Addr: h, Link: 3, Weight: 1})
	}
	return out
}

func at(p netip.Prefix) fib.Key { return fib.Key{Prefix: p, Metric: 20, Table: 254} }

func TestAFlappingPeerCostsTenChangesASecondAtMost(t *testing.T) {
	within(t, twoNeighbors, func(w *world) {
		w.s.up(five)
		w.s.up(six)
		w.s.tell(six, service2)
		began := time.Now()
		for range 500 {
			w.s.tell(five, service)
			synctest.Wait()
			time.Sleep(5 * time.Millisecond)
			w.s.withdraw(five, service)
			synctest.Wait()
			time.Sleep(5 * time.Millisecond)
		}
		w.s.tell(five, service)
		time.Sleep(time.Second)
		w.expect("in the end", via(service, five)+via(service2, six))
		var flaps []time.Time
		for _, c := range w.k.changes {
			if c.step.Key.Prefix == service {
				flaps = append(flaps, c.at)
			}
		}
		if !flaps[0].Equal(began) {
			t.Errorf("the first change came %v late", flaps[0].Sub(began))
		}
		if len(flaps) < 20 {
			t.Errorf("%d changes in 5 s", len(flaps))
		}
		for i := 10; i < len(flaps); i++ {
			if gap := flaps[i].Sub(flaps[i-10]); gap < time.Second {
				t.Fatalf("eleven changes within %v", gap)
			}
		}
	})
}

func TestTheAuditRepairsWhatNobodyTold(t *testing.T) {
	within(t, twoNeighbors, func(w *world) {
		w.s.up(five)
		w.s.tell(five, service)
		w.expect("at first", via(service, five))
		w.k.do(func() {
			w.k.table.DropRoute(at(service))
			w.k.put(service2, six)
		})
		time.Sleep(61 * time.Second)
		w.expect("after the audit", via(service, five))
		w.k.changes = nil
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if len(w.k.changes) != 0 {
			t.Errorf("further audits do something: %v", w.k.changes)
		}
	})
}

func TestWhatOthersDidIsRepairedWithinASecond(t *testing.T) {
	within(t, twoNeighbors, func(w *world) {
		w.s.up(five)
		w.s.tell(five, service)
		w.table()
		for range 5 {
			w.k.do(func() { w.k.table.DropRoute(at(service)) })
			w.k.tell(kernel.RoutesChanged)
			time.Sleep(time.Second)
			w.expect("a second later", via(service, five))
		}
	})
}

func TestNoWriteBeforeTheFirstRead(t *testing.T) {
	within(t, twoNeighbors, func(w *world) {
		w.k.do(func() {
			w.k.deaf = errors.New("no buffer space")
			w.k.put(service2, six)
		})
		w.restart()
		w.s.up(five)
		w.s.tell(five, service)
		time.Sleep(10 * time.Second)
		w.expect("before", via(service2, six))
		if got := w.status().Kernel; got.Errors == 0 || got.LastError != "no buffer space" ||
			got.Waiting != "waiting for the first read of the kernel's routes" {
			t.Errorf("status: %+v", got)
		}
		w.k.do(func() { w.k.deaf = nil })
		time.Sleep(10 * time.Second)
		w.expect("once it can be read", via(service, five)+via(service2, six))
	})
}

func TestAnAdoptedRouteWaitsForEveryConfiguredPeer(t *testing.T) {
	story := func(last func(w *world)) func(w *world) {
		return func(w *world) {
			w.k.do(func() {
				w.k.put(service, five, six)
				w.k.put(service2, five)
			})
			// A restart of the daemon is a new line over the same kernel.
			w.restart()
			w.expect("nobody spoke", via(service, five, six)+via(service2, five))
			w.s.up(five)
			w.s.tell(five, service)
			w.s.end(five)
			w.expect("one spoke", via(service, five, six)+via(service2, five))
			if got := w.status().Kernel.Waiting; !strings.HasPrefix(got, "waiting for End-of-RIB from 192.168.1.6, until ") {
				t.Errorf("waiting: %q", got)
			}
			last(w)
			w.expect("the gate is open", via(service, five))
			if got := w.status().Kernel.Waiting; got != "" {
				t.Errorf("waiting: %q", got)
			}
		}
	}
	within(t, twoNeighbors, story(func(w *world) {
		w.s.up(six)
		w.s.end(six)
	}))
	within(t, twoNeighbors, story(func(w *world) { time.Sleep(61 * time.Second) }))
	within(t, twoNeighbors, story(func(w *world) {
		w.s.up(six)
		w.s.tell(six, service)
		w.s.down(six)
	}))
}

func TestAnAdoptedRouteThatNoSectionAllowsIsNotWaitedFor(t *testing.T) {
	within(t, twoNeighbors, func(w *world) {
		foreign := netip.MustParsePrefix("192.168.77.1/32")
		w.k.do(func() {
			w.k.put(service, five)
			w.k.put(foreign, five)
		})
		w.restart()
		w.expect("before anybody spoke", via(service, five))
		w.configure(strings.ReplaceAll(twoNeighbors, "192.168.10.0/24", "192.168.77.0/24"))
		time.Sleep(time.Second)
		w.expect("once it is allowed no more", "")
	})
}

// restart has the line read the kernel as at a start.
func (w *world) restart() {
	w.Helper()
	done := make(chan bool)
	w.d.asks <- func(l *line) {
		l.table = newTable()
		l.table.rereadAt = time.Now()
		close(done)
	}
	<-done
	synctest.Wait()
}

func TestAFailedStepIsShownAndTriedAgain(t *testing.T) {
	within(t, twoNeighbors, func(w *world) {
		w.k.do(func() { w.k.refuses[service] = true })
		w.s.up(five)
		w.s.tell(five, service, service2)
		w.expect("the others go on", via(service2, five))
		s := w.status()
		if s.Routes[0].Error != "no such device" || s.Kernel.LastError != "fib: route 192.168.10.1/32: no such device" || s.Kernel.Errors != 1 {
			t.Errorf("status: %+v %+v", s.Routes[0], s.Kernel)
		}
		w.k.do(func() { clear(w.k.refuses) })
		time.Sleep(2 * time.Second)
		w.expect("later", via(service, five)+via(service2, five))
		if s := w.status(); s.Routes[0].Error != "" {
			t.Errorf("still: %s", s.Routes[0].Error)
		}
		w.k.do(func() { w.k.refuses[service] = true; w.k.table.DropRoute(at(service)) })
		w.k.tell(kernel.RoutesChanged)
		time.Sleep(time.Second)
		w.s.withdraw(five, service)
		w.s.tell(six, service) // six is not up
		w.table()
		if s := w.status(); len(s.Routes) != 1 {
			t.Errorf("an error without a route: %+v", s.Routes)
		}
	})
}

func TestAnErrorGoesWithTheWishForTheChange(t *testing.T) {
	within(t, twoNeighbors, func(w *world) {
		w.s.up(five)
		w.s.tell(five, service)
		w.expect("at first", via(service, five))
		w.k.do(func() { w.k.bad[six] = true })
		w.s.up(six)
		w.s.tell(six, service)
		w.expect("refused", via(service, five))
		if s := w.status(); s.Routes[0].Error == "" {
			t.Error("the refusal is not shown")
		}
		w.s.withdraw(six, service)
		w.expect("as before", via(service, five))
		if s := w.status(); s.Routes[0].Error != "" {
			t.Errorf("nothing is wanted any more, but the error stays: %s", s.Routes[0].Error)
		}
	})
}

func TestABrokenConversationIsFollowedByAReading(t *testing.T) {
	within(t, twoNeighbors, func(w *world) {
		w.k.do(func() { w.k.broken = errors.New("no buffer space") })
		w.s.up(five)
		w.s.tell(five, service)
		w.expect("nothing", "")
		w.k.do(func() { w.k.broken = nil })
		time.Sleep(2 * time.Second)
		w.expect("later", via(service, five))
	})
}

func TestALinkThatIsDownTakesItsRoutesAlong(t *testing.T) {
	within(t, twoNeighbors, func(w *world) {
		w.s.up(five)
		w.s.tell(five, service)
		w.expect("at first", via(service, five))
		w.k.do(func() {
			w.k.facts.Links = []kernel.Link{{Index: 3, Name: "br-lan"}}
			w.k.table = fib.NewHave()
		})
		w.k.tell(kernel.LinksChanged)
		time.Sleep(time.Second)
		w.expect("down", "")
		if p := w.status().Routes[0].Paths[0]; p.Reason != "nextHopUnreachable" {
			t.Errorf("%+v", p)
		}
		w.k.do(func() { w.k.facts.Links = []kernel.Link{{Index: 3, Name: "br-lan", Up: true}} })
		w.k.tell(kernel.LinksChanged)
		time.Sleep(time.Second)
		w.expect("up", via(service, five))
	})
}

func TestForgottenRoutesAreAskedForAgain(t *testing.T) {
	for _, c := range []struct {
		able bool
		want []string
	}{
		{true, []string{"192.168.1.5 refresh"}},
		{false, []string{"192.168.1.5 6/6 0s"}},
	} {
		forgotten := func(w *world) {
			w.s.able = c.able
			w.s.up(five)
			w.s.tell(five, netip.MustParsePrefix("10.0.0.1/32"), netip.MustParsePrefix("10.0.0.2/32"), netip.MustParsePrefix("10.0.0.3/32"))
			w.table()
			if len(w.s.resets) != 0 {
				t.Fatalf("resets: %v", w.s.resets)
			}
		}
		within(t, twoNeighbors, func(w *world) {
			forgotten(w)
			w.configure(strings.Replace(twoNeighbors, "192.168.10.0/24", "10.0.0.0/8", 1))
			if !slices.Equal(w.s.resets, c.want) {
				t.Errorf("after a new policy: %v", w.s.resets)
			}
		})
		within(t, twoNeighbors, func(w *world) {
			forgotten(w)
			w.k.do(func() { w.k.facts.Links = []kernel.Link{{Index: 3, Name: "br-lan"}} })
			w.k.tell(kernel.LinksChanged)
			time.Sleep(time.Second)
			synctest.Wait()
			if !slices.Equal(w.s.resets, c.want) {
				t.Errorf("after a link changed: %v", w.s.resets)
			}
		})
	}
}

func TestTooManyPrefixesCloseTheSessionOnce(t *testing.T) {
	within(t, twoNeighbors, func(w *world) {
		w.s.up(five)
		for i := range 10 {
			w.s.tell(five, netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 168, 10, byte(i)}), 32))
		}
		w.table()
		if !slices.Equal(w.s.resets, []string{"192.168.1.5 6/1 1m0s"}) {
			t.Errorf("resets: %v", w.s.resets)
		}
		w.s.down(five)
		w.expect("after the session", "")
	})
}

func (w *world) configure(text string) {
	w.Helper()
	if err := os.WriteFile(w.file, []byte(text), 0o600); err != nil {
		w.Fatal(err)
	}
	w.d.Reload()
	synctest.Wait()
}

func TestTheNewestTableIsTheOneThatCounts(t *testing.T) {
	within(t, twoNeighbors, func(w *world) {
		w.s.up(five)
		w.s.tell(five, service)
		w.expect("at first", via(service, five))
		var opened []uint32
		ready := make(chan bool, 3)
		w.open = func(c kernel.Config) error {
			opened = append(opened, c.Table)
			if !<-ready {
				return errors.New("too many open files")
			}
			return nil
		}
		w.configure(strings.Replace(twoNeighbors, "option asn", "option table '100'\n\toption asn", 1))
		w.configure(twoNeighbors) // while the other is being opened
		ready <- true
		synctest.Wait()
		ready <- false
		synctest.Wait()
		time.Sleep(5 * time.Second)
		ready <- true
		w.expect("in the end", via(service, five))
		if !slices.Equal(opened, []uint32{100, 254, 254}) {
			t.Errorf("tables opened: %v", opened)
		}
	})
}

func TestTheSameConfigurationTwiceDoesNothing(t *testing.T) {
	within(t, twoNeighbors, func(w *world) {
		w.s.up(five)
		w.s.tell(five, service)
		w.table()
		w.k.changes = nil
		peers := fmt.Sprint(w.s.peers)
		w.configure(twoNeighbors)
		time.Sleep(time.Second)
		synctest.Wait()
		if len(w.k.changes) != 0 || len(w.s.resets) != 0 || fmt.Sprint(w.s.peers) != peers {
			t.Errorf("changes %v, resets %v", w.k.changes, w.s.resets)
		}
	})
}

func TestWritingDownTheRouterIdentifierInUseChangesNothing(t *testing.T) {
	within(t, twoNeighbors, func(w *world) {
		w.s.up(five)
		w.s.tell(five, service)
		w.expect("at first", via(service, five))
		written := strings.Replace(twoNeighbors, "option asn", "option router_id '192.168.1.1'\n\toption asn", 1)
		for _, text := range []string{written, twoNeighbors} {
			w.configure(text)
			if why := w.status().Kernel.Waiting; why != "" {
				t.Errorf("no session was reset, but: %s", why)
			}
		}
		w.s.withdraw(five, service)
		w.expect("withdrawn", "")
	})
}

func TestTheRouterIdentifierIsTheLANsLowestAddress(t *testing.T) {
	f := kernel.Facts{
		Links: []kernel.Link{{Index: 1, Name: "lo", Loopback: true}, {Index: 2, Name: "eth0"}, {Index: 3, Name: "br-lan"}},
		Addresses: []kernel.Address{
			{Link: 2, Own: netip.MustParseAddr("10.0.0.1")},
			{Link: 1, Own: netip.MustParseAddr("127.0.0.1")},
			{Link: 3, Own: netip.MustParseAddr("192.168.1.1")},
			{Link: 3, Own: netip.MustParseAddr("192.168.2.1")},
			{Link: 3, Own: netip.MustParseAddr("2001:db8::1")},
		},
	}
	none := netip.Addr{}
	for _, c := range []struct {
		name              string
		configured, inUse netip.Addr
		facts             kernel.Facts
		want              string
	}{
		{"the LAN's", none, none, f, "192.168.1.1"},
		{"the lowest when there is no LAN", none, none, kernel.Facts{Links: f.Links[:2], Addresses: f.Addresses}, "10.0.0.1"},
		{"the one in use stays", none, six, f, "192.168.1.6"},
		{"the configured one wins", five, six, f, "192.168.1.5"},
		{"none yet", none, none, kernel.Facts{}, "invalid IP"},
	} {
		if got := chooseRouterID(uciconf.Globals{RouterID: c.configured}, c.inUse, c.facts); got.String() != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestANextHopThatIsKnownToBeDeadGoesAtOnceAndFromEverywhere(t *testing.T) {
	within(t, twoNeighbors, func(w *world) {
		w.s.up(five)
		w.s.up(six)
		w.s.tell(five, service, service2)
		w.s.tell(six, service, service2)
		w.expect("at first", via(service, five, six)+via(service2, five, six))
		w.k.do(func() { w.k.changes = nil })
		ask := func(f func(*line)) {
			done := make(chan struct{})
			w.d.asks <- func(l *line) { f(l); close(done) }
			<-done
		}
		ask(func(l *line) { l.nextHopDead(five) })
		w.expect("without the dead one", via(service, six)+via(service2, six))
		if len(w.k.changes) != 1 || w.k.changes[0].step.Verb != fib.DeleteHop {
			t.Errorf("changes: %v", w.k.changes)
		}
		w.s.tell(five, service) // what it still says changes nothing
		w.expect("while it is dead", via(service, six)+via(service2, six))
		ask(func(l *line) { l.nextHopAlive(five) })
		w.expect("when it answers again", via(service, five, six)+via(service2, five, six))
	})
}

func TestANextHopThatTheKernelRefusesIsLeftOutAndNamed(t *testing.T) {
	within(t, twoNeighbors, func(w *world) {
		w.k.do(func() { w.k.bad[five] = true })
		w.s.up(five)
		w.s.up(six)
		w.s.tell(five, service)
		w.s.tell(six, service)
		time.Sleep(time.Second)
		w.expect("the other goes in", via(service, six))
		if got, want := w.status().Routes[0].Error, "next hop 192.168.1.5 refused by the kernel: invalid gateway"; got != want {
			t.Errorf("error %q, want %q", got, want)
		}
		w.k.do(func() { clear(w.k.bad) })
		time.Sleep(time.Minute)
		w.expect("later", via(service, five, six))
		if got := w.status().Routes[0].Error; got != "" {
			t.Errorf("the error stays: %q", got)
		}
	})
}

func TestGuardsStandForEachAllowedPrefixThatLeadsNowhereElse(t *testing.T) {
	config := strings.Replace(twoNeighbors, "list allow '192.168.10.0/24'", "list allow '192.168.10.0/24'\n\tlist allow '192.168.1.128/25'\n\tlist allow '10.9.0.0/16'", 1)
	within(t, config, func(w *world) {
		guards := func() string { return fmt.Sprint(w.status().Kernel.Guards) }
		w.table()
		if got := guards(); got != "[10.9.0.0/16 192.168.10.0/24]" {
			t.Errorf("guards: %s", got)
		}
		w.k.do(func() {
			w.k.cover = map[netip.Prefix]string{netip.MustParsePrefix("10.9.0.0/16"): "route 10.0.0.0/8, protocol static"}
		})
		w.k.tell(kernel.RoutesChanged)
		time.Sleep(time.Second)
		w.table()
		if got := guards(); got != "[192.168.10.0/24]" {
			t.Errorf("with a route of another program: %s", got)
		}
		if err := os.WriteFile(w.file, []byte(config+"\toption guard '0'\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		w.d.Reload()
		time.Sleep(time.Second)
		w.s.up(five)
		w.s.tell(five, service)
		w.expect("a guard is no route", via(service, five))
		if s := w.status(); len(s.Routes) != 1 || s.Kernel.Routes != 1 {
			t.Errorf("%+v", s.Routes)
		}
	})
}

func TestASpeakerThatIsReplacedIsNoChangeOfTheKernel(t *testing.T) {
	within(t, twoNeighbors, func(w *world) {
		w.s.up(five)
		w.s.up(six)
		w.s.tell(five, service)
		w.s.tell(six, service)
		w.s.end(five)
		w.s.end(six)
		w.table()
		before := len(w.k.changes)
		w.s.away(five)
		time.Sleep(30 * time.Second)
		w.expect("while it is away", via(service, five, six))
		for _, n := range w.status().Neighbors {
			if want := map[netip.Addr]int{five: 1}[n.Address]; n.Stale != want {
				t.Errorf("%s: %d stale", n.Address, n.Stale)
			}
		}
		w.s.up(five)
		w.s.tell(five, service)
		w.s.end(five)
		w.s.swept(five)
		w.expect("when it is back", via(service, five, six))
		if n := len(w.k.changes) - before; n != 0 {
			t.Errorf("%d changes of the kernel", n)
		}
		w.s.away(five)
		w.s.swept(five)
		w.expect("when it does not come back", via(service, six))
	})
}

func TestTheStatusSaysHowNextHopsStandAndWhyNotBetter(t *testing.T) {
	for _, c := range []struct {
		kind      fib.Kind
		resilient string
		words     string
	}{
		{fib.ResilientGroups, "1", "resilient groups"},
		{fib.ResilientGroups, "0", "nexthop groups: option resilient is 0"},
		{fib.HashGroups, "1", "nexthop groups: this kernel has no resilient ones (Linux 5.13)"},
		{fib.Multipath, "1", "multipath: this kernel has no next-hop objects (Linux 5.3)"},
	} {
		config := strings.Replace(twoNeighbors, "option restart_time '60'", "option resilient '"+c.resilient+"'", 1)
		within(t, config, func(w *world) {
			w.k.do(func() { w.k.kind = c.kind })
			w.s.up(five)
			w.s.up(six)
			w.s.tell(five, service)
			w.s.tell(six, service)
			w.expect(c.words, via(service, five, six))
			if got := w.status().NextHops; got != c.words {
				t.Errorf("%q, want %q", got, c.words)
			}
			wanted := c.kind != fib.Multipath
			if objects := len(w.k.table.Hops) > 0; objects != wanted {
				t.Errorf("%s: %d next-hop objects", c.words, len(w.k.table.Hops))
			}
		})
	}
}
