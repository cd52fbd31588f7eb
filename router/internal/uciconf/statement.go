package uciconf

import "bytes"

// statement is one command of a UCI file.
type statement struct {
	kind  byte   // 'c' config, 'o' option, 'l' list
	line  int    // where it begins
	first string // type of a section, name of an option
	last  string // name of a section ("" when anonymous), value of an option
}

// syntaxError is where libuci would stop reading, in its own words.
type syntaxError struct {
	line, at int // at counts bytes as libuci's "byte N" does
	reason   string
	hint     string
}

// reader walks through a text as libuci's parser does: line by line, where a
// quote or a backslash at the end of a line fetches the next one. What it
// does at ';' and '#' follows from libuci's parsing in place.
type reader struct {
	text []byte
	pos  int
	end  int // behind the last byte of the line that may still be read
	next int // where the next line begins
	line int // of pos, 1-based

	start  int // where the first line of this statement began
	folded int // bytes of line ends that a backslash removed

	dropped bool // a ';' cut off something that looks like a command
}

// fetch makes the next line readable, false at the end of the text.
func (r *reader) fetch() bool {
	if r.next >= len(r.text) {
		return false
	}
	r.pos, r.line = r.next, r.line+1
	if n := bytes.IndexByte(r.text[r.next:], '\n'); n >= 0 {
		r.next += n + 1
	} else {
		r.next = len(r.text)
	}
	r.end = r.next
	return true
}

// cur is the byte to read next, 0 at the end of the line.
func (r *reader) cur() byte {
	if r.pos >= r.end {
		return 0
	}
	return r.text[r.pos]
}

// at is the position in libuci's buffer.
func (r *reader) at() int { return r.pos - r.start - r.folded }

func (r *reader) fail(reason, hint string) *syntaxError {
	return &syntaxError{line: r.line, at: r.at(), reason: reason, hint: hint}
}

// isSpace is C's isspace in the C locale.
func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

func (r *reader) skipSpace() {
	for r.pos < r.end && isSpace(r.text[r.pos]) {
		r.pos++
	}
}

// argument reads the next word; "" when there is none or it is empty.
func (r *reader) argument() (string, *syntaxError) {
	r.skipSpace()
	if r.cur() == ';' {
		r.pos++
		return "", nil
	}
	var word []byte
	from := r.at()
	for {
		var err *syntaxError
		switch r.cur() {
		case 0:
			return string(word), nil
		case '#':
			r.end = r.pos
			return string(word), nil
		case ';':
			// The word is ended in place by a zero byte. When nothing
			// was taken out of it, that is where the ';' stands, and the
			// rest of the line is lost.
			if r.at()-from == len(word) {
				r.cut()
			}
			return string(word), nil
		case '\'', '"':
			word, err = r.quoted(word, r.cur())
		case '\\':
			word = r.escaped(word)
		default:
			word = append(word, r.text[r.pos])
			r.pos++
		}
		if err != nil {
			return "", err
		}
		if c := r.cur(); c == 0 {
			return string(word), nil
		} else if isSpace(c) {
			r.pos++
			return string(word), nil
		}
	}
}

// cut drops the rest of the line.
func (r *reader) cut() {
	rest, _, _ := bytes.Cut(r.text[r.pos+1:r.end], []byte("#"))
	r.dropped = r.dropped || len(bytes.Trim(rest, "; \t\r\n\v\f")) > 0
	r.end = r.pos
}

// quoted reads up to the closing quote, over several lines if need be.
func (r *reader) quoted(word []byte, quote byte) ([]byte, *syntaxError) {
	for r.pos++; ; {
		switch c := r.cur(); {
		case c == 0:
			if !r.fetch() {
				return nil, r.fail("EOF with unterminated "+string(quote), "a quote is opened and never closed")
			}
		case c == quote:
			r.pos++
			return word, nil
		case c == '\\' && quote == '"':
			word = r.escaped(word)
		default:
			word = append(word, c)
			r.pos++
		}
	}
}

// escaped reads a backslash and what follows: the end of a line is removed,
// any other byte stands for itself.
func (r *reader) escaped(word []byte) []byte {
	r.pos++
	rest := r.text[r.pos:r.end]
	if len(rest) == 0 || string(rest) == "\n" || string(rest) == "\r\n" {
		r.folded += len(rest)
		r.pos = r.end
		r.fetch()
		return word
	}
	r.pos++
	return append(word, rest[0])
}
