package cli

import (
	"fmt"
	"io"
	"os"

	"github.com/hawser-lb/hawser/router/internal/quagga"
)

func takesFile(c *call, text string) error {
	c.argument = text
	return nil
}

// importQuagga prints UCI text, and on standard error what it lacks.
func (c *call) importQuagga() error {
	text, err := c.slurp(c.argument)
	if err != nil {
		return err
	}
	made, err := quagga.Read(text)
	if err != nil {
		return fmt.Errorf("%s: %w", c.argument, err)
	}
	if _, err := io.WriteString(c.Stdout, made.UCI); err != nil {
		return err
	}
	for _, l := range made.Lost {
		fmt.Fprintf(c.Stderr, "hawser: %s: %s\n", c.argument, l)
	}
	if len(made.Lost) > 0 {
		return errPartly
	}
	return nil
}

// slurp reads a file, "-" being standard input, as far as an import reads it.
func (c *call) slurp(name string) (string, error) {
	from := c.Stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return "", err
		}
		defer f.Close()
		from = f
	}
	text, err := io.ReadAll(io.LimitReader(from, quagga.MaxText+1))
	return string(text), err
}
