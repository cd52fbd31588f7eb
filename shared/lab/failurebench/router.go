package failurebench

import (
	"context"
	"errors"
	"time"

	"github.com/hawser-lb/hawser/shared/lab/scene"
)

// What happens to the router and to its daemon.

// respawn is how long procd waits before it starts a program again, as the
// package's init script asks for.
const respawn = 5 * time.Second

func hawserKill(ctx context.Context, d *deed) error {
	d.Router.Daemon().Kill()
	if err := errors.Join(pause(ctx, respawn), d.Router.Start()); err != nil {
		return err
	}
	return d.again(ctx, time.Now(), "its start")
}

// hawserUpgrade ends the daemon and starts what is installed by then.
func hawserUpgrade(ctx context.Context, d *deed) error {
	if err := errors.Join(d.Router.Daemon().Stop(), pause(ctx, time.Second), d.Router.Start()); err != nil {
		return err
	}
	return d.again(ctx, time.Now(), "its start")
}

// reload allows one prefix more.
func reload(ctx context.Context, d *deed) error {
	if err := d.Router.Configure(scene.RouterConfig + "\tlist allow '10.77.101.0/24'\n"); err != nil {
		return err
	}
	return d.hup(ctx)
}

func reloadBack(ctx context.Context, d *deed) error {
	return errors.Join(d.Router.Configure(scene.RouterConfig), d.hup(ctx))
}

// away is for how long netifd's restart leaves the network away.
const away = time.Second

// networkRestart is the same for both sides: the daemons run on.
func networkRestart(ctx context.Context, d *deed) error {
	if err := d.down(ctx); err != nil {
		return err
	}
	if err := errors.Join(pause(ctx, away), d.up(ctx)); err != nil {
		return err
	}
	at := time.Now()
	d.note("the link was away for %s", short(at.Sub(d.blown)))
	return d.again(ctx, at, "the link was back")
}

// booting is for how long a router that boots is away.
const booting = 10 * time.Second

// reboot has everything of the router's forgotten, and measures from the moment
// in which it answers ping.
func reboot(ctx context.Context, d *deed) error {
	d.Router.Daemon().Kill()
	return d.reboot(ctx, func(context.Context) error { return d.Router.Start() })
}

func (d *deed) reboot(ctx context.Context, start func(context.Context) error) error {
	if err := d.down(ctx); err != nil {
		return err
	}
	if err := errors.Join(pause(ctx, booting), d.up(ctx)); err != nil {
		return err
	}
	ping, err := d.reachable(ctx)
	if err != nil {
		return err
	}
	if err := start(ctx); err != nil {
		return err
	}
	if err := d.again(ctx, ping, "it answered ping"); err != nil {
		return err
	}
	d.wholeAfter = time.Since(ping)
	return nil
}
