// Package secret holds text that must not be seen: passwords. A Text can be
// copied and compared and never prints, whatever prints it and however deep in
// unexported fields it lies.
package secret

import (
	"log/slog"
	"unique"
)

// Text never prints: String, GoString, MarshalText and slog show "(set)" or
// "". The zero Text is unset.
type Text struct {
	// A handle compares by what it stands for, and where fmt cannot call a
	// method it shows a pointer.
	handle unique.Handle[string]
}

// New returns the text as one that does not print; of "" it makes an unset one.
func New(text string) Text {
	if text == "" {
		return Text{}
	}
	return Text{unique.Make(text)}
}

// Reveal returns the text, for the one call that needs it.
func (t Text) Reveal() string {
	if !t.IsSet() {
		return ""
	}
	return t.handle.Value()
}

// IsSet reports whether there is a text.
func (t Text) IsSet() bool { return t != Text{} }

// String is "(set)" or "".
func (t Text) String() string {
	if !t.IsSet() {
		return ""
	}
	return "(set)"
}

// GoString hides the text from %#v.
func (t Text) GoString() string { return `"` + t.String() + `"` }

// MarshalText hides the text from JSON.
func (t Text) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// LogValue hides the text from slog.
func (t Text) LogValue() slog.Value { return slog.StringValue(t.String()) }
