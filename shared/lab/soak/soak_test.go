package soak_test

import (
	"bytes"
	"testing"

	"github.com/hawser-lb/hawser/shared/lab"
	"github.com/hawser-lb/hawser/shared/lab/scene"
	"github.com/hawser-lb/hawser/shared/lab/soak"
	"github.com/hawser-lb/hawser/shared/lab/soak/plan"
)

// TestAShortSoakFindsNothing does what `make soak` does, for as long as a test
// may take.
func TestAShortSoakFindsNothing(t *testing.T) {
	const seed, actions = 42, 40
	l := lab.Test(t)
	s, err := scene.Start(t.Context(), l, scene.Options{})
	if err != nil {
		t.Fatal(err)
	}
	all := plan.Actions(seed, actions)
	next := func() (a plan.Action, ok bool) {
		if len(all) > 0 {
			a, all, ok = all[0], all[1:], true
		}
		return a, ok
	}
	var out bytes.Buffer
	result, err := soak.Run(t.Context(), s, soak.Options{Next: next, Begin: plan.NewWorld(), Visits: 20, Out: &out})
	result.Print(&out)
	t.Log(out.String())
	if err != nil {
		t.Errorf("seed %d: %v", seed, err)
	}
}
