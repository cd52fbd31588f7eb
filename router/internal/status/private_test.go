package status

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// asNobody runs f on a thread that touches files as uid and gid 65534, without
// root's rights over them.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with us
		gid, uid := unix.Setfsgid(65534), unix.Setfsuid(65534)
		if err := errors.Join(gid, uid); err != nil {
			done <- err
			return
		}
		f()
		done <- nil
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// openWide makes a socket under an umask that takes no right away.
func openWide(t *testing.T) (dir string, l *listener) {
	t.Helper()
	dir, err := os.MkdirTemp("", "hawser-private-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	defer unix.Umask(unix.Umask(0))
	l, err = listen(filepath.Join(dir, "run", "sock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.close)
	return dir, l
}

func TestNobodyElseReachesTheSocketWhateverTheUmask(t *testing.T) {
	dir, l := openWide(t)
	for name, want := range map[string]os.FileMode{"run": os.ModeDir | 0o755, "run/sock": os.ModeSocket | 0o600, "run/sock.lock": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", name, info.Mode(), want)
		}
	}
	asNobody(t, func() {
		if c, err := net.DialTimeout("unix", l.path, time.Minute); !errors.Is(err, unix.EACCES) {
			t.Errorf("nobody connects: %v, %v", c, err)
		}
		for what, err := range map[string]error{
			"opens the lock":     func() error { _, err := os.Open(l.path + ".lock"); return err }(),
			"removes the socket": os.Remove(l.path),
			"renames it":         os.Rename(l.path, l.path+".old"),
			"puts another there": os.Symlink("/etc/passwd", l.path+".new"),
		} {
			if !errors.Is(err, unix.EACCES) {
				t.Errorf("nobody %s: %v", what, err)
			}
		}
	})
}

// A directory that others may write to is no place for a socket, but must not
// make the daemon write elsewhere either.
func TestALinkInThePlaceOfTheLockOrTheSocketIsNotFollowed(t *testing.T) {
	dir := t.TempDir()
	path, victim := filepath.Join(dir, "sock"), filepath.Join(dir, "victim")
	for _, link := range []string{path + ".lock", path, path + ".new"} {
		if err := os.Symlink(victim, link); err != nil {
			t.Fatal(err)
		}
		l, err := listen(path)
		if err == nil {
			l.close()
		}
		if (err == nil) != (link == path+".new") { // which is the daemon's own, and is replaced
			t.Errorf("with a link at %s: %v", link, err)
		}
		if _, err := os.Lstat(victim); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("through the link at %s there is a file: %v", link, err)
		}
		if err := os.Remove(link); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
}
