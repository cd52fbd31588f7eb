package lab

import (
	_ "embed"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

//go:embed keeper.sh
var keeperScript string

// keeper is the process that cleans up after an owner that died without
// closing its lab. It is a shell, so that any program may own a lab.
type keeper struct {
	cmd  *exec.Cmd
	pipe io.WriteCloser
}

func startKeeper(dir string) (*keeper, error) {
	cmd := exec.Command("sh", "-c", keeperScript, "hawser-lab-keeper")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("keeper: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("keeper: %w", err)
	}
	k := &keeper{cmd: cmd, pipe: pipe}
	return k, k.tell("dir " + dir)
}

func (k *keeper) tell(line string) error {
	if _, err := io.WriteString(k.pipe, line+"\n"); err != nil {
		return fmt.Errorf("keeper: %w", err)
	}
	return nil
}

func (k *keeper) namespace(name string) error { return k.tell("ns " + name) }

func (k *keeper) process(pid int) error {
	start, err := startTime(pid)
	if err != nil {
		return fmt.Errorf("keeper: %w", err)
	}
	return k.tell(fmt.Sprintf("pid %d %s", pid, start))
}

func (k *keeper) forget(pid int) error { return k.tell(fmt.Sprintf("gone %d", pid)) }

// dismiss ends the keeper of a lab that has cleaned up itself.
func (k *keeper) dismiss() error {
	err := k.tell("bye")
	k.pipe.Close()
	k.cmd.Wait()
	return err
}

// startTime is field 22 of /proc/PID/stat: with the number it names a process
// for good.
func startTime(pid int) (string, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	text := string(stat)
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 20 {
		return "", fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	return fields[19], nil
}
