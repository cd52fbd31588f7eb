package packer

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// device is a router's root, and what opkg remembers of one package in it.
type device struct {
	t    *testing.T
	root string
	// installed are the package's files, conf its conffiles as they came.
	installed []string
	conf      map[string]string
}

func (d *device) check(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *device) at(path string) string { return filepath.Join(d.root, path) }

func (d *device) read(path string) string {
	text, err := os.ReadFile(d.at(path))
	if err != nil {
		return ""
	}
	return string(text)
}

// install does what opkg does with a package (opkg-lede, libopkg): a conffile
// that was changed stays, and the new one is put beside it.
func (d *device) install(raw []byte) {
	d.t.Helper()
	p := readIPK(d.t, raw)
	conf := map[string]string{}
	for _, path := range strings.Fields(string(p.control["conffiles"])) {
		conf[path] = string(p.content[path])
	}
	before := d.installed
	d.installed = nil
	for _, h := range p.data {
		path := h.Name[1:]
		to := d.at(path)
		if h.Typeflag == '5' {
			d.check(os.MkdirAll(to, h.FileInfo().Mode().Perm()))
			continue
		}
		d.installed = append(d.installed, path)
		if old, changed := d.read(path), d.read(path) != d.conf[path]; conf[path] != "" && old != "" && changed {
			to += "-opkg"
		}
		if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
			d.t.Fatal(err)
		}
		if h.Linkname != "" {
			d.check(os.Symlink(h.Linkname, to))
			continue
		}
		d.check(os.WriteFile(to, p.content[path], h.FileInfo().Mode().Perm()))
	}
	for _, path := range before {
		if !slices.Contains(d.installed, path) {
			d.check(os.Remove(d.at(path)))
		}
	}
	d.conf = conf
}

// remove takes the package away; a conffile that was changed stays.
func (d *device) remove() {
	d.t.Helper()
	for _, path := range d.installed {
		if was, ok := d.conf[path]; ok && d.read(path) != was {
			continue
		}
		d.check(os.Remove(d.at(path)))
	}
	d.installed = nil
}

// files are all that is in the root.
func (d *device) files() []string {
	d.t.Helper()
	var all []string
	d.check(filepath.WalkDir(d.root, func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			all = append(all, strings.TrimPrefix(name, d.root))
		}
		return err
	}))
	return all
}

func TestAnUpgradeKeepsTheConfigurationAndARemovalLeavesNothingElse(t *testing.T) {
	d := &device{t: t, root: t.TempDir()}
	first, _, _ := both(t, packed(t, "mipsel_24kc", "1.2.3-r1"))
	d.install(first)
	if got := len(d.files()); got != len(hawserFiles) {
		t.Errorf("installed: %q", d.files())
	}
	if to, err := os.Readlink(d.at("/usr/libexec/rpcd/hawser")); err != nil || to != "/usr/sbin/hawser" {
		t.Errorf("rpcd's plugin: %q, %v", to, err)
	}
	if s, err := os.Stat(d.at("/etc/config/hawser")); err != nil || s.Mode().Perm() != 0o600 {
		t.Errorf("configuration: %v, %v", s, err)
	}

	mine := "config globals 'globals'\n\toption asn '65000'\n"
	d.check(os.WriteFile(d.at("/etc/config/hawser"), []byte(mine), 0o600))
	program := []byte("the next program")
	next := with(t, "mipsel_24kc", "1.2.4-r1", program)
	for i, f := range next.Files {
		if f.Conf {
			next.Files[i].Content = append(f.Content, "# new\n"...)
		}
	}
	second, _, _ := both(t, next)
	d.install(second)
	if d.read("/etc/config/hawser") != mine || !strings.HasSuffix(d.read("/etc/config/hawser-opkg"), "# new\n") || d.read("/usr/sbin/hawser") != string(program) {
		t.Errorf("after the upgrade: %q", d.files())
	}
	d.remove()
	if got := d.files(); !slices.Equal(got, []string{"/etc/config/hawser", "/etc/config/hawser-opkg"}) {
		t.Errorf("left behind: %q", got)
	}
}

// built is what OpenWrt's build would put into a package.
func built(t *testing.T, dir, target string) (root, said string) {
	t.Helper()
	top, err := filepath.Abs("testdata/openwrt")
	if err != nil {
		t.Fatal(err)
	}
	root = t.TempDir()
	cmd := exec.CommandContext(t.Context(), "make", "-s", "-C", filepath.Join(treeDir, "openwrt-feed", dir), "TOPDIR="+top, "DESTDIR="+root, target)
	// This test may itself run below make.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, "MAKE") || strings.HasPrefix(e, "MFLAGS") })
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", dir, err, out)
	}
	return root, string(out)
}

func TestTheFeedsMakefilesInstallWhatThePackagesHold(t *testing.T) {
	for dir, p := range map[string]Package{"hawser": packed(t, "mipsel_24kc", "1.2.3-r1"), "luci-app-hawser": luci(t)} {
		root, _ := built(t, dir, "install")
		d := &device{t: t, root: root}
		var files []File
		for _, path := range d.files() {
			f := File{Path: path}
			info, err := os.Lstat(d.at(path))
			d.check(err)
			if f.Mode = info.Mode(); f.Mode&fs.ModeSymlink != 0 {
				f.Link, err = os.Readlink(d.at(path))
				d.check(err)
			}
			files = append(files, f)
		}
		// OpenWrt's build passes on the sources, which hold the licences.
		p.Files = slices.DeleteFunc(p.Files, func(f File) bool { return f.Path == termsFile })
		if got, want := listed(files), listed(p.Files); !slices.Equal(got, want) {
			t.Errorf("%s: the Makefile installs\n%s\nthe package holds\n%s", dir, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

func TestTheFeedsMakefileSaysTheRest(t *testing.T) {
	p := packed(t, "mipsel_24kc", "1.2.3-r1")
	if _, said := built(t, "hawser", "conffiles"); said != p.conffiles() {
		t.Errorf("conffiles: %q", said)
	}
	if _, said := built(t, "hawser", "version"); said != "github.com/hawser-lb/hawser/shared/version.Version=0.1.0-r1\n" {
		t.Errorf("version: %q", said)
	}
	root, _ := built(t, "hawser", "prepare")
	for _, name := range []string{"go.mod", "go.sum", "router/cmd/hawser/main.go", "shared/version/version.go"} {
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			t.Errorf("the source lacks it: %v", err)
		}
	}
}
