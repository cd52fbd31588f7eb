// Command packer makes OpenWrt packages and feeds; see the Makefile's targets
// packages, feed and feed-key.
package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"github.com/hawser-lb/hawser/openwrt-feed/packer"
)

// flags are what the Makefile says.
type flags struct {
	binaries, out, key, version string
	made                        int64
}

func main() {
	var f flags
	set := pflag.NewFlagSet("packer", pflag.ContinueOnError)
	set.StringVar(&f.binaries, "binaries", "build", "directory of the programs, hawser-TARGET, and of licences-hawser.txt")
	set.StringVar(&f.out, "out", "", "directory to write to")
	set.StringVar(&f.key, "key", "", "directory of the feed's key")
	set.StringVar(&f.version, "version", "", "version of the packages, such as 1.2.3-r1")
	set.Int64Var(&f.made, "made", 0, "time of all files, in seconds of Unix: SOURCE_DATE_EPOCH")
	err := set.Parse(os.Args[1:])
	if err == nil {
		err = f.run(set.Args())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "packer:", err)
		os.Exit(1)
	}
}

func (f flags) run(words []string) error {
	switch {
	case slices.Equal(words, []string{"key"}):
		return packer.MakeKey(f.key)
	case slices.Equal(words, []string{"packages"}):
		return f.packages()
	case slices.Equal(words, []string{"feed"}):
		return f.feed()
	}
	return fmt.Errorf("one word is needed: packages, feed or key")
}

func (f flags) release() packer.Release {
	return packer.Release{Tree: ".", Version: f.version, Made: time.Unix(f.made, 0).UTC()}
}

func (f flags) hawser(arch string) (packer.Package, error) {
	program, err := os.ReadFile(filepath.Join(f.binaries, "hawser-"+packer.Targets[arch]))
	if err != nil {
		return packer.Package{}, err
	}
	terms, err := os.ReadFile(filepath.Join(f.binaries, "licences-hawser.txt"))
	if err != nil {
		return packer.Package{}, err
	}
	return f.release().Hawser(arch, program, terms)
}

// packages writes every package in both kinds.
func (f flags) packages() error {
	luci, err := f.release().LuCI()
	if err != nil {
		return err
	}
	if err := packer.WritePackages(f.out, []packer.Package{luci}); err != nil {
		return err
	}
	for _, arch := range slices.Sorted(maps.Keys(packer.Targets)) {
		p, err := f.hawser(arch)
		if err != nil {
			return err
		}
		if err := packer.WritePackages(f.out, []packer.Package{p}); err != nil {
			return err
		}
	}
	return nil
}

// feed writes one directory an architecture for each package manager.
func (f flags) feed() error {
	key, err := packer.ReadKey(f.key)
	if err != nil {
		return err
	}
	luci, err := f.release().LuCI()
	if err != nil {
		return err
	}
	for _, arch := range slices.Sorted(maps.Keys(packer.Targets)) {
		p, err := f.hawser(arch)
		if err != nil {
			return err
		}
		if err := packer.WriteFeed(f.out, arch, []packer.Package{p, luci}, key); err != nil {
			return err
		}
	}
	return nil
}
