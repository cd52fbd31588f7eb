package packer

import (
	"cmp"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// Package is one package, whole. Two that are equal are packed to equal bytes.
type Package struct {
	Name        string
	Version     string // such as 1.2.3-r1
	Arch        string // OpenWrt's, such as mipsel_24kc; All for any
	Description string // one line
	Section     string
	Depends     []string
	// PostInstall and PreRemove are shell commands of this package, besides
	// those that OpenWrt runs for every package.
	PostInstall, PreRemove string
	Files                  []File
	// Made is the time of every file and of the package.
	Made time.Time
}

// All is the architecture of a package that runs anywhere.
const All = "all"

// What all packages say of themselves.
const (
	license    = "Apache-2.0"
	maintainer = "The Hawser authors"
	source     = "https://github.com/hawser-lb/hawser"
)

// File is a file or, when Link says where it leads, a symbolic link.
type File struct {
	Path    string // absolute
	Mode    fs.FileMode
	Content []byte
	Link    string
	// Conf is true for a file that the user changes and an upgrade keeps.
	Conf bool
}

// sorted are the files by path.
func (p Package) sorted() []File {
	return slices.SortedFunc(slices.Values(p.Files), func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
}

// directories are all directories that the files need, the root left out,
// parents first.
func directories(files []File) []string {
	seen := map[string]bool{"/": true}
	var all []string
	for _, f := range files {
		for d := path.Dir(f.Path); !seen[d]; d = path.Dir(d) {
			seen[d] = true
			all = append(all, d)
		}
	}
	slices.Sort(all)
	return all
}

// size is what the content takes, in bytes.
func size(files []File) int {
	n := 0
	for _, f := range files {
		n += len(f.Content)
	}
	return n
}

// conffiles are the paths that an upgrade keeps, one a line.
func (p Package) conffiles() string {
	var b strings.Builder
	for _, f := range p.sorted() {
		if f.Conf {
			b.WriteString(f.Path + "\n")
		}
	}
	return b.String()
}

// FileName is how the package's file must be called, in a feed of its kind.
func (p Package) FileName(kind string) string {
	if kind == "apk" {
		return p.Name + "-" + p.Version + ".apk"
	}
	return p.Name + "_" + p.Version + "_" + p.Arch + ".ipk"
}
