package status

import (
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// uptime is how long ago since was, in Quagga's form: 00:00:06, 1d02h03m,
// 01w2d03h, or never.
func uptime(since, now time.Time) string {
	if since.IsZero() {
		return "never"
	}
	s := max(0, int64(now.Sub(since)/time.Second))
	minutes, hours, days := s/60%60, s/3600%24, s/86400
	switch {
	case days == 0:
		return fmt.Sprintf("%02d:%02d:%02d", hours, minutes, s%60)
	case days < 7:
		return fmt.Sprintf("%dd%02dh%02dm", days, hours, minutes)
	}
	return fmt.Sprintf("%02dw%dd%02dh", days/7, days%7, hours)
}

// identifier is a router identifier, 0.0.0.0 while there is none.
func identifier(id netip.Addr) string {
	if !id.IsValid() {
		return "0.0.0.0"
	}
	return id.String()
}

// reasons is "3 notAllowed, 1 martian", in the order of the words.
func reasons(refused map[string]int) string {
	var all []string
	for _, word := range slices.Sorted(maps.Keys(refused)) {
		if n := refused[word]; n > 0 {
			all = append(all, fmt.Sprintf("%d %s", n, word))
		}
	}
	return strings.Join(all, ", ")
}

// total is the number of refused prefixes.
func total(refused map[string]int) int {
	n := 0
	for _, one := range refused {
		n += one
	}
	return n
}

// joined lists prefixes, or what stands for none.
func joined(all []netip.Prefix, none string) string {
	if len(all) == 0 {
		return none
	}
	var words []string
	for _, p := range all {
		words = append(words, p.String())
	}
	return strings.Join(words, ", ")
}

// notices says what is wrong with the daemon as a whole, in vtysh's manner of
// a leading %. It ends with an empty line when there was anything.
func notices(w io.Writer, s *Snapshot) {
	said := false
	say := func(format string, args ...any) {
		fmt.Fprintf(w, "%% "+format+"\n", args...)
		said = true
	}
	if s.Config.Rejected {
		say("%s has mistakes and was not taken; the one of %s runs on. They are:", s.Config.File, s.Config.LoadedAt.Format(time.DateTime))
		for _, p := range s.Config.Problems {
			say("  %s", p)
		}
	}
	for _, l := range s.Listening {
		if l.Error != "" {
			say("Not listening on %s: %s", l.Address, l.Error)
		}
	}
	if s.Metrics != nil && s.Metrics.Error != "" {
		say("No metrics on %s: %s", s.Metrics.Address, s.Metrics.Error)
	}
	for _, a := range s.Kernel.Advice {
		say("Advice: %s", a)
	}
	if s.Kernel.Waiting != "" {
		say("Routes of before are kept: %s", s.Kernel.Waiting)
	}
	if said {
		fmt.Fprintln(w)
	}
}
