// Package licences gathers what the licences of the modules in a program ask
// for: that their texts and notices go along with it. Packages and the image
// carry the result.
package licences

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// named are the files that say it, of whatever ending.
var named = regexp.MustCompile(`(?i)^(licen[cs]e|notice|copying|patents)([.-].*)?$`)

// module is one that is linked into a program.
type module struct {
	name string // path and version
	root string
	dirs []string // of its packages
}

// Texts are those of all modules in a program and of Go itself, each text once,
// under the names of those that have it. tree is where program, a package path
// such as ./router/cmd/hawser, is built.
func Texts(ctx context.Context, tree, program string) ([]byte, error) {
	modules, err := linked(ctx, tree, program)
	if err != nil {
		return nil, err
	}
	owners := map[string][]string{}
	for _, m := range modules {
		texts, err := m.texts()
		if err != nil {
			return nil, err
		}
		for _, text := range texts {
			owners[text] = append(owners[text], m.name)
		}
	}
	return written(program, owners), nil
}

// written puts the text of the first module first.
func written(program string, owners map[string][]string) []byte {
	type part struct{ owners, text string }
	var parts []part
	for text, names := range owners {
		slices.Sort(names)
		parts = append(parts, part{strings.Join(slices.Compact(names), "\n"), text})
	}
	slices.SortFunc(parts, func(a, b part) int { return cmp.Or(cmp.Compare(a.owners, b.owners), cmp.Compare(a.text, b.text)) })
	var b bytes.Buffer
	fmt.Fprintf(&b, "What is in %s besides Hawser itself (Apache-2.0), and under which terms.\n", filepath.Base(program))
	for _, p := range parts {
		fmt.Fprintf(&b, "\n%[1]s\n%[2]s\n%[1]s\n\n%[3]s\n", strings.Repeat("=", 78), p.owners, p.text)
	}
	return b.Bytes()
}

// linked asks Go, for Linux; every architecture has the same modules.
func linked(ctx context.Context, tree, program string) ([]module, error) {
	const form = "{{if .Standard}}Go\t{{.Root}}\t{{.Root}}{{else}}{{with .Module}}{{if .Main}}{{else}}{{.Path}} {{.Version}}\t{{.Dir}}\t{{$.Dir}}{{end}}{{end}}{{end}}"
	cmd := exec.CommandContext(ctx, "go", "list", "-deps", "-f", form, program)
	cmd.Dir, cmd.Env = tree, append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("%w: %s", err, bytes.TrimSpace(exit.Stderr))
	}
	if err != nil {
		return nil, fmt.Errorf("go list %s: %w", program, err)
	}
	var all []module
	for line := range strings.Lines(string(out)) {
		field := strings.Split(strings.TrimSpace(line), "\t")
		if len(field) != 3 {
			continue // of Hawser
		}
		i := slices.IndexFunc(all, func(m module) bool { return m.name == field[0] })
		if i < 0 {
			i = len(all)
			all = append(all, module{name: field[0], root: field[1]})
		}
		all[i].dirs = append(all[i].dirs, field[2])
	}
	return all, nil
}

// texts are those in the directories of the packages and above, up to the
// module's root: code that a module has taken over brings its own.
func (m module) texts() ([]string, error) {
	seen := map[string]bool{}
	var texts []string
	for _, dir := range m.dirs {
		for ; !seen[dir] && strings.HasPrefix(dir, m.root); dir = filepath.Dir(dir) {
			seen[dir] = true
			found, err := in(dir)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", m.name, err)
			}
			texts = append(texts, found...)
		}
	}
	if len(texts) == 0 {
		return nil, fmt.Errorf("%s: no licence in %s: a program with it cannot be passed on", m.name, m.root)
	}
	return texts, nil
}

func in(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var texts []string
	for _, e := range entries {
		if e.IsDir() || !named.MatchString(e.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		texts = append(texts, strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n")))
	}
	return texts, nil
}
