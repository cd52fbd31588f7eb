package kube

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestALongMessageEndsWithAWholeCharacter(t *testing.T) {
	if got := clip("short"); got != "short" {
		t.Error(got)
	}
	for n := range 4 {
		got := clip(strings.Repeat("a", n) + strings.Repeat("ö", messageLimit))
		if len(got) > messageLimit || len(got) < messageLimit-4 || !utf8.ValidString(got) || !strings.HasSuffix(got, "ö…") {
			t.Errorf("%d bytes, the end is %q", len(got), got[len(got)-8:])
		}
	}
}

func TestDroppedEventsAreLoggedByNumberOnceInAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		r := newRecorder(nil, "node1", slog.New(slog.NewTextHandler(&log, nil)))
		for range eventQueue + 3 {
			r.add(Ref{Name: "x"}, Normal, "Announced", "")
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*droppedEvery+time.Second)
		defer cancel()
		r.confess(ctx)
		if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "dropped=3 waiting=8192") {
			t.Errorf("the log says %q", got)
		}
	})
}

func TestARefusedEventIsAWarningUnlessItsNamespaceGoes(t *testing.T) {
	events := schema.GroupResource{Resource: "events"}
	terminating := apierrors.NewForbidden(events, "x", errors.New("being terminated"))
	terminating.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}
	for _, c := range []struct {
		err  error
		want slog.Level
	}{
		{terminating, slog.LevelDebug},
		{apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "x"), slog.LevelDebug},
		{apierrors.NewForbidden(events, "x", errors.New("no such right")), slog.LevelWarn},
	} {
		if got := refusal(c.err); got != c.want {
			t.Errorf("%v: %v", c.err, got)
		}
	}
}
