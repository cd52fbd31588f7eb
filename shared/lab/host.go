package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Host is one network namespace, or the machine itself.
type Host struct {
	lab       *Lab
	name      string
	namespace string   // empty: the machine's own
	ns        *os.File // keeps the namespace while the lab is open
}

// quiet is set in each new namespace: whatever the machine's own settings are,
// IPv6 addresses are usable at once and nothing filters or forwards unasked.
var quiet = map[string]string{
	"net.ipv6.conf.all.disable_ipv6":     "0",
	"net.ipv6.conf.default.disable_ipv6": "0",
	"net.ipv6.conf.all.accept_dad":       "0",
	"net.ipv6.conf.default.accept_dad":   "0",
	"net.ipv6.conf.default.accept_ra":    "0",
	"net.ipv4.conf.all.rp_filter":        "0",
	"net.ipv4.conf.default.rp_filter":    "0",
	"net.ipv4.ip_forward":                "0",
}

// Machine is the machine's own namespace, for parts that need no scene.
func (l *Lab) Machine() *Host { return &Host{lab: l, name: "machine"} }

// Host makes a host. Its loopback is up; it has no other interface.
func (l *Lab) Host(name string) *Host {
	h := &Host{lab: l, name: name, namespace: "hawser-" + l.tag + "-" + name}
	if l.Err() == nil {
		l.check(h.wrap(h.create()))
	}
	return h
}

func (h *Host) create() error {
	if err := h.lab.keep.namespace(h.namespace); err != nil {
		return err
	}
	if err := ip("netns", "add", h.namespace); err != nil {
		return err
	}
	h.lab.mu.Lock()
	h.lab.hosts = append(h.lab.hosts, h)
	h.lab.mu.Unlock()
	ns, err := os.Open(filepath.Join("/run/netns", h.namespace))
	if err != nil {
		return err
	}
	h.ns = ns
	if err := h.ipBatch("link set lo up"); err != nil {
		return err
	}
	for key, value := range quiet {
		if err := h.Sysctl(key, value); err != nil {
			return err
		}
	}
	return nil
}

// remove kills whatever still runs in the namespace and deletes it.
func (h *Host) remove() error {
	pids, err := exec.Command("ip", "netns", "pids", h.namespace).Output()
	for _, field := range strings.Fields(string(pids)) {
		if pid, bad := strconv.Atoi(field); bad == nil && pid != os.Getpid() {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	if h.ns != nil {
		err = errors.Join(err, h.ns.Close())
	}
	return h.wrap(errors.Join(err, ip("netns", "delete", h.namespace)))
}

// Name as given to Lab.Host.
func (h *Host) Name() string { return h.name }

// Lab that the host stands in.
func (h *Host) Lab() *Lab { return h.lab }

// Namespace is the name for `ip netns exec`; empty for the machine itself.
func (h *Host) Namespace() string { return h.namespace }

func (h *Host) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("lab: host %s: %w", h.name, err)
}

// Do runs fn inside the host's namespace, on this goroutine. Sockets that fn
// opens and processes that it starts stay there; goroutines that it starts do
// not. fn may end the test.
func (h *Host) Do(fn func() error) error {
	if h.namespace == "" {
		return fn()
	}
	if h.ns == nil {
		return h.wrap(errors.New("not built"))
	}
	runtime.LockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		runtime.UnlockOSThread()
		return h.wrap(err)
	}
	if err := unix.Setns(int(h.ns.Fd()), unix.CLONE_NEWNET); err != nil {
		home.Close()
		runtime.UnlockOSThread()
		return h.wrap(fmt.Errorf("enter %s: %w", h.namespace, err))
	}
	defer func() {
		// A thread that can't go home stays locked, and ends with its goroutine.
		if unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
		home.Close()
	}()
	return fn()
}

// Dial connects from the host. address must be numeric: a resolver would look
// elsewhere. It fits http.Transport.DialContext.
func (h *Host) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	var conn net.Conn
	err := h.Do(func() (err error) {
		conn, err = (&net.Dialer{}).DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// Listen on the host.
func (h *Host) Listen(network, address string) (net.Listener, error) {
	var ln net.Listener
	err := h.Do(func() (err error) {
		ln, err = net.Listen(network, address)
		return err
	})
	return ln, err
}

// Sysctl sets one value, by its dotted name.
func (h *Host) Sysctl(key, value string) error {
	path := filepath.Join("/proc/sys", strings.ReplaceAll(key, ".", "/"))
	err := h.Do(func() error { return os.WriteFile(path, []byte(value), 0o644) })
	return h.wrap(err)
}

// Forward lets the host route both families between its interfaces.
func (h *Host) Forward() {
	if h.lab.Err() == nil {
		h.lab.check(errors.Join(h.Sysctl("net.ipv4.ip_forward", "1"), h.Sysctl("net.ipv6.conf.all.forwarding", "1")))
	}
}

// Run runs a command on the host to its end and returns its stdout. The error
// carries the command line and its stderr.
func (h *Host) Run(ctx context.Context, name string, args ...string) (string, error) {
	return h.RunInput(ctx, "", name, args...)
}

// RunInput is Run with text on stdin.
func (h *Host) RunInput(ctx context.Context, stdin, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 30 * time.Second
	err := h.Do(cmd.Start)
	if err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		err = fmt.Errorf("%s: %s %s: %w\n%s", h.name, name, strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), err
}

// ip runs one ip command in the machine's own namespace.
func ip(args ...string) error {
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}

// ipBatch runs ip commands on the host, all in one process.
func (h *Host) ipBatch(lines ...string) error {
	text := strings.Join(lines, "\n") + "\n"
	_, err := h.RunInput(h.lab.ctx, text, "ip", "-batch", "-")
	if err != nil {
		return fmt.Errorf("%w\n%s", err, text)
	}
	return nil
}
