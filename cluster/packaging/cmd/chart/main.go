// Command chart writes the templates of the Helm chart from the kustomize base,
// so that both install the same objects:
//
//	chart ../deploy
//
// It replaces the values that people change (namespace, image, arguments,
// resources) by what values.yaml says; all else is the base's own text.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"sigs.k8s.io/yaml"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "chart: name the directory of the kustomize base")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintf(os.Stderr, "chart: %v\n", err)
		os.Exit(1)
	}
}

// write replaces the files in chart/templates and chart/crds.
func write(base string) error {
	made, err := templates(base)
	if err != nil {
		return err
	}
	chart := filepath.Join(base, "chart")
	for _, dir := range []string{"templates", "crds"} {
		err = errors.Join(err, os.RemoveAll(filepath.Join(chart, dir)), os.MkdirAll(filepath.Join(chart, dir), 0o755))
	}
	for name, text := range made {
		err = errors.Join(err, os.WriteFile(filepath.Join(chart, name), []byte(text), 0o644))
	}
	return err
}

const head = "{{/* Made from cluster/deploy by `make generate`: edit it there. */}}\n"

// templates are the chart's files by their path in it.
func templates(base string) (map[string]string, error) {
	text, err := os.ReadFile(filepath.Join(base, "kustomization.yaml"))
	if err != nil {
		return nil, err
	}
	var list struct{ Resources []string }
	if err := yaml.Unmarshal(text, &list); err != nil {
		return nil, err
	}
	made := map[string]string{}
	for _, name := range list.Resources {
		text, err := os.ReadFile(filepath.Join(base, name))
		if err != nil {
			return nil, err
		}
		switch {
		case name == "namespace.yaml": // helm install --create-namespace
		case strings.HasPrefix(name, "crds/"):
			made[name] = string(text)
		default:
			template, err := templated(name, string(text))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			made["templates/"+name] = head + template
		}
	}
	return made, nil
}

// values are the lines that values.yaml decides, and how often one stands in a
// DaemonSet.
var values = []struct{ lines, template string }{
	{`image: .*`, `image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"`},
	{`imagePullPolicy: .*`, `imagePullPolicy: {{ .Values.image.pullPolicy }}`},
	{`args: \[run\]`, `args: {{ concat (list "run") .Values.args | toJson }}`},
	{`resources:\n(?: {10}.*\n)+`, "resources: {{- toYaml .Values.resources | nindent 10 }}\n"},
}

var namespace = regexp.MustCompile(`(?m)^( *)namespace: hawser-system$`)

func templated(name, text string) (string, error) {
	if strings.Contains(text, "{{") {
		return "", errors.New("holds template words of its own")
	}
	text = namespace.ReplaceAllString(text, "${1}namespace: {{ .Release.Namespace }}")
	if name != "daemonset.yaml" {
		return text, nil
	}
	for _, v := range values {
		re := regexp.MustCompile(`(?m)^( {8})` + v.lines + `(\n?)`)
		if n := len(re.FindAllString(text, -1)); n != 1 {
			return "", fmt.Errorf("%d places like %q, want one", n, v.lines)
		}
		text = re.ReplaceAllStringFunc(text, func(found string) string {
			end := ""
			if strings.HasSuffix(found, "\n") && !strings.HasSuffix(v.template, "\n") {
				end = "\n"
			}
			return "        " + v.template + end
		})
	}
	return text, nil
}
