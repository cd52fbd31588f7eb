package daemon

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hawser-lb/hawser/router/internal/status"
	"github.com/hawser-lb/hawser/shared/lab"
)

// While the daemon cannot listen, more happens than its socket holds (ENOBUFS),
// and a route of ours is deleted in the midst of it.
func TestWhatIsLostInAFloodIsRepaired(t *testing.T) {
	s := newScene(t, home)
	s.start()
	s.node(1, svc+"/32")
	s.routed(svc, "10.77.2.11")
	var batch strings.Builder
	const flood = 4000
	for i := range flood {
		fmt.Fprintf(&batch, "route add 10.99.%d.%d/32 dev br-lan table 999\n", i>>8, i&0xff)
		if i == flood/2 {
			fmt.Fprintf(&batch, "route del %s\n", svc)
		}
	}
	s.check(os.WriteFile(s.file("flood"), []byte(batch.String()), 0o600))
	s.signal(syscall.SIGSTOP)
	s.ip("-batch " + s.file("flood"))
	if got := s.kernel(svc); got != "" {
		t.Fatalf("the route is still via %q", got)
	}
	began := time.Now()
	s.signal(syscall.SIGCONT)
	s.routed(svc, "10.77.2.11")
	t.Logf("repaired after %v", time.Since(began).Round(time.Millisecond))
	s.eventually("the daemon is well", func(snap status.Snapshot) error {
		n, err := neighbor(snap, "10.77.2.11")
		if err == nil && (n.State != "Established" || n.DroppedCount != 0 || snap.Kernel.Routes != 1) {
			err = fmt.Errorf("%+v, %+v", n, snap.Kernel)
		}
		return err
	})
}

func TestAnInterfaceThatGoesTakesItsRoutesAndComesBackWithThem(t *testing.T) {
	s := newScene(t, strings.Replace(home, "option asn '65001'", "option asn '65001'\n\tlist source '10.78.0.0/24'", 1))
	far := s.lab.Host("far")
	link := func() {
		s.lab.Link(s.router, "wan", []string{"10.78.0.1/24"}, far, "eth0", []string{"10.78.0.2/24"})
		s.check(s.lab.Err())
	}
	link()
	s.start()
	s.node(2, svc+"/32")
	n := &node{Host: far, s: s}
	n.announce("10.77.100.2/32")
	var err error
	n.speaker, err = far.Launch(lab.Command{
		Name: s.self, Env: []string{role + "=node"}, Argv0: "speaker",
		Args: []string{"10.78.0.2", "10.78.0.1", "65001", n.announced()},
	})
	s.check(err)
	s.routed("10.77.100.2", "10.78.0.2")
	s.routed(svc, "10.77.2.12")

	s.ip("link del wan")
	s.routed("10.77.100.2", "")
	s.eventually("why is shown, for as long as the session holds", func(snap status.Snapshot) error {
		p, err := pathOf(snap, "10.77.100.2/32", "10.78.0.2")
		if errors.Is(err, errNotTold) {
			return nil
		}
		if err == nil && p.Reason != "nextHopUnreachable" {
			err = fmt.Errorf("%+v", p)
		}
		return err
	})
	s.undisturbed()
	link()
	s.routed("10.77.100.2", "10.78.0.2")
	s.undisturbed()
}
