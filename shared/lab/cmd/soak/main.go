// Command soak does random things to the standard scene, for half an hour unless
// told otherwise, and sees that the world stays as the API server says.
package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"github.com/hawser-lb/hawser/shared/lab"
	"github.com/hawser-lb/hawser/shared/lab/scene"
	"github.com/hawser-lb/hawser/shared/lab/soak"
	"github.com/hawser-lb/hawser/shared/lab/soak/plan"
)

var (
	seed   = pflag.Uint64("seed", 0, "what the plan is drawn from; 0: a new one each time")
	length = pflag.Duration("for", 30*time.Minute, "how long actions are begun")
	steps  = pflag.Int("steps", 0, "end after so many actions; 0: no end but that of --for")
	from   = pflag.Int("from", 0, "begin at the last rest before this action")
	script = pflag.String("script", "", "do what this file says, one action a line, instead of a plan")
	show   = pflag.Bool("print", false, "print the plan (of --steps) and do nothing")
	logs   = pflag.String("logs", "", "when it fails, write what every process said to this file")
	visits = pflag.Int("visits", 50, "requests a second of the client")
)

func main() {
	pflag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "\nsoak:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	if *seed == 0 {
		*seed = rand.Uint64N(1_000_000)
	}
	source, err := newSource()
	if err != nil {
		return err
	}
	if *show {
		return source.print(*steps)
	}
	if os.Geteuid() != 0 {
		return errors.New("network namespaces need root: run it with sudo")
	}
	return source.soak(ctx)
}

// source is where the actions come from, with what was taken out of it.
type source struct {
	begin plan.World
	next  func() (plan.Action, bool)
	done  []plan.Action
}

func newSource() (*source, error) {
	s := &source{begin: plan.NewWorld()}
	if *script != "" {
		text, err := os.ReadFile(*script)
		if err != nil {
			return nil, err
		}
		all, err := plan.ParseScript(string(text))
		s.next = func() (a plan.Action, ok bool) {
			if len(all) > 0 {
				a, all, ok = all[0], all[1:], true
			}
			return a, ok
		}
		return s, err
	}
	p := plan.New(*seed)
	begin := *from - *from%plan.RestEvery
	for range begin {
		p.Next()
	}
	s.begin = p.World().Clone()
	n := begin
	s.next = func() (plan.Action, bool) {
		if n++; *steps > 0 && n > *steps {
			return plan.Action{}, false
		}
		return p.Next(), true
	}
	return s, nil
}

func (s *source) print(n int) error {
	if n == 0 && *script == "" {
		return errors.New("--print needs --steps")
	}
	for a, more := s.next(); more; a, more = s.next() {
		fmt.Println(a)
	}
	return nil
}

// take is next, and remembers.
func (s *source) take() (plan.Action, bool) {
	a, more := s.next()
	if more {
		s.done = append(s.done, a)
	}
	return a, more
}

func (s *source) soak(ctx context.Context) (err error) {
	l, err := lab.New(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	fmt.Printf("seed %d, for %v\n", *seed, *length)
	world, err := scene.Start(ctx, l, scene.Options{Progress: func(what string) { fmt.Println("  ", what) }})
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, *length+10*time.Minute)
	defer cancel()
	result, err := soak.Run(limited, world, soak.Options{Next: s.take, Begin: s.begin, For: *length, Visits: *visits, Out: os.Stdout})
	result.Print(os.Stdout)
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	if err != nil {
		s.explain(l)
	}
	return err
}

// explain says how to see it again.
func (s *source) explain(l *lab.Lab) {
	last := s.done[max(0, len(s.done)-10):]
	fmt.Printf("\nseed %d, the last %d of %d actions:\n", *seed, len(last), len(s.done))
	for _, a := range last {
		fmt.Println("  ", a)
	}
	if *script == "" {
		begin := *from - *from%plan.RestEvery
		fmt.Printf("\nagain: go run ./shared/lab/cmd/soak --seed %d --steps %d --for %v\n", *seed, begin+len(s.done), *length)
		fmt.Printf("a script to shorten: go run ./shared/lab/cmd/soak --seed %d --steps %d --print\n", *seed, begin+len(s.done))
	}
	if *logs == "" {
		return
	}
	if err := os.WriteFile(*logs, []byte(strings.TrimSpace(l.Report(100_000))+"\n"), 0o600); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
	}
}
