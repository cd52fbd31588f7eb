package migrate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Object is one Kubernetes object, as far as it is read.
type Object struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name      string            `json:"name"`
		Namespace string            `json:"namespace"`
		Labels    map[string]string `json:"labels"`
	} `json:"metadata"`
	Spec       json.RawMessage   `json:"spec"`
	Type       string            `json:"type"`
	Data       map[string]string `json:"data"`
	StringData map[string]string `json:"stringData"`
	Items      []Object          `json:"items"`
}

// name is such as "BGPPeer router".
func (o Object) name() string { return o.Kind + " " + o.Metadata.Name }

// Read reads manifests: YAML or JSON, one document or several, lists among
// them. A document that is no Kubernetes object is taken as the text of the
// ConfigMap.
func Read(text string) ([]Object, error) {
	var out []Object
	d := yaml.NewDecoder(strings.NewReader(text))
	for {
		var doc yaml.Node
		switch err := d.Decode(&doc); {
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return nil, err
		}
		o, err := readOne(&doc)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", doc.Line, err)
		}
		out = append(out, flat(o)...)
	}
}

func readOne(doc *yaml.Node) (Object, error) {
	var tree any
	if err := doc.Decode(&tree); err != nil || tree == nil {
		return Object{}, err
	}
	text, err := json.Marshal(tree)
	if err != nil {
		return Object{}, fmt.Errorf("a key is no text: %w", err)
	}
	var head struct{ APIVersion, Kind string }
	if err := json.Unmarshal(text, &head); err != nil || head.Kind == "" && head.APIVersion == "" {
		return bare(doc)
	}
	if !concerned(head.APIVersion, head.Kind) {
		return Object{}, nil
	}
	var o Object
	err = json.Unmarshal(text, &o)
	return o, err
}

// concerned reports whether an object can have to do with the move. What is
// not looked at need not be readable.
func concerned(version, kind string) bool {
	return group(version) == metallb || version == "v1" && (kind == "ConfigMap" || kind == "Secret" || kind == "List")
}

const metallb = "metallb.io"

func group(version string) string {
	g, _, _ := strings.Cut(version, "/")
	return g
}

// bare is the ConfigMap that a text without a head belongs in.
func bare(doc *yaml.Node) (Object, error) {
	text, err := yaml.Marshal(doc)
	o := Object{APIVersion: "v1", Kind: "ConfigMap", Data: map[string]string{configKey: string(text)}}
	o.Metadata.Name = configKey
	return o, err
}

// configKey is the name of MetalLB's ConfigMap, and of the key in it.
const configKey = "config"

// flat takes lists apart.
func flat(o Object) []Object {
	if o.Kind == "" {
		return nil
	}
	if !strings.HasSuffix(o.Kind, "List") {
		return []Object{o}
	}
	var out []Object
	for _, item := range o.Items {
		if item.Kind == "" { // as the API server lists them
			item.APIVersion, item.Kind = o.APIVersion, strings.TrimSuffix(o.Kind, "List")
		}
		if concerned(item.APIVersion, item.Kind) {
			out = append(out, flat(item)...)
		}
	}
	return out
}
