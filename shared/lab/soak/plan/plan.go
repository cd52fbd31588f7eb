package plan

import (
	"math/rand/v2"
)

// Rest and Sweep are the two actions that mend, see the package.
const (
	Rest  = "rest"
	Sweep = "sweep"
)

// The lengths of a stretch, in actions; a sweep ends each. Rough ones end
// hawser now and then, long ones do not.
const (
	RestEvery = 20
	rough     = 80
	calm      = 160
)

// Planner says what comes next.
type Planner struct {
	seed  uint64
	step  int
	world World
}

// New plans from the beginning.
func New(seed uint64) *Planner { return &Planner{seed: seed, world: NewWorld()} }

// World is what there should be by now. It is the planner's own.
func (p *Planner) World() World { return p.world }

// Next is the next action. What is drawn depends on the seed and the number of
// the step, what is legal on the world.
func (p *Planner) Next() Action {
	p.step++
	r := rand.New(rand.NewPCG(p.seed, uint64(p.step)))
	a := p.mending()
	for a.Kind == "" {
		drawn, ok := draw(p.world, r, p.calm())
		if ok && p.world.Clone().Apply(drawn) == nil {
			a = drawn
		}
	}
	if err := p.world.Apply(a); err != nil {
		panic("plan: " + err.Error()) // tried above
	}
	return a
}

// calm says whether hawser lives through the present stretch.
func (p *Planner) calm() bool { return (p.step-1)%(rough+calm) >= rough }

func (p *Planner) mending() Action {
	at := p.step % (rough + calm)
	switch {
	case at == 0 || at == rough:
		return Action{Kind: Sweep}
	case p.step%RestEvery == 0:
		return Action{Kind: Rest}
	}
	return Action{}
}

// Actions are the first n.
func Actions(seed uint64, n int) []Action {
	p := New(seed)
	all := make([]Action, n)
	for i := range all {
		all[i] = p.Next()
	}
	return all
}

// draw chooses a kind by its weight, then what of that kind.
func draw(w World, r *rand.Rand, calm bool) (Action, bool) {
	total := 0
	for _, k := range kinds {
		total += k.weight
	}
	n := r.IntN(total)
	for _, k := range kinds {
		if n -= k.weight; n >= 0 {
			continue
		}
		if calm && k.endsDaemon {
			return Action{}, false
		}
		a, ok := k.pick(w, r)
		a.Kind = k.name
		return a, ok
	}
	panic("plan: weights do not add up")
}
