package clusterbench

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hawser-lb/hawser/shared/lab"
)

// cost waits until the events and statuses are out, and says what the load has
// cost since before.
func (b *bench) cost(ctx context.Context, n int, writes map[string]float64, busy []time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var after map[string]float64
	last := -1.0
	err := lab.Until(ctx, "the API server to come to rest", func() error {
		var err error
		if after, err = b.api.writes(ctx); err != nil {
			return err
		}
		if now := after["events"]; now != last {
			last = now
			if !pause(ctx, 3*time.Second) {
				return context.Cause(ctx)
			}
			return fmt.Errorf("%.0f events so far", now)
		}
		return nil
	})
	if err != nil {
		return err
	}
	now, err := b.processor()
	if err != nil {
		return err
	}
	leader, err := b.leader(ctx)
	if err != nil {
		return err
	}
	var spent []string
	for i := range now {
		word := seconds(now[i] - busy[i])
		if i == leader {
			word += " (leader)"
		}
		spent = append(spent, word)
	}
	b.report.add(fmt.Sprintf("processor time for %d Services, by node", n), strings.Join(spent, ", "), "15 s for 5,000")
	var words []string
	total := 0.0
	for resource := range after {
		switch resource {
		case "services", "endpointslices": // the bench's own
			continue
		case "ipaddresses": // the API server's own, for the cluster IP
			continue
		}
		if d := (after[resource] - writes[resource]) / float64(n); d >= .01 {
			words = append(words, fmt.Sprintf("%s %.2f", resource, d))
			total += d
		}
	}
	slices.Sort(words)
	b.report.add(fmt.Sprintf("API writes a Service, of %d", n), fmt.Sprintf("%.2f (%s)", total, strings.Join(words, ", ")), "2, and one object a node and second")
	return nil
}

// memory is what each speaker has resident, some seconds after work.
func (b *bench) memory(ctx context.Context) error {
	if !pause(ctx, 5*time.Second) {
		return context.Cause(ctx)
	}
	var words []string
	for _, p := range b.speakers {
		n, err := resident(p)
		if err != nil {
			return err
		}
		words = append(words, fmt.Sprintf("%.1f", float64(n)/(1<<20)))
	}
	n := b.heard.routes()
	budget := "25 MiB"
	if n > 4000 {
		budget = "60 MiB"
	} else if n > 500 {
		budget = "35 MiB"
	}
	b.report.add(fmt.Sprintf("memory (RSS) with %d Services, by node", n), strings.Join(words, ", ")+" MiB", budget)
	return nil
}

// processor is the time that each speaker has spent so far.
func (b *bench) processor() ([]time.Duration, error) {
	var out []time.Duration
	for _, p := range b.speakers {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.PID()))
		if err != nil {
			return nil, fmt.Errorf("time of %s: %w", p, err)
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		fields := strings.Fields(rest) // from the third of proc_pid_stat(5) on
		user, err1 := strconv.Atoi(fields[11])
		system, err2 := strconv.Atoi(fields[12])
		if err1 != nil || err2 != nil {
			return nil, fmt.Errorf("time of %s: %q", p, text)
		}
		out = append(out, time.Duration(user+system)*time.Second/100)
	}
	return out, nil
}

func resident(p *lab.Process) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	if err != nil {
		return 0, fmt.Errorf("memory of %s: %w", p, err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, err := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("memory of %s: it has ended", p)
}
