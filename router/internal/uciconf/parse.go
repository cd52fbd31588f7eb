package uciconf

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
)

// What a file may hold, far above any real one: the router's memory is scarce.
const (
	maxText       = 1 << 20
	maxSections   = 1024
	maxStatements = 4096
)

// Parse reads the text of a UCI file. It returns every problem there is. When
// none of them is an error, Config is whole and may be used; else it is not.
func Parse(file string, text []byte, tables Tables) (Config, Problems) {
	say := &report{file: file}
	all := read(text, say)
	c := config(all, tables, say)
	return c, say.problems.inOrder()
}

// Load is Parse of a file on disk. A password in it that others can read is
// worth a warning.
func Load(path string) (Config, Problems) {
	text, mode, err := slurp(path)
	if errors.Is(err, fs.ErrNotExist) {
		err = errors.New("no such file: write one (docs/uci.md has every option), or name another with -c")
	}
	if err != nil {
		return Config{}, Problems{{File: path, Message: err.Error()}}
	}
	c, problems := Parse(path, text, SystemTables)
	if mode.Perm()&0o077 != 0 && c.hasPassword() {
		problems = append(problems, Problem{File: path, Warning: true,
			Message: fmt.Sprintf("holds a password and has mode %04o: chmod 600 keeps it from others", mode.Perm())})
	}
	return c, problems
}

func (c Config) hasPassword() bool {
	return slices.ContainsFunc(c.Clusters, func(m Cluster) bool { return m.Password.IsSet() }) ||
		slices.ContainsFunc(c.Neighbors, func(n Neighbor) bool { return n.Password.IsSet() })
}

// slurp reads a plain file of up to maxText bytes.
func slurp(path string) ([]byte, fs.FileMode, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, reason(err)
	}
	if !info.Mode().IsRegular() {
		return nil, 0, errors.New("not a plain file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, reason(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxText+1))
	return text, info.Mode(), reason(err)
}

// reason leaves out the path, which each problem begins with.
func reason(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// read takes the text apart into sections.
func read(text []byte, say *report) []*section {
	if len(text) > maxText {
		say.partial = true
		say.wrong(nil, "", place{}, fmt.Sprintf("larger than %d bytes, which no configuration is", maxText))
		return nil
	}
	if i := bytes.IndexByte(text, 0); i >= 0 {
		say.partial = true
		say.wrong(nil, "", place{line: 1 + bytes.Count(text[:i], []byte("\n"))}, "holds a zero byte: this is no text")
		return nil
	}
	p := statements(text)
	say.partial = len(p.errors) > 0
	for _, e := range p.errors {
		say.wrong(nil, "", place{line: e.line}, fmt.Sprintf("%s (byte %d): %s", e.reason, e.at, e.hint))
	}
	for _, n := range p.notes {
		say.add(nil, "", place{line: n.line}, n.text, true)
	}
	if n := len(p.statements); n > maxStatements {
		say.partial = true
		say.wrong(nil, "", place{}, limit("lines", n, maxStatements))
		return nil
	}
	if n := count(p.statements); n > maxSections {
		say.partial = true
		say.wrong(nil, "", place{}, limit("sections", n, maxSections))
		return nil
	}
	all, err := sections(p.statements)
	if err != nil {
		say.partial = true
		say.wrong(nil, "", place{}, err.Error())
	}
	return all
}

// count is the number of section lines.
func count(all []statement) int {
	n := 0
	for _, s := range all {
		if s.kind == 'c' {
			n++
		}
	}
	return n
}
