package cli

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/hawser-lb/hawser/shared/logging"
)

// run is the daemon until SIGTERM or SIGINT; SIGHUP reads the configuration
// again. A second SIGTERM ends it at once.
func (c *call) run() error {
	follows := new(slog.LevelVar)
	level := follows
	if c.logLevel != "" {
		fixed, err := logging.Level(c.logLevel)
		if err != nil {
			return misuse{err.Error()}
		}
		level = new(slog.LevelVar)
		level.Set(fixed)
	}
	log, err := logging.New(c.Stderr, "text", level)
	if err != nil {
		return err
	}
	d := c.NewDaemon(Settings{
		ConfigFile: c.config, Socket: c.socket, Log: log, Level: follows, WithdrawOnExit: c.withdrawOnExit,
	})
	ctx, stop := signal.NotifyContext(c.ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	context.AfterFunc(ctx, stop)
	defer reloads(ctx, d)()
	return d.Run(ctx)
}

// reloads hands each SIGHUP to d until the function that it returns is called.
func reloads(ctx context.Context, d Daemon) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			select {
			case <-hup:
				d.Reload()
			case <-ctx.Done():
				return
			}
		}
	})
	return func() {
		signal.Stop(hup)
		cancel()
		wait.Wait()
	}
}
