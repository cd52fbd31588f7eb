package bgp

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Speaker runs BGP sessions. Make one with New, start it with Run.
type Speaker struct {
	cfg    Config
	log    *slog.Logger
	net    network
	events chan Event
	table  atomic.Pointer[table]
	done   chan struct{} // closed when Run is to end
	wg     sync.WaitGroup

	refused refusals
	goodbye *string // what to say at the end of Run, nil for what is usual; under mu

	mu      sync.Mutex
	running bool
	stopped bool
	ctx     context.Context // of Run, for diallers
	peers   map[netip.Addr]*peer
	static  map[netip.Addr]Peer
	ranges  []Range // longest prefix first
	listen  []ListenStatus

	ward      ward
	guards    []listener             // by address of Config.Listen, nil while there is none
	obstacles map[netip.Prefix]error // of peers and ranges
	began     time.Time
	drops     drops // when Run began
}

// table is the argument of one call of Announce.
type table struct {
	all    []Announcement
	sorted bool // by prefix
}

// eventBuffer lets sessions run a little ahead of the reader of events.
const eventBuffer = 64

// New returns a Speaker that has started nothing.
func New(cfg Config) *Speaker {
	s := &Speaker{
		cfg: cfg, log: cfg.Log, net: tcp{},
		events: make(chan Event, eventBuffer),
		done:   make(chan struct{}),
		peers:  make(map[netip.Addr]*peer),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if cfg.Network != nil {
		s.net = elsewhere{cfg.Network}
	}
	s.cfg.Listen = slices.Clone(cfg.Listen)
	for i, a := range cfg.Listen {
		a = netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
		s.cfg.Listen[i] = a
		s.listen = append(s.listen, ListenStatus{Address: a, Err: errNotRunning})
	}
	s.guards = make([]listener, len(cfg.Listen))
	return s
}

// Run keeps the sessions until ctx ends, then closes each as Farewell says, else
// without a word where graceful restart was negotiated and with
// Cease/Administrative Shutdown where it was not, and returns once every goroutine has ended,
// which takes two seconds at most. It returns early only for a reason that
// retrying cannot mend, such as no permission to bind. Run runs once.
//
// Events that nobody takes once ctx has ended are dropped.
func (s *Speaker) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s.wg.Add(1) // held by Run itself, so that start may add while Wait waits
	if err := s.begin(ctx); err != nil {
		return err
	}
	for i := range s.cfg.Listen {
		s.wg.Go(func() {
			if err := s.serve(ctx, i); err != nil {
				cancel(fatal{err})
			}
		})
	}
	<-ctx.Done()
	s.finish()
	s.wg.Done()
	s.wg.Wait()
	close(s.events)
	if f, ok := context.Cause(ctx).(fatal); ok {
		return f.error
	}
	return nil
}

// fatal marks an error that ends Run.
type fatal struct{ error }

func (s *Speaker) begin(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx != nil {
		return fmt.Errorf("bgp: Run was called twice")
	}
	s.ctx, s.running, s.began = ctx, true, time.Now()
	before, err := s.net.dropped()
	if err != nil {
		s.log.Info("signatures that the kernel refuses are not counted", "reason", err)
	}
	s.drops = before
	for _, p := range s.peers {
		s.redial(p)
	}
	return nil
}

// finish lets nothing new begin and ends what there is.
func (s *Speaker) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running, s.stopped = false, true
	close(s.done)
	for _, p := range s.peers {
		p.mu.Lock()
		p.wanted = false
		if s.goodbye == nil && p.up != nil && p.up.terms.restart.negotiated() {
			p.up.end(errLeaving)
		}
		n := Notification{Code: codeCease, Subcode: ceaseShutdown}
		if s.goodbye != nil {
			n.Text = *s.goodbye
		}
		for c := range p.conns {
			c.end(&fault{n: n})
		}
		p.mu.Unlock()
	}
}

// start runs f in a goroutine that Run waits for, unless Run is ending. Callers
// may hold a peer's lock, but not the speaker's.
func (s *Speaker) start(f func()) bool {
	select {
	case <-s.done:
		return false
	default:
	}
	s.wg.Go(f)
	return true
}

// emit hands an event to the reader. It gives up when dead is closed, and does
// not wait once Run is ending. It reports whether the event went out.
func (s *Speaker) emit(ev Event, dead <-chan struct{}) bool {
	select {
	case s.events <- ev:
		return true
	default:
	}
	select {
	case s.events <- ev:
		return true
	case <-dead:
	case <-s.done:
	}
	return false
}

// mention is emit for what may be lost: it never waits.
func (s *Speaker) mention(ev Event) {
	select {
	case s.events <- ev:
	default:
	}
}

// Events returns the channel of everything that happens, in order for each
// peer. One reader must keep reading it while Run runs; a slow reader slows
// the sessions down and loses nothing but Refused. It is closed when Run returns.
func (s *Speaker) Events() <-chan Event { return s.events }

// Announce says which routes to tell: all of them. The difference is sent to
// each established peer; a peer that comes up later is told everything, then
// End-of-RIB. A second call with the same routes sends nothing. Of several
// announcements of one prefix to one peer the last wins. Peers that come up
// before the first call are told nothing, not even End-of-RIB, until it comes.
//
// The attributes must not be changed afterwards.
func (s *Speaker) Announce(all []Announcement) {
	s.table.Store(newTable(all))
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.peers {
		p.mu.Lock()
		if p.up != nil && p.up.out != nil {
			p.up.out.nudge()
		}
		p.mu.Unlock()
	}
}

// Farewell has Run end every session with Cease/Administrative Shutdown and
// text (RFC 9003), so that no peer waits for this speaker to come back. It ends
// nothing by itself.
func (s *Speaker) Farewell(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.goodbye = &text
}

// Reset closes the session with the peer, telling n, and keeps it down for
// idle (RFC 4271 IdleHoldTime) before it may come back. An unknown address or
// a session that is not up is nothing to do. It does not wait.
func (s *Speaker) Reset(peer netip.Addr, n Notification, idle time.Duration) {
	s.mu.Lock()
	p := s.peers[peer]
	s.mu.Unlock()
	if p != nil {
		p.reset(n, idle)
	}
}

// newConn wraps a TCP connection; the peer is filled in by attach.
func (s *Speaker) newConn(nc net.Conn, dialled bool) (*conn, error) {
	local, err := addrPort(nc.LocalAddr())
	if err != nil {
		return nil, err
	}
	remote, err := addrPort(nc.RemoteAddr())
	if err != nil {
		return nil, err
	}
	c := &conn{
		nc: nc, dialled: dialled, local: local, remote: remote,
		door: newDoor(nc), dead: make(chan struct{}), over: make(chan struct{}), writes: make(chan struct{}, 1),
	}
	c.writes <- struct{}{}
	return c, nil
}

// addrPort is the address in its own family, never 4-in-6.
func addrPort(a net.Addr) (netip.AddrPort, error) {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("%v is no TCP address", a)
	}
	ap := tcp.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()), nil
}
