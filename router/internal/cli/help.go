package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"
)

// usage writes every command and flag.
func (c *call) usage(w io.Writer) {
	fmt.Fprintf(w, "hawser brings the routes of Kubernetes clusters into the kernel of this router.\n\n")
	list(w, root, "hawser")
	fmt.Fprintf(w, "\nFlags, which may stand anywhere:\n")
	c.flagSet().VisitAll(func(f *pflag.Flag) {
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		value, text := pflag.UnquoteUsage(f)
		if value != "" {
			name += " " + value
		}
		if f.DefValue != "" && f.DefValue != "false" {
			text += " (" + f.DefValue + ")"
		}
		fmt.Fprintf(w, "  %-22s %s\n", name, text)
	})
	fmt.Fprintf(w, "\nWords may be cut short: hawser sh ip bgp su. Exit status: 0 done, 1 not done, 2 no such command.\n")
}

// list writes the commands below at, one a line.
func list(w io.Writer, at *word, path string) {
	for _, next := range at.next {
		if next == at {
			continue
		}
		full := path + " " + next.text
		if next.help != "" {
			fmt.Fprintf(w, "%-48s %s\n", full, next.help)
		}
		list(w, next, full)
	}
}

func (c *call) helpAll() error {
	c.usage(c.Stdout)
	return nil
}

// helpWords shows what may follow the words behind "help".
func (c *call) helpWords() error {
	words := c.words[1:]
	if words[0] == "help" {
		return c.helpAll()
	}
	c.words = nil
	at := root
	for _, text := range words {
		next, err := c.step(at, text)
		if err != nil {
			return err
		}
		at = next
	}
	path := "hawser " + strings.Join(c.words, " ")
	if at.do != nil {
		fmt.Fprintf(c.Stdout, "%-48s %s\n", path, at.help)
	}
	list(c.Stdout, at, path)
	return nil
}
