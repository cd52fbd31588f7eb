// Command licences prints the licence texts of what is in a program:
//
//	licences ./cluster/cmd/hawser-speaker
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/hawser-lb/hawser/shared/licences"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "licences: one word is needed: the package path of a program")
		os.Exit(2)
	}
	text, err := licences.Texts(context.Background(), ".", os.Args[1])
	if err == nil {
		_, err = os.Stdout.Write(text)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}
