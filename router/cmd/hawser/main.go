// Command hawser is the router's program: the daemon (run) and what asks it.
// See docs/cli.md.
package main

import (
	"context"
	"os"

	"golang.org/x/sys/unix"

	"github.com/hawser-lb/hawser/router/internal/cli"
	"github.com/hawser-lb/hawser/router/internal/daemon"
)

// terminal reports whether f is one.
func terminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

func main() {
	program := cli.Program{
		Name: os.Args[0], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Terminal: terminal(os.Stdout), Getenv: os.Getenv,
		NewDaemon: func(s cli.Settings) cli.Daemon { return daemon.New(daemon.Options(s)) },
	}
	os.Exit(program.Main(context.Background(), os.Args[1:]))
}
