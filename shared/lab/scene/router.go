package scene

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hawser-lb/hawser/shared/lab"
)

// Router is the host that runs hawser.
type Router struct {
	*lab.Host
	scene  *Scene
	daemon *lab.Process
}

// ConfigFile is the path of the UCI file in use.
func (r *Router) ConfigFile() string { return filepath.Join(r.scene.Lab.Dir(), "router", "hawser") }

// Socket is hawser's control socket.
func (r *Router) Socket() string { return filepath.Join(r.scene.Lab.Dir(), "router", "hawser.sock") }

// Configure replaces the configuration as `uci commit` does: a new file, then
// a rename.
func (r *Router) Configure(text string) error {
	if err := os.MkdirAll(filepath.Dir(r.ConfigFile()), 0o755); err != nil {
		return err
	}
	next := filepath.Join(filepath.Dir(r.ConfigFile()), ".hawser.uci-new")
	if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(next, r.ConfigFile())
}

// Start runs hawser, with RouterConfig unless Configure was called before.
func (r *Router) Start() error {
	if _, err := os.Stat(r.ConfigFile()); os.IsNotExist(err) {
		if err := r.Configure(RouterConfig); err != nil {
			return err
		}
	}
	daemon, err := r.Launch(lab.Command{
		Name: r.scene.Binary("hawser"),
		Args: []string{"run", "-c", r.ConfigFile(), "--socket", r.Socket()},
	})
	r.daemon = daemon
	return err
}

// Daemon is hawser's process, the newest one.
func (r *Router) Daemon() *lab.Process { return r.daemon }

// Hawser runs a command of hawser's and returns what it prints.
func (r *Router) Hawser(ctx context.Context, args ...string) (string, error) {
	return r.Run(ctx, r.scene.Binary("hawser"), append(args, "--socket", r.Socket())...)
}

// Established is the number of sessions that are up.
func (r *Router) Established(ctx context.Context) (int, error) {
	out, err := r.Hawser(ctx, "show", "clusters", "--json")
	if err != nil {
		return 0, err
	}
	var answer struct {
		Clusters []struct {
			Established int `json:"established"`
		} `json:"clusters"`
	}
	if err := json.Unmarshal([]byte(out), &answer); err != nil {
		return 0, fmt.Errorf("hawser show clusters --json: %w", err)
	}
	n := 0
	for _, c := range answer.Clusters {
		n += c.Established
	}
	return n, nil
}

// hawserProtocol is what the kernel knows hawser's routes by.
const hawserProtocol = "73"

// NextHops are the next hops of the kernel's route to prefix that hawser put
// there, as a set; empty when there is no such route.
func (r *Router) NextHops(ctx context.Context, prefix string) ([]string, error) {
	return r.NextHopsOf(ctx, hawserProtocol, prefix)
}

// NextHopsOf is NextHops of the program with that routing protocol number.
func (r *Router) NextHopsOf(ctx context.Context, protocol, prefix string) ([]string, error) {
	family := "-4"
	if isIPv6(prefix) {
		family = "-6"
	}
	out, err := r.Run(ctx, "ip", "-json", family, "route", "show", "proto", protocol, "exact", prefix)
	if err != nil {
		return nil, err
	}
	return parseNextHops(out)
}
