package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/pflag"

	"github.com/hawser-lb/hawser/shared/lab/clusterbench"
)

func clusterOptions(f *pflag.FlagSet) *clusterbench.Options {
	o := &clusterbench.Options{Root: ".", Progress: func(what string) { fmt.Fprintln(os.Stderr, "bench:", what) }}
	f.IntVar(&o.Samples, "samples", 100, "cluster: Services one after another, each time")
	f.IntVar(&o.First, "first", 1000, "cluster: Services at once")
	f.IntVar(&o.More, "more", 4000, "cluster: Services at once beside those")
	f.IntVar(&o.Watchers, "watchers", 97, "cluster: speakers' worth of watches beside the three that run")
	return o
}

func runCluster(ctx context.Context, o clusterbench.Options) error {
	report, err := clusterbench.Run(ctx, o)
	if err != nil {
		return err
	}
	return report.Print(os.Stdout)
}
