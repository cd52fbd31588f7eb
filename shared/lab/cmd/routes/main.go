// Command routes prints every route of the kernel with its protocol number and
// all its next hops, one a line. It stands on the emulated board, where
// busybox's ip leaves both out.
package main

import (
	"fmt"
	"os"

	"github.com/hawser-lb/hawser/shared/lab/routes"
)

func main() {
	all, err := routes.List()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for _, r := range all {
		fmt.Println(r)
	}
}
