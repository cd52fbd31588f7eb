package quagga

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hawser-lb/hawser/shared/order"
)

// Import is a configuration in UCI's words, and what is missing from it.
type Import struct {
	UCI  string // text for /etc/config/hawser, ends with a newline
	Lost []Loss // in the order of the lines
}

// Loss is a line that could not be carried over, or not as it was.
type Loss struct {
	Line int    // 1-based
	Text string // the line; never a password
	Why  string
}

// String is "line 12: neighbor 192.0.2.1 weight 5: why".
func (l Loss) String() string { return fmt.Sprintf("line %d: %s: %s", l.Line, l.Text, l.Why) }

// MaxText is how long a text may be, in bytes.
const MaxText = 1 << 20

// Read carries over a bgpd.conf. The error says that there is nothing to
// carry over.
func Read(text string) (Import, error) {
	if len(text) > MaxText {
		return Import{}, fmt.Errorf("larger than %d bytes, which no bgpd.conf is", MaxText)
	}
	if strings.IndexByte(text, 0) >= 0 {
		return Import{}, errors.New("holds a zero byte: this is no text")
	}
	c := newConfig()
	for _, l := range lines(text) {
		c.take(l)
	}
	if c.asn == 0 {
		return Import{}, errors.New(`no line "router bgp AS-NUMBER" that is understood: bgpd's configuration is /etc/quagga/bgpd.conf, or what vtysh prints for "show running-config"`)
	}
	sections := c.sections()
	if n := size(sections); n > maxLines {
		return Import{}, fmt.Errorf("it would be %d lines, and /etc/config/hawser takes %d: name the neighbors' network once, as list source of a cluster (docs/uci.md)", n, maxLines)
	}
	order.Stable(c.lost, func(a, b Loss) int { return a.Line - b.Line })
	return Import{UCI: write(sections, c.lost), Lost: c.lost}, nil
}

// maxLines is what uciconf takes in sections, and less than what it takes in
// lines.
const maxLines = 1024

// size is the number of lines that sections take.
func size(all []section) int {
	n := len(all)
	for _, s := range all {
		for _, o := range s.options {
			n += len(o.values)
		}
	}
	return n
}

// line is one line of the text, in words.
type line struct {
	number int
	words  []string
	text   string // the words, one blank between them, behind each other
}

// lines leaves out comments, blank lines and what a terminal adds.
func lines(text string) []line {
	var all []line
	n := 0
	for raw := range strings.Lines(text) {
		n++
		words := strings.FieldsFunc(raw, func(r rune) bool { return r == ' ' || r == '\t' || r == '\r' || r == '\n' })
		if len(words) == 0 || strings.HasPrefix(words[0], "!") || strings.HasPrefix(words[0], "#") {
			continue
		}
		all = append(all, line{number: n, words: words, text: strings.Join(words, " ")})
	}
	return all
}

// is reports whether the line begins with the words of start.
func (l line) is(start string) bool {
	words := strings.Fields(start)
	return len(l.words) >= len(words) && slices.Equal(l.words[:len(words)], words)
}

// word is the i-th word, "" where there is none.
func (l line) word(i int) string {
	if i < len(l.words) {
		return l.words[i]
	}
	return ""
}

// lose records that l is not carried over as it stands. Said twice it counts
// once: a policy may belong to many neighbors.
func (c *config) lose(l line, why string) {
	text := l.text
	if i := slices.Index(l.words, "password"); i >= 0 {
		text = strings.Join(append(slices.Clone(l.words[:i+1]), "…"), " ")
	}
	loss := Loss{Line: l.number, Text: visible(text), Why: why}
	if !c.losses[loss] {
		c.losses[loss] = true
		c.lost = append(c.lost, loss)
	}
}

// longest is how much of a line a Loss repeats, in runes.
const longest = 120

// visible is text fit for a terminal and for a comment.
func visible(text string) string {
	runes := []rune(strings.ToValidUTF8(text, "?"))
	if len(runes) > longest {
		runes = append(runes[:longest], '…')
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, string(runes))
}
