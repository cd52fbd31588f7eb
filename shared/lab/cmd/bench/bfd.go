package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/pflag"

	"github.com/hawser-lb/hawser/shared/lab/bfdbench"
)

func bfdOptions(f *pflag.FlagSet) *bfdbench.Options {
	o := &bfdbench.Options{Progress: func(what string) { fmt.Fprintln(os.Stderr, "bench:", what) }}
	f.DurationVar(&o.Duration, "watch", 10*time.Minute, "bfd: how long for each number of burners")
	f.IntSliceVar(&o.Burners, "burners", []int{2, 16}, "bfd: programs that keep the cores busy")
	f.DurationVar(&o.Flood, "flood", 10*time.Second, "bfd: how long forged packets are sent")
	f.IntVar(&o.Rate, "rate", 100_000, "bfd: forged packets a second")
	return o
}

// runBFD prints what was measured until something went wrong, too.
func runBFD(ctx context.Context, o bfdbench.Options, hawser string) error {
	o.Hawser = hawser
	report, err := bfdbench.Run(ctx, o)
	if report != nil {
		err = errors.Join(err, report.Print(os.Stdout))
	}
	return err
}
