package packer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// Release is what all packages of one run have in common.
type Release struct {
	Tree    string // the repository
	Version string // such as 1.2.3-r1
	Made    time.Time
}

// Targets says which of Go's targets each of OpenWrt's architectures runs: one
// static program serves many.
var Targets = map[string]string{
	"mipsel_24kc":               "mipsle",
	"mipsel_74kc":               "mipsle",
	"mips_24kc":                 "mips",
	"aarch64_cortex-a53":        "arm64",
	"aarch64_cortex-a72":        "arm64",
	"aarch64_generic":           "arm64",
	"arm_cortex-a7_neon-vfpv4":  "armv7",
	"arm_cortex-a9":             "armv7",
	"arm_cortex-a15_neon-vfpv4": "armv7",
	"i386_pentium4":             "386",
	"riscv64_generic":           "riscv64",
	"x86_64":                    "amd64",
}

// reloadRPCD lets rpcd see a new plugin or access list.
const reloadRPCD = `[ -n "${IPKG_INSTROOT}" ] || [ ! -x /etc/init.d/rpcd ] || /etc/init.d/rpcd reload`

// termsFile holds the licences of what is in the program.
const termsFile = "/usr/share/hawser/licences.txt"

// brought are the files below openwrt-feed/hawser/files and where they go.
var brought = []struct {
	from, to string
	mode     fs.FileMode
}{
	{"hawser.init", "/etc/init.d/hawser", 0o755},
	{"hawser.config", "/etc/config/hawser", 0o600},
	{"hawser.sysctl", "/etc/sysctl.d/50-hawser.conf", 0o644},
	{"hawser.capabilities.json", "/etc/capabilities/hawser.json", 0o644},
	{"hawser.keep", "/lib/upgrade/keep.d/hawser", 0o644},
	{"hawser.defaults", "/etc/uci-defaults/50_hawser", 0o755},
	{"import-quagga.sh", "/usr/share/hawser/import-quagga", 0o755},
}

// Hawser is the router's package for one architecture. program is the binary
// for it, terms the licences of what is in that.
func (r Release) Hawser(arch string, program, terms []byte) (Package, error) {
	p := r.empty("hawser", arch)
	p.Section = "net"
	p.Description = "BGP for the load balancers of Kubernetes clusters"
	p.PostInstall = reloadRPCD
	p.PreRemove = `[ -n "${IPKG_INSTROOT}" ] || [ "$PKG_UPGRADE" = 1 ] || /etc/init.d/hawser withdraw`
	p.Files = []File{
		{Path: "/usr/sbin/hawser", Mode: 0o755, Content: program},
		{Path: "/usr/libexec/rpcd/hawser", Link: "/usr/sbin/hawser"},
		{Path: termsFile, Mode: 0o644, Content: terms},
	}
	for _, b := range brought {
		content, err := os.ReadFile(filepath.Join(r.Tree, "openwrt-feed/hawser/files", b.from))
		if err != nil {
			return Package{}, err
		}
		p.Files = append(p.Files, File{Path: b.to, Mode: b.mode, Content: content, Conf: strings.HasPrefix(b.to, "/etc/config/")})
	}
	return p, nil
}

// LuCI is the package of the web pages. Their source is laid out as LuCI's own
// build wants it, and goes where that would put it.
func (r Release) LuCI() (Package, error) {
	p := r.empty("luci-app-hawser", All)
	p.Section = "luci"
	p.Description = "LuCI pages for Hawser"
	p.Depends = []string{"luci-base", "hawser"}
	p.PostInstall = "[ -n \"${IPKG_INSTROOT}\" ] || rm -rf /tmp/luci-indexcache.* /tmp/luci-modulecache\n" + reloadRPCD
	app := filepath.Join(r.Tree, "luci-app/luci-app-hawser")
	for from, to := range map[string]string{"htdocs": "/www", "root": "/"} {
		files, err := below(filepath.Join(app, from), to)
		if err != nil {
			return Package{}, err
		}
		p.Files = append(p.Files, files...)
	}
	words, err := translations(filepath.Join(app, "po"))
	p.Files = append(p.Files, words...)
	return p, err
}

func (r Release) empty(name, arch string) Package {
	return Package{Name: name, Version: r.Version, Arch: arch, Made: r.Made}
}

// below are the files of a directory, for another. None is no mistake.
func below(dir, to string) ([]File, error) {
	var files []File
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && name == dir {
			return fs.SkipAll
		}
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rest, err := filepath.Rel(dir, name)
		mode := fs.FileMode(0o644)
		if info.Mode()&0o100 != 0 {
			mode = 0o755
		}
		files = append(files, File{Path: path.Join(to, filepath.ToSlash(rest)), Mode: mode, Content: content})
		return err
	})
	return files, err
}

// languages are those whose code LuCI spells its own way.
var languages = map[string]string{"zh_Hans": "zh-cn", "zh_Hant": "zh-tw", "pt_BR": "pt-br"}

// translations are po/LANGUAGE/NAME.po as LuCI looks for them.
func translations(dir string) ([]File, error) {
	all, err := filepath.Glob(filepath.Join(dir, "*", "*.po"))
	if err != nil {
		return nil, err
	}
	var files []File
	for _, name := range all {
		po, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		lmo, err := LMO(string(po))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		language := filepath.Base(filepath.Dir(name))
		if l, ok := languages[language]; ok {
			language = l
		}
		base := strings.TrimSuffix(filepath.Base(name), ".po")
		files = append(files, File{Path: "/usr/lib/lua/luci/i18n/" + base + "." + language + ".lmo", Mode: 0o644, Content: lmo})
	}
	return files, nil
}
