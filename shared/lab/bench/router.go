package bench

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/hawser-lb/hawser/shared/lab"
)

// The scene's addresses: one wire, the router at its end, the senders at its
// beginning, and the measured prefixes in nobody's subnet.
var (
	routerAddr = netip.MustParseAddr("10.77.2.254")
	pool       = netip.MustParsePrefix("10.64.0.0/14")
)

const (
	routerASN = 65000
	senderASN = 65001
	maxPaths  = 16
)

// Router is a routing daemon that can be measured.
type Router struct {
	Name string
	// start starts its processes on the host, for these senders, with its
	// files in dir.
	start func(ctx context.Context, host *lab.Host, dir string, senders []netip.Addr) ([]*lab.Process, error)
}

// Hawser is the daemon in the file binary.
func Hawser(binary string) Router {
	return Router{Name: "hawser", start: func(_ context.Context, host *lab.Host, dir string, _ []netip.Addr) ([]*lab.Process, error) {
		config := filepath.Join(dir, "hawser")
		text := fmt.Sprintf(`
config globals 'globals'
	option asn '%d'
	option router_id '%s'
	option max_paths '%d'

config cluster 'bench'
	option asn '%d'
	list source '10.77.2.0/24'
	list allow '%s'
	option max_prefixes '100000'
	option guard '0'
`, routerASN, routerAddr, maxPaths, senderASN, pool)
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			return nil, err
		}
		return start(host, launch{binary, []string{"run", "-c", config, "--socket", filepath.Join(dir, "sock")}})
	}}
}

// BIRD is Debian's BIRD 2.
func BIRD() Router {
	return Router{Name: "BIRD", start: func(_ context.Context, host *lab.Host, dir string, senders []netip.Addr) ([]*lab.Process, error) {
		var text strings.Builder
		fmt.Fprintf(&text, "router id %s;\nprotocol device {}\n"+
			"protocol kernel { merge paths on limit %d; ipv4 { import none; export all; }; }\n", routerAddr, maxPaths)
		for i, s := range senders {
			fmt.Fprintf(&text, "protocol bgp s%d { local %s as %d; neighbor %s as %d; passive; ipv4 { import all; export none; }; }\n",
				i, routerAddr, routerASN, s, senderASN)
		}
		config := filepath.Join(dir, "bird.conf")
		if err := os.WriteFile(config, []byte(text.String()), 0o600); err != nil {
			return nil, err
		}
		return start(host, launch{"bird", []string{"-f", "-c", config, "-s", filepath.Join(dir, "bird.ctl"), "-P", filepath.Join(dir, "bird.pid")}})
	}}
}

// FRR is Debian's zebra and bgpd with their defaults, and without a log.
func FRR() Router {
	return Router{Name: "FRR", start: startFRR}
}

func startFRR(ctx context.Context, host *lab.Host, dir string, senders []netip.Addr) ([]*lab.Process, error) {
	var text strings.Builder
	fmt.Fprintf(&text, "router bgp %d\n bgp router-id %s\n no bgp ebgp-requires-policy\n", routerASN, routerAddr)
	for _, s := range senders {
		fmt.Fprintf(&text, " neighbor %s remote-as %d\n neighbor %s passive\n", s, senderASN, s)
	}
	fmt.Fprintf(&text, " address-family ipv4 unicast\n  maximum-paths %d\n", maxPaths)
	for name, config := range map[string]string{"zebra": "", "bgpd": text.String()} {
		if err := os.WriteFile(filepath.Join(dir, name+".conf"), []byte(config), 0o644); err != nil {
			return nil, err
		}
	}
	if err := give(dir, "frr"); err != nil {
		return nil, err
	}
	socket := filepath.Join(dir, "zserv.api")
	common := func(name string, more ...string) launch {
		return launch{"/usr/lib/frr/" + name, append([]string{"-f", filepath.Join(dir, name+".conf"), "-i", filepath.Join(dir, name+".pid"),
			"--vty_socket", dir, "-z", socket, "-P", "0", "--log-level", "emergencies"}, more...)}
	}
	zebra, err := start(host, common("zebra", "-s", "90000000"))
	if err != nil {
		return zebra, err
	}
	err = lab.Until(ctx, "zebra's socket", func() error {
		_, err := os.Stat(socket)
		return err
	})
	if err != nil {
		return zebra, err
	}
	bgpd, err := start(host, common("bgpd"))
	return append(zebra, bgpd...), err
}

// give hands dir and what is in it to a user: FRR drops root's rights.
func give(dir, name string) error {
	u, err := user.Lookup(name)
	if err != nil {
		return err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return err
	}
	return filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(path, uid, -1)
	})
}

type launch struct {
	name string
	args []string
}

func start(host *lab.Host, commands ...launch) ([]*lab.Process, error) {
	var all []*lab.Process
	for _, c := range commands {
		p, err := host.Start(c.name, c.args...)
		if err != nil {
			return all, err
		}
		all = append(all, p)
	}
	return all, nil
}

// processor is the time that the processes together have run: the first number
// of their threads' schedstat, in nanoseconds.
func processor(processes []*lab.Process) (time.Duration, error) {
	var sum time.Duration
	for _, p := range processes {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.PID()))
		if err != nil {
			return 0, err
		}
		for _, thread := range threads {
			text, err := os.ReadFile(thread)
			if err != nil {
				return 0, fmt.Errorf("processor time of %s: %w", p, err)
			}
			run, _, _ := strings.Cut(string(text), " ")
			n, err := strconv.ParseInt(run, 10, 64)
			if err != nil {
				return 0, fmt.Errorf("processor time of %s: %w", p, err)
			}
			sum += time.Duration(n)
		}
	}
	return sum, nil
}

// resident is the memory of all the processes together, in bytes: VmRSS of
// proc_pid_status(5).
func resident(processes []*lab.Process) (int64, error) {
	var sum int64
	for _, p := range processes {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
		if err != nil {
			return 0, fmt.Errorf("memory of %s: %w", p, err)
		}
		for line := range strings.Lines(string(text)) {
			value, ok := strings.CutPrefix(line, "VmRSS:")
			if !ok {
				continue
			}
			kilobytes, err := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			if err != nil {
				return 0, fmt.Errorf("memory of %s: %w", p, err)
			}
			sum += kilobytes << 10
		}
	}
	return sum, nil
}
