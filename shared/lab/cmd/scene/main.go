// Command scene sets the standard scene up on this machine, as root.
//
//	scene demo   tells the whole story in the terminal and leaves nothing behind
//	scene lab    leaves the scene running and says how to enter it
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/hawser-lb/hawser/shared/lab"
	"github.com/hawser-lb/hawser/shared/lab/scene"
)

func main() {
	acts := map[string]func(context.Context, *teller, *scene.Scene) error{"demo": demo, "lab": stay}
	if len(os.Args) != 2 || acts[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: scene demo|lab")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, acts[os.Args[1]]); err != nil {
		fmt.Fprintln(os.Stderr, "\nscene:", err)
		os.Exit(1)
	}
}

// run gives act a scene and takes the scene down again, whatever came of it.
func run(ctx context.Context, act func(context.Context, *teller, *scene.Scene) error) (err error) {
	if os.Geteuid() != 0 {
		return errors.New("network namespaces need root: run it with sudo")
	}
	l, err := lab.New(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	tell := newTeller(os.Stdout)
	tell.chapter("Setting the scene", "client — router (hawser) — three nodes (hawser-speaker), all real, in network namespaces")
	s, err := scene.Start(ctx, l, scene.Options{Progress: tell.progress})
	if err != nil {
		return err
	}
	return act(ctx, tell, s)
}
