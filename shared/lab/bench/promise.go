package bench

import "fmt"

// What Hawser promises of its figures.
const (
	slowest = 1.0      // times FRR's time to load the first scene
	largest = 14 << 20 // bytes with the last scene loaded
)

// Broken lists the promises that the figures do not keep. What was not measured
// is not among them.
func (r *Report) Broken() []string {
	var broken []string
	scenes := Scenes()
	load := row{scenes[0].Name, "load"}
	seconds := func(f Figures) float64 { return f.Time.Seconds() }
	ours, theirs := median(r.figures[key{load, "hawser"}], seconds), median(r.figures[key{load, "FRR"}], seconds)
	if theirs > 0 && ours > slowest*theirs {
		broken = append(broken, fmt.Sprintf("%s: load took %.2f times as long as FRR's, more than %.1f", load.scene, ours/theirs, slowest))
	}
	last := row{scenes[len(scenes)-1].Name, "load"}
	memory := median(r.figures[key{last, "hawser"}], func(f Figures) float64 { return float64(f.Resident) })
	if memory > largest {
		broken = append(broken, fmt.Sprintf("%s: hawser holds %.1f MiB, more than %d", last.scene, memory/(1<<20), largest>>20))
	}
	return broken
}
