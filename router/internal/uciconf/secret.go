package uciconf

import "log/slog"

// Secret is text that never prints: String, GoString, MarshalText and slog
// show "(set)" or "".
type Secret struct{ text string }

// Reveal returns the text, for the one call that needs it.
func (s Secret) Reveal() string { return s.text }

// IsSet reports whether there is a text.
func (s Secret) IsSet() bool { return s.text != "" }

// String is "(set)" or "".
func (s Secret) String() string {
	if s.text == "" {
		return ""
	}
	return "(set)"
}

// GoString hides the text from %#v.
func (s Secret) GoString() string { return `"` + s.String() + `"` }

// MarshalText hides the text from JSON.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue hides the text from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
