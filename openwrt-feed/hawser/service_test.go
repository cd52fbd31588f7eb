// Package hawser_test tests what the package hawser brings to a router apart
// from the program: the init script, run by busybox's ash as on OpenWrt.
package hawser_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// service is a router on which the init script runs.
type service struct {
	t       *testing.T
	dir     string
	jail    bool
	running bool
}

func (s *service) path(name string) string { return filepath.Join(s.dir, name) }

func (s *service) write(name, text string, mode os.FileMode) {
	s.t.Helper()
	if err := os.WriteFile(s.path(name), []byte(text), mode); err != nil {
		s.t.Fatal(err)
	}
}

// run has the init script do one command with a configuration. It returns what
// the stand-in for procd was asked and told, and the exit status.
func (s *service) run(command, config string) ([]string, int) {
	s.t.Helper()
	s.dir = s.t.TempDir()
	s.write("config", config, 0o600)
	s.write("hawser", "#!/bin/sh\necho \"hawser $*\"\n[ \"$1\" != run ] || cp \"$3\" "+s.path("ran")+"\n", 0o755)
	if s.jail {
		s.write("ujail", "#!/bin/sh\n", 0o755)
		s.write("capabilities", "{}", 0o644)
	}
	cmd := exec.CommandContext(s.t.Context(), "busybox", "ash", "testdata/rc.common", "files/hawser.init", command)
	cmd.Env = append(os.Environ(), "CONFIG_FILE="+s.path("config"), "PROG="+s.path("hawser"), "JAIL="+s.path("ujail"),
		"CAPABILITIES="+s.path("capabilities"), "RUN_DIR="+s.path("run"))
	if s.running {
		cmd.Env = append(cmd.Env, "RUNNING=hawser")
	}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(strings.ReplaceAll(string(out), s.dir, "DIR")), "\n"), cmd.ProcessState.ExitCode()
}

const configured = "config globals 'globals'\n\toption asn '65000'\n"

var head = []string{"extra_command check", "extra_command withdraw", "extra_command status", "START=70 USE_PROCD=1"}

// plain is what is asked for where there is no ujail.
var plain = []string{
	"procd_open_instance",
	"procd_set_param command DIR/hawser run",
	"procd_set_param file DIR/config",
	"procd_set_param nice -10",
	"procd_set_param reload_signal HUP",
	"procd_set_param respawn 3600 5 0",
	"procd_set_param stdout 1",
	"procd_set_param stderr 1",
}

func TestAConfiguredServiceIsOneInstanceThatAChangeOfTheFileReloads(t *testing.T) {
	s := &service{t: t}
	for _, command := range []string{"start", "reload"} {
		got, status := s.run(command, configured)
		want := slices.Concat(head, plain, []string{"procd_close_instance", "procd_add_reload_trigger hawser"})
		if status != 0 || !slices.Equal(got, want) {
			t.Errorf("%s asks for, status %d:\n%s\nwant:\n%s", command, status, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if _, err := os.Stat(s.path("run")); err != nil {
			t.Error(err)
		}
	}
}

func TestWhereThereIsAJailRootKeepsThreeRights(t *testing.T) {
	s := &service{t: t, jail: true}
	got, _ := s.run("start", configured)
	for _, want := range []string{
		"procd_set_param capabilities DIR/capabilities",
		"procd_set_param no_new_privs 1",
		"procd_add_jail hawser procfs ronly",
		"procd_add_jail_mount /etc/config",
		"procd_add_jail_mount_rw DIR/run",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("not asked for: %s\n%s", want, strings.Join(got, "\n"))
		}
	}
	rights, err := os.ReadFile("files/hawser.capabilities.json")
	if err != nil {
		t.Fatal(err)
	}
	all := 0
	for _, right := range []string{"CAP_NET_ADMIN", "CAP_NET_BIND_SERVICE", "CAP_SYS_NICE"} {
		all += strings.Count(string(rights), right)
	}
	if n := strings.Count(string(rights), "CAP_"); n != 15 || all != n {
		t.Errorf("rights:\n%s", rights)
	}
}

func TestWithoutAnASNOrNotEnabledNothingRunsAndItIsSaidWhy(t *testing.T) {
	shipped, err := os.ReadFile("files/hawser.config")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ config, reason string }{
		{string(shipped), "not configured yet: set hawser.globals.asn to this router's AS number, such as 65000"},
		{"", "not configured yet: set hawser.globals.asn to this router's AS number, such as 65000"},
		{"config globals 'main'\n\toption enabled '0'\n\toption asn '65000'\n", "not enabled: set hawser.main.enabled to 1"},
		{"config globals 'main'\n\toption enabled 'off'\n", "not enabled: set hawser.main.enabled to 1"},
	} {
		s := &service{t: t}
		got, status := s.run("start", c.config)
		want := slices.Concat(head, []string{"logger -s -t hawser -p daemon.notice " + c.reason, "procd_add_reload_trigger hawser"})
		if status != 0 || !slices.Equal(got, want) {
			t.Errorf("%q: status %d:\n%s", c.config, status, strings.Join(got, "\n"))
		}
		got, status = s.run("status", c.config)
		if status != 3 || got[len(got)-1] != "hawser is not running: "+c.reason {
			t.Errorf("%q: status %d:\n%s", c.config, status, strings.Join(got, "\n"))
		}
	}
}

func TestTheRuntimeHearsOnlyWhatItUnderstands(t *testing.T) {
	for _, c := range []struct {
		options string
		want    []string
	}{
		{"", nil},
		{"memory_limit '32MiB'", []string{"GOMEMLIMIT=32MiB"}},
		{"memory_limit '1GiB' gc_percent '50'", []string{"GOMEMLIMIT=1GiB", "GOGC=50"}},
		{"gc_percent 'off'", []string{"GOGC=off"}},
		{"memory_limit '32' gc_percent '-1'", nil},
		{"memory_limit 'MiB' gc_percent 'much'", nil},
		{"memory_limit '3x2MiB'", nil},
		{"memory_limit '99999999999999999999MiB'", nil},
	} {
		text, words := configured, strings.Fields(c.options)
		for i := 0; i+1 < len(words); i += 2 {
			text += "\toption " + words[i] + " " + words[i+1] + "\n"
		}
		s := &service{t: t}
		got, _ := s.run("start", text)
		var heard []string
		for _, line := range got {
			if value, ok := strings.CutPrefix(line, "procd_append_param env "); ok {
				heard = append(heard, value)
			}
		}
		if !slices.Equal(heard, c.want) {
			t.Errorf("%q: %q, want %q", c.options, heard, c.want)
		}
	}
}

func TestStatusAndCheckAreForPeople(t *testing.T) {
	s := &service{t: t, running: true}
	got, status := s.run("status", configured)
	want := slices.Concat(head, []string{
		"hawser show ip bgp summary",
		"It runs with all of root's rights: DIR/ujail is not installed (package procd-ujail).",
	})
	if status != 0 || !slices.Equal(got, want) {
		t.Errorf("status %d:\n%s", status, strings.Join(got, "\n"))
	}
	s.jail = true
	if got, _ := s.run("status", configured); got[len(got)-1] != "hawser show ip bgp summary" {
		t.Errorf("in a jail:\n%s", strings.Join(got, "\n"))
	}
	s.running = false
	if got, status := s.run("status", configured); status != 3 || got[len(got)-1] != "hawser is not running: see logread -e hawser, and files/hawser.init check" {
		t.Errorf("status %d:\n%s", status, strings.Join(got, "\n"))
	}
	if got, status := s.run("check", configured); status != 0 || got[len(got)-1] != "hawser check -c DIR/config" {
		t.Errorf("check: status %d:\n%s", status, strings.Join(got, "\n"))
	}
}

func TestWithdrawRunsItOnceMoreDisabledWithTheUsersTable(t *testing.T) {
	s := &service{t: t}
	got, status := s.run("withdraw", "config globals\n\toption enabled '1'\n\toption table '100'\nconfig cluster\n\toption enabled '1'\n")
	if status != 0 || !slices.Contains(got, "stop") || !strings.HasPrefix(got[len(got)-1], "hawser run -c ") {
		t.Fatalf("status %d:\n%s", status, strings.Join(got, "\n"))
	}
	want := "config globals\n\toption enabled 0\n\toption table '100'\nconfig cluster\n\toption enabled '1'\n"
	if text, err := os.ReadFile(s.path("ran")); err != nil || string(text) != want {
		t.Errorf("%v: it ran with\n%s", err, text)
	}
}

func TestAnotherBGPDaemonsConfigurationIsOfferedAndNothingIsWritten(t *testing.T) {
	root, tools := t.TempDir(), t.TempDir()
	file := filepath.Join(root, "etc/quagga/bgpd.conf")
	err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte("router bgp 65000\n"), 0o600),
		os.WriteFile(filepath.Join(tools, "logger"), []byte("#!/bin/sh\necho \"$@\"\n"), 0o755))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "busybox", "ash", "files/import-quagga.sh", root)
	cmd.Env = append(os.Environ(), "PATH="+tools+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "'hawser import-quagga "+file+"' prints") {
		t.Errorf("%v: %s", err, out)
	}
	if all, err := filepath.Glob(filepath.Join(root, "etc/*")); err != nil || len(all) != 1 {
		t.Errorf("%v, %v", all, err)
	}
}

func TestTheScriptsAreCleanForBusyboxAsh(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "shellcheck", "-s", "dash",
		"files/hawser.init", "files/import-quagga.sh", "files/hawser.defaults", "testdata/rc.common").CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
