package together

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestADeadLegThatSomebodyElsePutInDuringAStartGoes is a story that was drawn
// once in thousands: what protects adopted routes protected it, too.
func TestADeadLegThatSomebodyElsePutInDuringAStartGoes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "hawser")
	var told []string
	if ended := bubble(t, func() {
		w := newWorld(kind{graceful: true}, file, slog.New(slog.DiscardHandler))
		defer w.close()
		defer func() { told = w.story }()
		w.quiet()
		for _, event := range []func(*node, int) bool{
			w.serviceComes, w.powerLost, w.allQuiet, w.routerUpgraded, w.policyFlips, w.foreignLeg, w.allQuiet,
		} {
			if !event(w.nodes[0], onNode1) {
				w.wrong("the story cannot go on")
			}
			time.Sleep(settle)
			w.lastEvent = time.Now()
			w.affected()
			w.look()
		}
	}); ended != nil {
		t.Fatalf("%s\n%v", strings.Join(told, "\n"), ended)
	}
}

// onNode1 is the number that gives a Service pods on node1 alone.
const onNode1 = 1
