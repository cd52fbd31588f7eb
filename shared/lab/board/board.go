package board

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/hawser-lb/hawser/shared/lab"
)

// Config is what a board is made of.
type Config struct {
	// Parts is the directory that fetch.sh filled.
	Parts string
	// Host that the board stands beside: QEMU runs there, and eth0 is joined to
	// the device Tap, which must be there already.
	Host *lab.Host
	Tap  string
	// Address of eth0.
	Address netip.Prefix
	// Files of the root, besides busybox and the drivers.
	Files []File
}

// Board is a router that runs. Close it.
type Board struct {
	process *lab.Process
	serial  *serial
	dir     string // image, console log, socket
}

// patience is how long a board may take to do what takes it seconds: emulation
// is slow, and the machine may be busy with other things.
const patience = 2 * time.Minute

// Boot starts a board and waits until its shell takes commands. When that
// fails, the error holds what the console said.
func Boot(ctx context.Context, cfg Config) (_ *Board, err error) {
	files, err := base(cfg.Parts)
	if err != nil {
		return nil, fmt.Errorf("%w (shared/lab/board/fetch.sh brings the parts)", err)
	}
	dir, err := os.MkdirTemp("", "hawser-board-")
	if err != nil {
		return nil, fmt.Errorf("board: %w", err)
	}
	b := &Board{dir: dir}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("board: %w; console:\n%s", err, b.Console()), b.Close())
		}
	}()
	initrd := filepath.Join(dir, "initrd")
	if err := os.WriteFile(initrd, image(append(files, cfg.Files...)), 0o600); err != nil {
		return nil, err
	}
	line, err := net.Listen("unix", filepath.Join(dir, "serial"))
	if err != nil {
		return nil, err
	}
	defer line.Close()
	b.process, err = cfg.Host.Start("qemu-system-mipsel", arguments(cfg, dir, initrd)...)
	if err != nil {
		return nil, err
	}
	return b, b.connect(ctx, line)
}

// arguments are QEMU's. Firmware for disks and screens is left out: the board
// has neither, and Debian packs it apart from QEMU.
func arguments(cfg Config, dir, initrd string) []string {
	return []string{
		"-M", "malta", "-cpu", "24Kc", "-m", "128", "-nodefaults", "-vga", "none", "-display", "none", "-no-reboot",
		"-kernel", filepath.Join(cfg.Parts, "vmlinux"), "-initrd", initrd,
		"-append", "console=ttyS0 quiet panic=-1 board.address=" + cfg.Address.String(),
		"-serial", "file:" + filepath.Join(dir, "console"),
		"-serial", "unix:" + filepath.Join(dir, "serial"),
		"-netdev", "tap,id=lan,script=no,downscript=no,ifname=" + cfg.Tap,
		"-device", "e1000,netdev=lan,romfile=",
	}
}

// connect waits for QEMU to open the serial line, then for the board's shell.
func (b *Board) connect(ctx context.Context, line net.Listener) error {
	opened := make(chan error, 1)
	var conn net.Conn
	go func() {
		var err error
		conn, err = line.Accept()
		opened <- err
	}()
	select {
	case err := <-opened:
		if err != nil {
			return err
		}
	case <-b.process.Done():
		line.Close()
		<-opened
		return fmt.Errorf("qemu ended: %s", b.process.Output())
	case <-ctx.Done():
		line.Close()
		<-opened
		return ctx.Err()
	}
	b.serial = newSerial(conn)
	return b.serial.ready(b.deadline(ctx))
}

func (b *Board) deadline(ctx context.Context) time.Time {
	limit := time.Now().Add(patience)
	if d, ok := ctx.Deadline(); ok && d.Before(limit) {
		return d
	}
	return limit
}

// Run has the board's shell run one line and returns what it printed on both
// outputs. A status other than 0 is an error. A daemon must be told to leave
// the serial line alone: "daemon >/tmp/log 2>&1 &".
func (b *Board) Run(ctx context.Context, command string) (string, error) {
	giveUp := context.AfterFunc(ctx, func() { b.serial.conn.Close() })
	defer giveUp()
	output, status, err := b.serial.run(command, b.deadline(ctx))
	if err != nil {
		return output, fmt.Errorf("board: %q: %w", command, err)
	}
	if status != 0 {
		return output, fmt.Errorf("board: %q: exit status %d: %s", command, status, output)
	}
	return output, nil
}

// Console is all that the kernel's console said until now.
func (b *Board) Console() string {
	text, err := os.ReadFile(filepath.Join(b.dir, "console"))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Close switches the board off and removes its files.
func (b *Board) Close() error {
	if b.process != nil {
		b.process.Kill()
	}
	if b.serial != nil {
		b.serial.conn.Close()
	}
	return os.RemoveAll(b.dir)
}
