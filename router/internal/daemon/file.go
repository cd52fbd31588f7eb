package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// retryWatch is the pause before a directory that cannot be watched is tried
// again.
const retryWatch = 5 * time.Second

// watchFile calls changed whenever path was written or replaced, and once as a
// watch begins, for what happened before it. It watches the directory, since
// `uci commit` puts a new file in place of the old one. A directory that cannot
// be watched is no reason to end: SIGHUP is left.
func watchFile(ctx context.Context, path string, log *slog.Logger, changed func()) error {
	said := ""
	for ctx.Err() == nil {
		err := watchOnce(ctx, path, changed)
		if ctx.Err() != nil {
			return nil
		}
		if text := fmt.Sprint(err); text != said {
			log.Warn("configuration is not watched: reload with SIGHUP", "file", path, "error", err)
			said = text
		}
		if !pause(ctx, retryWatch) {
			return nil
		}
	}
	return nil
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

// errDirectoryGone ends a watch; the directory may come back.
var errDirectoryGone = errors.New("the directory was removed")

func watchOnce(ctx context.Context, path string, changed func()) error {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return os.NewSyscallError("inotify_init", err)
	}
	// The runtime's poller lets Close end a Read.
	f := os.NewFile(uintptr(fd), "inotify")
	defer f.Close()
	defer context.AfterFunc(ctx, func() { f.Close() })()
	dir, name := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	if _, err := unix.InotifyAddWatch(fd, dir, unix.IN_CLOSE_WRITE|unix.IN_MOVED_TO|unix.IN_ONLYDIR); err != nil {
		return os.NewSyscallError("inotify_add_watch", err)
	}
	changed()
	buf := make([]byte, 16*(unix.SizeofInotifyEvent+unix.NAME_MAX+1))
	for {
		n, err := f.Read(buf)
		if err != nil {
			return err
		}
		hit, err := concerns(buf[:n], name)
		if err != nil {
			return err
		}
		if hit {
			changed()
		}
	}
}

// concerns reports whether one of the inotify events in b is about name, or
// says that events were lost.
func concerns(b []byte, name string) (hit bool, err error) {
	for len(b) >= unix.SizeofInotifyEvent {
		e := (*unix.InotifyEvent)(unsafe.Pointer(&b[0]))
		end := unix.SizeofInotifyEvent + int(e.Len)
		if end > len(b) {
			break
		}
		switch {
		case e.Mask&unix.IN_IGNORED != 0:
			return hit, errDirectoryGone
		case e.Mask&unix.IN_Q_OVERFLOW != 0:
			hit = true
		default:
			hit = hit || unix.ByteSliceToString(b[unix.SizeofInotifyEvent:end]) == name
		}
		b = b[end:]
	}
	return hit, nil
}
