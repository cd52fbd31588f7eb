package bfd

import (
	"io"
	"net/netip"
	"sync"
	"time"
)

// Network is another way to reach neighbours than this machine's sockets, for
// rehearsals of many machines in one process.
type Network interface {
	// Receive has came called with each packet that comes for a UDP port, over
	// IPv6 or IPv4, until stop is called. came does not wait.
	Receive(port uint16, v6 bool, came func(Datagram)) (stop func(), err error)
	// Send sends a packet with TTL 255, from local or from wherever it likes
	// when that is zero.
	Send(local netip.Addr, to netip.AddrPort, payload []byte) error
}

// Datagram is a packet that has come.
type Datagram struct {
	From, To netip.Addr
	TTL      int
	Payload  []byte
}

// elsewhere makes a Network do as a network.
type elsewhere struct{ Network }

func (e elsewhere) open() (station, error) {
	return &desk{network: e.Network, bell: make(chan struct{}, 1)}, nil
}

// desk is a station without sockets.
type desk struct {
	network Network
	bell    chan struct{}
	trays   []*tray // of the one goroutine
	mu      sync.Mutex
	unread  int
}

func (d *desk) listen(multihop, v6 bool) (receiver, error) {
	t := &tray{desk: d}
	port := uint16(singleHopPort)
	if multihop {
		port = multihopPort
	}
	stop, err := d.network.Receive(port, v6, t.came)
	if err != nil {
		return nil, err
	}
	t.stop = stop
	d.trays = append(d.trays, t)
	return t, nil
}

func (d *desk) dial(k Key) (io.WriteCloser, error) {
	port := uint16(singleHopPort)
	if k.Multihop {
		port = multihopPort
	}
	return quill{d.network, k.Local, netip.AddrPortFrom(k.Remote, port)}, nil
}

func (d *desk) wait(until time.Time, hear bool) error {
	d.mu.Lock()
	some := d.unread > 0
	d.mu.Unlock()
	if hear && some {
		return nil
	}
	var alarm <-chan time.Time
	if !until.IsZero() {
		t := time.NewTimer(time.Until(until))
		defer t.Stop()
		alarm = t.C
	}
	select {
	case <-d.bell:
	case <-alarm:
	}
	return nil
}

func (d *desk) ring() {
	select {
	case d.bell <- struct{}{}:
	default:
	}
}

func (d *desk) hurry() error { return nil }

func (d *desk) Close() error {
	for _, t := range d.trays {
		t.stop()
	}
	return nil
}

// tray is a receiver: what came and was not read.
type tray struct {
	*desk
	stop    func()
	letters []Datagram
}

func (t *tray) came(d Datagram) {
	t.mu.Lock()
	t.letters = append(t.letters, d)
	t.unread++
	t.mu.Unlock()
	t.ring()
}

func (t *tray) receive(b []byte) (arrival, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.letters) == 0 {
		return arrival{}, errEmpty
	}
	d := t.letters[0]
	t.letters = t.letters[1:]
	t.unread--
	return arrival{n: copy(b, d.Payload), from: d.From, to: d.To, ttl: d.TTL}, nil
}

func (t *tray) guard([]rule) error { return nil }
func (t *tray) dropped() uint64    { return 0 }
func (t *tray) Close() error       { t.stop(); return nil }

// quill writes to one neighbour.
type quill struct {
	network Network
	local   netip.Addr
	to      netip.AddrPort
}

func (q quill) Write(b []byte) (int, error) {
	if err := q.network.Send(q.local, q.to, b); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (quill) Close() error { return nil }
