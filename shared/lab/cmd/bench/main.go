// Command bench measures Hawser beside FRR and BIRD and prints a table with
// ratios; "bench cluster" measures the cluster side, "bench failure" what a
// client notices when something dies, "bench bfd" false alarms. See docs/bench.md
// and docs/failure.md. It needs root.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/pflag"

	"github.com/hawser-lb/hawser/shared/lab/bench"
	"github.com/hawser-lb/hawser/shared/lab/failurebench"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	rounds := pflag.Int("rounds", 5, "how often each router runs each scene; the table has medians")
	hawser := pflag.String("hawser", "build/hawser", "the daemon's binary")
	only := pflag.StringSlice("only", nil, "measure these only; routers: hawser, FRR, BIRD; failure: "+strings.Join(failurebench.EventNames(), ", "))
	markdown := pflag.Bool("markdown", false, "failure: the table as docs/failure.md has it")
	failure := failureOptions(pflag.CommandLine)
	cluster := clusterOptions(pflag.CommandLine)
	liveness := bfdOptions(pflag.CommandLine)
	pflag.Parse()
	switch {
	case pflag.NArg() == 0:
	case pflag.NArg() == 1 && pflag.Arg(0) == "cluster":
		return runCluster(ctx, *cluster)
	case pflag.NArg() == 1 && pflag.Arg(0) == "failure":
		failure.Only = *only
		return runFailure(ctx, *failure, *markdown)
	case pflag.NArg() == 1 && pflag.Arg(0) == "bfd":
		return runBFD(ctx, *liveness, *hawser)
	default:
		return fmt.Errorf("there is nothing called %q to measure: leave it out, or write cluster, failure or bfd", pflag.Args())
	}

	var routers []bench.Router
	for _, r := range []bench.Router{bench.Hawser(*hawser), bench.FRR(), bench.BIRD()} {
		if len(*only) == 0 || slices.Contains(*only, r.Name) {
			routers = append(routers, r)
		}
	}
	if len(routers) == 0 || *rounds < 1 {
		return errors.New("nothing to measure")
	}
	report := bench.NewReport(routers)
	for _, scene := range bench.Scenes() {
		order := slices.Clone(routers)
		for round := range *rounds {
			fmt.Fprintf(os.Stderr, "bench: %s: round %d of %d\n", scene.Name, round+1, *rounds)
			for _, router := range order {
				figures, err := bench.Measure(ctx, scene, router)
				if err != nil {
					return err
				}
				report.Add(scene, router, figures)
			}
			// Whoever came first comes last: nobody has a place of honour.
			order = append(order[1:], order[0])
		}
	}
	if err := report.Print(os.Stdout); err != nil {
		return err
	}
	if broken := report.Broken(); len(broken) > 0 {
		return errors.New(strings.Join(broken, "; "))
	}
	return nil
}
