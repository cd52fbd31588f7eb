package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestTheOneFileHasEveryObjectAndTheImageAskedFor(t *testing.T) {
	var b bytes.Buffer
	if err := write(&b, "../../../deploy", "example.test/speaker", "9"); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, want := range []string{"kind: Namespace", "kind: DaemonSet", "kind: ClusterRole\n", "name: addresspools.hawser.dev", "image: example.test/speaker:9\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q", want)
		}
	}
	if strings.Contains(text, "localhost/") {
		t.Error("the image of before is still there")
	}
	if err := write(&b, t.TempDir(), "x", "y"); err == nil {
		t.Error("a directory without a base is taken")
	}
}
