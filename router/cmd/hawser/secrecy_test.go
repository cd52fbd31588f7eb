package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hawser-lb/hawser/shared/lab"
)

// secretWord is in no text of the program.
const secretWord = "xyzzy-plugh"

// Of a password nothing is seen but that there is one, wherever the program
// speaks: to the terminal, ubus, Prometheus, the log, and to whoever lists
// processes; not even in the trace that it leaves when it is killed with
// SIGQUIT.
func TestAPasswordIsNowhereButInItsFile(t *testing.T) {
	l := lab.Test(t)
	router := l.Host("router")
	dir := t.TempDir()
	file, socket := filepath.Join(dir, "hawser"), filepath.Join(dir, "run", "sock")
	guarded := strings.Replace(config, "config globals", "config globals\n\toption metrics_listen 127.0.0.1:9342", 1) +
		"\toption password '" + secretWord + "'\nconfig neighbor n\n\toption address 192.0.2.9\n\toption cluster home\n\toption password '" + secretWord + "2'\n"
	write(t, file, guarded)
	d, err := router.Start(program, "run", "-c", file, "--socket", socket, "--log-level", "debug")
	if err != nil {
		t.Fatal(err)
	}
	lab.Eventually(t, "the daemon answers", func() error { return says(t, router, 0, "show clusters --socket "+socket) })
	write(t, file, guarded+"\toption passwort '"+secretWord+"'\n\toption max_prefixes '1\n\toption password '"+secretWord+"''\n")
	lab.Eventually(t, "the mistakes are seen", func() error {
		return says(t, router, 0, "show ip bgp summary --socket "+socket, file+" has mistakes")
	})

	for _, args := range []string{
		"check", "check --json", "show ip bgp summary", "show ip bgp summary --json", "show ip bgp neighbors", "show ip bgp neighbors --json",
		"show clusters", "show clusters --json", "show bfd", "show bfd --json", "show ip bgp", "show ip route", "show log", "show log --json", "version", "help", "clear ip bgp all",
		"rpcd call status", "rpcd call overview", "rpcd call neighbors", "rpcd call routes", "rpcd call events", "rpcd call history", "rpcd call check", "rpcd list",
	} {
		words := strings.Fields(args)
		if !strings.HasPrefix(args, "version") && !strings.HasPrefix(args, "help") && args != "rpcd list" && words[0] != "check" {
			words = append(words, "--socket", socket)
		}
		if words[0] == "check" || args == "rpcd call check" {
			words = append(words, "-c", file)
		}
		status, out := hawser(t, router, words...)
		if status == 2 || out == "" {
			t.Errorf("%s: status %d:\n%s", args, status, out)
		}
		silent(t, args, out)
	}
	if out, err := router.Run(t.Context(), "curl", "--silent", "--fail", "http://127.0.0.1:9342/metrics"); err != nil {
		t.Error(err)
	} else {
		silent(t, "metrics", out)
	}
	for _, name := range []string{"cmdline", "environ", "comm"} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", d.PID(), name))
		if err != nil {
			t.Fatal(err)
		}
		silent(t, name, string(text))
	}
	made, err := os.ReadDir(filepath.Dir(socket))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range made {
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", e.Name(), info, err)
		}
	}

	if err := d.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	<-d.Done()
	if out := d.Output(); !strings.Contains(out, "goroutine ") || !strings.Contains(out, "level=DEBUG") {
		t.Errorf("no trace, or no debug lines:\n%s", out)
	}
	silent(t, "log", d.Output())
}

func silent(t *testing.T, where, text string) {
	t.Helper()
	if bytes.Contains([]byte(text), []byte(secretWord)) {
		t.Errorf("%s says the password:\n%s", where, text)
	}
}
