package soak

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/hawser-lb/hawser/shared/lab"
)

// figures are what a process holds.
type figures struct {
	goroutines, files, threads int
	memory                     int // KiB, resident
	heap                       int // KiB in use; 0: not told
}

// allowance is how much more it may hold at the last sweep of its life than at
// the first: the heap and the pools of threads of a Go program breathe.
var allowance = figures{goroutines: 10, files: 6, threads: 6, memory: 8 << 10, heap: 6 << 10}

func (f figures) String() string {
	text := fmt.Sprintf("%d goroutines, %d files, %d threads, %.1f MiB", f.goroutines, f.files, f.threads, float64(f.memory)/1024)
	if f.heap > 0 {
		text += fmt.Sprintf(", heap %.1f MiB", float64(f.heap)/1024)
	}
	return text
}

// beyond says of what there is more than may be.
func (f figures) beyond(first figures) []string {
	var all []string
	for _, x := range []struct {
		what             string
		was, is, allowed int
	}{
		{"goroutines", first.goroutines, f.goroutines, allowance.goroutines},
		{"files", first.files, f.files, allowance.files},
		{"threads", first.threads, f.threads, allowance.threads},
		{"KiB of memory", first.memory, f.memory, allowance.memory + first.memory/4},
		{"KiB of heap", first.heap, f.heap, allowance.heap},
	} {
		if x.is > x.was+x.allowed {
			all = append(all, fmt.Sprintf("%d %s, and %d at first", x.is, x.what, x.was))
		}
	}
	return all
}

// life is one process, from the first sweep that found it to the last.
type life struct {
	who         string
	pid         int
	steps       int // of the first sweep
	last        int // of the last one
	first, then figures
}

// measure notes what hawser and the speakers hold now.
func (k *soak) measure(ctx context.Context) error {
	var s snapshot
	err := until(ctx, "hawser to say what it holds", func() (err error) {
		s, err = k.snapshot(ctx)
		return err
	})
	if err != nil {
		return err
	}
	f, err := held(k.Router.Daemon())
	if err != nil {
		return err
	}
	f.goroutines = s.Goroutines
	k.record.lived(k.Out, "hawser", k.Router.Daemon().PID(), f)
	for _, n := range k.Nodes {
		f, err := held(n.Speaker())
		if err != nil {
			return err
		}
		var text string
		err = until(ctx, "the speaker of "+n.Name+" to say what it holds", func() (err error) {
			text, err = n.Run(ctx, "curl", "-sS", "--max-time", "5", "http://127.0.0.1:7473/metrics")
			return err
		})
		if err != nil {
			return err
		}
		f.goroutines = int(metric(text, "go_goroutines"))
		f.heap = int(metric(text, "go_memstats_heap_inuse_bytes")) >> 10
		k.record.lived(k.Out, "speaker of "+n.Name, n.Speaker().PID(), f)
	}
	return nil
}

// held is what the kernel says of a process.
func held(p *lab.Process) (f figures, err error) {
	dir := filepath.Join("/proc", strconv.Itoa(p.PID()))
	fds, err := os.ReadDir(filepath.Join(dir, "fd"))
	if err != nil {
		return f, err
	}
	text, err := os.ReadFile(filepath.Join(dir, "status"))
	f.files = len(fds)
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		n, bad := strconv.Atoi(words[1])
		switch {
		case words[0] == "VmRSS:":
			f.memory, err = n, errors.Join(err, bad)
		case words[0] == "Threads:":
			f.threads, err = n, errors.Join(err, bad)
		}
	}
	return f, err
}

// metric reads one value of Prometheus's text.
func metric(text, name string) float64 {
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			if f, err := strconv.ParseFloat(strings.TrimSpace(value), 64); err == nil {
				return f
			}
		}
	}
	return 0
}
