package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hawser-lb/hawser/shared/lab"
)

// program is the built binary.
var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "hawser-test-")
	if err != nil {
		panic(err)
	}
	// Others than root must reach it, too.
	if err := os.Chmod(dir, 0o755); err != nil {
		panic(err)
	}
	program = filepath.Join(dir, "hawser")
	build := exec.Command("go", "build", "-o", program, ".")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		os.Exit(1)
	}
	status := m.Run()
	os.RemoveAll(dir)
	os.Exit(status)
}

const config = `config globals
	option asn 65000
	option router_id 192.0.2.1
config cluster home
	option asn 65001
	list source 192.0.2.0/24
	list allow 198.51.100.0/24
`

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// hawser runs the binary to its end and returns its exit status and output.
func hawser(t *testing.T, h *lab.Host, args ...string) (int, string) {
	t.Helper()
	p, err := h.Start(program, args...)
	if err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	var exit *exec.ExitError
	switch err := p.Wait(t.Context()); {
	case err == nil:
		return 0, p.Output()
	case errors.As(err, &exit):
		return exit.ExitCode(), p.Output()
	default:
		t.Fatal(err)
		return 0, ""
	}
}

// says is nil when the command ends with status and prints all of the parts.
func says(t *testing.T, h *lab.Host, status int, args string, parts ...string) error {
	t.Helper()
	got, out := hawser(t, h, strings.Fields(args)...)
	for _, part := range parts {
		if !strings.Contains(out, part) {
			return fmt.Errorf("hawser %s: has not %q:\n%s", args, part, out)
		}
	}
	if got != status {
		return fmt.Errorf("hawser %s: status %d, want %d:\n%s", args, got, status, out)
	}
	return nil
}

func TestTheDaemonFromItsStartToItsEnd(t *testing.T) {
	l := lab.Test(t)
	router := l.Host("router")
	file, socket := filepath.Join(t.TempDir(), "hawser"), filepath.Join(t.TempDir(), "run", "hawser.sock")
	write(t, file, config)
	run := []string{"run", "-c", file, "--socket", socket}
	d, err := router.Start(program, run...)
	if err != nil {
		t.Fatal(err)
	}
	summary := "show ip bgp summary --socket " + socket
	lab.Eventually(t, "the daemon answers", func() error {
		return says(t, router, 0, summary, "BGP router identifier 192.0.2.1, local AS number 65000")
	})
	for _, args := range []string{"show clusters --socket " + socket, "sh ip b --socket " + socket, "show ipv6 route --json --socket " + socket} {
		if err := says(t, router, 0, args); err != nil {
			t.Error(err)
		}
	}
	if status, out := hawser(t, router, run...); status != 1 || !strings.Contains(out, "another hawser is running") {
		t.Errorf("a second daemon ends with %d:\n%s", status, out)
	}

	write(t, file, config+"\toption max_peers none\n")
	lab.Eventually(t, "the mistake is shown, the configuration of before runs on", func() error {
		return says(t, router, 0, summary, file+" has mistakes", file+":8: section 'home' (cluster), option 'max_peers' = 'none'", "local AS number 65000")
	})
	write(t, file, strings.Replace(config, "65000", "65010", 1))
	lab.Eventually(t, "the new configuration runs without a signal", func() error {
		return says(t, router, 0, summary, "local AS number 65010")
	})
	if err := d.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if err := says(t, router, 0, summary, "local AS number 65010"); err != nil {
		t.Errorf("after SIGHUP: %v", err)
	}

	write(t, file, strings.Replace(config, "config globals", "config globals\n\toption metrics_listen 127.0.0.1:9342", 1))
	lab.Eventually(t, "its numbers are told to whoever asks", func() error {
		out, err := router.Run(t.Context(), "curl", "--silent", "--fail", "http://127.0.0.1:9342/metrics")
		if err == nil && !strings.Contains(out, "\nhawser_router_kernel_routes 0\n") {
			err = fmt.Errorf("%s", out)
		}
		return err
	})

	for args, part := range map[string]string{
		"rpcd call overview": `{"running":true,"status":{"version":`, "rpcd list": `"overview":{`,
		"show log": " configRefused configuration refused", "clear ip bgp all": "no session to clear",
	} {
		if args != "rpcd list" {
			args += " --socket " + socket
		}
		if err := says(t, router, 0, args, part); err != nil {
			t.Error(err)
		}
	}

	if err := d.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-d.Done()
	if err := d.Wait(t.Context()); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
	if err := says(t, router, 1, summary, "hawser is not running"); err != nil {
		t.Error(err)
	}
}

func TestADaemonDoesNotStartWithMistakes(t *testing.T) {
	l := lab.Test(t)
	router := l.Host("router")
	dir := t.TempDir()
	file := filepath.Join(dir, "hawser")
	write(t, file, config+"\toption max_peers none\n\tlist allow 192.0.2.1/24\n")
	err := says(t, router, 1, "run -c "+file+" --socket "+filepath.Join(dir, "s"),
		"hawser: "+file+":8: section 'home' (cluster), option 'max_peers' = 'none': use a whole number",
		"hawser: "+file+":9: section 'home' (cluster), option 'allow' = '192.0.2.1/24': has host bits set")
	if err != nil {
		t.Error(err)
	}
	if err := says(t, router, 1, "check -c "+file, file+":8: ", file+":9: ", "2 mistakes, no warnings"); err != nil {
		t.Error(err)
	}
}

func TestWithoutTheRightToChangeRoutesItSaysSoInOneSentence(t *testing.T) {
	l := lab.Test(t)
	router := l.Host("router")
	dir, err := os.MkdirTemp("", "hawser-nobody-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	const nobody = 65534
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "hawser")
	write(t, file, config)
	cmd := exec.CommandContext(t.Context(), program, "run", "-c", file, "--socket", filepath.Join(dir, "s"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := router.Do(cmd.Start); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("ends with %v", err)
	}
	if text := out.String(); strings.Count(text, "\n") != 1 || !strings.HasPrefix(text, "hawser: ") || !strings.Contains(text, "permi") {
		t.Errorf("it says:\n%s", text)
	}
}

// What the program may take of a router's flash, installed and packed.
const (
	budget       = 6_000_000
	packedBudget = 1_900_000
)

func TestTheProgramFitsIntoFlash(t *testing.T) {
	out := filepath.Join(t.TempDir(), "hawser")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w",
		// As the Makefile builds it for MIPS.
		"-gcflags=all=-l", "-gcflags=runtime/...=", "-gcflags=internal/...=", "-gcflags=runtime=", "-o", out, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=mipsle", "GOMIPS=softfloat")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, text)
	}
	binary, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	small := packed(t, binary)
	t.Logf("mipsle: %d bytes, %d packed; budget %d, %d packed", len(binary), small, budget, packedBudget)
	if len(binary) > budget || small > packedBudget {
		t.Error("more than a router's flash has room for: go tool nm -size -sort size shows what takes it")
	}
}

// packed is the size after gzip -9.
func packed(t *testing.T, b []byte) int {
	t.Helper()
	var n counter
	z, err := gzip.NewWriterLevel(&n, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(z, bytes.NewReader(b)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return int(n)
}

type counter int

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}
