package status

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// ErrRunning is returned when the socket belongs to a live daemon.
var ErrRunning = errors.New("another hawser is running")

// longestPath is what fits into sockaddr_un (unix(7)), ".new" apart.
const longestPath = 107 - len(".new")

// listener is the open socket and the lock that makes it ours.
type listener struct {
	net.Listener
	path string
	lock *os.File
	once sync.Once
}

// listen opens the socket at path, mode 0600. A file lock beside it says whose
// it is, for as long as the process lives: what a dead daemon left is
// replaced, what a live one has is not. The socket is made with its mode and
// renamed into its place, so that nobody else reaches it for a moment.
func listen(path string) (*listener, error) {
	if len(path) > longestPath {
		return nil, fmt.Errorf("socket %s: the path is longer than %d bytes", path, longestPath)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("socket %s: %w", path, err)
	}
	lock, err := lockFile(path + ".lock")
	if err != nil {
		return nil, fmt.Errorf("socket %s: %w", path, err)
	}
	l, err := bind(path)
	if err != nil {
		lock.Close()
		return nil, fmt.Errorf("socket %s: %w", path, err)
	}
	return &listener{Listener: l, path: path, lock: lock}, nil
}

// lockFile takes the lock. The file stays when the process ends: to remove it
// would let two daemons lock two files of one name.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, ErrRunning
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return f, nil
}

func bind(path string) (net.Listener, error) {
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() != os.ModeSocket {
		return nil, errors.New("something that is no socket is there: remove it, or name another with --socket")
	}
	fresh := path + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	// A chmod afterwards would be too late for who is quick.
	mask := unix.Umask(0o177)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: fresh, Net: "unix"})
	unix.Umask(mask)
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	if err := os.Rename(fresh, path); err != nil {
		return nil, errors.Join(err, l.Close(), os.Remove(fresh))
	}
	return l, nil
}

// close ends the socket and gives the lock back, in this order. Only the
// first call does anything.
func (l *listener) close() {
	l.once.Do(func() {
		os.Remove(l.path)
		l.Close()
		l.lock.Close()
	})
}
