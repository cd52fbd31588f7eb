package board

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// shell answers one command as the board does.
func shell(t *testing.T, answer string) *serial {
	t.Helper()
	ours, theirs := net.Pipe()
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	go func() {
		line, err := bufio.NewReader(theirs).ReadString('\n')
		if err != nil {
			return
		}
		number, _, _ := strings.Cut(line, " ")
		fmt.Fprint(theirs, strings.ReplaceAll(answer, "N", number))
	}()
	return newSerial(ours)
}

func TestAnswerIsWhatStandsBetweenTheMarks(t *testing.T) {
	for _, c := range []struct {
		name, answer, output string
		status               int
	}{
		{"whole lines", "\nboard: begin N\none\ntwo\n\nboard: end N 0\n", "one\ntwo\n", 0},
		{"no last newline", "\nboard: begin N\none\nboard: end N 0\n", "one", 0},
		{"nothing", "\nboard: begin N\n\nboard: end N 3\n", "", 3},
		{"noise before", "late words\nboard: end 0 9\n\nboard: begin N\nx\n\nboard: end N 0\n", "x\n", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			output, status, err := shell(t, c.answer).run("command", time.Now().Add(time.Minute))
			if err != nil || output != c.output || status != c.status {
				t.Errorf("got %q, status %d, %v; want %q, status %d", output, status, err, c.output, c.status)
			}
		})
	}
}

func TestAnswerWithoutItsMarkIsShown(t *testing.T) {
	_, _, err := shell(t, "\nboard: begin N\nKernel panic").run("command", time.Now().Add(2*time.Second))
	if err == nil || !strings.Contains(err.Error(), "Kernel panic") {
		t.Errorf("the error does not hold what was heard: %v", err)
	}
}

func TestCommandOfTwoLinesIsRefused(t *testing.T) {
	if _, _, err := shell(t, "").run("one\ntwo", time.Now().Add(time.Minute)); err == nil {
		t.Error("two lines were sent as one command")
	}
}
