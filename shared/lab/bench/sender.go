package bench

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/hawser-lb/hawser/shared/lab"
)

// Sender is one established session that writes what it is told.
type Sender struct {
	addr netip.Addr
	conn net.Conn
	mu   sync.Mutex // one writer at a time
	done chan struct{}
	err  error // why the session ended; valid after done
	stop chan struct{}
}

// dial opens a session from addr on the host to the router, trying until ctx
// ends: the router may still be starting.
func dial(ctx context.Context, host *lab.Host, addr netip.Addr, asn uint32, router netip.Addr) (*Sender, error) {
	var s *Sender
	err := lab.Until(ctx, "a session from "+addr.String(), func() (err error) {
		s, err = connect(ctx, host, addr, asn, router)
		return err
	})
	return s, err
}

func connect(ctx context.Context, host *lab.Host, addr netip.Addr, asn uint32, router netip.Addr) (*Sender, error) {
	var conn net.Conn
	err := host.Do(func() (err error) {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: addr.AsSlice()}}
		conn, err = dialer.DialContext(ctx, "tcp4", netip.AddrPortFrom(router, 179).String())
		return err
	})
	if err != nil {
		return nil, err
	}
	in := bufio.NewReaderSize(conn, maxMessage)
	if err := handshake(conn, in, asn, addr); err != nil {
		conn.Close()
		return nil, err
	}
	s := &Sender{addr: addr, conn: conn, done: make(chan struct{}), stop: make(chan struct{})}
	go s.listen(in)
	go s.keep()
	return s, nil
}

// handshake brings the session to Established.
func handshake(conn net.Conn, in *bufio.Reader, asn uint32, id netip.Addr) error {
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	if _, err := conn.Write(open(asn, id)); err != nil {
		return err
	}
	if err := expect(in, typeOpen); err != nil {
		return err
	}
	if _, err := conn.Write(keepalive()); err != nil {
		return err
	}
	if err := expect(in, typeKeepalive); err != nil {
		return err
	}
	return conn.SetDeadline(time.Time{})
}

func expect(in *bufio.Reader, want byte) error {
	typ, body, err := read(in)
	if err != nil {
		return err
	}
	if typ != want {
		return fmt.Errorf("message of type %d (%x), want type %d", typ, body, want)
	}
	return nil
}

func read(in *bufio.Reader) (typ byte, body []byte, err error) {
	var header [headerSize]byte
	if _, err := io.ReadFull(in, header[:]); err != nil {
		return 0, nil, err
	}
	size := int(binary.BigEndian.Uint16(header[16:]))
	if size < headerSize {
		return 0, nil, fmt.Errorf("message of %d bytes", size)
	}
	body = make([]byte, size-headerSize)
	_, err = io.ReadFull(in, body)
	return header[18], body, err
}

// listen reads what the router says and forgets it, until the session ends.
func (s *Sender) listen(in *bufio.Reader) {
	defer close(s.done)
	for {
		typ, body, err := read(in)
		if err == nil && typ == typeNotification {
			err = fmt.Errorf("notification %x", body)
		}
		if err != nil {
			s.err = err
			return
		}
	}
}

func (s *Sender) keep() {
	tick := time.NewTicker(holdSeconds * time.Second / 3)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			// A session that broke says so in err.
			_ = s.Write(keepalive())
		case <-s.stop:
			return
		}
	}
}

// Write sends messages that were made beforehand.
func (s *Sender) Write(messages []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.conn.Write(messages); err != nil {
		return fmt.Errorf("sender %s: %w", s.addr, err)
	}
	return nil
}

// Alive is nil while the session is up.
func (s *Sender) Alive() error {
	select {
	case <-s.done:
		return fmt.Errorf("sender %s: session ended: %w", s.addr, s.err)
	default:
		return nil
	}
}

// Die ends the TCP connection without a word of BGP, as a killed process does.
func (s *Sender) Die() {
	close(s.stop)
	s.conn.Close()
	<-s.done
}
