package bgp

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"
)

// drops are segments that the kernel dropped before anybody saw them, because
// of their TCP MD5 signature. It counts them for the machine as a whole.
type drops struct{ missing, unexpected, wrong uint64 }

// silence is how long nobody may come before the status says what it may be.
const silence = 30 * time.Second

// netstat holds the kernel's counters, of this thread's network namespace.
const netstat = "/proc/thread-self/net/netstat"

func (tcp) dropped() (drops, error) {
	text, err := os.ReadFile(netstat)
	if errors.Is(err, fs.ErrNotExist) {
		return drops{}, nil
	}
	if err != nil {
		return drops{}, err
	}
	return parseDrops(string(text)), nil
}

// parseDrops reads the counters out of the pair of lines that begins with
// "TcpExt:": one of names, one of numbers.
func parseDrops(text string) drops {
	var d drops
	into := map[string]*uint64{"TCPMD5NotFound": &d.missing, "TCPMD5Unexpected": &d.unexpected, "TCPMD5Failure": &d.wrong}
	var names []string
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] != "TcpExt:" {
			continue
		}
		if names == nil {
			names = words
			continue
		}
		for i, w := range words[:min(len(words), len(names))] {
			if n, err := strconv.ParseUint(w, 10, 64); err == nil && into[names[i]] != nil {
				*into[names[i]] = n
			}
		}
	}
	return d
}

// since is what came on top of before.
func (d drops) since(before drops) drops {
	return drops{d.missing - before.missing, d.unexpected - before.unexpected, d.wrong - before.wrong}
}

// suspicion is what the drops say about a peer, with or without a password,
// that is not heard of; "" when they say nothing.
func (d drops) suspicion(password bool) string {
	switch {
	case password && d.wrong+d.missing > 0:
		return fmt.Sprintf("the kernel dropped %d segments with another password and %d without any: is the password the same on both sides?",
			d.wrong, d.missing)
	case password:
		return "nothing is heard: without the right password on the other side the kernel drops everything"
	case d.unexpected > 0:
		return fmt.Sprintf("the kernel dropped %d segments that were signed while no password is set here: has the other side one?", d.unexpected)
	}
	return ""
}
