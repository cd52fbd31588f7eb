package cli

import (
	"bytes"
	"io"
	"time"
)

const (
	watchEvery  = 2 * time.Second
	clearScreen = "\x1b[H\x1b[2J\x1b[3J"
	yellow, red = "\x1b[33m", "\x1b[31m"
	plain       = "\x1b[0m"
)

// watching runs a command again and again, each time on an empty screen, until
// the program is ended.
func (c *call) watching(do func(*call) error) error {
	if !c.Terminal || c.json {
		return misuse{"--watch is for text on a terminal; hawser monitor tells a script what happens"}
	}
	screen := c.Stdout
	for {
		var page bytes.Buffer
		once := *c
		once.Program = &Program{Stdout: &page, Stderr: &page, Getenv: c.Getenv}
		if err := do(&once); err != nil {
			once.complain(err)
		}
		if _, err := io.WriteString(screen, clearScreen+page.String()); err != nil {
			return err
		}
		select {
		case <-c.ctx.Done():
			return nil
		case <-time.After(watchEvery):
		}
	}
}

// painted is p with colours, where they are welcome.
func (p *Program) painted() *Program {
	if !p.Terminal || p.Getenv("NO_COLOR") != "" || p.Getenv("TERM") == "dumb" {
		return p
	}
	with := *p
	with.Stdout = &painter{to: p.Stdout}
	return &with
}

// painter colours whole lines by how they begin: what is wrong with the daemon,
// and what is refused.
type painter struct {
	to   io.Writer
	line []byte
}

func (w *painter) Write(b []byte) (int, error) {
	for rest := b; len(rest) > 0; {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			w.line = append(w.line, rest...)
			break
		}
		w.line = append(w.line, rest[:i]...)
		_, err := io.WriteString(w.to, paint(string(w.line))+"\n")
		w.line, rest = w.line[:0], rest[i+1:]
		if err != nil {
			return 0, err
		}
	}
	return len(b), nil
}

func paint(line string) string {
	for _, as := range []struct{ begin, colour string }{{"% ", yellow}, {"x  ", red}, {"                    refused, ", red}, {"      Refused, ", red}} {
		if len(line) >= len(as.begin) && line[:len(as.begin)] == as.begin {
			return as.colour + line + plain
		}
	}
	return line
}
