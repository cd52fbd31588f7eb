package migrate

import (
	"fmt"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/hawser-lb/hawser/cluster/api/v1alpha1"
	"github.com/hawser-lb/hawser/shared/secret"
)

// House is what Hawser is to be told.
type House struct {
	Pools          []v1alpha1.AddressPool
	Peers          []v1alpha1.BGPPeer
	Advertisements []v1alpha1.BGPAdvertisement
	Secrets        []Secret
	// Lost is what could not be carried over, a sentence each, with what to do.
	Lost []string
	// Notes is what has been carried over in another form.
	Notes []string
}

// Secret holds the password of a session.
type Secret struct {
	Name     string
	Password secret.Text
}

func (h *House) lose(format string, args ...any) {
	h.Lost = append(h.Lost, fmt.Sprintf(format, args...))
}
func (h *House) note(format string, args ...any) {
	h.Notes = append(h.Notes, fmt.Sprintf(format, args...))
}

// Text is the house as a manifest for kubectl: first, as comments, what is lost
// and what is different, then the objects. Secrets go into namespace.
func (h *House) Text(namespace string) (string, error) {
	var b strings.Builder
	comment(&b, "Not carried over:", h.Lost)
	comment(&b, "Carried over in another form:", h.Notes)
	var err error
	add := func(kind, name string, labels map[string]string, spec any) {
		meta := map[string]any{"name": name}
		if len(labels) > 0 {
			meta["labels"] = labels
		}
		text, wrong := yaml.Marshal(map[string]any{"apiVersion": v1alpha1.GroupVersion.String(), "kind": kind, "metadata": meta, "spec": spec})
		if wrong != nil && err == nil {
			err = fmt.Errorf("%s %s: %w", kind, name, wrong)
		}
		b.WriteString("---\n" + string(text))
	}
	for _, o := range h.Pools {
		add("AddressPool", o.Name, o.Labels, o.Spec)
	}
	for _, s := range h.Secrets {
		text, wrong := yaml.Marshal(map[string]any{
			"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/basic-auth",
			"metadata": map[string]any{"name": s.Name, "namespace": namespace}, "stringData": map[string]any{"password": s.Password.Reveal()},
		})
		if wrong != nil {
			return "", fmt.Errorf("a Secret: %w", wrong)
		}
		b.WriteString("---\n" + string(text))
	}
	for _, o := range h.Peers {
		add("BGPPeer", o.Name, nil, o.Spec)
	}
	for _, o := range h.Advertisements {
		add("BGPAdvertisement", o.Name, nil, o.Spec)
	}
	return b.String(), err
}

func comment(b *strings.Builder, head string, lines []string) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(b, "# %s\n", head)
	for _, l := range lines {
		fmt.Fprintf(b, "# - %s\n", strings.ReplaceAll(l, "\n", "\n#   "))
	}
}
