package failurebench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hawser-lb/hawser/shared/lab"
)

const (
	// patience with a request: one SYN and no second one.
	patience = time.Second
	// echoEvery is how often a long connection is used.
	echoEvery = 250 * time.Millisecond
	// backlog is how many requests that came due while the machine was busy
	// are still sent, all at once; the rest is not made up for.
	backlog = 50
)

// client asks an address perSecond times a second, each time on a connection of
// its own, and holds others open. It is one thread in the client's namespace
// with an epoll instance: hundreds of goroutines that enter a namespace each
// would cost more than what is measured.
type client struct {
	host      *lab.Host
	to        unix.SockaddrInet4
	perSecond int
	request   []byte
	epoll     int
	port      int // the latest source port

	mu      sync.Mutex
	journal *journal
	conns   map[int]*conn // by descriptor
	short   []*conn       // requests in the order of their beginning
	long    []*conn
	open    int // long connections that are wanted
}

// conn is one connection.
type conn struct {
	fd    int
	begun time.Time
	next  time.Time // when a long one asks again; zero: an answer is awaited
	sent  bool
	ended bool
	held  bool // a long one
	got   []byte
	long  Long
}

func newClient(h *lab.Host, address netip.AddrPort, perSecond int) *client {
	return &client{
		host: h, to: unix.SockaddrInet4{Port: int(address.Port()), Addr: address.Addr().As4()}, perSecond: perSecond,
		request: fmt.Appendf(nil, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", address),
		journal: newJournal(time.Now()), conns: map[int]*conn{},
	}
}

// run asks until ctx ends.
func (c *client) run(ctx context.Context) error {
	err := c.host.Do(func() (err error) {
		if c.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
			return err
		}
		defer unix.Close(c.epoll)
		defer c.closeAll()
		return c.loop(ctx)
	})
	if err != nil {
		return fmt.Errorf("client: %w", err)
	}
	return nil
}

func (c *client) loop(ctx context.Context) error {
	every := time.Second / time.Duration(c.perSecond)
	due := time.Now()
	events := make([]unix.EpollEvent, 128)
	for ctx.Err() == nil {
		c.mu.Lock()
		now := time.Now()
		if late := now.Sub(due); late > backlog*every {
			due = now.Add(-backlog * every)
		}
		for ; !due.After(now); due = due.Add(every) {
			c.dial(time.Now(), false)
		}
		c.expire(now)
		c.keep(now)
		c.mu.Unlock()
		n, err := unix.EpollWait(c.epoll, events, 1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		c.mu.Lock()
		for _, e := range events[:max(n, 0)] {
			if conn := c.conns[int(e.Fd)]; conn != nil {
				c.ready(conn)
			}
		}
		c.mu.Unlock()
	}
	return nil
}

// dial begins a connection. What goes wrong at once is a failure like others.
func (c *client) dial(now time.Time, held bool) {
	k := &conn{begun: now, held: held, fd: -1}
	if held {
		c.long = append(c.long, k)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		c.end(k, err)
		return
	}
	k.fd = fd
	c.conns[fd] = k
	if !held {
		// A request that is over ends with a reset, so that neither end keeps
		// the port: 500 a second would use all up within a minute.
		err = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
		c.short = append(c.short, k)
	}
	if err == nil {
		err = c.bind(fd)
	}
	if err == nil {
		err = unix.Connect(fd, &c.to)
	}
	if err == nil || errors.Is(err, unix.EINPROGRESS) {
		err = unix.EpollCtl(c.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLET&0xffffffff, Fd: int32(fd)})
	}
	if err != nil {
		c.end(k, err)
	}
}

const firstPort, lastPort = 1024, 65535

// bind gives a socket the next source port. Where ports are drawn by lot, one
// that a node still holds, as it did not hear the end, comes up again within a
// second, and a request fails that has nothing to do with the event.
func (c *client) bind(fd int) (err error) {
	for range lastPort - firstPort {
		if c.port++; c.port > lastPort || c.port < firstPort {
			c.port = firstPort
		}
		if err = unix.Bind(fd, &unix.SockaddrInet4{Port: c.port}); !errors.Is(err, unix.EADDRINUSE) {
			break
		}
	}
	return err
}

// ready goes on with a connection that can be written or read.
func (c *client) ready(k *conn) {
	if !k.sent {
		failed, err := unix.GetsockoptInt(k.fd, unix.SOL_SOCKET, unix.SO_ERROR)
		if err == nil && failed != 0 {
			err = unix.Errno(failed)
		}
		if err == nil {
			_, err = unix.Write(k.fd, c.request)
		}
		if errors.Is(err, unix.EAGAIN) {
			return
		}
		if err != nil {
			c.end(k, err)
			return
		}
		k.sent = true
	}
	var buffer [1024]byte
	for {
		n, err := unix.Read(k.fd, buffer[:])
		switch {
		case errors.Is(err, unix.EAGAIN):
			return
		case err != nil:
			c.end(k, err)
			return
		case n == 0:
			c.end(k, errEnded)
			return
		}
		k.got = append(k.got, buffer[:n]...)
		node, whole, err := reply(k.got)
		switch {
		case err != nil:
			c.end(k, err)
			return
		case whole:
			c.answered(k, node)
			if k.ended {
				return
			}
		}
	}
}

var errEnded = errors.New("ended by the other side")

// reply reads an answer of the scene's web server.
func reply(text []byte) (node string, whole bool, err error) {
	head, body, found := bytes.Cut(text, []byte("\r\n\r\n"))
	if !found {
		return "", false, nil
	}
	lines := bytes.Split(head, []byte("\r\n"))
	if !bytes.HasPrefix(lines[0], []byte("HTTP/1.1 200 ")) {
		return "", false, fmt.Errorf("answer %q", lines[0])
	}
	length := -1
	for _, line := range lines[1:] {
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch {
		case bytes.EqualFold(name, []byte("X-Node")):
			node = string(value)
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(value)); err != nil {
				return "", false, err
			}
		}
	}
	if length < 0 {
		return "", false, errors.New("an answer without a length")
	}
	return node, len(body) >= length, nil
}

func (c *client) answered(k *conn, node string) {
	now := time.Now()
	if !k.held {
		c.journal.good(now, node)
		c.close(k)
		return
	}
	k.got = k.got[:0]
	k.next = now.Add(echoEvery)
	k.long.Node, k.long.Echoed = node, now
}

// end notes that a connection went wrong.
func (c *client) end(k *conn, why error) {
	if k.held {
		k.long.Lost = why.Error()
	} else {
		c.journal.bad(k.begun, why.Error())
	}
	c.close(k)
}

func (c *client) close(k *conn) {
	if k.ended {
		return
	}
	k.ended = true
	if k.fd >= 0 {
		delete(c.conns, k.fd)
		unix.Close(k.fd)
	}
}

var errPatience = fmt.Errorf("no answer within %v", patience)

// expire gives up requests that took too long.
func (c *client) expire(now time.Time) {
	for len(c.short) > 0 {
		k := c.short[0]
		if !k.ended {
			if now.Sub(k.begun) < patience {
				return
			}
			c.end(k, errPatience)
		}
		c.short = c.short[1:]
	}
}

// keep opens long connections that are wanted, and uses those there are.
func (c *client) keep(now time.Time) {
	for len(c.long) < c.open {
		c.dial(now, true)
	}
	for _, k := range c.long {
		if k.ended || k.next.IsZero() || now.Before(k.next) {
			continue
		}
		k.next = time.Time{}
		if _, err := unix.Write(k.fd, c.request); err != nil {
			c.end(k, err)
		}
	}
}

func (c *client) closeAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.conns {
		c.close(k)
	}
}

// hold lets go of all long connections and opens n new ones.
func (c *client) hold(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.long {
		c.close(k)
	}
	c.long, c.open = nil, n
}

// longs are the long connections as they are now.
func (c *client) longs() []Long {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []Long
	for _, k := range c.long {
		all = append(all, k.long)
	}
	return all
}

// anew begins a new journal. Requests that are under way are counted in it.
func (c *client) anew() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.journal = newJournal(time.Now())
}

// soFar is a copy of the journal, and whether requests begun before a moment
// are still under way.
func (c *client) soFar(before time.Time) (*journal, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.short {
		if k.begun.After(before) {
			break
		}
		if !k.ended {
			return c.journal.clone(), true
		}
	}
	return c.journal.clone(), false
}
