// Command dashboard writes the Grafana dashboard to a file.
package main

import (
	"fmt"
	"os"

	"github.com/hawser-lb/hawser/cluster/packaging/monitoring"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "dashboard: name the file to write")
		os.Exit(2)
	}
	text, err := monitoring.Dashboard()
	if err == nil {
		err = os.WriteFile(os.Args[1], text, 0o644)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "dashboard: %v\n", err)
		os.Exit(1)
	}
}
