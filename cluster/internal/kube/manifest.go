package kube

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/hawser-lb/hawser/cluster/api/v1alpha1"
)

// Document is one object of a manifest, as far as Hawser reads it.
type Document struct {
	Kind, Name string
	// Text is that of the ConfigMap's key "config", or all of a file that is
	// no Kubernetes object.
	Text *string
	// Wrong is what is wrong with an object of Hawser's.
	Wrong []string
}

// String is such as "AddressPool home".
func (d Document) String() string { return strings.TrimSpace(d.Kind + " " + d.Name) }

// ReadManifests reads YAML documents without asking an API server. Objects
// that are none of Hawser's are left out. A text that has neither apiVersion
// nor kind is taken as the text of the ConfigMap.
func ReadManifests(text []byte) ([]Document, error) {
	var out []Document
	r := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		one, err := r.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		d, ours, err := readDocument(one)
		if err != nil {
			return nil, err
		}
		if ours {
			out = append(out, d)
		}
	}
}

func readDocument(text []byte) (Document, bool, error) {
	var head struct {
		metav1.TypeMeta   `json:",inline"`
		metav1.ObjectMeta `json:"metadata"`
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return Document{}, false, nil
	}
	if err := yaml.Unmarshal(text, &head); err != nil {
		return Document{}, false, err
	}
	d := Document{Kind: head.Kind, Name: head.Name}
	ours := head.APIVersion == v1alpha1.GroupVersion.String()
	switch {
	case head.Kind == "" && head.APIVersion == "":
		whole := string(text)
		return Document{Kind: "text", Text: &whole}, true, nil
	case head.Kind == "ConfigMap" && head.APIVersion == "v1":
		var m corev1.ConfigMap
		if err := yaml.Unmarshal(text, &m); err != nil {
			return d, false, err
		}
		if config, ok := m.Data[ConfigName]; ok {
			d.Text = &config
			return d, true, nil
		}
		return d, false, nil
	case ours && head.Kind == "AddressPool":
		var o v1alpha1.AddressPool
		d.Wrong = strict(text, &o)
		if p, _ := readPool(&o); p.wrong != "" {
			d.Wrong = append(d.Wrong, p.wrong)
		}
		return d, true, nil
	case ours && head.Kind == "BGPPeer":
		var o v1alpha1.BGPPeer
		d.Wrong = strict(text, &o)
		if p, _ := readPeer(&o); p.wrong != "" {
			d.Wrong = append(d.Wrong, p.wrong)
		}
		return d, true, nil
	case ours && head.Kind == "BGPAdvertisement":
		var o v1alpha1.BGPAdvertisement
		d.Wrong = strict(text, &o)
		if a, _ := readAdvertisement(&o); a.wrong != "" {
			d.Wrong = append(d.Wrong, a.wrong)
		}
		return d, true, nil
	case ours:
		d.Wrong = []string{fmt.Sprintf("%s has no such kind", v1alpha1.GroupVersion)}
		return d, true, nil
	}
	return d, false, nil
}

// strict decodes and says what is unknown or of the wrong type.
func strict(text []byte, into any) []string {
	if err := yaml.UnmarshalStrict(text, into); err != nil {
		return []string{err.Error()}
	}
	return nil
}
