package together

import (
	"flag"
	"io"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	cluster "github.com/hawser-lb/hawser/cluster/sim"
)

var logs = flag.Bool("log", false, "print what the programs log")

// TestMain makes stories few enough for every day, and the same ones each day,
// unless it is told otherwise: new ones are for "make stories".
func TestMain(m *testing.M) {
	for name, value := range map[string]string{"rapid.checks": "100", "rapid.seed": "1", "rapid.nofailfile": "true", "rapid.shrinktime": "1m"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	flag.Parse()
	os.Exit(m.Run())
}

func TestNothingThatHappensMakesTheKernelsTableWrong(t *testing.T) {
	file := filepath.Join(t.TempDir(), "hawser")
	rapid.Check(t, func(rt *rapid.T) {
		var out io.Writer = io.Discard
		if *logs {
			out = os.Stderr
		}
		var told []string
		ended := bubble(t, func() {
			kind := kind{graceful: !rapid.Bool().Draw(rt, "no graceful restart"), bfd: rapid.Bool().Draw(rt, "BFD"), old: rapid.Bool().Draw(rt, "old kernel")}
			w := newWorld(kind, file, slog.New(slog.NewTextHandler(out, nil)))
			defer w.close()
			defer func() { told = w.story }()
			w.quiet()
			all := w.events()
			rt.Repeat(map[string]func(*rapid.T){"": func(*rapid.T) {}, "next": func(t *rapid.T) { w.happens(t, all) }})
			w.tell("it is quiet for %v", calm)
			w.quiet()
		})
		if why, bad := ended.(wrong); bad {
			rt.Logf("the story:\n%s\n%s", strings.Join(told, "\n"), string(why))
			rt.Fatalf("a story ends badly")
		}
		if ended != nil {
			panic(ended)
		}
	})
}

// bubble runs a story in fake time, and returns what it panics with.
func bubble(t *testing.T, story func()) (ended any) {
	synctest.Test(t, func(*testing.T) {
		defer func() { ended = recover() }()
		story()
	})
	return ended
}

// quiet waits until nothing is under way, and holds the table against the model.
func (w *world) quiet() {
	w.pass(calm)
	w.judgeCalm()
}

// event is one thing that can happen: what it is, and how, for a drawn number
// from 0 to 7. It reports false when it makes no sense at the moment.
type event struct {
	name   string
	happen func(node *node, n int) bool
}

// events, the harmless first: a story is made shorter by putting what comes
// earlier in the place of what comes later.
func (w *world) events() []event {
	return []event{
		{"nothing", func(*node, int) bool { return false }},
		{"time passes", w.timePasses}, {"quiet", w.allQuiet},
		{"service comes", w.serviceComes}, {"service goes", w.serviceGoes}, {"pods", w.podsMove}, {"policy", w.policyFlips}, {"wish", w.wishes},
		{"speaker killed", w.speakerKilled}, {"speaker starts", w.speakerStarts}, {"speaker upgraded", w.speakerUpgraded},
		{"power lost", w.powerLost}, {"power back", w.powerBack}, {"link breaks", w.linkBreaks}, {"link mended", w.linkMended}, {"reset", w.reset},
		{"router killed", w.routerKilled}, {"router starts", w.routerStarts}, {"router upgraded", w.routerUpgraded}, {"router reboots", w.routerReboots},
		{"narrow", w.allowsLess}, {"wide", w.allowsMore}, {"without node2", w.neighborGoes}, {"with node2", w.neighborComes},
		{"drained", w.drained}, {"undrained", w.undrained}, {"api away", w.apiAway}, {"api back", w.apiBack}, {"leader", w.leaderChanges},
		{"leg", w.foreignLeg}, {"route", w.routeTaken}, {"flush", w.flushed},
	}
}

// happens draws what comes next and has it happen.
func (w *world) happens(t *rapid.T, all []event) {
	e := all[rapid.IntRange(0, len(all)-1).Draw(t, "event")]
	n := w.nodes[rapid.IntRange(0, len(w.nodes)-1).Draw(t, "node")]
	how := rapid.IntRange(0, 7).Draw(t, "how")
	if !e.happen(n, how) {
		return
	}
	time.Sleep(settle)
	if e.name != "time passes" && e.name != "quiet" {
		w.lastEvent = time.Now()
	}
	w.affected()
	w.look()
}

// pick is one of the Services, nil when there is none.
func (w *world) pick(n int) *cluster.Service {
	all := slices.Sorted(maps.Keys(w.service))
	if len(all) == 0 {
		return nil
	}
	s := *w.service[all[n%len(all)]]
	return &s
}

func (w *world) serviceComes(_ *node, n int) bool {
	for _, name := range names {
		if w.service[name] == nil {
			s := &cluster.Service{Name: name, Ready: w.some(n), Port: int32(80 + slices.Index(names, name))}
			w.tell("Service %s comes, %s", s.Name, pods(s.Ready))
			w.put(s)
			return true
		}
	}
	return false
}

func (w *world) serviceGoes(_ *node, n int) bool {
	s := w.pick(n)
	if s == nil {
		return false
	}
	w.tell("Service %s goes", s.Name)
	delete(w.service, s.Name)
	w.mayMove(s)
	w.api.Delete(s.Name)
	return true
}

func (w *world) podsMove(on *node, n int) bool {
	s := w.pick(on.number)
	if s == nil {
		return false
	}
	s.Ready = w.some(n)
	w.tell("Service %s is %s", s.Name, pods(s.Ready))
	w.put(s)
	return true
}

func (w *world) policyFlips(_ *node, n int) bool {
	s := w.pick(n)
	if s == nil {
		return false
	}
	s.Local = !s.Local
	if s.Share != "" {
		w.mayMove(s)
	}
	if s.Local {
		w.tell("Service %s has externalTrafficPolicy Local", s.Name)
	} else {
		w.tell("Service %s has externalTrafficPolicy Cluster", s.Name)
	}
	w.put(s)
	return true
}

// wishes has a Service ask for an address, or for any, alone or with others.
func (w *world) wishes(on *node, n int) bool {
	s := w.pick(on.number)
	if s == nil {
		return false
	}
	s.Want, s.Share = netip.Addr{}, ""
	what, how := "any address", "alone"
	if last := n & 3; last > 0 {
		s.Want = netip.AddrFrom4([4]byte{10, 0, 0, byte(last)})
		what = s.Want.String()
	}
	if n&4 != 0 {
		s.Share, how = "key", "shared with others"
	}
	w.tell("Service %s asks for %s, %s", s.Name, what, how)
	w.mayMove(s)
	w.put(s)
	return true
}

func (w *world) drained(n *node, _ int) bool {
	if n.leaving != "" {
		return false
	}
	w.tell("%s is drained", n.Name)
	n.leaving = "drained"
	w.api.Node(n.Name, at(n.number), n.leaving)
	return true
}

func (w *world) undrained(n *node, _ int) bool {
	if n.leaving == "" {
		return false
	}
	w.tell("%s is drained no more", n.Name)
	n.leaving = ""
	w.api.Node(n.Name, at(n.number), n.leaving)
	return true
}

func (w *world) speakerUpgraded(n *node, seconds int) bool {
	if !n.Running() {
		return false
	}
	w.tell("%s's speaker is upgraded, which takes %d s", n.Name, seconds)
	w.endsSpeaker(n)
	if err := n.Stop(); err != nil {
		w.wrong("%s's speaker ends with %v", n.Name, err)
	}
	w.pass(time.Duration(seconds) * time.Second)
	w.startSpeaker(n)
	return true
}

func (w *world) speakerKilled(n *node, _ int) bool {
	if !n.Running() {
		return false
	}
	w.tell("%s's speaker is killed", n.Name)
	w.endsSpeaker(n)
	n.Kill()
	return true
}

func (w *world) speakerStarts(n *node, _ int) bool {
	if n.Running() || !n.on {
		return false
	}
	w.tell("%s's speaker starts", n.Name)
	w.startSpeaker(n)
	return true
}

func (w *world) powerLost(n *node, _ int) bool {
	if !n.on {
		return false
	}
	w.tell("%s loses power", n.Name)
	if n.Running() {
		w.endsSpeaker(n)
	}
	n.on = false
	n.host.Power(false)
	if n.Running() {
		n.Kill()
	}
	w.relink(n)
	return true
}

func (w *world) powerBack(n *node, _ int) bool {
	if n.on {
		return false
	}
	w.tell("%s comes back, and its speaker starts", n.Name)
	n.on = true
	n.host.Power(true)
	w.relink(n)
	w.startSpeaker(n)
	return true
}

func (w *world) linkBreaks(n *node, how int) bool {
	if n.deaf || n.dumb {
		return false
	}
	switch how % 3 {
	case 0:
		n.deaf, n.dumb = true, true
		w.tell("%s's link breaks", n.Name)
	case 1:
		n.deaf = true
		w.tell("%s's link loses what comes to it", n.Name)
	case 2:
		n.dumb = true
		w.tell("%s's link loses what it sends", n.Name)
	}
	w.relink(n)
	return true
}

func (w *world) linkMended(n *node, _ int) bool {
	if !n.deaf && !n.dumb {
		return false
	}
	w.tell("%s's link is mended", n.Name)
	n.deaf, n.dumb = false, false
	w.relink(n)
	return true
}

func (w *world) reset(n *node, _ int) bool {
	w.tell("the connections between %s and the router are reset", n.Name)
	w.endsSession(n)
	w.net.Reset(n.host, w.routerHost)
	return true
}

func (w *world) endsSessions() {
	for _, n := range w.nodes {
		w.endsSession(n)
	}
}

func (w *world) routerStarts(*node, int) bool {
	if w.router.Running() {
		return false
	}
	w.tell("the router's daemon starts")
	w.startRouter()
	return true
}

func (w *world) routerKilled(*node, int) bool {
	if !w.router.Running() {
		return false
	}
	w.tell("the router's daemon is killed")
	w.endsSessions()
	w.router.Kill()
	w.stood = w.router.Kernel.Routes()
	return true
}

func (w *world) routerUpgraded(*node, int) bool {
	if !w.router.Running() {
		return false
	}
	w.tell("the router's daemon is upgraded")
	w.endsSessions()
	if err := w.router.Stop(); err != nil {
		w.wrong("the daemon ends with %v", err)
	}
	w.startRouter()
	return true
}

func (w *world) routerReboots(_ *node, n int) bool {
	w.tell("the router reboots, which takes %d s", n)
	if w.router.Running() {
		w.router.Kill()
	}
	w.routerHost.Power(false)
	w.steady = map[netip.Prefix]map[netip.Addr]bool{}
	w.router.Kernel.Flush()
	time.Sleep(time.Duration(n) * time.Second)
	w.routerHost.Power(true)
	w.startRouter()
	return true
}

func (w *world) allowsLess(*node, int) bool {
	return w.reconfigure(config{true, w.config.without2}, "the router allows %s", narrow)
}
func (w *world) allowsMore(*node, int) bool {
	return w.reconfigure(config{false, w.config.without2}, "the router allows %s", wide)
}

func (w *world) neighborGoes(*node, int) bool {
	return w.reconfigure(config{w.config.narrow, true}, "node2 is taken out of the router's configuration")
}

func (w *world) neighborComes(*node, int) bool {
	return w.reconfigure(config{w.config.narrow, false}, "node2 is put into the router's configuration again")
}

func (w *world) reconfigure(to config, format string, args ...any) bool {
	if to == w.config {
		return false
	}
	w.tell(format, args...)
	w.config = to
	w.configure()
	return true
}

// aRoute is one that stands.
func (w *world) aRoute(n int) (p netip.Prefix, ok bool) {
	var all []netip.Prefix
	for p, hops := range w.router.Kernel.Routes() {
		if len(hops) > 0 {
			all = append(all, p)
		}
	}
	if len(all) == 0 {
		return p, false
	}
	slices.SortFunc(all, func(a, b netip.Prefix) int { return a.Addr().Compare(b.Addr()) })
	return all[n%len(all)], true
}

func (w *world) foreignLeg(on *node, n int) bool {
	p, ok := w.aRoute(n)
	if !ok {
		return false
	}
	w.tell("somebody has the route to %s go to %s alone", p, on.Name)
	w.meddle(p)
	w.router.Kernel.Meddle(p, at(on.number))
	w.stays(p, at(on.number))
	return true
}

func (w *world) routeTaken(_ *node, n int) bool {
	p, ok := w.aRoute(n)
	if !ok {
		return false
	}
	w.tell("somebody deletes the route to %s", p)
	w.meddle(p)
	w.router.Kernel.Meddle(p)
	w.stays(p)
	return true
}

func (w *world) flushed(*node, int) bool {
	w.tell("the network is restarted: every route is gone")
	w.steady = map[netip.Prefix]map[netip.Addr]bool{}
	w.router.Kernel.Flush()
	if w.stood != nil {
		clear(w.stood)
	}
	return true
}

// meddle notes that the route is in other hands for a moment.
func (w *world) meddle(p netip.Prefix) {
	w.meddled = time.Now()
	delete(w.steady, p)
}

// stays notes what is to stand while no daemon runs.
func (w *world) stays(p netip.Prefix, hops ...netip.Addr) {
	if w.stood == nil {
		return
	}
	if len(hops) == 0 {
		delete(w.stood, p)
	} else {
		w.stood[p] = hops
	}
}

func (w *world) apiAway(n *node, _ int) bool {
	if n.cutOff {
		return false
	}
	w.tell("%s cannot reach the API server", n.Name)
	n.cutOff = true
	w.relink(n)
	return true
}

func (w *world) apiBack(n *node, _ int) bool {
	if !n.cutOff {
		return false
	}
	w.tell("%s reaches the API server again", n.Name)
	n.cutOff = false
	w.relink(n)
	return true
}

func (w *world) leaderChanges(*node, int) bool {
	if w.api.Leader() == "" {
		return false
	}
	w.tell("%s leads no more", w.api.Leader())
	w.api.Resign()
	return true
}

func (w *world) timePasses(_ *node, n int) bool {
	times := []time.Duration{100 * time.Millisecond, time.Second, 5 * time.Second, 12 * time.Second, 40 * time.Second}
	d := times[n%len(times)]
	w.tell("%v pass", d)
	w.pass(d)
	return true
}

func (w *world) allQuiet(*node, int) bool {
	w.tell("it is quiet for %v", calm)
	w.quiet()
	return true
}
