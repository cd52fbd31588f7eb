package bfdbench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/hawser-lb/hawser/shared/lab"
)

// Options say what is measured.
type Options struct {
	Hawser   string        // the daemon's binary
	Duration time.Duration // of each watch
	Burners  []int         // how many programs keep the cores busy, one watch each
	Flood    time.Duration // of the attack; 0 for none
	Rate     int           // forged packets a second
	Progress func(string)
}

// row is one watch.
type row struct {
	what   string
	lasted time.Duration
	alarms map[string]count
	share  float64 // of one core, that the router's daemon had
}

// Report has a row a watch, and what became of the attack.
type Report struct {
	rows  []row
	notes []string
}

// Run watches. Everything that it starts ends with it.
func Run(ctx context.Context, o Options) (_ *Report, err error) {
	l, err := lab.New(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	o.Progress("BIRD, FRR and two daemons start")
	s, err := build(ctx, l, o.Hawser)
	if err != nil {
		return nil, errors.Join(err, errors.New(l.Report(30)))
	}
	r := &Report{}
	for _, n := range o.Burners {
		if err := r.burn(ctx, s, o, n); err != nil {
			return r, err
		}
	}
	if o.Flood > 0 {
		err = r.attack(ctx, s, o)
	}
	return r, err
}

// watch has a look at the sessions before and after something happens.
func (r *Report) watch(s *scene, what string, happens func() error) error {
	before, begin := s.alarms.total(), time.Now()
	busy, err := s.busy()
	if err != nil {
		return err
	}
	if err := happens(); err != nil {
		return err
	}
	lasted := time.Since(begin)
	after, err := s.busy()
	r.rows = append(r.rows, row{what, lasted, s.alarms.since(before), (after - busy).Seconds() / lasted.Seconds()})
	return err
}

// burn watches while n programs want every core.
func (r *Report) burn(ctx context.Context, s *scene, o Options, n int) error {
	o.Progress(fmt.Sprintf("%d programs burn for %v", n, o.Duration))
	var all []*lab.Process
	defer func() {
		for _, p := range all {
			p.Kill()
		}
	}()
	for range n {
		p, err := s.machine.Launch(lab.Command{Session: true, Name: "sh", Args: []string{"-c", "while :; do :; done"}})
		if err != nil {
			return err
		}
		all = append(all, p)
	}
	return r.watch(s, fmt.Sprintf("%d burners", n), func() error {
		timer := time.NewTimer(o.Duration)
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
			return nil
		}
	})
}

// attack watches during a flood.
func (r *Report) attack(ctx context.Context, s *scene, o Options) error {
	if err := lab.Until(ctx, "all sessions up again", s.up); err != nil {
		return err
	}
	o.Progress(fmt.Sprintf("%d forged packets a second for %v", o.Rate, o.Flood))
	var sent int
	err := r.watch(s, fmt.Sprintf("flood, %d/s", o.Rate), func() (err error) {
		sent, err = s.flood(ctx, o.Rate, o.Flood)
		return err
	})
	if err != nil {
		return err
	}
	v, err := s.view()
	if err != nil {
		return err
	}
	var words []string
	for _, why := range slices.Sorted(maps.Keys(v.Ignored)) {
		words = append(words, fmt.Sprintf("%s %d", why, v.Ignored[why]))
	}
	r.notes = append(r.notes, fmt.Sprintf("%d forged packets were sent, %.0f a second, one in nine to another port; ignored: %s",
		sent, float64(sent)/o.Flood.Seconds(), strings.Join(words, ", ")))
	return nil
}

// Print writes the table, in Markdown.
func (r *Report) Print(w io.Writer) error {
	tab := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	fmt.Fprint(tab, "| while\t| for\t")
	for _, p := range peers {
		fmt.Fprintf(tab, "| %s: ours, theirs\t", p.name)
	}
	fmt.Fprint(tab, "| processor\t|\n|---\t|---\t|---\t|---\t|---\t|---:\t|\n")
	for _, row := range r.rows {
		fmt.Fprintf(tab, "| %s\t| %v\t", row.what, row.lasted.Round(time.Second))
		for _, p := range peers {
			c := row.alarms[p.address]
			fmt.Fprintf(tab, "| %d, %d\t", c.ours, c.theirs)
		}
		fmt.Fprintf(tab, "| %.1f %%\t|\n", 100*row.share)
	}
	if err := tab.Flush(); err != nil {
		return err
	}
	for _, n := range r.notes {
		fmt.Fprintf(w, "\n%s\n", n)
	}
	return nil
}
