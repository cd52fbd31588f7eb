package board

import (
	"bytes"
	_ "embed"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// File is one file of the board's root, or a symbolic link when Link says where
// it leads. Parent directories make themselves.
type File struct {
	Path    string // absolute
	Mode    fs.FileMode
	Content []byte
	Link    string
}

// Host returns a File with the content of a file of this machine, executable.
func Host(to, from string) (File, error) {
	content, err := os.ReadFile(from)
	if err != nil {
		return File{}, fmt.Errorf("board: %w", err)
	}
	return File{Path: to, Mode: 0o755, Content: content}, nil
}

//go:embed init.sh
var initScript string

// base lists what every board holds: busybox, its init, the drivers.
func base(parts string) ([]File, error) {
	busybox, err := Host("/bin/busybox", filepath.Join(parts, "busybox"))
	if err != nil {
		return nil, err
	}
	files := []File{busybox, {Path: "/init", Mode: 0o755, Content: []byte(initScript)}}
	order, err := os.ReadFile(filepath.Join(parts, "modules", "order"))
	if err != nil {
		return nil, fmt.Errorf("board: %w", err)
	}
	for _, name := range strings.Fields(string(order)) {
		module, err := Host("/lib/modules/"+name, filepath.Join(parts, "modules", name))
		if err != nil {
			return nil, err
		}
		files = append(files, module)
	}
	return append(files, File{Path: "/lib/modules/order", Mode: 0o644, Content: order}), nil
}

// image writes the files as an archive that the kernel unpacks as its root:
// cpio in the "newc" form (Linux, Documentation/driver-api/early-userspace/
// buffer-format.rst).
func image(files []File) []byte {
	w := archive{made: map[string]bool{"/": true}}
	w.directory("/dev")
	w.console()
	for _, empty := range []string{"/proc", "/sys", "/tmp", "/run", "/var/run"} {
		w.directory(empty)
	}
	for _, f := range files {
		w.directory(path.Dir(f.Path))
		if f.Link != "" {
			w.node(f.Path[1:], 0o120777, []byte(f.Link))
			continue
		}
		w.node(f.Path[1:], 0o100000|uint32(f.Mode.Perm()), f.Content)
	}
	w.node("TRAILER!!!", 0, nil)
	return w.Bytes()
}

type archive struct {
	bytes.Buffer
	made   map[string]bool
	serial int
}

func (w *archive) directory(name string) {
	if w.made[name] {
		return
	}
	w.made[name] = true
	w.directory(path.Dir(name))
	w.node(name[1:], 0o040755, nil)
}

// console is the device the kernel opens for init; character device 5:1.
func (w *archive) console() { w.entry("dev/console", 0o020600, 5, 1, nil) }

func (w *archive) node(name string, mode uint32, content []byte) {
	w.entry(name, mode, 0, 0, content)
}

func (w *archive) entry(name string, mode uint32, major, minor int, content []byte) {
	w.serial++
	fmt.Fprintf(w, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
		w.serial, mode, 0, 0, 1, 0, len(content), 0, 0, major, minor, len(name)+1, 0)
	w.WriteString(name + "\x00")
	w.pad()
	w.Write(content)
	w.pad()
}

func (w *archive) pad() {
	for w.Len()%4 != 0 {
		w.WriteByte(0)
	}
}
