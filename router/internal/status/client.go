package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/hawser-lb/hawser/router/internal/journal"
)

// DefaultSocket is where the daemon listens when nobody says otherwise.
const DefaultSocket = "/var/run/hawser/hawser.sock"

// ErrNotRunning is returned when nobody listens on the socket.
var ErrNotRunning = errors.New("hawser is not running")

// maxAnswer bounds what a client reads, for a path that is not hawser's.
const maxAnswer = 256 << 20

// Get asks the daemon behind socket for a snapshot. An answer that is an error
// comes back as an error. Only the types of a snapshot are looked at, not those
// of all answers: encoding/json takes milliseconds for each on a small router.
func Get(ctx context.Context, socket string, r Request) (Snapshot, error) {
	var a struct {
		failure
		Snapshot *Snapshot `json:"snapshot"`
	}
	err := With(ctx, socket, func(c net.Conn) error { return ask(c, r, &a) })
	switch {
	case err != nil:
		return Snapshot{}, err
	case a.Snapshot == nil:
		return Snapshot{}, fmt.Errorf("socket %s: %w: neither a snapshot nor an error", socket, errStranger)
	}
	return *a.Snapshot, nil
}

var errStranger = errors.New("the answer is not one of hawser's")

// Ask sends one request to the daemon behind socket. An answer that is an error
// comes back as an error.
func Ask(ctx context.Context, socket string, r Request) (Answer, error) {
	var a Answer
	err := With(ctx, socket, func(c net.Conn) error { return ask(c, r, &a) })
	return a, err
}

// Line is Ask that leaves the answer, one JSON object, as it came.
func Line(ctx context.Context, socket string, r Request) (json.RawMessage, error) {
	var line json.RawMessage
	err := With(ctx, socket, func(c net.Conn) error {
		sent := json.NewEncoder(c).Encode(r)
		if err := json.NewDecoder(io.LimitReader(c, maxAnswer)).Decode(&line); err != nil {
			return errors.Join(sent, err)
		}
		return nil
	})
	return line, err
}

// Follow calls tell with every event from now on, until ctx or the connection
// ends; begun is called when the daemon is there.
func Follow(ctx context.Context, socket string, begun func(), tell func(journal.Event) error) error {
	return With(ctx, socket, func(c net.Conn) error {
		if err := json.NewEncoder(c).Encode(Request{Get: "follow"}); err != nil {
			return err
		}
		for answers := json.NewDecoder(c); ; {
			var a Answer
			switch err := answers.Decode(&a); {
			case err != nil:
				return err
			case a.Error != "":
				return errors.New(a.Error)
			case a.Events != nil:
				begun()
			case a.Event != nil:
				if err := tell(*a.Event); err != nil {
					return err
				}
			}
		}
	})
}

// With opens the socket for talk and closes it behind it.
func With(ctx context.Context, socket string, talk func(net.Conn) error) error {
	c, err := new(net.Dialer).DialUnix(ctx, "unix", nil, &net.UnixAddr{Name: socket, Net: "unix"})
	switch {
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("%w (nobody listens on %s): start it with hawser run, or name its socket with --socket", ErrNotRunning, socket)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("socket %s: no permission: only its owner, root as a rule, may ask", socket)
	case err != nil:
		return fmt.Errorf("socket %s: %w", socket, err)
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })()
	err = talk(c)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("socket %s: %w", socket, err)
	}
	return nil
}

// failure is what every answer may be.
type failure struct {
	Error string `json:"error"`
}

func (f *failure) failed() string { return f.Error }
func (a *Answer) failed() string  { return a.Error }

// ask sends one request and reads its answer. The answer counts even when the
// request could not be written: a daemon that is full says so and hangs up.
func ask(c net.Conn, r Request, answer interface{ failed() string }) error {
	sent := json.NewEncoder(c).Encode(r)
	err := json.NewDecoder(io.LimitReader(c, maxAnswer)).Decode(answer)
	switch {
	case err == nil && answer.failed() != "":
		return errors.New(answer.failed())
	case err == nil:
		return nil
	case sent != nil && errors.Is(err, io.EOF):
		return sent
	}
	return fmt.Errorf("%w: %w", errStranger, err)
}
