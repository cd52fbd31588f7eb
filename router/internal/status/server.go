package status

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/hawser-lb/hawser/router/internal/journal"
)

// Source is where the answers come from: the daemon. It is called from several
// goroutines and must not block on a peer.
type Source interface {
	Snapshot(withRoutes bool) Snapshot
	// Routes returns a page; its Limit is not 0.
	Routes(Pick) Page
	Journal() *journal.Journal
	History() History
	// Clear ends or refreshes the sessions with a peer, all when it is zero.
	Clear(peer netip.Addr, soft bool) (Cleared, error)
}

// What a client may cost.
const (
	maxLine        = 64 << 10
	maxConnections = 16
	// maxFollowers of them may stay for the events.
	maxFollowers = 4
	idleTimeout  = 30 * time.Second
	// firstTimeout is for the first request, which whoever has a question
	// sends at once: the silent must not keep the seats of others.
	firstTimeout = 2 * time.Second
	writeTimeout = 10 * time.Second
)

// Server answers requests on a unix socket.
type Server struct {
	path    string
	source  Source
	log     *slog.Logger
	l       *listener
	follows chan struct{}
}

// NewServer returns a Server that has opened nothing yet.
func NewServer(path string, source Source, log *slog.Logger) *Server {
	return &Server{path: path, source: source, log: log, follows: make(chan struct{}, maxFollowers)}
}

// Open takes the socket: who has it is the one daemon. It fails with ErrRunning
// when another one does.
func (s *Server) Open() (err error) {
	if s.l, err = listen(s.path); err != nil {
		return fmt.Errorf("status: %w", err)
	}
	s.log.Debug("control socket open", "path", s.path)
	return nil
}

// Close gives an open socket back, unless Run has done so.
func (s *Server) Close() { s.l.close() }

// Run serves the open socket until ctx ends, which is no error, and closes it.
func (s *Server) Run(ctx context.Context) error {
	l := s.l
	stop := context.AfterFunc(ctx, l.close)
	defer stop()
	defer l.close()

	var clients sync.WaitGroup
	defer clients.Wait()
	seats := make(chan struct{}, maxConnections)
	for {
		c, err := l.Accept()
		if ctx.Err() != nil {
			if err == nil {
				c.Close()
			}
			return nil
		}
		if err != nil {
			s.log.Warn("control socket", "error", err)
			if !pause(ctx, time.Second) {
				return nil
			}
			continue
		}
		select {
		case seats <- struct{}{}:
			clients.Go(func() {
				defer func() { <-seats }()
				s.serve(ctx, c)
			})
		default:
			turnAway(c)
		}
	}
}

// pause waits, false when ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// turnAway tells a client that there are too many. The buffer of a fresh
// connection takes the line without waiting for the client to read.
func turnAway(c net.Conn) {
	defer c.Close()
	send(c, Answer{Error: fmt.Sprintf("too many connections: %d are open, try again", maxConnections)})
}

// serve answers the lines of one client until it leaves, is silent for too
// long or says something that cannot be a request.
func (s *Server) serve(ctx context.Context, c net.Conn) {
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	lines := bufio.NewScanner(c)
	lines.Buffer(nil, maxLine)
	for wait := firstTimeout; s.next(c, lines, wait); wait = idleTimeout {
		r, a, end := parse(lines.Bytes())
		if a.Error == "" && r.Get == "follow" {
			s.follow(ctx, c, lines)
			return
		}
		if a.Error == "" {
			a = s.reply(r)
		}
		if err := send(c, a); err != nil || end {
			return
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		send(c, Answer{Error: fmt.Sprintf("request longer than %d bytes", maxLine)})
	}
}

// next reads a line, which must be whole when the wait is over.
func (s *Server) next(c net.Conn, lines *bufio.Scanner, wait time.Duration) bool {
	if err := c.SetReadDeadline(time.Now().Add(wait)); err != nil {
		s.log.Debug("control socket", "error", err)
		return false
	}
	return lines.Scan()
}

// parse reads one line; end is true after nonsense, and the answer then is what
// to say to it.
func parse(line []byte) (r Request, a Answer, end bool) {
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&r); err != nil {
		return r, Answer{Error: `no request: one JSON object a line, such as {"get":"snapshot"}`}, true
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return r, Answer{Error: "more than one request in a line"}, true
	}
	if err := r.check(); err != nil {
		return r, Answer{Error: err.Error()}, false
	}
	return r, Answer{}, false
}

func unknownGet(word string) string {
	return fmt.Sprintf("get %.40q: there is snapshot, overview, routes, events, history and follow", word)
}

func send(c net.Conn, a Answer) error {
	if err := c.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	return json.NewEncoder(c).Encode(a)
}
