package board

import (
	"bufio"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// serial speaks with the board's shell: a numbered line out, an answer between
// marks with that number back. What comes outside of marks, or between marks
// of a command that was given up, is skipped.
type serial struct {
	conn   net.Conn
	in     *bufio.Reader
	number int
}

func newSerial(conn net.Conn) *serial {
	return &serial{conn: conn, in: bufio.NewReader(conn)}
}

// ready waits until the board's shell reads commands.
func (s *serial) ready(deadline time.Time) error {
	if err := s.conn.SetDeadline(deadline); err != nil {
		return fmt.Errorf("serial line: %w", err)
	}
	_, _, err := s.until("board: ready")
	return err
}

// run has the board's shell run one line and returns what it printed and its
// exit status.
func (s *serial) run(command string, deadline time.Time) (output string, status int, err error) {
	if strings.ContainsAny(command, "\r\n") {
		return "", 0, fmt.Errorf("serial line: a command is one line, this is not: %q", command)
	}
	if err := s.conn.SetDeadline(deadline); err != nil {
		return "", 0, fmt.Errorf("serial line: %w", err)
	}
	s.number++
	if _, err := fmt.Fprintf(s.conn, "%d %s\n", s.number, command); err != nil {
		return "", 0, fmt.Errorf("serial line: %w", err)
	}
	if _, _, err := s.until(fmt.Sprintf("board: begin %d", s.number)); err != nil {
		return "", 0, err
	}
	output, rest, err := s.until(fmt.Sprintf("board: end %d ", s.number))
	if err != nil {
		return output, 0, err
	}
	status, err = strconv.Atoi(rest)
	if err != nil {
		return output, 0, fmt.Errorf("serial line: exit status: %w", err)
	}
	return strings.TrimSuffix(output, "\n"), status, nil
}

// until reads to the line that begins with mark. It returns what came before
// that line and what follows the mark on it.
func (s *serial) until(mark string) (before, rest string, err error) {
	var heard strings.Builder
	for {
		line, err := s.in.ReadString('\n')
		if text, ok := strings.CutPrefix(line, mark); ok && err == nil {
			return heard.String(), strings.TrimSpace(text), nil
		}
		heard.WriteString(line)
		if err != nil {
			return heard.String(), "", fmt.Errorf("serial line: waiting for %q, heard %q: %w", mark, heard.String(), err)
		}
	}
}
