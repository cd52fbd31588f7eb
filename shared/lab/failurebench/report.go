package failurebench

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Row is one event on one side.
type Row struct {
	Event event
	Side  string
	Toll
	Losses
	// Missing: it could not be measured, and the figures are those until then.
	Missing bool
	Nodes   map[string]int // answers by node
	Whole   time.Duration  // from the first answer of a router that boots
	Notes   []string
}

// String is the row in one line.
func (r Row) String() string {
	return fmt.Sprintf("%d sent, %s failed, gap %s, outage %s; long ones lost: %s through the node, %d others; %s; %v %v",
		r.Sent, r.failed(), short(r.Gap), short(r.Outage), r.through(), r.Others, strings.Join(r.Notes, "; "), r.Reasons, slices.Concat(r.ThroughReasons, r.OthersReasons))
}

// failed is the number, and how many of them had begun before.
func (r Row) failed() string {
	if r.UnderWay > 0 {
		return fmt.Sprintf("%d (%d under way)", r.Failed, r.UnderWay)
	}
	return fmt.Sprint(r.Failed)
}

func (r Row) through() string {
	if r.OfThrough == 0 {
		return "–"
	}
	return fmt.Sprintf("%d of %d", r.Through, r.OfThrough)
}

func (r Row) others() string { return fmt.Sprintf("%d of %d", r.Others, r.Open-r.OfThrough) }

// goal is the goal, and whether Hawser has met it.
func (r Row) goal() string {
	if r.Missing {
		return "not measured"
	}
	if r.Event.goal.met == nil || r.Side != (hawser{}).name() {
		return ""
	}
	if r.Event.goal.met(r) {
		return r.Event.goal.text + ": met"
	}
	return r.Event.goal.text + ": **missed**"
}

// short is a duration as people say it.
func short(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d >= time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d == 0:
		return "0"
	}
	return fmt.Sprintf("%.0f ms", d.Seconds()*1000)
}

// Report has the rows in the order in which they were measured.
type Report struct {
	options Options
	rows    []Row
}

func (r *Report) add(row Row) { r.rows = append(r.rows, row) }

// byEvent has the sides of one event together.
func (r *Report) byEvent() []Row {
	place := func(row Row) int {
		return slices.IndexFunc(events, func(e event) bool { return e.name == row.Event.name })
	}
	sorted := slices.Clone(r.rows)
	slices.SortStableFunc(sorted, func(a, b Row) int { return place(a) - place(b) })
	return sorted
}

// Markdown writes the table for docs/failure.md: what was counted, then what
// was seen.
func (r *Report) Markdown(w io.Writer) error {
	tab := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	fmt.Fprint(tab, "| what dies\t| side\t| sent\t| failed\t| longest gap\t| outage\t| lost, through the node\t| lost, others\t| goal\t|\n|---\t|---\t|---:\t|---:\t|---:\t|---:\t|---:\t|---:\t|---\t|\n")
	for _, row := range r.byEvent() {
		fmt.Fprintf(tab, "| %s\t| %s\t| %d\t| %s\t| %s\t| %s\t| %s\t| %s\t| %s\t|\n", row.Event.title, row.Side, row.Sent, row.failed(),
			short(row.Gap), short(row.Outage), row.through(), row.others(), row.goal())
	}
	if err := tab.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	for _, row := range r.byEvent() {
		if len(row.Notes) > 0 {
			fmt.Fprintf(w, "- %s, %s: %s.\n", row.Event.title, row.Side, strings.Join(row.Notes, "; "))
		}
	}
	return nil
}

// Print writes the same for a terminal, one event after the other.
func (r *Report) Print(w io.Writer) error {
	last := ""
	for _, row := range r.byEvent() {
		if row.Event.name != last {
			last = row.Event.name
			fmt.Fprintf(w, "\n%s\n", row.Event.title)
		}
		if _, err := fmt.Fprintf(w, "  %-22s %v\n", row.Side, row); err != nil {
			return err
		}
		if g := strings.ReplaceAll(row.goal(), "**", ""); g != "" {
			fmt.Fprintf(w, "  %-22s goal: %s\n", "", g)
		}
	}
	return nil
}
