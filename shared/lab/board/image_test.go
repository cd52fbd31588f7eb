package board

import (
	"bytes"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestImageIsAnArchiveThatCpioReads(t *testing.T) {
	archive := image([]File{
		{Path: "/etc/config/hawser", Mode: 0o600, Content: []byte("config")},
		{Path: "/etc/hostname", Mode: 0o644, Content: []byte("board\n")},
		{Path: "/etc/mtab", Link: "/proc/mounts"},
	})
	cmd := exec.Command("cpio", "--list", "--quiet", "--verbose")
	cmd.Stdin = bytes.NewReader(archive)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("cpio: %v\n%s", err, out)
	}
	listed := strings.Fields(string(out))
	for _, want := range []string{"dev/console", "etc", "etc/config", "etc/config/hawser", "etc/hostname", "/proc/mounts", "proc"} {
		if !slices.Contains(listed, want) {
			t.Errorf("the archive lacks %s; it holds %v", want, listed)
		}
	}
}
