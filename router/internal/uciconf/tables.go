package uciconf

import (
	"os"
	"strconv"
	"strings"
)

// Tables knows routing tables by name.
type Tables func(name string) (number uint32, ok bool)

// tablesFile is where iproute2 and netifd look names of tables up.
const tablesFile = "/etc/iproute2/rt_tables"

// SystemTables looks a name up in /etc/iproute2/rt_tables. The kernel's own
// tables have their names without it.
func SystemTables(name string) (uint32, bool) {
	text, err := os.ReadFile(tablesFile)
	if err != nil {
		text = nil
	}
	return lookUp(string(text), name)
}

// lookUp finds the number of a table in the text of rt_tables.
func lookUp(text, name string) (uint32, bool) {
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) != 2 || words[1] != name {
			continue
		}
		if n, err := strconv.ParseUint(words[0], 0, 32); err == nil {
			return uint32(n), true
		}
	}
	own := map[string]uint32{"default": 253, "main": 254, "local": localTable}
	n, ok := own[name]
	return n, ok
}
