package bench

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// Report collects figures by scene, phase and router, and prints medians.
type Report struct {
	routers []string // columns, in order
	rows    []row    // scene and phase, in order of first sight
	figures map[key][]Figures
}

type row struct{ scene, phase string }

type key struct {
	row
	router string
}

// NewReport has a column for each router; the first is compared to the others.
func NewReport(routers []Router) *Report {
	r := &Report{figures: map[key][]Figures{}}
	for _, router := range routers {
		r.routers = append(r.routers, router.Name)
	}
	return r
}

// Add takes the figures of one round.
func (r *Report) Add(scene Scene, router Router, figures []Figures) {
	for _, f := range figures {
		line := row{scene.Name, f.Phase}
		if !slices.Contains(r.rows, line) {
			r.rows = append(r.rows, line)
		}
		k := key{line, router.Name}
		r.figures[k] = append(r.figures[k], f)
	}
}

// measure is one thing that a row tells of.
type measure struct {
	name  string
	value func(Figures) float64
	show  func(float64) string
}

var measures = []measure{
	{"time", func(f Figures) float64 { return f.Time.Seconds() }, func(v float64) string {
		return fmt.Sprintf("%.1f ms", v*float64(time.Second/time.Millisecond))
	}},
	{"route messages", func(f Figures) float64 { return float64(f.Routes) }, whole},
	{"next-hop messages", func(f Figures) float64 { return float64(f.NextHops) }, whole},
	{"memory", func(f Figures) float64 { return float64(f.Resident) }, func(v float64) string {
		return fmt.Sprintf("%.1f MiB", v/(1<<20))
	}},
	{"processor", func(f Figures) float64 { return f.Busy }, func(v float64) string { return fmt.Sprintf("%.3f %%", 100*v) }},
}

func whole(v float64) string { return fmt.Sprintf("%.0f", v) }

// Print writes the table, in Markdown.
func (r *Report) Print(w io.Writer) error {
	tab := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	fmt.Fprint(tab, "| scene\t| phase\t| what")
	for _, name := range r.routers {
		fmt.Fprintf(tab, "\t| %s", name)
	}
	for _, name := range r.routers[1:] {
		fmt.Fprintf(tab, "\t| × %s", name)
	}
	fmt.Fprint(tab, "\t|\n|---\t|---\t|---")
	for range len(r.routers)*2 - 1 {
		fmt.Fprint(tab, "\t|---:")
	}
	fmt.Fprintln(tab, "\t|")
	for _, line := range r.rows {
		for _, m := range measures {
			r.printRow(tab, line, m)
		}
	}
	return tab.Flush()
}

func (r *Report) printRow(w io.Writer, line row, m measure) {
	medians := make([]float64, len(r.routers))
	for i, name := range r.routers {
		medians[i] = median(r.figures[key{line, name}], m.value)
	}
	if slices.Max(medians) == 0 {
		return
	}
	fmt.Fprintf(w, "| %s\t| %s\t| %s", line.scene, line.phase, m.name)
	for _, v := range medians {
		fmt.Fprintf(w, "\t| %s", m.show(v))
	}
	for _, v := range medians[1:] {
		fmt.Fprintf(w, "\t| %s", ratio(medians[0], v))
	}
	fmt.Fprintln(w, "\t|")
}

func ratio(a, b float64) string {
	if b == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", a/b)
}

// median of no figures is 0.
func median(figures []Figures, value func(Figures) float64) float64 {
	if len(figures) == 0 {
		return 0
	}
	sorted := slices.Clone(figures)
	slices.SortFunc(sorted, func(a, b Figures) int { return cmp.Compare(value(a), value(b)) })
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return value(sorted[middle])
	}
	return (value(sorted[middle-1]) + value(sorted[middle])) / 2
}
