// Command hawser-speaker runs on every node of a cluster: it gives Services of
// type LoadBalancer their addresses and announces them by BGP to the router.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/pflag"

	"github.com/hawser-lb/hawser/cluster/internal/kube"
	"github.com/hawser-lb/hawser/shared/version"
)

const usage = `hawser-speaker gives Services of type LoadBalancer their addresses and announces
them by BGP to the router.

  hawser-speaker run       work, until told to end
  hawser-speaker check     read a ConfigMap, or AddressPools and BGPPeers, and say
                           everything that is wrong with them
  hawser-speaker migrate   read MetalLB's configuration and print Hawser's objects
  hawser-speaker version   say which version this is

"hawser-speaker COMMAND --help" lists the options of a command. Each option of
run is also read from the environment: --node-name from HAWSER_NODE_NAME, and
so on; the command line wins.
`

func main() {
	kube.Hush()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	os.Exit(command(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// command runs one command and returns the exit status: 0, 1 for what went
// wrong, 2 for what was not understood, 3 for what was done in part.
func command(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	word := "help"
	if len(args) > 0 {
		word, args = args[0], args[1:]
	}
	var err error
	switch word {
	case "run":
		err = run(ctx, args, errs)
	case "check":
		err = check(args, in, out)
	case "migrate":
		err = move(ctx, args, in, out)
	case "version", "--version":
		fmt.Fprintln(out, "hawser-speaker", version.String())
	case "help", "--help", "-h":
		fmt.Fprint(out, usage)
	default:
		err = misuse{fmt.Errorf("there is no command %q; see hawser-speaker help", word)}
	}
	switch {
	case err == nil:
		return 0
	case errors.Is(err, pflag.ErrHelp):
		return 0
	}
	fmt.Fprintln(errs, "hawser-speaker:", err)
	if errors.As(err, new(misuse)) {
		return 2
	}
	if errors.As(err, new(incomplete)) {
		return 3
	}
	return 1
}

// misuse marks an error in how the command was called.
type misuse struct{ error }
