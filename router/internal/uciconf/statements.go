package uciconf

import (
	"strconv"
	"strings"
)

// note is a remark on a line that libuci reads, but hardly as it was meant.
type note struct {
	line int
	text string
}

// parsed is a text taken apart. When there are errors, libuci would have
// taken nothing of it; the statements are those of the lines that can be read.
type parsed struct {
	statements []statement
	notes      []note
	errors     []*syntaxError
}

// parser collects statements; section is false until a section is open, and
// again while the section's own line could not be read.
type parser struct {
	reader
	parsed
	section bool
	begun   bool              // a section line was seen, readable or not
	types   map[string]string // of named sections
}

// statements takes text apart by libuci's grammar. After a line that cannot be
// read it goes on with the next, to find all the mistakes at once.
func statements(text []byte) parsed {
	p := parser{reader: reader{text: text}, types: map[string]string{}}
	for p.fetch() {
		p.start, p.folded, p.dropped = p.pos, 0, false
		first := p.line
		if err := p.readLine(); err != nil {
			if err.line != first {
				err.hint += "; it begins in line " + strconv.Itoa(first) + ": is a quote missing there?"
			}
			p.errors = append(p.errors, err)
		}
		if p.dropped {
			p.notes = append(p.notes, note{first, "what follows the ';' is dropped, as by uci itself: put it on a line of its own"})
		}
	}
	return p.parsed
}

// readLine reads the commands of one line, which ';' separates.
func (p *parser) readLine() *syntaxError {
	p.skipSpace()
	for {
		word, ended := p.command()
		if word == "" || word[0] == '#' {
			return nil
		}
		var err *syntaxError
		switch word {
		case "p", "package":
			err = p.readPackage(ended)
		case "c", "config":
			err = p.readConfig(ended)
		case "o", "option":
			err = p.readOption('o', ended)
		case "l", "list":
			err = p.readOption('l', ended)
		default:
			err = p.fail("invalid command", "a line begins with config, option or list")
		}
		if err != nil {
			return err
		}
	}
}

// command is the word up to a blank or tab, which it takes as well; ended is
// true when there is none and the text itself ends. The position stays, for
// the byte that an error names, until advance.
func (p *parser) command() (word string, ended bool) {
	rest := string(p.text[p.pos:p.end])
	blanks := len(rest) - len(strings.TrimLeft(rest, " \t"))
	word = rest[blanks:]
	if n := strings.IndexAny(word, " \t"); n >= 0 {
		return word[:n], false
	}
	return word, true
}

// advance moves behind the command word.
func (p *parser) advance(ended bool, what string) *syntaxError {
	if ended {
		return p.fail(what+" without name", "the text ends here")
	}
	for p.pos < p.end && (p.text[p.pos] == ' ' || p.text[p.pos] == '\t') {
		p.pos++
	}
	for p.text[p.pos] != ' ' && p.text[p.pos] != '\t' {
		p.pos++
	}
	p.pos++
	return nil
}

// nothingMore reports words behind the end of a command.
func (p *parser) nothingMore() *syntaxError {
	p.skipSpace()
	more, err := p.argument()
	if err == nil && more != "" {
		err = p.fail("too many arguments", "a value with blanks needs quotes around it")
	}
	return err
}

// required is an argument that must be there.
func (p *parser) required(what string) (string, *syntaxError) {
	word, err := p.argument()
	if err == nil && word == "" {
		err = p.fail("insufficient arguments", what+" is missing")
	}
	return word, err
}

// readPackage reads a line that names the file; it has no effect.
func (p *parser) readPackage(ended bool) *syntaxError {
	if err := p.advance(ended, "package"); err != nil {
		return err
	}
	name, err := p.required("the name of the package")
	if err != nil {
		return err
	}
	if !isName(name, "_-") {
		return p.fail("invalid character in name field", nameHint)
	}
	return p.nothingMore()
}

const nameHint = "names are of letters, digits and _"

func (p *parser) readConfig(ended bool) *syntaxError {
	p.section, p.begun = false, true
	s := statement{kind: 'c', line: p.line}
	err := p.advance(ended, "config")
	if err == nil {
		s.first, err = p.required("the type of the section")
	}
	if err == nil && !isType(s.first) {
		err = p.fail("invalid character in type field", "a type has no blanks and no control characters")
	}
	if err == nil {
		s.last, err = p.argument()
	}
	if err == nil && s.last != "" && !isName(s.last, "_") {
		err = p.fail("invalid character in name field", nameHint)
	}
	if err == nil {
		err = p.nothingMore()
	}
	if err != nil {
		return err
	}
	if s.last != "" {
		if typ, ok := p.types[s.last]; ok && typ != s.first {
			return p.fail("section of different type overwrites prior section with same name",
				"'"+s.last+"' was a section of type "+visible(typ)+" before: rename one of them")
		}
		p.types[s.last] = s.first
	}
	p.section = true
	p.statements = append(p.statements, s)
	return nil
}

func (p *parser) readOption(kind byte, ended bool) *syntaxError {
	s := statement{kind: kind, line: p.line}
	if !p.begun {
		return p.fail("option/list command found before the first section", "a line such as config cluster 'home' comes first")
	}
	err := p.advance(ended, "option")
	if err == nil {
		s.first, err = p.required("the name of the option")
	}
	if err == nil && !isName(s.first, "_") {
		err = p.fail("invalid character in name field", nameHint)
	}
	if err == nil {
		s.last, err = p.argument()
	}
	if err == nil {
		err = p.nothingMore()
	}
	if err != nil {
		return err
	}
	if p.section && (kind == 'l' || s.last != "") {
		p.statements = append(p.statements, s)
	}
	return nil
}

// isName accepts letters, digits and the bytes of others.
func isName(text, others string) bool {
	for i := range len(text) {
		c := text[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte(others, c) >= 0:
		default:
			return false
		}
	}
	return text != ""
}

// isType accepts every byte that prints and is no blank.
func isType(text string) bool {
	for i := range len(text) {
		if text[i] < 33 || text[i] > 126 {
			return false
		}
	}
	return text != ""
}
