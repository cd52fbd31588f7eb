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
)

// DefaultSocket is where the daemon listens when nobody says otherwise.
const DefaultSocket = "/var/run/hawser/hawser.sock"

// ErrNotRunning is returned when nobody listens on the socket.
var ErrNotRunning = errors.New("hawser is not running")

// maxAnswer bounds what a client reads, for a path that is not hawser's.
const maxAnswer = 256 << 20

// Get asks the daemon behind socket. An answer that is an error comes back as
// an error.
func Get(ctx context.Context, socket string, r Request) (Snapshot, error) {
	c, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	switch {
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOTDIR):
		return Snapshot{}, fmt.Errorf("%w (nobody listens on %s): start it with hawser run, or name its socket with --socket", ErrNotRunning, socket)
	case errors.Is(err, syscall.EACCES):
		return Snapshot{}, fmt.Errorf("socket %s: no permission: only its owner, root as a rule, may ask", socket)
	case err != nil:
		return Snapshot{}, fmt.Errorf("socket %s: %w", socket, err)
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })()
	a, err := ask(c, r)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return Snapshot{}, fmt.Errorf("socket %s: %w", socket, err)
	}
	return *a.Snapshot, nil
}

// ask sends one request and reads its answer. The answer counts even when the
// request could not be written: a daemon that is full says so and hangs up.
func ask(c net.Conn, r Request) (Answer, error) {
	sent := json.NewEncoder(c).Encode(r)
	var a Answer
	err := json.NewDecoder(io.LimitReader(c, maxAnswer)).Decode(&a)
	switch {
	case err == nil && a.Error != "":
		return a, errors.New(a.Error)
	case err == nil && a.Snapshot != nil:
		return a, nil
	case err == nil:
		err = errors.New("neither a snapshot nor an error")
	case sent != nil && errors.Is(err, io.EOF):
		return a, sent
	}
	return a, fmt.Errorf("the answer is not one of hawser's: %w", err)
}
