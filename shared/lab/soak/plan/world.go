package plan

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// World is what there should be: objects by class and name.
type World map[string]map[string]Fields

// Kept is the node whose speaker is never ended.
const Kept = "node3"

// HomePool is the pool that is always there. Block 0 is always its, and the
// Service that the plan never touches has an address of it.
const HomePool = "home"

// Blocks is how many blocks of sixteen addresses of each family pools are made
// of. A block belongs to one pool at most.
const Blocks = 16

// TheRouter and ThePeer name the one object of their class.
const (
	TheRouter = "router"
	ThePeer   = "router"
)

// whole is a node that nothing is wrong with.
var whole = Fields{"power": "on", "link": "up", "speaker": "up", "drain": "no", "exclude": "no", "tier": "a"}

// NewWorld is how a soak begins.
func NewWorld() World {
	w := World{
		"service":       {},
		"advertisement": {},
		"pool":          {HomePool: {"blocks": "0", "families": "both", "auto": "yes", "avoid": "no"}},
		"node":          {},
		"peer":          {ThePeer: {"hold": "3", "bfd": "no", "restart": "120", "password": "no"}},
		"router":        {TheRouter: {"daemon": "up", "file": "good", "hold": "90", "bfd": "no", "resilient": "yes", "metric": "20", "paths": "16", "restart": "20"}},
	}
	for i := range 3 {
		w["node"]["node"+strconv.Itoa(i+1)] = maps.Clone(whole)
	}
	return w
}

// Clone shares nothing with w.
func (w World) Clone() World {
	c := World{}
	for class, objects := range w {
		c[class] = map[string]Fields{}
		for name, f := range objects {
			c[class][name] = maps.Clone(f)
		}
	}
	return c
}

// Names of the objects of a class, sorted.
func (w World) Names(class string) []string { return slices.Sorted(maps.Keys(w[class])) }

// Apply makes the world what it is after an action, or says why that is not
// legal; then the world is as before.
func (w World) Apply(a Action) error {
	next := w.Clone()
	if err := next.change(a); err != nil {
		return fmt.Errorf("%s: %w", a, err)
	}
	if err := next.check(); err != nil {
		return fmt.Errorf("%s: %w", a, err)
	}
	maps.Copy(w, next)
	return nil
}

func (w World) change(a Action) error {
	if a.Kind == Rest || a.Kind == Sweep {
		if a.Kind == Sweep {
			maps.Copy(w, NewWorld())
		}
		w.mend()
		return nil
	}
	objects := w[a.class()]
	if objects == nil || a.Object == "" {
		return w.ready(a)
	}
	old, there := objects[a.Object]
	switch {
	case a.verb() == "create" && there:
		return errors.New("it is there already")
	case a.verb() != "create" && !there:
		return errors.New("it is not there")
	case a.verb() == "create":
		objects[a.Object] = maps.Clone(a.Set)
		return nil
	case a.verb() == "delete":
		delete(objects, a.Object)
		return nil
	}
	if err := w.ready(a); err != nil {
		return err
	}
	maps.Copy(old, a.Set)
	return nil
}

// mend repairs what an action broke, and leaves the objects alone.
func (w World) mend() {
	for _, n := range w["node"] {
		n["power"], n["link"], n["speaker"] = "on", "up", "up"
	}
	w["router"][TheRouter]["daemon"], w["router"][TheRouter]["file"] = "up", "good"
}

// Running says whether a node has power, a link and a speaker that works.
func (w World) Running(node string) bool {
	n := w["node"][node]
	return n["power"] == "on" && n["link"] == "up" && n["speaker"] == "up"
}

// Announcing says whether a node runs and nobody wants it to leave.
func (w World) Announcing(node string) bool {
	n := w["node"][node]
	return w.Running(node) && n["drain"] == "no" && n["exclude"] == "no"
}

// DaemonUp says whether hawser runs.
func (w World) DaemonUp() bool { return w["router"][TheRouter]["daemon"] == "up" }

// check is what holds at any time.
func (w World) check() error {
	if !slices.ContainsFunc(w.Names("node"), w.Announcing) {
		return errors.New("no node would be left to serve the client")
	}
	home, there := w["pool"][HomePool]
	if !there || !slices.Contains(BlocksOf(home), 0) || home["families"] != "both" {
		return errors.New("the pool home would lose its first block")
	}
	for name, s := range w["service"] {
		if len(s["pods"]) != len(w["node"]) || strings.Trim(s["pods"], "RNS-") != "" {
			return fmt.Errorf("pods=%q of %s: one letter for each of %d nodes, R, N, S or -", s["pods"], name, len(w["node"]))
		}
	}
	owner := map[int]string{}
	for _, name := range w.Names("pool") {
		for _, b := range BlocksOf(w["pool"][name]) {
			if owner[b] != "" {
				return fmt.Errorf("block %d would be in %s and in %s", b, owner[b], name)
			}
			owner[b] = name
		}
	}
	return nil
}

// BlocksOf are the blocks of a pool.
func BlocksOf(pool Fields) []int {
	var all []int
	for _, word := range strings.Split(pool["blocks"], "+") {
		if n, err := strconv.Atoi(word); err == nil {
			all = append(all, n)
		}
	}
	return all
}
