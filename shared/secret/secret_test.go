package secret_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/hawser-lb/hawser/shared/secret"
)

func TestASecretNeverPrints(t *testing.T) {
	const text = "hunter2"
	shown := struct{ Password secret.Text }{secret.New(text)}
	hidden := struct{ password secret.Text }{secret.New(text)}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "shown", shown, "hidden", hidden, "password", shown.Password)
	asJSON, err := json.Marshal(shown)
	if err != nil {
		t.Fatal(err)
	}
	for _, said := range []string{
		fmt.Sprintf("%v %+v %#v %s %q", shown, shown, shown, shown.Password, shown.Password),
		fmt.Sprintf("%v %+v %#v %v", hidden, hidden, hidden, &hidden), string(asJSON), log.String(),
	} {
		if strings.Contains(said, text) {
			t.Error(said)
		}
	}
	if got := string(asJSON); got != `{"Password":"(set)"}` {
		t.Errorf("it does not show that it is set: %s", got)
	}
}

func TestASecretIsWhatItWas(t *testing.T) {
	a, b, none := secret.New("x"), secret.New("x"), secret.New("")
	if a != b || a == secret.New("y") || a.Reveal() != "x" || !a.IsSet() {
		t.Error("two secrets of one text differ, or of two texts do not")
	}
	if none.IsSet() || none != (secret.Text{}) || none.Reveal() != "" || none.String() != "" {
		t.Error("a secret without a text is set")
	}
}
