package failurebench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/hawser-lb/hawser/shared/lab"
	"github.com/hawser-lb/hawser/shared/lab/scene"
)

// pair is what Hawser takes the place of: gobgpd on each node with the timers
// of a MetalLB speaker that nobody has set, and FRR's zebra and bgpd on the
// router, both Debian's.
type pair struct {
	*world
	hold     time.Duration
	dir      string
	daemons  map[string]*lab.Process // zebra, bgpd
	speakers map[string]*lab.Process // gobgpd by node
}

func newPair(w *world, hold time.Duration) *pair {
	return &pair{
		world: w, hold: hold, dir: filepath.Join(w.Lab.Dir(), fmt.Sprintf("pair-%v", hold)),
		daemons: map[string]*lab.Process{}, speakers: map[string]*lab.Process{},
	}
}

func (p *pair) name() string   { return fmt.Sprintf("pair, hold time %.0f s", p.hold.Seconds()) }
func (*pair) kind() kind       { return pairs }
func (*pair) protocol() string { return "186" } // bgp, as zebra marks its routes

func (p *pair) start(ctx context.Context) error {
	if err := p.configureRouter(); err != nil {
		return err
	}
	if err := p.startRouter(ctx); err != nil {
		return err
	}
	for _, n := range p.Nodes {
		if err := p.startSpeaker(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

func (p *pair) stop(ctx context.Context) error {
	for _, all := range []map[string]*lab.Process{p.speakers, p.daemons} {
		for _, process := range all {
			process.Kill()
		}
	}
	return p.batch(ctx, "nexthop flush") // which takes zebra's routes along
}

// configureRouter writes FRR's configuration: its defaults, but for the policy
// that eBGP must have, and equal paths.
func (p *pair) configureRouter() error {
	var text strings.Builder
	fmt.Fprintf(&text, "router bgp %d\n bgp router-id %s\n no bgp ebgp-requires-policy\n", scene.RouterASN, scene.RouterAddress)
	for _, n := range p.Nodes {
		fmt.Fprintf(&text, " neighbor %s remote-as %d\n", n.Address, scene.ClusterASN)
	}
	text.WriteString(" address-family ipv4 unicast\n  maximum-paths 16\n")
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		return err
	}
	// FRR drops root's rights: it must get at its directory.
	frr, err := user.Lookup("frr")
	if err != nil {
		return fmt.Errorf("%w: Debian's package frr is missing; `make deps` installs it", err)
	}
	uid, err := strconv.Atoi(frr.Uid)
	if err != nil {
		return err
	}
	for name, config := range map[string]string{"zebra": "", "bgpd": text.String()} {
		err = errors.Join(err, os.WriteFile(filepath.Join(p.dir, name+".conf"), []byte(config), 0o644))
	}
	return errors.Join(err, os.Chown(p.dir, uid, -1), os.Chmod(p.Lab.Dir(), 0o755))
}

// startRouter starts what of FRR does not run.
func (p *pair) startRouter(ctx context.Context) error {
	for _, name := range []string{"zebra", "bgpd"} {
		if d := p.daemons[name]; d != nil && running(d) {
			continue
		}
		socket := filepath.Join(p.dir, "zserv.api")
		args := []string{"-f", filepath.Join(p.dir, name+".conf"), "-i", filepath.Join(p.dir, name+".pid"),
			"--vty_socket", p.dir, "-z", socket, "-P", "0"}
		if name == "zebra" {
			if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
			args = append(args, "-s", "90000000")
		}
		d, err := p.Router.Host.Start("/usr/lib/frr/"+name, args...)
		if err != nil {
			return err
		}
		p.daemons[name] = d
		err = lab.Until(ctx, name, func() error {
			_, err := os.Stat(socket)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func running(p *lab.Process) bool {
	select {
	case <-p.Done():
		return false
	default:
		return true
	}
}

func (p *pair) vtysh(ctx context.Context, commands ...string) (string, error) {
	args := []string{"--vty_socket", p.dir}
	for _, c := range commands {
		args = append(args, "-c", c)
	}
	return p.Router.Run(ctx, "vtysh", args...)
}

func (*pair) fresh(context.Context) error { return nil }

func (p *pair) sessions(ctx context.Context) (int, error) {
	out, err := p.vtysh(ctx, "show bgp ipv4 unicast summary json")
	if err != nil {
		return 0, err
	}
	var summary struct {
		Peers map[string]struct {
			State string `json:"state"`
		} `json:"peers"`
	}
	if err := json.Unmarshal([]byte(out), &summary); err != nil {
		return 0, fmt.Errorf("FRR's summary: %w in %q", err, out)
	}
	n := 0
	for _, peer := range summary.Peers {
		if peer.State == "Established" {
			n++
		}
	}
	return n, nil
}

// gobgpdConfig: MetalLB's speaker listens nowhere, and comes back after seconds
// where gobgpd as it is would wait for minutes.
const gobgpdConfig = `[global.config]
  as = %d
  router-id = "%s"
  port = -1
[[neighbors]]
  [neighbors.config]
    neighbor-address = "%s"
    peer-as = %d
  [neighbors.timers.config]
    hold-time = %d
    keepalive-interval = %d
    connect-retry = 10
    idle-hold-time-after-reset = 5
`

// startSpeaker starts a node's gobgpd and announces the Service.
func (p *pair) startSpeaker(ctx context.Context, n *scene.Node) error {
	config := filepath.Join(p.dir, n.Name+".toml")
	seconds := int(p.hold.Seconds())
	text := fmt.Sprintf(gobgpdConfig, scene.ClusterASN, n.Address, scene.RouterAddress, scene.RouterASN, seconds, seconds/3)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return err
	}
	speaker, err := n.Start("gobgpd", "-f", config, "--api-hosts", "127.0.0.1:50051", "--pprof-disable")
	if err != nil {
		return err
	}
	p.speakers[n.Name] = speaker
	return lab.Until(ctx, "gobgpd on "+n.Name, func() error { return p.tell(ctx, n, "add") })
}

// tell adds or deletes the Service's route at a node's gobgpd.
func (p *pair) tell(ctx context.Context, n *scene.Node, what string) error {
	_, err := n.Run(ctx, "gobgp", "-u", "127.0.0.1", "global", "rib", what, p.address+"/32", "nexthop", n.Address)
	return err
}

// The events on this side.

func (d *deed) pair() *pair { return d.side.(*pair) }

func gobgpKill(ctx context.Context, d *deed) error {
	n := d.victim()
	d.pair().speakers[n.Name].Kill()
	if err := d.pair().startSpeaker(ctx, n); err != nil {
		return err
	}
	return d.again(ctx, d.blown, "the kill")
}

// gobgpUpgrade takes the next node when the last has its session.
func gobgpUpgrade(ctx context.Context, d *deed) error {
	p := d.pair()
	for _, n := range d.Nodes {
		if err := p.speakers[n.Name].Stop(); err != nil {
			return err
		}
		if err := p.startSpeaker(ctx, n); err != nil {
			return err
		}
		if err := p.whole(ctx, p); err != nil {
			return err
		}
	}
	return d.again(ctx, d.blown, "the first one's end")
}

func withdraw(ctx context.Context, d *deed) error {
	n := d.victim()
	if err := d.pair().tell(ctx, n, "del"); err != nil {
		return err
	}
	return d.without(ctx, n)
}

func announceAgain(ctx context.Context, d *deed) error {
	if err := d.pair().tell(ctx, d.victim(), "add"); err != nil {
		return err
	}
	return d.again(ctx, time.Now(), "the end of the drain")
}

func gobgpShutdown(ctx context.Context, d *deed) error {
	n := d.victim()
	if err := d.pair().speakers[n.Name].Stop(); err != nil {
		return err
	}
	if err := d.without(ctx, n); err != nil {
		return err
	}
	return n.PowerOff()
}

// bgpdKill has watchfrr start bgpd again, which it does within seconds.
func bgpdKill(ctx context.Context, d *deed) error {
	d.pair().daemons["bgpd"].Kill()
	if err := errors.Join(pause(ctx, respawn), d.pair().startRouter(ctx)); err != nil {
		return err
	}
	return d.again(ctx, time.Now(), "its start")
}

func frrUpgrade(ctx context.Context, d *deed) error {
	p := d.pair()
	if err := errors.Join(p.daemons["bgpd"].Stop(), p.daemons["zebra"].Stop(), pause(ctx, time.Second), p.startRouter(ctx)); err != nil {
		return err
	}
	return d.again(ctx, time.Now(), "its start")
}

func frrReload(ctx context.Context, d *deed) error {
	_, err := d.pair().vtysh(ctx, "configure terminal", fmt.Sprintf("router bgp %d", scene.RouterASN), "neighbor 10.77.2.99 remote-as 65001")
	return err
}

func frrReboot(ctx context.Context, d *deed) error {
	for _, process := range d.pair().daemons {
		process.Kill()
	}
	return d.reboot(ctx, d.pair().startRouter)
}
