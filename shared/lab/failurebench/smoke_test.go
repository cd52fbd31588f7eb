package failurebench_test

import (
	"strings"
	"testing"

	"github.com/hawser-lb/hawser/shared/lab/failurebench"
)

// TestAnEventIsMeasuredOnRealParts has Hawser's daemon killed, with fewer
// requests than the bench makes: it is about the bench and not about speed.
func TestAnEventIsMeasuredOnRealParts(t *testing.T) {
	report, err := failurebench.Run(t.Context(), failurebench.Options{
		Only: []string{"hawser-kill"}, Sides: []string{"hawser"}, PerSecond: 50, Long: 6,
		Progress: func(what string) { t.Log(what) },
	})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := report.Markdown(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| router's daemon kill -9", "| 0 of 6", "sessions and routes whole"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the table does not say %q:\n%s", want, &text)
		}
	}
}

func TestANameThatIsNoEventIsRefusedBeforeAnythingStarts(t *testing.T) {
	for _, o := range []failurebench.Options{{Only: []string{"node-poweroff"}}, {Sides: []string{"cisco"}}} {
		if report, err := failurebench.Run(t.Context(), o); err == nil || report != nil {
			t.Errorf("%+v: %v, %v", o, report, err)
		}
	}
}
