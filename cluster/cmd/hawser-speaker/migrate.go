package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/pflag"

	"github.com/hawser-lb/hawser/cluster/internal/kube"
	"github.com/hawser-lb/hawser/cluster/internal/migrate"
)

const migrateUsage = `hawser-speaker migrate [-f FILE…]

Reads what MetalLB was told, its ConfigMap of v0.12 or its objects, from files
("-" is standard input) or, without any, from the cluster, and prints the same
as Hawser's objects. What cannot be carried over stands as a comment at the top,
and the exit status is then 3.

`

// incomplete is the error of a move that had to leave something behind.
type incomplete struct{ n int }

func (i incomplete) Error() string {
	return fmt.Sprintf("%d things could not be carried over; they stand at the top of what was printed", i.n)
}

// move prints Hawser's objects in the place of MetalLB's.
func move(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	f := pflag.NewFlagSet("hawser-speaker migrate", pflag.ContinueOnError)
	files := f.StringArrayP("file", "f", nil, "read this file; may be given several times, and further files may follow")
	namespace := f.String("namespace", "hawser-system", "Hawser's namespace, where Secrets will be")
	theirs := f.String("metallb-namespace", "metallb-system", "MetalLB's namespace, when the cluster is read")
	kubeconfig := f.String("kubeconfig", "", "how to reach the cluster from outside; inside, the ServiceAccount is used")
	f.Usage = func() { fmt.Fprint(out, migrateUsage+f.FlagUsages()) }
	if err := f.Parse(args); err != nil {
		if errors.Is(err, pflag.ErrHelp) {
			return err
		}
		return misuse{err}
	}
	objects, err := metallb(ctx, append(*files, f.Args()...), in, *kubeconfig, *theirs)
	if err != nil {
		return err
	}
	house, err := migrate.Move(objects, *namespace)
	if err != nil {
		return err
	}
	text, err := house.Text(*namespace)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(out, text); err != nil {
		return err
	}
	if n := len(house.Lost); n > 0 {
		return incomplete{n}
	}
	return nil
}

// metallb reads what MetalLB was told, from the files or from the cluster.
func metallb(ctx context.Context, files []string, in io.Reader, kubeconfig, namespace string) ([]migrate.Object, error) {
	if len(files) == 0 {
		text, err := kube.MetalLB(ctx, kubeconfig, namespace)
		if err != nil {
			return nil, err
		}
		objects, err := migrate.Read(text)
		if err == nil && len(objects) == 0 {
			err = fmt.Errorf("the cluster has nothing of MetalLB's in namespace %s: name another with --metallb-namespace, or give files with -f", namespace)
		}
		return objects, err
	}
	var all []migrate.Object
	for _, file := range files {
		text, err := read(file, in)
		if err != nil {
			return nil, err
		}
		objects, err := migrate.Read(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, objects...)
	}
	return all, nil
}
