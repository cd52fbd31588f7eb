package cli

import (
	"path/filepath"

	"github.com/hawser-lb/hawser/router/internal/rpcd"
)

// asPlugin are the words that rpcd means when it calls the program by the name
// of a link in its directory of plugins, /usr/libexec/rpcd.
func asPlugin(name string, args []string) []string {
	if filepath.Base(filepath.Dir(name)) != "rpcd" {
		return args
	}
	return append([]string{"rpcd"}, args...)
}

func (c *call) plugin() *rpcd.Plugin {
	return &rpcd.Plugin{Socket: c.socket, Config: c.config, Stdin: c.Stdin, Stdout: c.Stdout}
}

func (c *call) rpcdList() error { return c.plugin().List() }

func (c *call) rpcdCall() error { return c.plugin().Call(c.ctx, c.argument) }

func takesMethod(c *call, text string) error {
	c.argument = text
	return nil
}
