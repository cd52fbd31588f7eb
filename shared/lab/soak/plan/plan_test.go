package plan_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hawser-lb/hawser/shared/lab/soak/plan"
)

const many = 2000

func TestTheSameSeedIsTheSamePlan(t *testing.T) {
	a, b := plan.Actions(42, many), plan.Actions(42, many)
	for i := range a {
		if a[i].String() != b[i].String() {
			t.Fatalf("action %d is %s, and %s the second time", i+1, a[i], b[i])
		}
	}
	if other := plan.Actions(43, 20); slices.EqualFunc(a[:20], other, func(x, y plan.Action) bool { return x.String() == y.String() }) {
		t.Error("another seed is the same plan")
	}
	if shorter := plan.Actions(42, 100); shorter[99].String() != a[99].String() {
		t.Error("a shorter plan is not the beginning of a longer one")
	}
}

func TestEveryKindOfActionOccurs(t *testing.T) {
	times := map[string]int{}
	for _, a := range plan.Actions(1, many) {
		times[a.Kind]++
	}
	for _, kind := range append(plan.Kinds(), plan.Rest, plan.Sweep) {
		if times[kind] == 0 {
			t.Errorf("%s does not occur in %d actions", kind, many)
		}
	}
}

// TestAPlanIsLegal holds each step against what must be true of any world,
// whatever the planner thinks.
func TestAPlanIsLegal(t *testing.T) {
	for seed := range uint64(3) {
		w := plan.NewWorld()
		for i, a := range plan.Actions(seed, many) {
			ends := a.Kind == "router.kill" || a.Kind == "router.stop"
			if _, stretch := i/240, i%240; ends && stretch >= 80 {
				t.Fatalf("seed %d: action %d: %s in a calm stretch", seed, i+1, a)
			}
			if a.Object == plan.Kept && slices.Contains([]string{"node.off", "speaker.kill", "speaker.stop"}, a.Kind) {
				t.Fatalf("seed %d: action %d: %s ends the speaker that is kept", seed, i+1, a)
			}
			if err := w.Apply(a); err != nil {
				t.Fatalf("seed %d: action %d: %v", seed, i+1, err)
			}
			if why := wrong(w); why != "" {
				t.Fatalf("seed %d: after action %d, %s: %s", seed, i+1, a, why)
			}
		}
	}
}

func wrong(w plan.World) string {
	if !slices.ContainsFunc(w.Names("node"), w.Announcing) {
		return "no node serves the witness"
	}
	if len(w["service"]) > 24 || len(w["pool"]) > 5 || len(w["advertisement"]) > 3 {
		return "there is too much of something"
	}
	owners := map[int]string{}
	for name, f := range w["pool"] {
		if len(plan.BlocksOf(f)) == 0 {
			return "pool " + name + " is empty"
		}
		for _, b := range plan.BlocksOf(f) {
			if owners[b] != "" {
				return fmt.Sprintf("block %d is in %s and in %s", b, owners[b], name)
			}
			owners[b] = name
		}
	}
	if owners[0] != plan.HomePool {
		return "the witness's block is not in the pool home"
	}
	return ""
}

func TestAtARestNothingIsBroken(t *testing.T) {
	w := plan.NewWorld()
	for i, a := range plan.Actions(3, many) {
		if err := w.Apply(a); err != nil {
			t.Fatal(err)
		}
		if a.Kind != plan.Rest && a.Kind != plan.Sweep {
			continue
		}
		for _, n := range w.Names("node") {
			if !w.Running(n) || !w.DaemonUp() {
				t.Fatalf("after action %d something is broken: %v", i+1, w)
			}
		}
		if a.Kind == plan.Sweep && fmt.Sprint(w) != fmt.Sprint(plan.NewWorld()) {
			t.Fatalf("after action %d the world is not as in the beginning: %v", i+1, w)
		}
	}
}

func TestAScriptSaysThePlan(t *testing.T) {
	all := plan.Actions(5, 500)
	var lines []string
	for _, a := range all {
		lines = append(lines, a.String())
	}
	again, err := plan.ParseScript("# a comment\n\n" + strings.Join(lines, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		if again[i].String() != all[i].String() {
			t.Fatalf("line %d: %s became %s", i+1, all[i], again[i])
		}
	}
}

func TestAScriptThatMakesNoSenseIsRefused(t *testing.T) {
	for text, why := range map[string]string{
		"service.dream s1":                    "no action",
		"service.delete s1":                   "not there",
		"node.off node3 power=off":            "not in this state",
		"pool.delete home":                    "first block",
		"pool.create p1 blocks=0":             "block 0",
		"node.drain node1 drain=yes drain=no": "said twice",
		"node.drain node1 drain=yes please":   "no field",
		"node.drain node1 drain=yes\nnode.drain node2 drain=yes\nnode.drain node3 drain=yes": "line 3",
	} {
		if _, err := plan.ParseScript(text); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %v, and not %q", text, err, why)
		}
	}
}
