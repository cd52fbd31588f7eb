package cli

import (
	"fmt"

	"github.com/hawser-lb/hawser/router/internal/uciconf"
)

// checkJSON is what `hawser check --json` prints.
type checkJSON struct {
	File     string           `json:"file"`
	Valid    bool             `json:"valid"`
	Problems uciconf.Problems `json:"problems"`
}

// check names every mistake in the configuration; the last line counts them.
func (c *call) check() error {
	_, problems := uciconf.Load(c.config)
	wrong, warnings := problems.Count()
	if c.json {
		if problems == nil {
			problems = uciconf.Problems{}
		}
		if err := c.print(checkJSON{c.config, wrong == 0, problems}); err != nil {
			return err
		}
	} else {
		for _, p := range problems {
			fmt.Fprintln(c.Stdout, p)
		}
		fmt.Fprintf(c.Stdout, "%s: %s, %s\n", c.config, counted(wrong, "mistake"), counted(warnings, "warning"))
	}
	if wrong > 0 {
		return errSilent
	}
	return nil
}

// counted is "no mistakes", "1 mistake" or "2 mistakes".
func counted(n int, noun string) string {
	switch n {
	case 0:
		return "no " + noun + "s"
	case 1:
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
