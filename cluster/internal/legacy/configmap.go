package legacy

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/hawser-lb/hawser/cluster/internal/model"
)

// Config is what the text says.
type Config struct {
	Pools          []model.Pool
	Peers          []model.Peer
	Advertisements []model.Advertisement
	// Warnings are places that are read, but do something else than they may
	// seem to do.
	Warnings []Problem
	// Lost has what Moving passes over and ConfigMap takes for a mistake.
	Lost []Problem
}

// ConfigMap reads the text of the key "config". The error is a Problems.
func ConfigMap(text string) (Config, error) { return read(text, &reader{}) }

// Moving reads the text for somebody who moves house: what Hawser will never do,
// such as layer2, is no mistake but lost.
func Moving(text string) (Config, error) { return read(text, &reader{moving: true}) }

func read(text string, r *reader) (Config, error) {
	root, err := document(text)
	if err != nil {
		return Config{}, Problems{syntax(err)}
	}
	c := r.config(root)
	if len(r.problems) > 0 {
		return Config{}, r.problems.sorted()
	}
	c.Warnings, c.Lost = r.warnings.sorted(), r.lost.sorted()
	return c, nil
}

// document parses the one document that text is; a null node when it is empty.
func document(text string) (*yaml.Node, error) {
	d := yaml.NewDecoder(strings.NewReader(text))
	var doc, second yaml.Node
	switch err := d.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"}, nil
	case err != nil:
		return nil, err
	}
	switch err := d.Decode(&second); {
	case err == nil:
		return nil, fmt.Errorf("line %d: a second document begins here; only one is read", max(second.Line, 1))
	case !errors.Is(err, io.EOF):
		return nil, err
	}
	return doc.Content[0], nil
}

func (r *reader) config(n *yaml.Node) Config {
	f := r.fields(at("", 1, n), "peers", "address-pools", "bgp-communities", "bfd-profiles")
	r.bfdProfiles(f["bfd-profiles"])
	r.communityNames(f["bgp-communities"])
	c := Config{Peers: r.peers(f["peers"])}
	c.Pools, c.Advertisements = r.pools(f["address-pools"])
	return c
}
