// Package logging makes the one *slog.Logger that a process hands down. Lines
// go to stderr, where procd and the kubelet pick them up; both add the time
// themselves when asked, so the text form leaves it out on request.
package logging

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// Level reads error, warn, info or debug.
func Level(word string) (slog.Level, error) {
	switch strings.ToLower(word) {
	case "debug":
		return slog.LevelDebug, nil
	case "info", "":
		return slog.LevelInfo, nil
	case "warn", "warning":
		return slog.LevelWarn, nil
	case "error":
		return slog.LevelError, nil
	}
	return 0, fmt.Errorf("log level %q: use error, warn, info or debug", word)
}

// New returns a logger that writes to w. format is "text" or "json". level may
// be changed while the process runs.
func New(w io.Writer, format string, level *slog.LevelVar) (*slog.Logger, error) {
	opts := &slog.HandlerOptions{Level: level}
	switch format {
	case "text", "":
		return slog.New(slog.NewTextHandler(w, opts)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, opts)), nil
	}
	return nil, fmt.Errorf("log format %q: use text or json", format)
}
