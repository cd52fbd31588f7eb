package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// word is one step of a command: a keyword, or an argument when takes is set.
type word struct {
	text  string // the keyword, or how help calls the argument
	help  string
	flags []string
	next  []*word
	// takes says why text is no such argument.
	takes func(c *call, text string) error
	enter func(c *call)
	// do runs the command that ends here; nil when more words must follow.
	do func(c *call) error
}

// find walks down the tree along words, which may be cut short as long as they
// are clear.
func (c *call) find(words []string) (*word, error) {
	at := root
	for _, text := range words {
		next, err := c.step(at, text)
		if err != nil {
			return nil, err
		}
		at = next
		if at.enter != nil {
			at.enter(c)
		}
	}
	if at.do == nil {
		return nil, misuse{fmt.Sprintf("%s: more words are needed: %s", strings.Join(c.words, " "), possible(at.next))}
	}
	return at, nil
}

func (c *call) step(at *word, text string) (*word, error) {
	matches := matching(at.next, text)
	i := slices.IndexFunc(at.next, func(w *word) bool { return w.takes != nil })
	switch {
	case len(matches) == 1:
		c.words = append(c.words, matches[0].text)
		return matches[0], nil
	case len(matches) > 1:
		return nil, misuse{fmt.Sprintf("%s: ambiguous: %s", c.with(text), possible(matches))}
	case i < 0 && len(at.next) == 0:
		return nil, misuse{fmt.Sprintf("%s: nothing follows %q", c.with(text), strings.Join(c.words, " "))}
	case i < 0:
		return nil, misuse{fmt.Sprintf("%s: unknown word %q, possible: %s", c.with(text), text, possible(at.next))}
	}
	if err := at.next[i].takes(c, text); err != nil {
		return nil, misuse{fmt.Sprintf("%s: %s, possible: %s", c.with(text), err, possible(at.next))}
	}
	c.words = append(c.words, text)
	return at.next[i], nil
}

// with is the command so far and one word more.
func (c *call) with(text string) string {
	return strings.Join(append(slices.Clone(c.words), text), " ")
}

// matching are the keywords that begin with text; only the one that is text,
// if there is one.
func matching(all []*word, text string) []*word {
	var found []*word
	for _, w := range all {
		if w.takes != nil || text == "" {
			continue
		}
		if w.text == text {
			return []*word{w}
		}
		if strings.HasPrefix(w.text, text) {
			found = append(found, w)
		}
	}
	return found
}

func possible(all []*word) string {
	var texts []string
	for _, w := range all {
		texts = append(texts, w.text)
	}
	return strings.Join(texts, ", ")
}

// check refuses flags that do not belong to the command.
func (w *word) check(flags *pflag.FlagSet) error {
	var err error
	flags.Visit(func(f *pflag.Flag) {
		if f.Name != "help" && !slices.Contains(w.flags, f.Name) && err == nil {
			err = misuse{fmt.Sprintf("--%s does not belong to this command; hawser help lists what does", f.Name)}
		}
	})
	return err
}
