package legacy

import (
	"fmt"
	"strings"
)

// nearest says which of the names is most likely meant, or which there are.
func nearest(word string, names []string) string {
	best, least := "", 4
	for _, n := range names {
		if d := distance(fold(word), fold(n)); d < least && d < len(n) {
			best, least = n, d
		}
	}
	if best != "" {
		return fmt.Sprintf("; do you mean %q?", best)
	}
	return "; known here: " + strings.Join(names, ", ")
}

// fold makes myASN, my_asn and my-asn alike.
func fold(s string) string {
	return strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(s))
}

// distance is the number of letters to insert, delete or replace.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost = 1 + min(diagonal, row[j], row[j-1])
			}
			diagonal, row[j] = row[j], cost
		}
	}
	return row[len(b)]
}
