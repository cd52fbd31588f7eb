// Command hawser is the router's program: the daemon (run) and what asks it.
// See docs/cli.md.
package main

import (
	"context"
	"os"

	"github.com/hawser-lb/hawser/router/internal/cli"
	"github.com/hawser-lb/hawser/router/internal/daemon"
)

func main() {
	program := cli.Program{
		Name: os.Args[0], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv,
		NewDaemon: func(s cli.Settings) cli.Daemon { return daemon.New(daemon.Options(s)) },
	}
	os.Exit(program.Main(context.Background(), os.Args[1:]))
}
