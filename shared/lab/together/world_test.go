package together

import (
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"time"

	cluster "github.com/hawser-lb/hawser/cluster/sim"
	router "github.com/hawser-lb/hawser/router/sim"
	"github.com/hawser-lb/hawser/shared/addr"
	"github.com/hawser-lb/hawser/shared/lab/wire"
)

const (
	hold    = 9 * time.Second
	restart = 30 * time.Second // where there is graceful restart
	detect  = time.Second      // where there is BFD
	search  = 5 * time.Second  // after how long a router that has started misses who died meanwhile
	watched = 20 * time.Second // after how long without events each session has it
	// settle is after how long all who can know of something do.
	settle = 20 * time.Millisecond
	// calm is after how long nothing is under way any more: both times above,
	// the daemon's audit, and retries.
	calm = 2*time.Minute + 10*time.Second
)

var (
	routerAt = netip.MustParseAddr("192.168.1.1")
	subnet   = netip.MustParsePrefix("192.168.1.0/24")
	wide     = netip.MustParsePrefix("10.0.0.0/29")
	narrow   = netip.MustParsePrefix("10.0.0.0/31")
	names    = []string{"web", "mail", "dns"}
)

// world is everything that a story happens to.
type world struct {
	began   time.Time
	story   []string
	net     *wire.Network
	api     *cluster.API
	router  *router.Router
	nodes   []*node
	service map[string]*cluster.Service
	config  config
	kind    kind

	routerHost  *wire.Host
	routerSince time.Time // its last start
	configSince time.Time
	lastEvent   time.Time
	meddled     time.Time // when somebody last changed the kernel's table
	shots       chan shot
	steady      map[netip.Prefix]map[netip.Addr]bool
	held        map[string][]netip.Addr
	moving      map[string]bool // Services that may have another address soon
	stood       router.Routes   // when the daemon was killed, and what was done to it since
}

// shot is the kernel's table at one moment.
type shot struct {
	at     time.Time
	routes router.Routes
}

// kind of world: what is agreed between router and cluster.
type kind struct{ graceful, bfd, old bool }

func (k kind) timers() cluster.Timers {
	t := cluster.Timers{Hold: hold}
	if k.graceful {
		t.Restart = restart
	}
	if k.bfd {
		t.BFD = 300 * time.Millisecond
	}
	return t
}

func (k kind) String() string {
	word := map[bool]string{true: "with", false: "without"}
	return fmt.Sprintf("there are three nodes and a router, %s graceful restart, %s BFD and %s next-hop objects", word[k.graceful], word[k.bfd], word[!k.old])
}

// config is what the router's file says.
type config struct{ narrow, without2 bool }

// text of the file.
func (c config) text(k kind) string {
	allow := wide
	if c.narrow {
		allow = narrow
	}
	var b strings.Builder
	fmt.Fprintf(&b, "config globals\n\toption asn '65000'\n\toption hold_time '%d'\n\toption restart_time '%d'\n",
		hold/time.Second, k.timers().Restart/time.Second)
	watch := ""
	if k.bfd {
		watch = "\toption bfd '1'\n"
	}
	for _, n := range []int{1, 2} {
		if n == 2 && c.without2 {
			continue
		}
		fmt.Fprintf(&b, "config neighbor 'node%d'\n\toption address '%s'\n\toption asn '65001'\n\toption passive '%d'\n\tlist allow '%s'\n%s",
			n, at(n), n-1, allow, watch) // node1 is dialled from both sides
	}
	fmt.Fprintf(&b, "config cluster 'rest'\n\toption asn '65001'\n\tlist source '%s/32'\n\tlist allow '%s'\n%s", at(3), allow, watch)
	return b.String()
}

func at(n int) netip.Addr { return netip.AddrFrom4([4]byte{192, 168, 1, byte(10 + n)}) }

// node is a machine of the cluster.
type node struct {
	*cluster.Node
	number    int
	host      *wire.Host
	on        bool
	deaf      bool
	dumb      bool
	cutOff    bool // from the API server alone
	leaving   string
	deadSince time.Time // zero while packets go both ways
	watched   bool      // by BFD, when it died
	downSince time.Time // zero while its speaker runs
	last      *cluster.Picture
}

// dead reports whether packets to the node are lost, or those it sends.
func (n *node) dead() bool { return !n.on || n.deaf || n.dumb }

func newWorld(kind kind, file string, log *slog.Logger) *world {
	pool, err := addr.Parse("10.0.0.0-10.0.0.3")
	if err != nil {
		panic(err)
	}
	w := &world{
		began: time.Now(), kind: kind, net: wire.New(), api: cluster.NewAPI(pool, routerAt, kind.timers()),
		service: map[string]*cluster.Service{}, shots: make(chan shot, 1<<16),
		steady: map[netip.Prefix]map[netip.Addr]bool{}, held: map[string][]netip.Addr{}, moving: map[string]bool{},
	}
	w.tell("%s", kind)
	w.routerHost = w.net.Host(100*time.Microsecond, routerAt)
	kernel := router.NewKernel(w.routerHost, routerAt, subnet, kind.old)
	kernel.Changed(func(r router.Routes) { w.shots <- shot{time.Now(), r} })
	w.router = router.New(w.routerHost, kernel, file, log.With("on", "router"))
	w.configure()
	w.startRouter()
	for i := range 3 {
		n := &node{number: i + 1, on: true, host: w.net.Host(time.Duration(1000+370*i)*time.Microsecond, at(i+1))}
		name := fmt.Sprintf("node%d", n.number)
		n.Node = cluster.NewNode(w.api, name, n.host, float64(i+1)/5, log.With("on", name))
		w.nodes = append(w.nodes, n)
		w.api.Node(name, at(n.number), "")
		w.startSpeaker(n)
	}
	return w
}

func (w *world) close() {
	for _, n := range w.nodes {
		n.Close()
	}
	w.router.Close()
}

// tell adds a sentence to the story.
func (w *world) tell(format string, args ...any) {
	w.story = append(w.story, fmt.Sprintf("%8.2f s  ", time.Since(w.began).Seconds())+fmt.Sprintf(format, args...))
}

func (w *world) configure() {
	w.configSince = time.Now()
	if err := w.router.Configure(w.config.text(w.kind)); err != nil {
		panic(err)
	}
}

func (w *world) startRouter() {
	w.routerSince, w.stood = time.Now(), nil
	w.router.Start()
}

func (w *world) startSpeaker(n *node) {
	n.downSince = time.Time{}
	n.Start(n.away())
}

// endsSpeaker notes that the speaker is going to end, as it is now.
func (w *world) endsSpeaker(n *node) {
	n.downSince, n.last = time.Now(), w.api.Seen(n.Name)
	w.endsSession(n)
}

// endsSession notes that the session with the node is going to end. Only
// graceful restart keeps what it told.
func (w *world) endsSession(n *node) {
	for _, hops := range w.steady {
		if !w.kind.graceful {
			delete(hops, at(n.number))
		}
	}
}

// away reports whether the node cannot reach the API server: the same link
// leads there.
func (n *node) away() bool { return n.cutOff || n.dead() }

// relink has a change of power or link take effect.
func (w *world) relink(n *node) {
	switch {
	case n.dead() && n.deadSince.IsZero():
		n.deadSince = time.Now()
		ran := n.downSince.IsZero() || n.downSince.Equal(n.deadSince)
		n.watched = w.kind.bfd && ran && time.Since(w.lastEvent) >= watched
	case !n.dead():
		n.deadSince = time.Time{}
	}
	n.host.Link(n.deaf, n.dumb)
	w.api.Away(n.Name, n.away())
}

// put writes a Service to the API server.
func (w *world) put(s *cluster.Service) {
	w.service[s.Name] = s
	w.api.Put(*s)
}

// some are the nodes of a set of bits.
func (w *world) some(bits int) []string {
	var out []string
	for i, n := range w.nodes {
		if bits&(1<<i) != 0 {
			out = append(out, n.Name)
		}
	}
	return out
}

func pods(on []string) string {
	if len(on) == 0 {
		return "without a pod"
	}
	return "with pods on " + strings.Join(on, ", ")
}

func text(r router.Routes) string {
	var lines []string
	for p, hops := range r {
		lines = append(lines, fmt.Sprintf("  %s via %v", p, hops))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
