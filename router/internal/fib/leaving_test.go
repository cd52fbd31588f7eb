package fib_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-lb/hawser/router/internal/fib"
)

func TestWhoLeavesWeighsNextToNothing(t *testing.T) {
	for _, c := range []struct{ staying, leaving, parting, almostGone string }{
		{"10.0.0.1@3 10.0.0.3@3", "10.0.0.2@3", "10.0.0.1@3*256 10.0.0.2@3*2 10.0.0.3@3*256", "10.0.0.1@3*256 10.0.0.2@3 10.0.0.3@3*256"},
		{"10.0.0.1@3", "10.0.0.2@3 10.0.0.3@3", "10.0.0.1@3*256 10.0.0.2@3*2 10.0.0.3@3*2", "10.0.0.1@3*256 10.0.0.2@3 10.0.0.3@3"},
		{"10.0.0.1@3*59 10.0.0.2@3*1", "10.0.0.3@3", "10.0.0.1@3*236 10.0.0.2@3*4 10.0.0.3@3*2", "10.0.0.1@3*236 10.0.0.2@3*4 10.0.0.3@3"},
		{"10.0.0.1@3*2 10.0.0.2@3*1", "", "10.0.0.1@3*2 10.0.0.2@3", "10.0.0.1@3*2 10.0.0.2@3"},
		{"", "10.0.0.2@3 10.0.0.3@3", "10.0.0.2@3 10.0.0.3@3", "10.0.0.2@3 10.0.0.3@3"},
	} {
		staying, leaving := hops(t, strings.Fields(c.staying)), hops(t, strings.Fields(c.leaving))
		for stage, want := range map[fib.Stage]string{fib.Parting: c.parting, fib.AlmostGone: c.almostGone} {
			got := fib.Leaving(staying, leaving, stage)
			if !slices.Equal(got, hops(t, strings.Fields(want))) {
				t.Errorf("%s stay, %s leave, stage %d: %v", c.staying, c.leaving, stage, got)
			}
			back, gone := fib.Part(got)
			if c.staying == "" {
				back, gone = gone, back // nobody stays, so nobody leaves
			}
			if fmt.Sprint(back, gone) != fmt.Sprint(staying, leaving) {
				t.Errorf("%v says that %v stay and %v leave", got, back, gone)
			}
		}
	}
}
