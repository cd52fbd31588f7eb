// Package version holds the version that a build is stamped with.
package version

import "runtime/debug"

// Version is set by the linker: -X github.com/hawser-lb/hawser/shared/version.Version=1.2.3.
var Version = ""

// String is the stamped version, else the revision that the Go toolchain
// recorded, else "unknown".
func String() string {
	if Version != "" {
		return Version
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && s.Value != "" {
				return "git-" + s.Value[:min(12, len(s.Value))]
			}
		}
	}
	return "unknown"
}
