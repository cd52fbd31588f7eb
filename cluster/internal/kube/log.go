package kube

import (
	"context"
	"log/slog"

	"k8s.io/klog/v2"
)

// LogThrough sends what client-go says to log, a level lower than it means:
// what matters of it is said again in Hawser's own words. It is for the whole
// process, to be called once.
func LogThrough(log *slog.Logger) {
	klog.SetSlogLogger(slog.New(quieter{log.Handler()}))
}

// quieter lets only warnings and errors through, as Debug.
type quieter struct{ slog.Handler }

func (q quieter) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && q.Handler.Enabled(ctx, slog.LevelDebug)
}

func (q quieter) Handle(ctx context.Context, r slog.Record) error {
	r.Level = slog.LevelDebug
	return q.Handler.Handle(ctx, r)
}

func (q quieter) WithAttrs(attrs []slog.Attr) slog.Handler {
	return quieter{q.Handler.WithAttrs(attrs)}
}
func (q quieter) WithGroup(name string) slog.Handler { return quieter{q.Handler.WithGroup(name)} }
