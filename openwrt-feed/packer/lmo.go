package packer

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// LMO turns a translation (gettext's .po) into the file that LuCI looks words
// up in: all translations, an index of hashes in ascending order, and where
// the index begins. Words that are translated by themselves are left out.
func LMO(po string) ([]byte, error) {
	var c catalog
	messages, err := messages(po)
	if err != nil {
		return nil, err
	}
	for _, m := range messages {
		c.add(m)
	}
	return c.bytes(), nil
}

// message is one entry of a .po file. LuCI's own tool leaves escapes in the
// text as they are, but for those of quotes and backslashes.
type message struct {
	context, id, plural string
	text                [10]string
	forms               int // of text
}

// messages reads entries as LuCI's po2lmo does, to the letter: what it hashes
// is what LuCI will ask for.
func messages(po string) ([]message, error) {
	var all []message
	var m message
	var into *string
	next := func() {
		if m.id != "" || m.text[0] != "" {
			all, m = append(all, m), message{}
		}
	}
	for line := range strings.Lines(po) {
		switch word, _, _ := strings.Cut(line, `"`); {
		case word == "msgctxt ":
			next()
			into = &m.context
		case word == "msgid ":
			next()
			into = &m.id
		case word == "msgid_plural ":
			into = &m.plural
		case strings.HasPrefix(word, "msgstr"):
			n := 0
			if number, ok := strings.CutPrefix(strings.TrimSpace(word), "msgstr["); ok {
				var err error
				if n, err = strconv.Atoi(strings.TrimSuffix(number, "]")); err != nil || n < 0 || n >= len(m.text) {
					return nil, fmt.Errorf("translation: %q: use msgstr[0] to msgstr[%d]", strings.TrimSpace(word), len(m.text)-1)
				}
			}
			m.forms = n + 1
			into = &m.text[n]
		}
		if text, ok := quoted(line); ok && into != nil {
			*into += text
		}
	}
	next()
	return all, nil
}

// quoted is the text between the first two quotes of a line.
func quoted(line string) (string, bool) {
	_, rest, ok := strings.Cut(line, `"`)
	if !ok || strings.HasPrefix(line, "#") {
		return "", false
	}
	var b strings.Builder
	for i := 0; i < len(rest) && rest[i] != '"'; i++ {
		if rest[i] == '\\' && i+1 < len(rest) {
			i++
			if rest[i] != '"' && rest[i] != '\\' {
				b.WriteByte('\\')
			}
		}
		b.WriteByte(rest[i])
	}
	return b.String(), true
}

type entry struct{ key, forms, at, length uint32 }

type catalog struct {
	words   []byte
	entries []entry
}

func (c *catalog) add(m message) {
	if m.text[0] == "" {
		return
	}
	if m.id == "" {
		for field := range strings.SplitSeq(m.text[0], `\n`) {
			if rule, ok := strings.CutPrefix(field, "Plural-Forms: "); ok {
				c.put(0, 0, rule)
			}
		}
		return
	}
	key := m.id
	if m.context != "" {
		key = m.context + "\x01" + key
	}
	for i, text := range m.text[:m.forms] {
		key := key
		if m.plural != "" {
			key += "\x02" + strconv.Itoa(i)
		}
		if hash(key) != hash(text) && text != "" {
			c.put(hash(key), uint32(m.forms), text)
		}
	}
}

func (c *catalog) put(key, forms uint32, text string) {
	c.entries = append(c.entries, entry{key, forms, uint32(len(c.words)), uint32(len(text))})
	c.words = append(c.words, text...)
	for len(c.words)%4 != 0 {
		c.words = append(c.words, 0)
	}
}

func (c *catalog) bytes() []byte {
	if len(c.words) == 0 {
		return nil
	}
	slices.SortStableFunc(c.entries, func(a, b entry) int { return cmp.Compare(a.key, b.key) })
	out := slices.Clone(c.words)
	for _, e := range c.entries {
		for _, n := range []uint32{e.key, e.forms, e.at, e.length} {
			out = binary.BigEndian.AppendUint32(out, n)
		}
	}
	return binary.BigEndian.AppendUint32(out, uint32(len(c.words)))
}

// hash is Paul Hsieh's SuperFastHash as LuCI computes it: bytes at the end
// count with their sign.
func hash(text string) uint32 {
	h := uint32(len(text))
	if h == 0 {
		return 0
	}
	pair := func(i int) uint32 { return uint32(text[i]) | uint32(text[i+1])<<8 }
	signed := func(i int) uint32 { return uint32(int32(int8(text[i]))) }
	i := 0
	for ; i+4 <= len(text); i += 4 {
		h += pair(i)
		h = h<<16 ^ (pair(i+2)<<11 ^ h)
		h += h >> 11
	}
	switch len(text) - i {
	case 3:
		h += pair(i)
		h ^= h << 16
		h ^= signed(i+2) << 18
		h += h >> 11
	case 2:
		h += pair(i)
		h ^= h << 11
		h += h >> 17
	case 1:
		h += signed(i)
		h ^= h << 10
		h += h >> 1
	}
	h ^= h << 3
	h += h >> 5
	h ^= h << 4
	h += h >> 17
	h ^= h << 25
	return h + h>>6
}
