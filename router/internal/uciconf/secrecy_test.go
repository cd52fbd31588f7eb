package uciconf

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// secretive is a configuration with a password in each place that may hold one,
// and quotes of each kind around it.
const secretive = `config globals 'globals'
	option asn '65000'
	option log_level "info"

config cluster 'home'
	option description 'k3s'
	option asn '65001'
	option password 'hunter2'
	list source '192.168.1.0/24'
	list allow "192.168.10.0/24"
	option bfd '1'

config neighbor 'node1'
	option address '192.168.9.5'
	option cluster home
	option max_prefixes '10'
	option password hunter2
	list send '0.0.0.0/0'
`

// misspelt yields the text with one or two typing mistakes in it.
func misspelt(text string, yield func(string) bool) {
	for i := range len(text) {
		for _, typed := range []string{"'", `"`, "\\", "\n", ";", "#", " ", "x", "config ", "option "} {
			if !yield(text[:i] + typed + text[i:]) {
				return
			}
		}
		for _, n := range []int{1, 3, 9} {
			if !yield(text[:i] + text[min(i+n, len(text)):]) {
				return
			}
		}
		// A quote that is never closed ends where another one is too many.
		for j := i; j < len(text); j++ {
			if strings.Contains("' \n", text[i:i+1]) && text[j] == '\n' && !yield(text[:i]+"'"+text[i:j]+"'"+text[j:]) {
				return
			}
		}
	}
}

// Messages go to the log, and to logins that may only read.
func TestNoTypingMistakeMakesAMessageRepeatAPassword(t *testing.T) {
	texts, said := 0, 0
	for text := range func(yield func(string) bool) { misspelt(secretive, yield) } {
		_, problems := Parse("hawser", []byte(text), noTables)
		asJSON, err := json.Marshal(problems)
		if err != nil {
			t.Fatal(err)
		}
		for _, where := range []string{string(asJSON), fmt.Sprint(problems), fmt.Sprint(problems.Err())} {
			if strings.Contains(where, "hunter2") {
				t.Fatalf("of the text\n%s\nit is said:\n%s", text, where)
			}
		}
		texts, said = texts+1, said+len(problems)
	}
	t.Logf("%d messages about %d texts", said, texts)
	if said < texts/2 {
		t.Error("most mistakes went unnoticed")
	}
}
