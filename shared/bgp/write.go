package bgp

import (
	"errors"
	"io"
	"os"
	"time"

	"github.com/osrg/gobgp/v3/pkg/packet/bgp"
)

// write sends whole messages; kinds counts them by type.
func (c *conn) write(b []byte, kinds ...byte) error {
	<-c.writes
	defer func() { c.writes <- struct{}{} }()
	if c.broken {
		return errClosed
	}
	c.nc.SetWriteDeadline(time.Now().Add(max(sendHold, 2*c.terms.hold)))
	if c.ending() { // after the deadline was set: end sets it anew
		return c.cause
	}
	return c.writeLocked(b, kinds...)
}

func (c *conn) writeLocked(b []byte, kinds ...byte) error {
	if _, err := c.nc.Write(b); err != nil {
		c.broken = true
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return faultf(codeSend, 0, nil, "the peer reads nothing")
		}
		return plain(err)
	}
	for _, kind := range kinds {
		c.peer.sent.count(kind)
	}
	return nil
}

// close says goodbye as the cause asks for, reports the end of the session and
// closes the connection. The report does not wait for the goodbye to arrive.
func (c *conn) close() {
	var f *fault
	said := errors.As(c.cause, &f) && c.say(f.n)
	c.peer.lost(c)
	if said {
		c.linger()
	}
	c.nc.Close()
	c.writing.Wait()
	c.peer.left(c)
}

// say sends a NOTIFICATION and the end of our stream.
func (c *conn) say(n Notification) bool {
	c.nc.SetWriteDeadline(time.Now().Add(farewell))
	<-c.writes
	defer func() { c.writes <- struct{}{} }()
	if c.broken {
		return false
	}
	if err := c.writeLocked(frame(bgp.BGP_MSG_NOTIFICATION, n.payload()), bgp.BGP_MSG_NOTIFICATION); err != nil {
		return false
	}
	c.broken = true // nothing may follow
	c.peer.notified(n)
	half, ok := c.nc.(interface{ CloseWrite() error })
	return ok && half.CloseWrite() == nil
}

// linger gives a NOTIFICATION the time to arrive: closing a socket with unread
// bytes resets it, and a reset may overtake the message.
func (c *conn) linger() {
	c.nc.SetReadDeadline(time.Now().Add(farewell))
	// What the peer still says is of no interest, and how it ends is none either.
	_, _ = io.Copy(io.Discard, io.LimitReader(c.nc, 1<<20))
}
