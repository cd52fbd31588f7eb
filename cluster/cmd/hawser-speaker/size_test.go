package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// most is what the stripped binary may weigh on amd64.
const most = 20 << 20

func TestTheBinaryStaysSmall(t *testing.T) {
	file := filepath.Join(t.TempDir(), "hawser-speaker")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", file, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > most {
		t.Errorf("it has %d bytes, more than %d: look at what was imported last", info.Size(), most)
	}
}
