package cli

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/hawser-lb/hawser/router/internal/journal"
	"github.com/hawser-lb/hawser/router/internal/status"
)

// request asks the daemon once.
func (c *call) request(r status.Request) (status.Answer, error) {
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	defer cancel()
	return status.Ask(ctx, c.socket, r)
}

// showLog prints the remembered events, the oldest first.
func (c *call) showLog() error {
	a, err := c.request(status.Request{Get: "events"})
	if err != nil {
		return err
	}
	if a.Events == nil {
		return errors.New("the daemon is of another version: restart it")
	}
	if c.json {
		return c.print(a.Events)
	}
	for _, e := range a.Events.Events {
		fmt.Fprintln(c.Stdout, eventLine(e))
	}
	return nil
}

func eventLine(e journal.Event) string {
	return fmt.Sprintf("%s %s %s", e.Time.Local().Format(time.DateTime), e.Kind, oneLine(e.Text))
}

// oneLine keeps what a peer may have written from making lines of its own.
func oneLine(text string) string { return strings.ReplaceAll(text, "\n", " ") }

// monitor prints events as they happen. When the daemon goes it says so once
// and waits for it to come back.
func (c *call) monitor() error {
	for here := false; ; {
		err := status.Follow(c.ctx, c.socket, func() {
			if !here {
				fmt.Fprintf(c.Stderr, "%% hawser is there\n")
			}
			here = true
		}, c.printEvent)
		switch {
		case c.ctx.Err() != nil:
			return nil
		case !here && errors.Is(err, status.ErrNotRunning) && !c.waits:
			return err
		case here:
			fmt.Fprintf(c.Stderr, "%% waiting for hawser: %v\n", err)
		}
		here, c.waits = false, true
		select {
		case <-c.ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}

func (c *call) printEvent(e journal.Event) error {
	if c.json {
		return c.printLine(e)
	}
	_, err := fmt.Fprintln(c.Stdout, eventLine(e))
	return err
}

func takesPeer(c *call, text string) error {
	if err := takesAddress(c, text); err != nil {
		return err
	}
	c.peer = netip.MustParseAddr(text).Unmap()
	return nil
}

func (c *call) clearHard() error { return c.clear(false) }
func (c *call) clearSoft() error { return c.clear(true) }

func (c *call) clear(soft bool) error {
	a, err := c.request(status.Request{Do: "clear", Peer: c.peer, Soft: soft})
	if err != nil {
		return err
	}
	if a.Cleared == nil {
		return errors.New("the daemon is of another version: restart it")
	}
	if c.json {
		return c.print(a.Cleared)
	}
	what := "session ended, it comes back by itself"
	if soft {
		what = "asked to tell its routes again, and told ours again"
	}
	for _, p := range a.Cleared.Peers {
		fmt.Fprintf(c.Stdout, "%s: %s\n", p, what)
	}
	for _, p := range a.Cleared.Unable {
		fmt.Fprintf(c.Stderr, "%s: cannot tell its routes again (no route refresh was negotiated): clear it without soft\n", p)
	}
	if len(a.Cleared.Peers)+len(a.Cleared.Unable) == 0 {
		fmt.Fprintln(c.Stderr, "no session to clear")
	}
	if len(a.Cleared.Unable) > 0 {
		return errSilent
	}
	return nil
}
