package bgp

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/osrg/gobgp/v3/pkg/packet/bgp"
)

const (
	// openWait is the large hold time of RFC 4271 §8.2.2 (OpenSent), for a
	// peer known by its address.
	openWait = 4 * time.Minute
	// rangeOpenWait is the same for a stranger out of a Range, who would
	// otherwise occupy a place for minutes by saying nothing.
	rangeOpenWait = 30 * time.Second
	// sendHold is the least time that a write may be stuck (RFC 9687 §4).
	sendHold = 8 * time.Minute
	// farewell bounds what is done for the sake of a NOTIFICATION's arrival.
	farewell = time.Second
)

// conn is one TCP connection with a peer and the session on it, if it comes to
// that. Its run method is the one reader and decides everything; others ask it
// to end.
type conn struct {
	peer    *peer
	nc      net.Conn
	conf    Peer // as it was when the connection began
	dialled bool
	local   netip.AddrPort
	remote  netip.AddrPort
	door    *door
	began   time.Time
	wait    time.Duration // for the peer's OPEN
	// settled gives back the place among the half-open connections; nil when
	// none is taken. Guarded by peer.mu.
	settled func()

	grace    grace          // in our OPEN
	terms    terms          // once the peer's OPEN was accepted
	sent     []Capability   // in our OPEN
	received []Capability   // in theirs
	dec      decoder        // once Established
	out      *writer        // from OpenConfirm on
	upSince  time.Time      // Established since; guarded by peer.mu
	state    State          // guarded by peer.mu
	lost     []Family       // kept until this session and not longer
	tellUp   bool           // an Established event went out
	writing  sync.WaitGroup // the writer goroutine

	over  chan struct{} // closed once the Down event of the session is out
	dead  chan struct{} // closed when the session is to end
	once  sync.Once
	cause error // why; written before dead is closed

	writes chan struct{} // holds one token: who has it may write
	broken bool          // a write failed: nothing more can be said
}

// end asks the session to end for the given reason. The first reason stays.
func (c *conn) end(cause error) {
	c.once.Do(func() {
		c.cause = cause
		close(c.dead)
		now := time.Now()
		c.nc.SetWriteDeadline(now.Add(farewell))
		c.nc.SetReadDeadline(now)
	})
}

func (c *conn) ending() bool {
	select {
	case <-c.dead:
		return true
	default:
		return false
	}
}

// run keeps the connection from its first byte to its last.
func (c *conn) run() {
	err := c.guarded(c.handshake)
	if err == nil {
		err = c.guarded(c.converse)
	}
	c.end(err)
	c.close()
}

// guarded is the one place that stops a panic, which only bytes from the peer
// can have caused: it becomes NOTIFICATION 3/1 and ends this session alone.
func (c *conn) guarded(step func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			c.peer.s.log.Error("decoder panic", "peer", c.remote.Addr(), "panic", r)
			err = faultf(codeUpdate, updateMalformed, nil, "the decoder could not cope with the message")
		}
	}()
	return step()
}

// handshake runs from OpenSent to Established (RFC 4271 §8.2.2).
func (c *conn) handshake() error {
	msg, caps, err := openMessage(c.conf.Settings, c.grace)
	if err != nil {
		return err
	}
	c.learn(func() { c.sent = caps })
	if err := c.write(msg, bgp.BGP_MSG_OPEN); err != nil {
		return err
	}
	body, err := c.expect(bgp.BGP_MSG_OPEN, fsmOpenSent, c.wait)
	if err != nil {
		return err
	}
	o, err := parseOpen(body)
	if err != nil {
		return err
	}
	agreed, err := negotiate(c.conf.Settings, o)
	agreed.restart.ours = c.grace.time
	c.learn(func() { c.received, c.terms = o.capabilities, agreed })
	if err != nil {
		return err
	}
	if err := c.peer.admit(c); err != nil {
		return err
	}
	c.door.longest = c.terms.longest()
	setUserTimeout(c.nc, c.terms.hold)
	if err := c.write(keepaliveMessage, bgp.BGP_MSG_KEEPALIVE); err != nil {
		return err
	}
	c.learn(func() { c.out = newWriter(c) })
	c.writing.Go(c.out.run)
	_, err = c.expect(bgp.BGP_MSG_KEEPALIVE, fsmOpenConfirm, c.terms.hold)
	return err
}

// settle says that the connection is half-open no longer; peer.mu is held.
func (c *conn) settle() {
	if c.settled != nil {
		c.settled()
		c.settled = nil
	}
}

// learn changes what the status may be reading.
func (c *conn) learn(set func()) {
	c.peer.mu.Lock()
	defer c.peer.mu.Unlock()
	set()
}

// expect waits for a message of one type; any other is an FSM error
// (RFC 6608).
func (c *conn) expect(kind byte, fsmSubcode uint8, wait time.Duration) ([]byte, error) {
	got, body, err := c.next(wait)
	switch {
	case err != nil:
		return nil, err
	case got == kind:
		return body, nil
	case got == bgp.BGP_MSG_NOTIFICATION:
		return nil, &told{parseNotification(body)}
	}
	return nil, faultf(codeFSM, fsmSubcode, []byte{got}, "message type %d came too early", got)
}

// converse is the Established state.
func (c *conn) converse() error {
	p := c.peer
	c.dec = decoder{terms: c.terms, self: c.conf.Settings, local: c.local.Addr()}
	if err := p.promote(c); err != nil {
		return err
	}
	if len(c.lost) > 0 {
		p.s.emit(Swept{Peer: c.id(), Families: c.lost, Reason: "the peer's forwarding did not go on", At: c.upSince}, c.dead)
	}
	c.tellUp = p.s.emit(Established{
		Peer: c.id(), LocalAddress: c.local.Addr(), ASN: c.terms.peerASN, RouterID: c.terms.peerID, At: c.upSince,
	}, c.dead)
	c.out.start()
	batch := Update{Peer: c.id()}
	for {
		if !c.door.ready() {
			c.flush(&batch)
		}
		kind, body, err := c.next(c.terms.hold)
		if err != nil {
			return err
		}
		switch kind {
		case bgp.BGP_MSG_UPDATE:
			err = c.take(&batch, body)
		case bgp.BGP_MSG_ROUTE_REFRESH:
			c.refresh(body)
		case bgp.BGP_MSG_NOTIFICATION:
			err = &told{parseNotification(body)}
		case bgp.BGP_MSG_OPEN:
			err = faultf(codeFSM, fsmEstablished, []byte{kind}, "an OPEN in the middle of the session")
		}
		if err != nil {
			return err
		}
	}
}

func (c *conn) id() PeerID { return PeerID{c.conf.Name, c.conf.Address} }

// take adds one UPDATE to the batch. What a batch says must not depend on the
// order of its messages, so it goes out first when this one takes back what it
// may hold.
func (c *conn) take(batch *Update, body []byte) error {
	u, err := c.dec.decode(body)
	if err != nil {
		return err
	}
	if u.malformed != "" {
		c.peer.malformed(u.malformed)
	}
	if len(batch.EndOfRIB) > 0 || len(batch.Reachable) > 0 && u.withdraws() {
		c.flush(batch)
	}
	return u.addTo(batch)
}

// flush sends the batch off and begins a new one.
func (c *conn) flush(batch *Update) {
	if len(batch.Withdrawn) > 0 || len(batch.Reachable) > 0 || len(batch.EndOfRIB) > 0 {
		c.peer.s.emit(*batch, c.dead)
		for _, f := range batch.EndOfRIB {
			if c.peer.fresh(f) {
				c.peer.s.emit(Swept{Peer: c.id(), Families: []Family{f}, Reason: "the peer has told everything anew", At: time.Now()}, c.dead)
			}
		}
		*batch = Update{Peer: c.id()}
	}
}

// next reads a message; wait is the hold timer, 0 for none. The timer bounds
// the silence of the peer, not our own slowness: what has arrived is read
// before a deadline counts.
func (c *conn) next(wait time.Duration) (byte, []byte, error) {
	if !c.door.ready() {
		var deadline time.Time
		if wait > 0 {
			deadline = time.Now().Add(wait)
		}
		c.nc.SetReadDeadline(deadline)
	}
	if c.ending() { // after the deadline was set: end sets it anew
		return 0, nil, c.cause
	}
	kind, body, err := c.door.next()
	switch {
	case err == nil:
		c.peer.rcvd.count(kind)
	case c.ending():
		err = c.cause
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = faultf(codeHold, 0, nil, "nothing heard for %s", wait)
	default:
		err = plain(err)
	}
	return kind, body, err
}

// errClosed is what io.EOF means here.
var errClosed = errors.New("the peer closed the connection")

// plain drops addresses from socket errors: everyone knows which peer it is.
func plain(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errClosed
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}
