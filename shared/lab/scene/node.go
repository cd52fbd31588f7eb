package scene

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/hawser-lb/hawser/shared/lab"
	"github.com/hawser-lb/hawser/shared/lab/kube"
)

// BackendPort is where the web server of a node listens, as a pod with
// hostNetwork would.
const BackendPort = 8080

// Node is one host of the cluster.
type Node struct {
	*lab.Host
	Name     string
	Address  string
	Address6 string

	scene   *Scene
	proxy   *lab.Process
	speaker *lab.Process
	web     *http.Server

	mu    sync.Mutex
	conns map[net.Conn]bool // that the web server has
}

// startNodes starts what runs on each node.
func (s *Scene) startNodes(ctx context.Context) error {
	for _, n := range s.Nodes {
		if err := n.start(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (n *Node) start(ctx context.Context) error {
	return errors.Join(n.startProxy(ctx, kube.ShortPause), n.StartSpeaker(), n.StartWeb())
}

func (n *Node) startProxy(ctx context.Context, pause time.Duration) (err error) {
	n.proxy, err = n.scene.Kube.StartProxy(ctx, n.Host, n.Name, pause)
	return err
}

// RestartProxy ends kube-proxy, whose rules stay, and starts it with another
// pause between two changes.
func (n *Node) RestartProxy(ctx context.Context, pause time.Duration) error {
	return errors.Join(n.proxy.Stop(), n.startProxy(ctx, pause))
}

// StartSpeaker runs hawser-speaker with the rights of its ServiceAccount.
func (n *Node) StartSpeaker() (err error) {
	n.speaker, err = n.Launch(lab.Command{
		Name: n.scene.Binary("hawser-speaker"),
		Args: []string{
			"run", "--node-name", n.Name, "--namespace", Namespace,
			"--kubeconfig", n.scene.speakerConfig, "--metrics-address", "127.0.0.1:7473",
		},
	})
	return err
}

// Speaker is hawser-speaker's process, the newest one.
func (n *Node) Speaker() *lab.Process { return n.speaker }

// StartWeb serves the node's name. The socket is the node's, the goroutine the
// scene's.
func (n *Node) StartWeb() error {
	ln, err := n.Listen("tcp", fmt.Sprintf("[::]:%d", BackendPort))
	if err != nil {
		return err
	}
	n.web = &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       30 * time.Second, // of a client whose end was not heard
		ConnState:         n.note,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			host, _, _ := net.SplitHostPort(r.RemoteAddr)
			w.Header().Set("X-Node", n.Name)
			w.Header().Set("X-Client", host)
			fmt.Fprintf(w, "hello from %s\n", n.Name)
		}),
	}
	go n.web.Serve(ln) // ends with StopWeb, PowerOff or with the process
	return nil
}

// note keeps the list of connections.
func (n *Node) note(c net.Conn, state http.ConnState) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch state {
	case http.StateNew:
		if n.conns == nil {
			n.conns = map[net.Conn]bool{}
		}
		n.conns[c] = true
	case http.StateClosed, http.StateHijacked:
		delete(n.conns, c)
	}
}

// forget has the kernel drop the connections, which without power would not
// wait for anybody's acknowledgement.
func (n *Node) forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for c := range n.conns {
		if tcp, is := c.(*net.TCPConn); is {
			tcp.SetLinger(0)
		}
	}
}

// StopWeb ends the web server at once, as a container that has had its time.
func (n *Node) StopWeb() error { return n.web.Close() }

// addRoutes points the node's default routes at the router.
func (n *Node) addRoutes() error {
	ctx := context.Background()
	_, err4 := n.Run(ctx, "ip", "route", "replace", "default", "via", RouterAddress)
	_, err6 := n.Run(ctx, "ip", "-6", "route", "replace", "default", "via", "fd77:2::1")
	return errors.Join(err4, err6)
}

// Unplug cuts the node's link: everything on it runs on, and nobody hears it.
func (n *Node) Unplug() error { return n.SetLink("eth0", false) }

// PlugIn ends what Unplug began.
func (n *Node) PlugIn(ctx context.Context) error {
	if err := n.SetLink("eth0", true); err != nil {
		return err
	}
	_, err := n.Run(ctx, "ip", "addr", "replace", n.Address6+"/64", "dev", "eth0", "nodad")
	return errors.Join(err, n.addRoutes())
}

// PowerOff cuts the node's link, then ends all that runs on it: nobody hears a
// last word, as when the plug is pulled.
func (n *Node) PowerOff() error {
	if err := n.Unplug(); err != nil {
		return err
	}
	n.speaker.Kill()
	n.proxy.Kill()
	n.forget()
	return n.web.Close()
}

// PowerOn brings the node back as a boot does.
func (n *Node) PowerOn(ctx context.Context) error {
	if err := n.PlugIn(ctx); err != nil {
		return err
	}
	return n.start(ctx)
}
