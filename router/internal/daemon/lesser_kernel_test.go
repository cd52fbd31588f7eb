package daemon

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/hawser-lb/hawser/router/internal/status"
	"github.com/hawser-lb/hawser/shared/lab"
)

// offsets in struct seccomp_data (linux/seccomp.h), of the lower words.
const (
	callNumber  = 0
	firstArg    = 16
	eachArg     = 8
	tcpMD5, ext = unix.TCP_MD5SIG, unix.TCP_MD5SIG_EXT
)

func load(at uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
}

// unless goes on with the next step when the loaded word is k, else it skips
// some.
func unless(k uint32, skip uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: k, Jf: skip}
}

// when skips some steps if the loaded word is k.
func when(k uint32, skip uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: k, Jt: skip}
}

func answer(what uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: what}
}

// withoutMD5 makes setsockopt answer as a kernel without CONFIG_TCP_MD5SIG.
func withoutMD5() []unix.SockFilter {
	return []unix.SockFilter{
		load(callNumber), unless(unix.SYS_SETSOCKOPT, 6),
		load(firstArg + eachArg), unless(unix.IPPROTO_TCP, 4),
		load(firstArg + 2*eachArg), when(tcpMD5, 1), unless(ext, 1),
		answer(unix.SECCOMP_RET_ERRNO | uint32(unix.ENOPROTOOPT)),
		answer(unix.SECCOMP_RET_ALLOW),
	}
}

// withoutNetlink forbids to send as netlink does it; TCP and unix sockets of Go
// use write.
func withoutNetlink() []unix.SockFilter {
	return []unix.SockFilter{
		load(callNumber), when(unix.SYS_SENDMSG, 1), unless(unix.SYS_SENDTO, 1),
		answer(unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)),
		answer(unix.SECCOMP_RET_ALLOW),
	}
}

// lessen takes something of the kernel from every thread of this process, for
// good.
func lessen(filter []unix.SockFilter) error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return errno
	}
	return nil
}

func (s *scene) startAs(what string) {
	s.t.Helper()
	p, err := s.router.Launch(lab.Command{
		Name: s.self, Env: []string{role + "=" + what}, Argv0: "hawser", Args: []string{s.file("etc/hawser"), s.file("sock")},
	})
	s.check(err)
	s.daemon = p
	s.eventually("the daemon answers", func(status.Snapshot) error { return nil })
}

const halfProtected = `
config globals
	option asn '65000'
	option router_id '10.77.2.1'

config cluster 'closed'
	option asn '65001'
	list source '10.77.2.11/32'
	list allow '10.77.101.0/24'
	option password 'open-sesame'

config neighbor 'dialled'
	option asn '65001'
	option address '10.77.2.13'
	list allow '10.77.101.0/24'
	option password 'open-sesame'
	option passive '0'

config cluster 'open'
	option asn '65001'
	list source '10.77.2.12/32'
	list allow '10.77.100.0/24'
`

func TestAKernelWithoutTCPMD5HasNoUnsignedSessionAndTheOthers(t *testing.T) {
	s := newScene(t, halfProtected)
	s.startAs("router without MD5")
	s.node(1, "10.77.101.1/32")
	s.node(2, svc+"/32")
	s.routed(svc, "10.77.2.12")
	s.eventually("the sections say what to do", func(snap status.Snapshot) error {
		n, err := neighbor(snap, "10.77.2.13")
		if err != nil {
			return err
		}
		closed, open := snap.Clusters[0], snap.Clusters[1]
		if !strings.Contains(closed.Obstacle, "CONFIG_TCP_MD5SIG") || closed.Established != 0 || open.Obstacle != "" ||
			n.State != "Idle" || !strings.Contains(n.Obstacle, "CONFIG_TCP_MD5SIG") || snap.RefusedConnections == 0 {
			return fmt.Errorf("%+v, %+v, %d refused", closed, n, snap.RefusedConnections)
		}
		return nil
	})
	if out := s.daemon.Output(); !strings.Contains(out, "no session can be had") || strings.Contains(out, "sesame") {
		t.Errorf("it says %s", out)
	}
	if got := s.kernel("10.77.101.1"); got != "" {
		t.Errorf("a route of a session without its password: %s", got)
	}
}

func TestAKernelThatForbidsEverythingIsNamedAndAskedAgain(t *testing.T) {
	s := newScene(t, home)
	s.startAs("router that loses netlink")
	n := s.node(2, svc+"/32")
	s.routed(svc, "10.77.2.12")
	s.signal(syscall.SIGUSR1)
	lab.Eventually(t, "netlink is lost", func() error {
		if !strings.Contains(s.daemon.Output(), lostNetlink) {
			return fmt.Errorf("not yet")
		}
		return nil
	})
	n.announce(svc+"/32", "10.77.100.2/32")
	var first uint64
	s.eventually("the error is named", func(snap status.Snapshot) error {
		if first = snap.Kernel.Errors; first == 0 || !strings.Contains(snap.Kernel.LastError, "permi") {
			return fmt.Errorf("%+v", snap.Kernel)
		}
		return nil
	})
	s.eventually("and tried again", func(snap status.Snapshot) error {
		if snap.Kernel.Errors <= first {
			return fmt.Errorf("%+v", snap.Kernel)
		}
		return nil
	})
	s.undisturbed()
	snap, err := s.snapshot()
	s.check(err)
	t.Logf("the status says: %s", snap.Kernel.LastError)
}
