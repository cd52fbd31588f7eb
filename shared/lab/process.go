package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Command is a process to be started.
type Command struct {
	Name string // path, or a name in PATH
	Args []string
	Env  []string // added to the lab's own environment
	Dir  string
	// Argv0 is what the process sees as its own name; empty: Name.
	Argv0 string
	// Session gives it a session of its own, as an init gives its services: the
	// kernel may share the cores out by session (sched(7), autogroup).
	Session bool
	// Log also gets what the process writes; nil: nobody.
	Log io.Writer
}

// Process is a running command. It is killed when its lab closes.
type Process struct {
	host *Host
	name string
	cmd  *exec.Cmd
	out  output
	done chan struct{}
	err  error // of Wait; valid after done

	mu    sync.Mutex
	ended bool
}

// Start starts a process on the host.
func (h *Host) Start(name string, args ...string) (*Process, error) {
	return h.Launch(Command{Name: name, Args: args})
}

// Launch starts a process on the host.
func (h *Host) Launch(c Command) (*Process, error) {
	p := &Process{host: h, name: filepath.Base(c.Name), cmd: exec.Command(c.Name, c.Args...), done: make(chan struct{})}
	if c.Argv0 != "" {
		p.cmd.Args[0], p.name = c.Argv0, filepath.Base(c.Argv0)
	}
	p.out.also = c.Log
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = c.Dir, &p.out, &p.out
	p.cmd.Env = append(os.Environ(), c.Env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: !c.Session, Setsid: c.Session}
	p.cmd.WaitDelay = time.Second
	if err := h.Do(p.cmd.Start); err != nil {
		return nil, h.wrap(err)
	}
	enlisted := h.lab.enlist(p)
	go p.reap()
	if enlisted != nil {
		p.kill()
		<-p.done
		return nil, h.wrap(fmt.Errorf("%s: %w", p.name, enlisted))
	}
	return p, nil
}

// reap notes the end before the number can be given to another process: the
// kernel keeps it while the child is a zombie, which waitid leaves it.
func (p *Process) reap() {
	_ = waitExited(p.cmd.Process.Pid)
	p.mu.Lock()
	p.ended = true
	p.mu.Unlock()
	p.host.lab.discharge(p)
	// Output that is still open is another process's: how this one ended is known.
	if p.err = p.cmd.Wait(); errors.Is(p.err, exec.ErrWaitDelay) {
		p.err = nil
	}
	close(p.done)
}

// String names the process and its host.
func (p *Process) String() string { return p.name + " on " + p.host.name }

// PID of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Output is what the process has written to stdout and stderr, at most its last
// megabyte.
func (p *Process) Output() string { return p.out.String() }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Wait for the end. The error says how it ended, unless that was exit 0.
func (p *Process) Wait(ctx context.Context) error {
	select {
	case <-p.done:
		if p.err != nil {
			return fmt.Errorf("%s: %w", p, p.err)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s: still running: %w", p, context.Cause(ctx))
	}
}

// Signal sends one signal to the process. A process that has ended is an error.
func (p *Process) Signal(s syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return fmt.Errorf("%s: %w", p, os.ErrProcessDone)
	}
	if err := syscall.Kill(p.PID(), s); err != nil {
		return fmt.Errorf("%s: %v: %w", p, s, err)
	}
	return nil
}

// patience is how long Stop leaves a process to end by itself.
const patience = 10 * time.Second

// Stop asks the process to end, and kills it when it does not within ten
// seconds, which is an error. To stop an ended process is none.
func (p *Process) Stop() error {
	if err := p.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.done:
		return nil
	case <-timer.C:
		p.kill()
		<-p.done
		return fmt.Errorf("%s: did not end within %v of SIGTERM:\n%s", p, patience, tail(p.Output(), 20))
	}
}

// Kill ends the process and its children at once and waits for it.
func (p *Process) Kill() {
	p.kill()
	<-p.done
}

// kill hits the whole process group: the process leads one.
func (p *Process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		syscall.Kill(-p.PID(), syscall.SIGKILL)
	}
}

const outputLimit = 1 << 20

// output keeps the end of what a process wrote.
type output struct {
	mu   sync.Mutex
	text []byte
	also io.Writer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.also != nil {
		o.also.Write(b)
	}
	o.text = append(o.text, b...)
	if over := len(o.text) - outputLimit; over > outputLimit/4 {
		o.text = append(o.text[:0], o.text[over:]...)
	}
	return len(b), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Clone(string(o.text))
}
