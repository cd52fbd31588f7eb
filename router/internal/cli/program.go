package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"strings"

	"github.com/spf13/pflag"

	"github.com/hawser-lb/hawser/router/internal/status"
)

// Daemon is what `hawser run` runs.
type Daemon interface {
	// Run blocks until ctx ends or it cannot go on.
	Run(ctx context.Context) error
	// Reload reads the configuration again.
	Reload()
}

// Settings are what the command line says to the daemon.
type Settings struct {
	ConfigFile     string
	Socket         string
	Log            *slog.Logger
	Level          *slog.LevelVar // follows the configuration
	WithdrawOnExit bool
}

// Program is the process as the commands see it.
type Program struct {
	// Name the program was called by; a link in rpcd's directory makes it a
	// plugin.
	Name           string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Terminal says that Stdout is one.
	Terminal bool
	Getenv   func(string) string
	// NewDaemon returns a Daemon that has started nothing.
	NewDaemon func(Settings) Daemon
}

// What a process ends with.
const (
	done    = 0
	failed  = 1
	misused = 2
	partly  = 3 // done, and something was left out
)

// DefaultConfig is the file that run and check read.
const DefaultConfig = "/etc/config/hawser"

// misuse is an error of the words, not of the world.
type misuse struct{ text string }

func (m misuse) Error() string { return m.text }

// errSilent ends with status 1 after everything has been said, errPartly with 3.
var (
	errSilent = errors.New("")
	errPartly = errors.New("")
)

// Main runs the command that args are, without the program's name, and returns
// the exit status.
func (p *Program) Main(ctx context.Context, args []string) int {
	err := p.run(ctx, args)
	var wrong misuse
	switch {
	case err == nil:
		return done
	case errors.As(err, &wrong):
		p.complain(err)
		return misused
	case errors.Is(err, errPartly):
		return partly
	case !errors.Is(err, errSilent):
		p.complain(err)
	}
	return failed
}

// complain writes an error; one of several lines, such as all the mistakes in
// a configuration, line by line.
func (p *Program) complain(err error) {
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintf(p.Stderr, "hawser: %s\n", strings.TrimSuffix(line, "\n"))
	}
}

func (p *Program) run(ctx context.Context, args []string) error {
	c := &call{Program: p.painted(), ctx: ctx}
	flags := c.flagSet()
	if err := flags.Parse(asPlugin(p.Name, args)); err != nil {
		return misuse{err.Error() + "; hawser help lists the flags"}
	}
	words := flags.Args()
	if c.help {
		words = append([]string{"help"}, words...)
	}
	if len(words) == 0 {
		c.usage(p.Stderr)
		return misuse{"a command is missing"}
	}
	at, err := c.find(words)
	if err != nil {
		return err
	}
	if err := at.check(flags); err != nil {
		return err
	}
	if c.watch {
		return c.watching(at.do)
	}
	return at.do(c)
}

// call is one command with its flags and arguments.
type call struct {
	*Program
	ctx context.Context

	json           bool
	watch          bool
	socket         string
	config         string
	withdrawOnExit bool
	logLevel       string
	help           bool

	words    []string // as typed, in full
	family   status.Family
	argument string
	peer     netip.Addr
	waits    bool // monitor: the daemon was there before
}

func (c *call) flagSet() *pflag.FlagSet {
	socket := c.Getenv("HAWSER_SOCKET")
	if socket == "" {
		socket = status.DefaultSocket
	}
	flags := pflag.NewFlagSet("hawser", pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.SortFlags = false
	flags.BoolVar(&c.json, "json", false, "answer in JSON (docs/status.md)")
	flags.BoolVar(&c.watch, "watch", false, "show it again every two seconds, on a terminal")
	flags.StringVar(&c.socket, "socket", socket, "control socket `PATH` of the daemon, also HAWSER_SOCKET")
	flags.StringVarP(&c.config, "config", "c", DefaultConfig, "configuration `FILE`")
	flags.StringVar(&c.logLevel, "log-level", "", "`LEVEL` error, warn, info or debug, whatever the configuration says")
	flags.BoolVar(&c.withdrawOnExit, "withdraw-on-exit", false, "take the routes out of the kernel at the end")
	flags.BoolVarP(&c.help, "help", "h", false, "what there is to say, and nothing else")
	return flags
}
