package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/hawser-lb/hawser/shared/lab/failurebench"
)

func failureOptions(f *pflag.FlagSet) *failurebench.Options {
	o := &failurebench.Options{Root: ".", Progress: func(what string) { fmt.Fprintln(os.Stderr, "bench:", what) }}
	f.StringSliceVar(&o.Sides, "sides", nil, "failure: these sides only: "+strings.Join(failurebench.SideNames(), ", "))
	f.IntVar(&o.PerSecond, "per-second", 500, "failure: requests a second, each on a new connection")
	f.IntVar(&o.Long, "long", 50, "failure: connections that are held open")
	return o
}

// runFailure prints what was measured, also when something could not be.
func runFailure(ctx context.Context, o failurebench.Options, markdown bool) error {
	report, err := failurebench.Run(ctx, o)
	if report == nil {
		return err
	}
	if markdown {
		return errors.Join(err, report.Markdown(os.Stdout))
	}
	return errors.Join(err, report.Print(os.Stdout))
}
