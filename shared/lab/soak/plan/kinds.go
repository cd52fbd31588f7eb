package plan

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// Cost is what an action may cost a client of a Service that it is not about.
type Cost int

// The costs. A request that is under way when the route changes may be reset:
// no other node knows its connection.
const (
	Nothing  Cost = iota // no request fails
	UnderWay             // those under way when a route changes
	Requests             // new ones too, until the routers have noticed
)

// kind is one sort of action.
type kind struct {
	name       string
	weight     int
	cost       Cost
	endsDaemon bool // not in a calm stretch
	// pick draws one that is probably legal; not ok: there is none now.
	pick func(World, *rand.Rand) (Action, bool)
}

var kinds = []kind{
	{name: "service.create", weight: 22, pick: createService},
	{name: "service.delete", weight: 10, pick: some("service", nil)},
	{name: "service.endpoints", weight: 16, pick: some("service", func(r *rand.Rand) Fields { return Fields{"pods": pods(r)} })},
	{name: "service.policy", weight: 5, pick: some("service", func(r *rand.Rand) Fields { return Fields{"policy": one(r, "Local", "Cluster")} })},
	{name: "service.ports", weight: 4, pick: some("service", func(r *rand.Rand) Fields { return Fields{"ports": ports(r)} })},
	{name: "service.type", weight: 5, pick: some("service", func(r *rand.Rand) Fields {
		return Fields{"type": one(r, "LoadBalancer", "LoadBalancer", "ClusterIP", "Foreign")}
	})},
	{name: "service.families", weight: 4, pick: some("service", func(r *rand.Rand) Fields { return Fields{"dual": dual(r)} })},
	{name: "service.ask", weight: 6, pick: some("service", func(r *rand.Rand) Fields { return Fields{"ask": ask(r)} })},
	{name: "service.pool", weight: 4, pick: some("service", func(r *rand.Rand) Fields { return Fields{"pool": one(r, "no", "home", "p1", "p2", "p3")} })},
	{name: "service.share", weight: 6, pick: some("service", func(r *rand.Rand) Fields { return Fields{"share": one(r, "no", "k1", "k2")} })},
	{name: "pool.create", weight: 5, pick: createPool},
	{name: "pool.delete", weight: 3, pick: some("pool", nil)},
	{name: "pool.blocks", weight: 6, pick: changeBlocks},
	{name: "pool.options", weight: 3, pick: some("pool", func(r *rand.Rand) Fields {
		return Fields{"auto": one(r, "yes", "yes", "no"), "avoid": one(r, "yes", "no")}
	})},
	{name: "advertisement.create", weight: 3, pick: createAdvertisement},
	{name: "advertisement.delete", weight: 3, pick: some("advertisement", nil)},
	{name: "advertisement.change", weight: 2, pick: some("advertisement", advertisement)},
	{name: "peer.timers", weight: 2, cost: UnderWay, pick: some("peer", func(r *rand.Rand) Fields {
		return Fields{"hold": one(r, "3", "6", "9"), "restart": one(r, "60", "120")}
	})},
	{name: "peer.bfd", weight: 3, cost: UnderWay, pick: some("peer", func(r *rand.Rand) Fields { return Fields{"bfd": one(r, "yes", "no")} })},
	{name: "peer.password", weight: 1, cost: Requests, pick: some("peer", func(r *rand.Rand) Fields { return Fields{"password": one(r, "no", "p1", "p2")} })},
	{name: "router.config", weight: 4, cost: UnderWay, pick: some("router", routerConfig)},
	{name: "router.mistake", weight: 2, pick: some("router", func(*rand.Rand) Fields { return Fields{"file": "bad"} })},
	{name: "router.kill", weight: 3, endsDaemon: true, pick: some("router", func(*rand.Rand) Fields { return Fields{"daemon": "down"} })},
	{name: "router.stop", weight: 2, endsDaemon: true, pick: some("router", func(*rand.Rand) Fields { return Fields{"daemon": "down"} })},
	{name: "router.start", weight: 14, pick: some("router", func(*rand.Rand) Fields { return Fields{"daemon": "up"} })},
	{name: "router.flush", weight: 2, cost: Requests, pick: alone("what", "routes", "all")},
	{name: "router.lan", weight: 1, cost: Requests, pick: alone("what", "flap")},
	{name: "router.theft", weight: 4, cost: Requests, pick: alone("what", "route", "leg", "group")},
	{name: "router.foreign", weight: 3, pick: alone("what", "flush")},
	{name: "node.off", weight: 2, cost: Requests, pick: some("node", func(*rand.Rand) Fields { return Fields{"power": "off", "speaker": "dead"} })},
	{name: "node.on", weight: 5, cost: Requests, pick: some("node", func(*rand.Rand) Fields { return Fields{"power": "on", "speaker": "up"} })},
	{name: "node.cut", weight: 2, cost: Requests, pick: some("node", func(*rand.Rand) Fields { return Fields{"link": "down"} })},
	{name: "node.join", weight: 5, cost: UnderWay, pick: some("node", func(*rand.Rand) Fields { return Fields{"link": "up"} })},
	{name: "node.drain", weight: 3, cost: UnderWay, pick: some("node", func(*rand.Rand) Fields { return Fields{"drain": "yes"} })},
	{name: "node.undrain", weight: 5, cost: UnderWay, pick: some("node", func(*rand.Rand) Fields { return Fields{"drain": "no"} })},
	{name: "node.exclude", weight: 2, cost: UnderWay, pick: some("node", func(*rand.Rand) Fields { return Fields{"exclude": "yes"} })},
	{name: "node.include", weight: 4, cost: UnderWay, pick: some("node", func(*rand.Rand) Fields { return Fields{"exclude": "no"} })},
	{name: "node.label", weight: 2, pick: some("node", func(r *rand.Rand) Fields { return Fields{"tier": one(r, "a", "b")} })},
	{name: "speaker.kill", weight: 3, cost: UnderWay, pick: speaker("dead")},
	{name: "speaker.stop", weight: 3, cost: UnderWay, pick: speaker("dead")},
	{name: "speaker.start", weight: 6, cost: UnderWay, pick: speaker("up")},
	{name: "speaker.hang", weight: 2, cost: UnderWay, pick: speaker("hung")},
	{name: "speaker.wake", weight: 5, cost: UnderWay, pick: speaker("up")},
	{name: "leader.kill", weight: 2, cost: UnderWay, pick: alone("what", "process", "lease")},
	{name: "api.away", weight: 1, pick: seconds(2, 12)},
	{name: "etcd.pause", weight: 1, pick: seconds(2, 8)},
	{name: "wait", weight: 8, pick: seconds(1, 3)},
}

// Kinds are all that a plan draws from, in order.
func Kinds() []string {
	var all []string
	for _, k := range kinds {
		all = append(all, k.name)
	}
	return all
}

// CostOf a kind of action.
func CostOf(name string) Cost {
	if name == Rest || name == Sweep {
		return Requests
	}
	for _, k := range kinds {
		if k.name == name {
			return k.cost
		}
	}
	return Nothing
}

func known(name string) bool {
	return name == Rest || name == Sweep || slices.Contains(Kinds(), name)
}

// ready says why an action has no object to be done to in its present state.
func (w World) ready(a Action) error {
	router := w["router"][TheRouter]
	node := w["node"][a.Object]
	up := a.Object != "" && w.Running(a.Object)
	var ok bool
	switch a.Kind {
	case "router.start":
		ok = router["daemon"] == "down"
	case "router.config":
		ok = router["daemon"] == "up"
	case "router.mistake", "router.kill", "router.stop":
		ok = router["daemon"] == "up" && router["file"] == "good"
	case "router.flush", "router.lan", "router.theft":
		ok = router["daemon"] == "up" && w.allUp()
	case "peer.password":
		ok = router["daemon"] == "up" && w.allUp() && router["file"] == "good"
	case "node.off":
		ok = up && router["daemon"] == "up" && a.Object != Kept
	case "node.on":
		ok = node["power"] == "off" && router["daemon"] == "up"
	case "node.cut":
		ok = up && router["daemon"] == "up"
	case "node.join":
		ok = node["link"] == "down" && router["daemon"] == "up"
	case "node.drain":
		ok = up && node["drain"] == "no" && router["daemon"] == "up"
	case "node.undrain":
		ok = up && node["drain"] == "yes" && router["daemon"] == "up"
	case "node.exclude":
		ok = up && node["exclude"] == "no" && router["daemon"] == "up"
	case "node.include":
		ok = up && node["exclude"] == "yes" && router["daemon"] == "up"
	case "leader.kill", "api.away", "etcd.pause":
		ok = w.allUp()
	default:
		return w.readySpeaker(a, node, up)
	}
	if !ok {
		return errors.New("not in this state")
	}
	return nil
}

// allUp says whether nothing is broken but the file.
func (w World) allUp() bool {
	for _, n := range w.Names("node") {
		if !w.Running(n) {
			return false
		}
	}
	return w.DaemonUp()
}

func some(class string, set func(*rand.Rand) Fields) func(World, *rand.Rand) (Action, bool) {
	return func(w World, r *rand.Rand) (Action, bool) {
		names := w.Names(class)
		if len(names) == 0 {
			return Action{}, false
		}
		a := Action{Object: names[r.IntN(len(names))]}
		if set != nil {
			a.Set = set(r)
		}
		return a, true
	}
}

// alone is for what has no object: there is but one.
func alone(field string, words ...string) func(World, *rand.Rand) (Action, bool) {
	return func(_ World, r *rand.Rand) (Action, bool) {
		return Action{Set: Fields{field: one(r, words...)}}, true
	}
}

func seconds(least, most int) func(World, *rand.Rand) (Action, bool) {
	return func(_ World, r *rand.Rand) (Action, bool) {
		return Action{Set: Fields{"seconds": strconv.Itoa(least + r.IntN(most-least+1))}}, true
	}
}

func one(r *rand.Rand, words ...string) string { return words[r.IntN(len(words))] }

func pods(r *rand.Rand) string {
	return one(r, "R", "R", "R", "N", "S", "-") + one(r, "R", "R", "N", "S", "-") + one(r, "R", "R", "N", "S", "-")
}

func ports(r *rand.Rand) string { return one(r, "80", "443", "80+443", "8080", "81+82") }

func dual(r *rand.Rand) string { return one(r, "SingleStack", "PreferDualStack", "RequireDualStack") }

// ask is an address of any block, by block and place, or none.
func ask(r *rand.Rand) string {
	if r.IntN(3) == 0 {
		return "no"
	}
	return fmt.Sprintf("%d.%d", r.IntN(6), r.IntN(16))
}

// mostServices is how many there are at a time.
const mostServices = 24

func createService(w World, r *rand.Rand) (Action, bool) {
	if len(w["service"]) >= mostServices {
		return Action{}, false
	}
	set := Fields{
		"type": one(r, "LoadBalancer", "LoadBalancer", "LoadBalancer", "LoadBalancer", "LoadBalancer", "Foreign", "ClusterIP"), "policy": one(r, "Local", "Cluster"),
		"ports": ports(r), "family": one(r, "IPv4", "IPv4", "IPv4", "IPv6"), "dual": one(r, "SingleStack", dual(r)), "pods": pods(r),
		"ask": one(r, "no", "no", ask(r)), "pool": one(r, "no", "no", "no", "home", "p1", "p2"), "share": one(r, "no", "no", "k1", "k2"),
	}
	return Action{Object: unused(w["service"], r, "s%02d", 40), Set: set}, true
}

func unused(objects map[string]Fields, r *rand.Rand, form string, n int) string {
	for i := r.IntN(n); ; i = (i + 1) % n {
		if name := fmt.Sprintf(form, i); objects[name] == nil {
			return name
		}
	}
}

func createPool(w World, r *rand.Rand) (Action, bool) {
	if len(w["pool"]) >= 4 {
		return Action{}, false
	}
	return Action{Object: unused(w["pool"], r, "p%d", 4), Set: Fields{
		"blocks": w.blocks(r, "", 1+r.IntN(3)), "families": one(r, "both", "both", "IPv4", "IPv6"), "auto": one(r, "yes", "no"), "avoid": one(r, "yes", "no"),
	}}, true
}

func changeBlocks(w World, r *rand.Rand) (Action, bool) {
	a, ok := some("pool", nil)(w, r)
	if ok {
		a.Set = Fields{"blocks": w.blocks(r, a.Object, 1+r.IntN(4))}
	}
	return a, ok
}

// blocks draws n of those that no other pool has; the pool home keeps its first.
func (w World) blocks(r *rand.Rand, pool string, n int) string {
	taken := map[int]bool{}
	for name, f := range w["pool"] {
		for _, b := range BlocksOf(f) {
			taken[b] = taken[b] || name != pool
		}
	}
	var words []string
	if pool == HomePool {
		words = append(words, "0")
		taken[0] = true
	}
	for _, b := range r.Perm(Blocks) {
		if len(words) < n && !taken[b] {
			words = append(words, strconv.Itoa(b))
		}
	}
	return strings.Join(words, "+")
}

func advertisement(r *rand.Rand) Fields {
	return Fields{
		"pools": one(r, "all", "all", "home", "home+p1", "p2"), "tier": one(r, "any", "any", "a", "b"),
		"length": one(r, "32", "32", "32", "30", "28"), "community": one(r, "no", "65000:100", "large:65000:1:2"),
	}
}

func createAdvertisement(w World, r *rand.Rand) (Action, bool) {
	if len(w["advertisement"]) >= 3 {
		return Action{}, false
	}
	return Action{Object: unused(w["advertisement"], r, "a%d", 3), Set: advertisement(r)}, true
}

func routerConfig(r *rand.Rand) Fields {
	return Fields{
		"file": "good", "hold": one(r, "90", "30", "9"), "bfd": one(r, "yes", "no"), "resilient": one(r, "yes", "yes", "no"),
		"metric": one(r, "20", "20", "30"), "paths": one(r, "16", "16", "2"), "restart": one(r, "20", "30"),
	}
}

func speaker(state string) func(World, *rand.Rand) (Action, bool) {
	return func(w World, r *rand.Rand) (Action, bool) {
		a, ok := some("node", nil)(w, r)
		a.Set = Fields{"speaker": state}
		return a, ok
	}
}

// readySpeaker is ready for what is done to a speaker: a node's process.
func (w World) readySpeaker(a Action, node Fields, up bool) error {
	var ok bool
	switch a.Kind {
	case "speaker.kill", "speaker.stop":
		ok = up && a.Object != Kept
	case "speaker.hang":
		ok = up && w.DaemonUp()
	case "speaker.start":
		ok = node["power"] == "on" && node["link"] == "up" && node["speaker"] == "dead"
	case "speaker.wake":
		ok = node["speaker"] == "hung"
	default:
		ok = true
	}
	if !ok {
		return errors.New("not in this state")
	}
	return nil
}
