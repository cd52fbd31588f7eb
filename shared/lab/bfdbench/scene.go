package bfdbench

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/hawser-lb/hawser/shared/lab"
)

// routerAddress is the router's, on the one wire that there is.
const routerAddress = "10.77.2.1"

const routerConfig = `
config globals 'globals'
	option asn '65000'
	option router_id '10.77.2.1'

config cluster 'bench'
	option asn '65001'
	list source '10.77.2.0/24'
	list allow '10.77.100.0/24'
	option bfd '1'
	option bfd_interval '50'
	option bfd_multiplier '3'
`

const birdConfig = `
router id 10.77.2.11;
log stderr all;
protocol device {}
protocol bfd { interface "eth0" { interval 50 ms; multiplier 3; }; }
protocol static { ipv4; route 10.77.100.1/32 blackhole; }
protocol bgp hawser {
	local 10.77.2.11 as 65001;
	neighbor 10.77.2.1 as 65000;
	connect retry time 1; connect delay time 1; error wait time 1, 1;
	bfd on;
	ipv4 { import none; export all; };
}
`

const bgpdConfig = `
router bgp 65001
 bgp router-id 10.77.2.12
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor 10.77.2.1 remote-as 65000
 neighbor 10.77.2.1 timers connect 1
 neighbor 10.77.2.1 bfd
 neighbor 10.77.2.1 bfd profile fast
 address-family ipv4 unicast
  network 10.77.100.1/32
`

const bfddConfig = `
bfd
 profile fast
  transmit-interval 50
  receive-interval 50
  detect-multiplier 3
`

const speakerConfig = `
config globals 'globals'
	option asn '65001'
	option router_id '10.77.2.13'

config neighbor 'router'
	option asn '65000'
	option address '10.77.2.1'
	option passive '0'
	option bfd '1'
	option bfd_interval '50'
	option bfd_multiplier '3'
`

// peers are what the router has sessions with, by address.
var peers = []struct{ address, name string }{
	{"10.77.2.11", "BIRD"}, {"10.77.2.12", "FRR"}, {"10.77.2.13", "hawser, no priority"},
}

// scene is all that runs.
type scene struct {
	lab     *lab.Lab
	machine *lab.Host
	router  *lab.Host
	mallory *lab.Host
	daemon  *lab.Process
	binary  string
	alarms  alarms
}

// build starts the scene and waits until all sessions are up and fast.
func build(ctx context.Context, l *lab.Lab, binary string) (*scene, error) {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return nil, err
	}
	s := &scene{lab: l, machine: l.Machine(), binary: binary}
	wire := l.Host("wire")
	bridge := l.Bridge(wire, "br0")
	host := func(name, address string) *lab.Host {
		h := l.Host(name)
		bridge.Attach(h, "eth0", address+"/24")
		return h
	}
	s.router, s.mallory = host("router", routerAddress), host("mallory", "10.77.2.66")
	bird, frr, speaker := host("bird", peers[0].address), host("frr", peers[1].address), host("speaker", peers[2].address)
	if err := l.Err(); err != nil {
		return nil, err
	}
	if err := os.Chmod(l.Dir(), 0o755); err != nil {
		return nil, err
	}
	s.daemon, err = s.hawser(s.router, routerConfig, &s.alarms, "nice", "-n", "-10")
	if err != nil {
		return nil, err
	}
	// A pod has no right to raise its priority.
	if _, err := s.hawser(speaker, speakerConfig, nil, "setpriv", "--bounding-set", "-sys_nice", "--inh-caps", "-sys_nice"); err != nil {
		return nil, err
	}
	if err := s.start(bird, "bird", map[string]string{"bird": birdConfig}, "bird", "-f", "-c", "DIR/bird.conf", "-s", "DIR/ctl", "-P", "DIR/pid"); err != nil {
		return nil, err
	}
	for _, d := range []struct{ name, config string }{{"zebra", "hostname zebra\n"}, {"bfdd", bfddConfig}, {"bgpd", bgpdConfig}} {
		args := []string{"-f", "DIR/" + d.name + ".conf", "-i", "DIR/" + d.name + ".pid", "--vty_socket", "DIR", "-z", "DIR/zserv", "-P", "0", "--log", "stdout"}
		if d.name == "bfdd" {
			args = append(args, "--bfdctl", "DIR/bfdd.sock")
		}
		if err := s.start(frr, "frr", map[string]string{d.name: d.config}, "/usr/lib/frr/"+d.name, args...); err != nil {
			return nil, err
		}
		if err := lab.Until(ctx, d.name, func() error {
			_, err := os.Stat(filepath.Join(l.Dir(), "frr", d.name+".vty"))
			return err
		}); err != nil {
			return nil, err
		}
	}
	return s, lab.Until(ctx, "all sessions up and fast", s.up)
}

// hawser starts a daemon through another command.
func (s *scene) hawser(h *lab.Host, config string, log *alarms, through ...string) (*lab.Process, error) {
	dir := filepath.Join(s.lab.Dir(), h.Name())
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "hawser")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return nil, err
	}
	c := lab.Command{Session: true, Name: through[0], Args: append(through[1:], s.binary, "run", "-c", file, "--socket", filepath.Join(dir, "sock"))}
	if log != nil {
		c.Log = log
	}
	return h.Launch(c)
}

// start starts a daemon in a directory of its own, which FRR's user may use.
func (s *scene) start(h *lab.Host, dir string, files map[string]string, name string, args ...string) error {
	dir = filepath.Join(s.lab.Dir(), dir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for file, text := range files {
		if err := os.WriteFile(filepath.Join(dir, file+".conf"), []byte(text), 0o644); err != nil {
			return err
		}
	}
	if out, err := exec.Command("chown", "-R", "frr", dir).CombinedOutput(); err != nil {
		return fmt.Errorf("chown: %w: %s", err, out)
	}
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "DIR", dir)
	}
	_, err := h.Launch(lab.Command{Session: true, Name: name, Args: args})
	return err
}

// view is what "hawser show bfd --json" says.
type view struct {
	Peers []struct {
		Address             string  `json:"address"`
		State               string  `json:"state"`
		Detect              float64 `json:"detectMilliseconds"`
		Discriminator       uint32  `json:"discriminator"`
		RemoteDiscriminator uint32  `json:"remoteDiscriminator"`
	} `json:"peers"`
	Ignored map[string]uint64 `json:"bfdIgnored"`
}

func (s *scene) view() (v view, err error) {
	text, err := s.machine.Run(context.Background(), s.binary, "show", "bfd", "--json", "--socket", filepath.Join(s.lab.Dir(), "router", "sock"))
	if err == nil {
		err = json.Unmarshal([]byte(text), &v)
	}
	return v, err
}

func (s *scene) up() error {
	v, err := s.view()
	if err != nil {
		return err
	}
	n := 0
	for _, p := range v.Peers {
		if p.State == "Up" && p.Detect == 150 {
			n++
		}
	}
	if n != len(peers) {
		return fmt.Errorf("%d of %d are: %+v", n, len(peers), v.Peers)
	}
	return nil
}

// busy is the processor time that the router's daemon has had.
func (s *scene) busy() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.daemon.PID()))
	if err != nil {
		return 0, err
	}
	var user, system int64
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("stat: %q", text)
	}
	if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system); err != nil {
		return 0, err
	}
	return time.Duration(user+system) * 10 * time.Millisecond, nil // USER_HZ is 100
}
