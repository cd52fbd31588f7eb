package clusterbench

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Report has the figures in the order in which they were measured.
type Report struct{ rows [][3]string }

func (r *Report) add(what, figure, budget string) {
	r.rows = append(r.rows, [3]string{what, figure, budget})
}

// Print writes the table, in Markdown.
func (r *Report) Print(w io.Writer) error {
	tab := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	fmt.Fprint(tab, "| what\t| measured\t| budget\t|\n|---\t|---\t|---\t|\n")
	for _, row := range r.rows {
		fmt.Fprintf(tab, "| %s\t| %s\t| %s\t|\n", row[0], row[1], row[2])
	}
	return tab.Flush()
}
