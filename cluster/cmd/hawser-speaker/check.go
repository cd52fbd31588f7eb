package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/pflag"

	"github.com/hawser-lb/hawser/cluster/internal/kube"
	"github.com/hawser-lb/hawser/cluster/internal/legacy"
)

// check reads files and says everything that is wrong with them.
func check(args []string, in io.Reader, out io.Writer) error {
	f := pflag.NewFlagSet("hawser-speaker check", pflag.ContinueOnError)
	f.Usage = func() {
		fmt.Fprint(out, "hawser-speaker check [FILE…]\n\nReads ConfigMaps of MetalLB v0.12 (the object, or only its text) and manifests\nof AddressPools and BGPPeers, from files or from standard input.\n")
	}
	if err := f.Parse(args); err != nil {
		if errors.Is(err, pflag.ErrHelp) {
			return err
		}
		return misuse{err}
	}
	files := f.Args()
	if len(files) == 0 {
		files = []string{"-"}
	}
	wrong := 0
	for _, file := range files {
		text, err := read(file, in)
		if err != nil {
			return err
		}
		n, err := checkText(file, text, out)
		if err != nil {
			return err
		}
		wrong += n
	}
	if wrong > 0 {
		return fmt.Errorf("%d mistakes", wrong)
	}
	return nil
}

func read(file string, in io.Reader) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(in)
	}
	return os.ReadFile(file)
}

// checkText prints what is in a text and what is wrong with it.
func checkText(file string, text []byte, out io.Writer) (wrong int, err error) {
	documents, err := kube.ReadManifests(text)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", file, err)
	}
	for _, d := range documents {
		if d.Text != nil {
			wrong += checkConfigMap(file, d, out)
			continue
		}
		for _, w := range d.Wrong {
			fmt.Fprintf(out, "%s: %s: %s\n", file, d, w)
		}
		wrong += len(d.Wrong)
		if len(d.Wrong) == 0 {
			fmt.Fprintf(out, "%s: %s: good\n", file, d)
		}
	}
	return wrong, nil
}

func checkConfigMap(file string, d kube.Document, out io.Writer) (wrong int) {
	config, err := legacy.ConfigMap(*d.Text)
	var problems legacy.Problems
	if errors.As(err, &problems) {
		for _, p := range problems {
			fmt.Fprintf(out, "%s: %s: %s\n", file, d, p)
		}
		return len(problems)
	}
	for _, w := range config.Warnings {
		fmt.Fprintf(out, "%s: %s: warning: %s\n", file, d, w)
	}
	fmt.Fprintf(out, "%s: %s: good: %d peers, %d pools\n", file, d, len(config.Peers), len(config.Pools))
	return 0
}
