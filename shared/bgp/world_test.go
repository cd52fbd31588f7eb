package bgp

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/osrg/gobgp/v3/pkg/packet/bgp"
)

// stream is one direction of a connection in memory, with room like a socket
// buffer has.
type stream struct {
	mu           sync.Mutex
	cond         *sync.Cond
	buf          []byte
	room         int
	ended        bool // by the writer
	broken       bool // by the reader
	readBy       time.Time
	writeBy      time.Time
	wakeR, wakeW *time.Timer
}

func newStream() *stream {
	s := &stream{room: 64 << 10}
	s.cond = sync.NewCond(&s.mu)
	return s
}

func late(t time.Time) bool { return !t.IsZero() && !time.Now().Before(t) }

func (s *stream) Read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.buf) == 0 {
		switch {
		case s.broken:
			return 0, net.ErrClosed
		case s.ended:
			return 0, io.EOF
		case late(s.readBy):
			return 0, os.ErrDeadlineExceeded
		}
		s.cond.Wait()
	}
	n := copy(b, s.buf)
	s.buf = s.buf[n:]
	s.cond.Broadcast()
	return n, nil
}

func (s *stream) Write(b []byte) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n < len(b) {
		switch {
		case s.ended:
			return n, net.ErrClosed
		case s.broken:
			return n, syscall.EPIPE
		case late(s.writeBy):
			return n, os.ErrDeadlineExceeded
		case len(s.buf) < s.room:
			k := min(s.room-len(s.buf), len(b)-n)
			s.buf = append(s.buf, b[n:n+k]...)
			n += k
			s.cond.Broadcast()
		default:
			s.cond.Wait()
		}
	}
	return n, nil
}

func (s *stream) set(field *time.Time, timer **time.Timer, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*field = at
	if *timer != nil {
		(*timer).Stop()
	}
	if !at.IsZero() {
		*timer = time.AfterFunc(time.Until(at), func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.cond.Broadcast()
		})
	}
	s.cond.Broadcast()
}

func (s *stream) end(flag *bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*flag = true
	s.cond.Broadcast()
}

// pipeConn is one end.
type pipeConn struct {
	in, out       *stream
	local, remote *net.TCPAddr
}

func (c *pipeConn) Read(b []byte) (int, error)  { return c.in.Read(b) }
func (c *pipeConn) Write(b []byte) (int, error) { return c.out.Write(b) }
func (c *pipeConn) LocalAddr() net.Addr         { return c.local }
func (c *pipeConn) RemoteAddr() net.Addr        { return c.remote }
func (c *pipeConn) CloseWrite() error           { c.out.end(&c.out.ended); return nil }
func (c *pipeConn) Close() error {
	c.out.end(&c.out.ended)
	c.in.end(&c.in.broken)
	c.SetDeadline(time.Time{})
	return nil
}
func (c *pipeConn) SetReadDeadline(t time.Time) error {
	c.in.set(&c.in.readBy, &c.in.wakeR, t)
	return nil
}
func (c *pipeConn) SetWriteDeadline(t time.Time) error {
	c.out.set(&c.out.writeBy, &c.out.wakeW, t)
	return nil
}
func (c *pipeConn) SetDeadline(t time.Time) error {
	c.SetReadDeadline(t)
	return c.SetWriteDeadline(t)
}

func pipe(a, b netip.AddrPort) (x, y *pipeConn) {
	ab, ba := newStream(), newStream()
	at, bt := net.TCPAddrFromAddrPort(a), net.TCPAddrFromAddrPort(b)
	return &pipeConn{ba, ab, at, bt}, &pipeConn{ab, ba, bt, at}
}

// world is a network in memory with one speaker in it, at 10.0.0.1.
type world struct {
	accepts chan net.Conn
	// answer is asked for each connection that the speaker dials.
	answer   func(to netip.AddrPort) (net.Conn, error)
	siblings map[Family]netip.Addr
	unsigned error // why there is no TCP MD5
	drops    drops

	mu     sync.Mutex
	dialed []time.Time
}

var here = netip.MustParseAddrPort("10.0.0.1:179")

func newWorld() *world {
	return &world{
		accepts:  make(chan net.Conn, 1000),
		answer:   func(netip.AddrPort) (net.Conn, error) { return nil, syscall.ECONNREFUSED },
		siblings: map[Family]netip.Addr{IPv6: netip.MustParseAddr("2001:db8::1")},
	}
}

func (w *world) dial(_ context.Context, _ netip.Addr, to netip.AddrPort, _ protection) (net.Conn, error) {
	w.mu.Lock()
	w.dialed = append(w.dialed, time.Now())
	answer := w.answer
	w.mu.Unlock()
	return answer(to)
}

func (w *world) sibling(_ netip.Addr, f Family) (netip.Addr, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if a, ok := w.siblings[f]; ok {
		return a, nil
	}
	return netip.Addr{}, errors.New("no " + f.String() + " address on eth0 to be the next hop")
}

func (w *world) listen(context.Context, netip.AddrPort, ward) (listener, error) {
	return &worldListener{w: w, closed: make(chan struct{})}, nil
}

func (w *world) secure(net.Conn, protection) error { return nil }
func (w *world) signing() error                    { return w.unsigned }
func (w *world) dropped() (drops, error)           { return w.drops, nil }

func (l *worldListener) guard(ward) map[netip.Prefix]error { return nil }

type worldListener struct {
	w      *world
	once   sync.Once
	closed chan struct{}
}

func (l *worldListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.w.accepts:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}
func (l *worldListener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *worldListener) Addr() net.Addr { return net.TCPAddrFromAddrPort(here) }

// puppet is a peer that says exactly what the test makes it say.
type puppet struct {
	t    *testing.T
	conn net.Conn
	door *door
}

func newPuppet(t *testing.T, c net.Conn) *puppet {
	t.Cleanup(func() { c.Close() })
	return &puppet{t, c, newDoor(c)}
}

// call connects to the speaker from an address.
func (w *world) call(t *testing.T, from string) *puppet {
	theirs, ours := pipe(netip.AddrPortFrom(netip.MustParseAddr(from), 40000), here)
	w.accepts <- ours
	return newPuppet(t, theirs)
}

// pickUp lets the next connection that the speaker dials through to a puppet.
func (w *world) pickUp(t *testing.T) <-chan *puppet {
	got := make(chan *puppet, 100)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answer = func(to netip.AddrPort) (net.Conn, error) {
		ours, theirs := pipe(here, to)
		got <- newPuppet(t, theirs)
		return ours, nil
	}
	return got
}

func (p *puppet) send(kind byte, body []byte) { p.raw(frame(kind, body)) }

func (p *puppet) raw(b []byte) {
	p.t.Helper()
	if _, err := p.conn.Write(b); err != nil {
		p.t.Fatalf("puppet writes: %v", err)
	}
}

// hear is the next message: "OPEN", "KEEPALIVE", "UPDATE", a NOTIFICATION in
// words, or the reason why there is none.
func (p *puppet) hear() (string, []byte) {
	kind, body, err := p.door.next()
	if err != nil {
		return err.Error(), nil
	}
	switch kind {
	case bgp.BGP_MSG_OPEN:
		return "OPEN", body
	case bgp.BGP_MSG_UPDATE:
		return "UPDATE", body
	case bgp.BGP_MSG_KEEPALIVE:
		return "KEEPALIVE", body
	case bgp.BGP_MSG_NOTIFICATION:
		return parseNotification(body).String(), body
	case bgp.BGP_MSG_ROUTE_REFRESH:
		return "ROUTE-REFRESH", body
	}
	return "?", body
}

func (p *puppet) expect(want string) []byte {
	p.t.Helper()
	got, body := p.hear()
	if got != want {
		p.t.Fatalf("puppet hears %q, want %q", got, want)
	}
	return body
}

// skip reads until something other than the named ones comes.
func (p *puppet) skip(kinds ...string) string {
	for {
		got, _ := p.hear()
		skip := false
		for _, k := range kinds {
			skip = skip || got == k
		}
		if !skip {
			return got
		}
	}
}

// hello is the body of an OPEN.
func hello(asn uint32, hold uint16, id string, caps ...bgp.ParameterCapabilityInterface) []byte {
	m := bgp.NewBGPOpenMessage(shortAS(asn), hold, id, []bgp.OptionParameterInterface{bgp.NewOptionParameterCapability(caps)})
	b, err := m.Body.Serialize()
	if err != nil {
		panic(err)
	}
	return b
}

func modern(asn uint32) []bgp.ParameterCapabilityInterface { return offered(asn, grace{}) }

// shake goes through the handshake up to Established.
func (p *puppet) shake(asn uint32, hold uint16, id string) {
	p.t.Helper()
	p.shakeWith(asn, hold, id, modern(asn)...)
}

// shakeWith is shake with these capabilities.
func (p *puppet) shakeWith(asn uint32, hold uint16, id string, caps ...bgp.ParameterCapabilityInterface) {
	p.t.Helper()
	p.expect("OPEN")
	p.send(bgp.BGP_MSG_OPEN, hello(asn, hold, id, caps...))
	if slices.ContainsFunc(caps, func(c bgp.ParameterCapabilityInterface) bool { return c.Code() == capExtendedMessage }) {
		p.door.longest = maxExtended
	}
	p.expect("KEEPALIVE")
	p.send(bgp.BGP_MSG_KEEPALIVE, nil)
}

// inWorld runs a test in fake time with a speaker that listens and has the
// given peers.
func inWorld(t *testing.T, peers []Peer, ranges []Range, test func(t *testing.T, w *world, us *ear)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		s := New(Config{Listen: []netip.AddrPort{here}, Log: testLog(t)})
		s.net = w
		mustSet(t, s, peers, ranges)
		us := hear(t, s)
		synctest.Wait()
		test(t, w, us)
	})
}

func passive(addr string, conf Settings) Peer {
	return Peer{Settings: conf, Address: netip.MustParseAddr(addr), Passive: true}
}

// attrs concatenates raw path attributes.
func attrs(all ...[]byte) []byte {
	var out []byte
	for _, a := range all {
		out = append(out, a...)
	}
	return out
}

func attr(flags, kind byte, value ...byte) []byte {
	if len(value) > 255 {
		return append([]byte{flags | 0x10, kind, byte(len(value) >> 8), byte(len(value))}, value...)
	}
	return append([]byte{flags, kind, byte(len(value))}, value...)
}

// updateBody is an UPDATE without its header.
func updateBody(withdrawn, attributes, nlri []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(len(withdrawn)))
	b = append(b, withdrawn...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(attributes)))
	b = append(b, attributes...)
	return append(b, nlri...)
}

// fickle is a world whose addresses cannot be listened on for now.
type fickle struct {
	*world
	mu  sync.Mutex
	err error
}

func (f *fickle) set(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func (f *fickle) listen(ctx context.Context, at netip.AddrPort, w ward) (listener, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return nil, f.err
	}
	return f.world.listen(ctx, at, w)
}

func (w *world) setSiblings(s map[Family]netip.Addr) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.siblings = s
}

// unreachable is a network without the host.
func unreachable(netip.AddrPort) (net.Conn, error) { return nil, syscall.EHOSTUNREACH }

// countingLog counts its lines.
func countingLog() (*slog.Logger, func() int) {
	var n atomic.Int64
	return slog.New(slog.NewTextHandler(writerFunc(func(b []byte) (int, error) {
		n.Add(1)
		return len(b), nil
	}), nil)), func() int { return int(n.Load()) }
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }
