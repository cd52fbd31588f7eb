package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"runtime"
	"time"

	"github.com/hawser-lb/hawser/router/internal/status"
	"github.com/hawser-lb/hawser/shared/version"
)

// patience is how long the daemon may take for an answer.
const patience = 10 * time.Second

// ask gets the daemon's snapshot.
func (c *call) ask(routes bool) (*status.Snapshot, error) {
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	defer cancel()
	s, err := status.Get(ctx, c.socket, status.Request{Get: "snapshot", Routes: routes})
	return &s, err
}

// print writes v as JSON.
func (c *call) print(v any) error {
	enc := json.NewEncoder(c.Stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// printLine writes v as one line of JSON.
func (c *call) printLine(v any) error {
	enc := json.NewEncoder(c.Stdout)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// withoutRoutes is a snapshot whose routes nobody asked for.
type withoutRoutes struct {
	*status.Snapshot
	Routes *struct{} `json:"routes,omitempty"`
}

// JSON of the commands that show a part of the snapshot.
type (
	routesJSON struct {
		Routes []status.Route `json:"routes"`
	}
	neighborsJSON struct {
		Neighbors []status.Neighbor `json:"neighbors"`
	}
	clustersJSON struct {
		Clusters []status.Cluster `json:"clusters"`
	}
)

func (c *call) summary() error {
	s, err := c.ask(false)
	if err != nil {
		return err
	}
	if c.json {
		return c.print(withoutRoutes{Snapshot: s})
	}
	status.Summary(c.Stdout, s, c.family)
	return nil
}

func (c *call) table() error {
	s, err := c.ask(true)
	if err != nil {
		return err
	}
	if c.json {
		return c.print(routesJSON{status.Told(s.RoutesOf(c.family))})
	}
	status.Table(c.Stdout, s, c.family)
	return nil
}

func (c *call) entry() error {
	s, err := c.ask(true)
	if err != nil {
		return err
	}
	all, err := c.picked(status.Told(s.RoutesOf(c.family)))
	if err != nil {
		return err
	}
	if c.json {
		return c.print(routesJSON{all})
	}
	status.Entry(c.Stdout, s, all[0])
	return nil
}

func (c *call) routes() error {
	s, err := c.ask(true)
	if err != nil {
		return err
	}
	all, err := c.picked(status.InTable(s.RoutesOf(c.family)))
	if err != nil {
		return err
	}
	if c.json {
		return c.print(routesJSON{all})
	}
	status.Routes(c.Stdout, s, all)
	return nil
}

// picked are all the routes, or the one that the argument names.
func (c *call) picked(all []status.Route) ([]status.Route, error) {
	if c.argument == "" {
		return all, nil
	}
	p, err := network(c.argument)
	if err != nil {
		return nil, err
	}
	r, err := status.RouteFor(all, p)
	return []status.Route{r}, c.about(err)
}

func (c *call) neighbors() error {
	var address netip.Addr
	if c.argument != "" {
		address = netip.MustParseAddr(c.argument).Unmap()
	}
	s, err := c.ask(false)
	if err != nil {
		return err
	}
	all, err := s.NeighborsAt(address)
	if err != nil {
		return c.about(err)
	}
	if c.json {
		return c.print(neighborsJSON{all})
	}
	status.Neighbors(c.Stdout, s, all)
	return nil
}

func (c *call) clusters() error {
	s, err := c.ask(false)
	if err != nil {
		return err
	}
	if c.json {
		return c.print(clustersJSON{s.Clusters})
	}
	status.Clusters(c.Stdout, s)
	return nil
}

func (c *call) bfd() error {
	s, err := c.ask(false)
	if err != nil {
		return err
	}
	if c.json {
		return c.print(s.BFDOnly())
	}
	status.BFDPeers(c.Stdout, s)
	return nil
}

func (c *call) version() error {
	if c.json {
		return c.print(struct {
			Version string `json:"version"`
		}{version.String()})
	}
	_, err := fmt.Fprintf(c.Stdout, "hawser %s (%s, %s/%s)\n", version.String(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
