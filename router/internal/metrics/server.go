package metrics

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/hawser-lb/hawser/router/internal/status"
)

// Source is where the Snapshot comes from: the daemon.
type Source interface {
	Snapshot(withRoutes bool) status.Snapshot
}

// What a client may cost.
const (
	maxRequest     = 8 << 10
	maxConnections = 4
	patience       = 5 * time.Second
)

// retry is the pause before an address that cannot be had is tried again.
const retry = 5 * time.Second

// Server answers GET /metrics.
type Server struct {
	source Source
	log    *slog.Logger
	change chan struct{} // address is another one

	mu      sync.Mutex
	address netip.AddrPort
	bound   netip.AddrPort // while it listens
	err     error
}

// NewServer returns a Server that listens nowhere yet.
func NewServer(source Source, log *slog.Logger) *Server {
	return &Server{source: source, log: log, change: make(chan struct{}, 1)}
}

// Listen says where to listen from now on; the zero address is nowhere. The
// same address twice does nothing.
func (s *Server) Listen(at netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at == s.address {
		return
	}
	s.address = at
	select {
	case s.change <- struct{}{}:
	default: // one is on its way
	}
}

// Listening is where it listens, port 0 resolved; or the address that was asked
// for and why it cannot be had. Zero when it is off.
func (s *Server) Listening() (netip.AddrPort, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bound.IsValid() {
		return s.bound, nil
	}
	return s.address, s.err
}

// Run serves until ctx ends, which is no error.
func (s *Server) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		s.serve(ctx)
	}
	return nil
}

// serve is Run until the address changes, or for a while when it cannot be had.
func (s *Server) serve(ctx context.Context) {
	at, l := s.open()
	if l == nil {
		s.wait(ctx, at.IsValid())
		return
	}
	ended := make(chan error, 1)
	go func() { ended <- s.accept(l) }()
	select {
	case <-ctx.Done():
	case <-s.change:
	case err := <-ended:
		ended <- nil
		s.note(netip.AddrPort{}, err)
		s.log.Warn("metrics stopped, they start again", "address", at, "error", err)
		s.wait(ctx, true)
	}
	l.Close() // accept has nothing to save
	<-ended
	s.note(netip.AddrPort{}, nil)
}

// wait until the address changes, or for a while.
func (s *Server) wait(ctx context.Context, forAWhile bool) {
	var again <-chan time.Time
	if forAWhile {
		timer := time.NewTimer(retry)
		defer timer.Stop()
		again = timer.C
	}
	select {
	case <-ctx.Done():
	case <-s.change:
	case <-again:
	}
}

// open opens the address, if there is one. Why it cannot be had is logged when
// the reason is new.
func (s *Server) open() (netip.AddrPort, net.Listener) {
	s.mu.Lock()
	at, before := s.address, s.err
	s.mu.Unlock()
	if !at.IsValid() {
		s.note(netip.AddrPort{}, nil)
		return at, nil
	}
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(at))
	if err != nil {
		if before == nil || before.Error() != err.Error() {
			s.log.Warn("metrics address not available, it is tried again", "address", at, "error", err)
		}
		s.note(netip.AddrPort{}, err)
		return at, nil
	}
	s.note(l.Addr().(*net.TCPAddr).AddrPort(), nil)
	s.log.Info("metrics", "address", at)
	return at, l
}

func (s *Server) note(bound netip.AddrPort, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bound, s.err = bound, err
}

// accept serves connections until l is closed, which is no error, and waits for
// them.
func (s *Server) accept(l net.Listener) error {
	var all sync.WaitGroup
	defer all.Wait()
	seats := make(chan struct{}, maxConnections)
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		select {
		case seats <- struct{}{}:
			all.Go(func() {
				defer func() { <-seats }()
				if err := s.answer(conn); err != nil {
					s.log.Debug("metrics connection", "error", err)
				}
			})
		default:
			conn.Close() // a scraper comes again
		}
	}
}

// answer reads one request and closes the connection behind the answer.
func (s *Server) answer(conn net.Conn) (err error) {
	defer func() { err = errors.Join(err, conn.Close()) }()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	method, path, err := request(conn)
	switch {
	case err != nil:
		return reply(conn, "400 Bad Request", err.Error()+"\n")
	case method != "GET":
		return reply(conn, "405 Method Not Allowed", "only GET is answered\n")
	case path != "/metrics":
		return reply(conn, "404 Not Found", "metrics are at /metrics\n")
	}
	var text strings.Builder
	snapshot := s.source.Snapshot(false)
	if err := Write(&text, &snapshot); err != nil {
		return err
	}
	return reply(conn, "200 OK", text.String())
}

// request reads a request line and the headers behind it (RFC 9112 §2).
func request(r io.Reader) (method, path string, err error) {
	lines := bufio.NewReader(io.LimitReader(r, maxRequest))
	first, err := lines.ReadString('\n')
	if err != nil {
		return "", "", errors.New("no request line")
	}
	words := strings.Fields(first)
	if len(words) != 3 || !strings.HasPrefix(words[2], "HTTP/1.") {
		return "", "", errors.New("not a request of HTTP/1")
	}
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return "", "", fmt.Errorf("headers without an end, or longer than %d bytes", maxRequest)
		}
		if strings.TrimRight(line, "\r\n") == "" {
			break
		}
	}
	path, _, _ = strings.Cut(words[1], "?")
	return words[0], path, nil
}

func reply(w io.Writer, status, body string) error {
	_, err := fmt.Fprintf(w, "HTTP/1.1 %s\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", status, len(body), body)
	return err
}
