package bfd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hawser-lb/hawser/shared/lab"
)

// hostNet is the real network as a host of the laboratory sees it.
type hostNet struct{ *lab.Host }

// open takes the station's thread to the host for good.
func (n hostNet) open() (station, error) {
	st, err := udp{}.open()
	if err != nil {
		return nil, err
	}
	ns, err := os.Open("/run/netns/" + n.Namespace())
	if err != nil {
		return nil, err
	}
	defer ns.Close()
	return st, unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET)
}

// link is how the two hosts reach one another.
type link struct {
	ours, theirs string
	multihop     bool
}

func (l link) key() Key {
	return Key{Remote: netip.MustParseAddr(l.theirs), Local: netip.MustParseAddr(l.ours), Multihop: l.multihop}
}

// oracle is another implementation, running on a host.
type oracle interface {
	// start runs it with a session for each link, 100 ms and 3 packets.
	start(t *testing.T, h *lab.Host, links []link)
	// state is what it thinks of the session with an address of ours.
	state(ours string) (string, error)
	// closed is the word of state for a session that we have closed.
	closed() string
	kill()
}

const interval = 100 * time.Millisecond

type frr struct {
	h    *lab.Host
	dir  string
	all  []*lab.Process
	link map[string]link
}

func (o *frr) start(t *testing.T, h *lab.Host, links []link) {
	// t.TempDir is below a directory of root's own.
	dir, err := os.MkdirTemp("", "hawser-frr-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	o.h, o.dir, o.link = h, dir, map[string]link{}
	var b strings.Builder
	b.WriteString("bfd\n")
	for _, l := range links {
		o.link[l.ours] = l
		fmt.Fprintf(&b, " peer %s%s local-address %s\n  transmit-interval 100\n  receive-interval 100\n  detect-multiplier 3\n exit\n", l.ours, map[bool]string{true: " multihop"}[l.multihop], l.theirs)
	}
	b.WriteString("exit\n")
	for name, text := range map[string]string{"zebra": "hostname zebra\n", "bfdd": b.String()} {
		if err := os.WriteFile(filepath.Join(o.dir, name+".conf"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	give(t, o.dir, "frr")
	for _, name := range []string{"zebra", "bfdd"} {
		args := []string{"-f", o.dir + "/" + name + ".conf", "--vty_socket", o.dir, "-z", o.dir + "/zserv", "-i", o.dir + "/" + name + ".pid",
			"-P", "0", "--log", "stdout"}
		if name == "bfdd" {
			args = append(args, "--bfdctl", o.dir+"/bfdd.sock")
		}
		p, err := h.Start("/usr/lib/frr/"+name, args...)
		if err != nil {
			t.Fatal(err)
		}
		o.all = append(o.all, p)
		lab.Eventually(t, name+" answers", func() error {
			_, err := os.Stat(o.dir + "/" + name + ".vty")
			return err
		})
	}
}

// give hands a directory to a user: FRR drops root's rights.
func give(t *testing.T, dir, name string) {
	t.Helper()
	u, err := user.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	uid, err1 := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	if err := errors.Join(err1, err2, os.Chown(dir, uid, gid)); err != nil {
		t.Fatal(err)
	}
}

func (o *frr) state(ours string) (string, error) {
	hop := map[bool]string{true: " multihop"}[o.link[ours].multihop]
	text, err := o.h.Run(context.Background(), "vtysh", "--vty_socket", o.dir, "--config_dir", o.dir, "-c",
		fmt.Sprintf("show bfd peer %s%s local-address %s", ours, hop, o.link[ours].theirs))
	for line := range strings.Lines(text) {
		if word, ok := strings.CutPrefix(strings.TrimSpace(line), "Status: "); ok {
			if strings.Contains(text, "Remote diagnostics: administratively down") && word == "down" {
				word = "closed"
			}
			return word, err
		}
	}
	return "none", err
}

func (o *frr) closed() string { return "closed" }

func (o *frr) kill() {
	for _, p := range o.all {
		p.Kill()
	}
}

type bird struct {
	h   *lab.Host
	dir string
	p   *lab.Process
}

func (o *bird) start(t *testing.T, h *lab.Host, links []link) {
	o.h, o.dir = h, t.TempDir()
	var b strings.Builder
	b.WriteString("router id 10.0.0.2;\nprotocol device {}\nprotocol bfd {\n interface \"*\" { interval 100 ms; idle tx interval 1 s; multiplier 3; };\n multihop { interval 100 ms; multiplier 3; };\n")
	for _, l := range links {
		if l.multihop {
			fmt.Fprintf(&b, " neighbor %s local %s multihop yes;\n", l.ours, l.theirs)
		} else {
			fmt.Fprintf(&b, " neighbor %s dev \"eth0\" local %s;\n", l.ours, l.theirs)
		}
	}
	b.WriteString("}\n")
	if err := os.WriteFile(o.dir+"/bird.conf", []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	var err error
	if o.p, err = h.Start("bird", "-f", "-c", o.dir+"/bird.conf", "-s", o.dir+"/ctl", "-P", o.dir+"/pid"); err != nil {
		t.Fatal(err)
	}
}

func (o *bird) state(ours string) (string, error) {
	text, err := o.h.Run(context.Background(), "birdc", "-s", o.dir+"/ctl", "show", "bfd", "sessions")
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) > 2 && f[0] == ours {
			return strings.ToLower(f[2]), err
		}
	}
	return "none", err
}

func (o *bird) closed() string { return "down" }
func (o *bird) kill()          { o.p.Kill() }

func TestSessionsWithOtherImplementations(t *testing.T) {
	for name, o := range map[string]oracle{"FRR": &frr{}, "BIRD": &bird{}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			interop(t, o)
		})
	}
}

func interop(t *testing.T, o oracle) {
	l := lab.Test(t)
	router, peer := l.Host("router"), l.Host("peer")
	l.Link(router, "eth0", []string{"10.0.0.1/24", "fd00::1/64", "10.0.1.1/24"}, peer, "eth0", []string{"10.0.0.2/24", "fd00::2/64", "10.0.1.2/24"})
	links := []link{{ours: "10.0.0.1", theirs: "10.0.0.2"}, {ours: "fd00::1", theirs: "fd00::2"}, {ours: "10.0.1.1", theirs: "10.0.1.2", multihop: true}}
	var want []Session
	for _, k := range links {
		want = append(want, Session{Key: k.key(), Transmit: interval, Receive: interval, Multiplier: 3})
	}
	s := newSpeaker(Config{Log: slog.New(slog.DiscardHandler)}, hostNet{router})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	events := make(chan Event, 100)
	go func() {
		for e := range s.Events() {
			events <- e
		}
	}()
	s.Set(want)
	o.start(t, peer, links)
	each := func(what string, ours State, theirs string) {
		t.Helper()
		lab.Eventually(t, what, func() error {
			for _, st := range s.Status() {
				if st.State != ours {
					return fmt.Errorf("%+v; ignored: %v", st, s.Ignored())
				}
			}
			for _, k := range links {
				if got, err := o.state(k.ours); theirs != "" && (err != nil || got != theirs) {
					return fmt.Errorf("%s sees %s as %q, want %q, %w", peer.Name(), k.ours, got, theirs, err)
				}
			}
			return nil
		})
	}
	each("all sessions up", Up, "up")
	lab.Eventually(t, "the fast intervals are agreed", func() error {
		for _, st := range s.Status() {
			if st.Transmit != interval || st.Detect != 3*interval {
				return fmt.Errorf("%+v", st)
			}
		}
		return nil
	})

	s.Set(nil)
	each("they are closed", Up, o.closed())
	s.Set(want)
	each("all sessions up again", Up, "up")

	o.kill()
	each("the silence is noticed", Down, "")
	// A machine that is busy may have had alarms of theirs before.
	last := map[Key]Event{}
	lab.Eventually(t, "and told", func() error {
		for len(events) > 0 {
			e := <-events
			last[e.Key] = e
		}
		for _, k := range links {
			if e := last[k.key()]; e.State != Down || !strings.Contains(e.Reason, "control detection time expired") {
				return fmt.Errorf("%+v", e)
			}
		}
		return nil
	})
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
