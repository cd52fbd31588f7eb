package wire

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// end is one end of a connection. Everything in it is under the network's lock.
type end struct {
	process       *Process
	local, remote *net.TCPAddr
	other         *end

	sent     []segment // on their way to the other end
	finished bool      // nothing more will be sent
	closed   bool      // nobody reads any more

	news  *sync.Cond
	heard []byte // and not read yet
	err   error  // once heard is empty
	until time.Time
	alarm *time.Timer
}

// segment is data, or the end of all data.
type segment struct {
	data []byte
	due  time.Time
	fin  bool
}

func newEnd(p *Process, local, remote *net.TCPAddr) *end {
	return &end{process: p, local: local, remote: remote, news: sync.NewCond(&p.host.n.mu)}
}

func (e *end) lock() func() {
	e.process.host.n.mu.Lock()
	return e.process.host.n.mu.Unlock
}

// alive reports whether the host still knows the connection.
func (e *end) alive() bool { return e.process.host.on && e.process.life == e.process.host.life }

// over reports whether nothing will come of this end any more.
func (e *end) over() bool { return e.closed && len(e.sent) == 0 }

// fail ends the reading, what was heard before included.
func (e *end) fail(why error) {
	if e.err == nil || len(e.heard) > 0 {
		e.err, e.heard = why, nil
	}
	e.news.Broadcast()
}

// breakOff is a reset that has come from somewhere.
func (e *end) breakOff() {
	e.finished, e.sent = true, nil
	e.fail(syscall.ECONNRESET)
}

// send puts a segment on its way.
func (e *end) send(s segment) {
	latency := e.process.host.latency + e.other.process.host.latency
	s.due = time.Now().Add(latency)
	e.sent = append(e.sent, s)
	time.AfterFunc(latency, e.deliver)
}

// deliver hands the other end what is due, unless it is lost.
func (e *end) deliver() {
	defer e.lock()()
	o := e.other
	for len(e.sent) > 0 && !e.sent[0].due.After(time.Now()) {
		if !e.alive() || !carries(e.process.host, o.process.host) {
			return
		}
		s := e.sent[0]
		e.sent = e.sent[1:]
		switch {
		case !o.alive() || o.closed && !s.fin:
			e.breakOff() // whoever knows of no connection says so
		case s.fin && o.err == nil:
			o.err = io.EOF
		default:
			o.heard = append(o.heard, s.data...)
		}
		o.news.Broadcast()
	}
}

// shut closes the end as a kernel does for its program: what was not read is
// an error for the other one.
func (e *end) shut() {
	if e.closed {
		return
	}
	lost := len(e.heard) > 0
	e.closed = true
	e.fail(net.ErrClosed)
	e.err = net.ErrClosed
	if e.finished {
		return
	}
	e.finished = true
	if lost {
		e.sent = nil
	}
	e.send(segment{fin: true})
}

func (e *end) Read(b []byte) (int, error) {
	defer e.lock()()
	for len(e.heard) == 0 {
		switch {
		case e.err != nil:
			return 0, e.err
		case !e.until.IsZero() && !time.Now().Before(e.until):
			return 0, os.ErrDeadlineExceeded
		}
		e.news.Wait()
	}
	n := copy(b, e.heard)
	e.heard = e.heard[n:]
	return n, nil
}

func (e *end) Write(b []byte) (int, error) {
	defer e.lock()()
	switch {
	case e.closed:
		return 0, net.ErrClosed
	case e.err == syscall.ECONNRESET:
		return 0, e.err
	case e.finished:
		return 0, syscall.EPIPE
	}
	e.send(segment{data: append([]byte(nil), b...)})
	return len(b), nil
}

func (e *end) CloseWrite() error {
	defer e.lock()()
	if !e.finished {
		e.finished = true
		e.send(segment{fin: true})
	}
	return nil
}

func (e *end) Close() error {
	defer e.lock()()
	e.shut()
	if e.alarm != nil {
		e.alarm.Stop()
	}
	e.process.host.n.prune()
	return nil
}

func (e *end) LocalAddr() net.Addr  { return e.local }
func (e *end) RemoteAddr() net.Addr { return e.remote }

func (e *end) SetReadDeadline(t time.Time) error {
	defer e.lock()()
	e.until = t
	if e.alarm != nil {
		e.alarm.Stop()
	}
	if !t.IsZero() {
		e.alarm = time.AfterFunc(time.Until(t), func() {
			defer e.lock()()
			e.news.Broadcast()
		})
	}
	e.news.Broadcast()
	return nil
}

// SetWriteDeadline has nothing to do: a write never waits.
func (e *end) SetWriteDeadline(time.Time) error { return nil }

func (e *end) SetDeadline(t time.Time) error { return e.SetReadDeadline(t) }
