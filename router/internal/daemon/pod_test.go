package daemon

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hawser-lb/hawser/router/internal/status"
	"github.com/hawser-lb/hawser/shared/lab"
)

const podAddress = "10.244.2.2"

// pod is a host behind node 2, whose packets leave with the node's address, as
// those of pods do.
func (s *scene) pod(n *node) *lab.Host {
	s.t.Helper()
	pod := s.lab.Host("pod")
	s.lab.Link(pod, "eth0", []string{podAddress + "/24"}, n.Host, "cni0", []string{"10.244.2.1/24"})
	pod.Route("default", "via", "10.244.2.1")
	s.check(n.Sysctl("net.ipv4.ip_forward", "1"))
	_, err := n.Run(s.t.Context(), "nft", "add table ip nat; add chain ip nat out { type nat hook postrouting priority srcnat; }; "+
		"add rule ip nat out ip saddr 10.244.2.0/24 oifname eth0 masquerade")
	s.check(err)
	return pod
}

// reach connects to the router with packets that may go as far as can be.
func reach(t *testing.T, from *lab.Host, patience time.Duration) (*attacker, error) {
	t.Helper()
	d := net.Dialer{Timeout: patience, Control: func(_, _ string, c syscall.RawConn) error {
		var failed error
		err := c.Control(func(fd uintptr) { failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_TTL, 255) })
		return errors.Join(err, failed)
	}}
	var c net.Conn
	err := from.Do(func() (err error) {
		c, err = d.DialContext(t.Context(), "tcp", "10.77.2.1:179")
		return err
	})
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { c.Close() })
	return &attacker{t, c}, c.SetDeadline(time.Now().Add(time.Minute))
}

// Who speaks from a node's address is the node, as far as BGP can tell. It has
// what a node has, and no more.
func TestAPodThatLeavesWithItsNodesAddressMayDoWhatTheNodeMay(t *testing.T) {
	s := newScene(t, home)
	s.start()
	n := s.node(2, svc+"/32")
	s.routed(svc, "10.77.2.12")
	pod := s.pod(n)
	s.check(n.speaker.Stop())
	s.eventually("the node's session is over", func(snap status.Snapshot) error {
		n, err := neighbor(snap, n.addr())
		if err == nil && n.State == "Established" {
			err = errors.New("it stands")
		}
		return err
	})
	a, err := reach(t, pod, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	a.shakeFor("10.77.2.12", 0)
	pool, other := netip.MustParsePrefix("10.77.100.66/32"), netip.MustParsePrefix("10.99.0.1/32")
	s.check(a.say(update("10.77.2.12", pool, other)))
	s.routed("10.77.100.66", "10.77.2.12")
	s.eventually("what the node may not announce is refused", func(snap status.Snapshot) error {
		p, err := pathOf(snap, other.String(), "10.77.2.12")
		if err == nil && p.Reason != "notAllowed" {
			err = fmt.Errorf("%+v", p)
		}
		return err
	})
}

func TestTTLSecurityKeepsPodsOutAndLetsNodesIn(t *testing.T) {
	s := newScene(t, strings.Replace(home, "\toption asn '65001'\n", "\toption asn '65001'\n\toption ttl_security '1'\n", 1))
	s.start()
	n := s.node(2, svc+"/32")
	s.routed(svc, "10.77.2.12")
	pod := s.pod(n)
	if _, err := pod.Run(t.Context(), "busybox", "ping", "-c", "1", "-W", "30", "10.77.2.1"); err != nil {
		t.Fatal(err) // else nothing would be shown
	}
	var unheard net.Error
	if _, err := reach(t, pod, 3*time.Second); !errors.As(err, &unheard) || !unheard.Timeout() {
		t.Errorf("a pod connects: %v", err)
	}
	if _, err := reach(t, n.Host, time.Minute); err != nil {
		t.Errorf("a process in the node's own network is a node: %v", err)
	}
	s.undisturbed()
}
