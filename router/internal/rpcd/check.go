package rpcd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hawser-lb/hawser/router/internal/uciconf"
)

// Checked is what `check` answers.
type Checked struct {
	File     string           `json:"file"`
	Valid    bool             `json:"valid"`
	Mistakes int              `json:"mistakes"`
	Warnings int              `json:"warnings"`
	Problems uciconf.Problems `json:"problems"`
}

// pending is the name of a configuration that is no file yet.
const pending = "(pending)"

// check looks at the text of a configuration, at sections as `uci get` gives
// them, or, without either, at the file that the daemon reads.
func (p *Plugin) check(_ context.Context, a arguments) (any, error) {
	switch {
	case a.Config != nil && a.Sections != nil:
		return nil, errors.New("give either config or sections")
	case a.Config != nil:
		_, problems := uciconf.Parse(pending, []byte(*a.Config), uciconf.SystemTables)
		return checked(pending, problems), nil
	case a.Sections != nil:
		text, err := written(a.Sections)
		if err != nil {
			return nil, err
		}
		_, problems := uciconf.Parse(pending, text, uciconf.SystemTables)
		for i := range problems {
			problems[i].Line = 0 // nobody has seen that text
		}
		return checked(pending, problems), nil
	}
	_, problems := uciconf.Load(p.Config)
	return checked(p.Config, problems), nil
}

func checked(file string, problems uciconf.Problems) Checked {
	if problems == nil {
		problems = uciconf.Problems{}
	}
	wrong, warnings := problems.Count()
	return Checked{File: file, Valid: wrong == 0, Mistakes: wrong, Warnings: warnings, Problems: problems}
}

// written is the UCI text of sections, each an object with ".type", ".name" and
// its options.
func written(sections []json.RawMessage) ([]byte, error) {
	var out strings.Builder
	for i, raw := range sections {
		var s map[string]any
		if err := json.Unmarshal(raw, &s); err != nil {
			return nil, fmt.Errorf("sections: number %d is no object", i+1)
		}
		typ, _ := s[".type"].(string)
		name, _ := s[".name"].(string)
		if !word(typ) || !word(name) {
			return nil, fmt.Errorf("sections: number %d has no .type and .name of letters, digits and _", i+1)
		}
		fmt.Fprintf(&out, "config %s '%s'\n", typ, name)
		for _, key := range slices.Sorted(maps.Keys(s)) {
			if strings.HasPrefix(key, ".") {
				continue
			}
			if !word(key) {
				return nil, fmt.Errorf("sections: %s: option %.40q is not made of letters, digits and _", name, key)
			}
			writeOption(&out, key, s[key])
		}
	}
	return []byte(out.String()), nil
}

// writeOption writes an option, or one line a value of a list.
func writeOption(out *strings.Builder, key string, value any) {
	if all, isList := value.([]any); isList {
		for _, v := range all {
			fmt.Fprintf(out, "\tlist %s %s\n", key, quoted(v))
		}
		return
	}
	fmt.Fprintf(out, "\toption %s %s\n", key, quoted(value))
}

// quoted is a value as uci writes it.
func quoted(v any) string {
	text := ""
	switch v := v.(type) {
	case nil:
	case string:
		text = v
	case bool:
		text = map[bool]string{true: "1", false: "0"}[v]
	default:
		text = fmt.Sprint(v)
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// word reports whether text may be a name in UCI.
func word(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}
