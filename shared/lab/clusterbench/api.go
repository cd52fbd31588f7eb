package clusterbench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/hawser-lb/hawser/shared/lab"
)

// api is the API server by plain HTTP, as the administrator.
type api struct {
	client *http.Client
	server string
}

func (a *api) do(ctx context.Context, method, path string, body any) (*http.Response, error) {
	var in io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		in = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, a.server+path, in)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := a.client.Do(request)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode >= 300 {
		defer answer.Body.Close()
		text, _ := io.ReadAll(answer.Body)
		return nil, fmt.Errorf("%s %s: %s: %s", method, path, answer.Status, text)
	}
	return answer, nil
}

// write sends an object and forgets the answer.
func (a *api) write(ctx context.Context, method, path string, body any) error {
	answer, err := a.do(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}

// service writes a Service; its EndpointSlice, with a pod on each node, should
// be there.
func (a *api) service(ctx context.Context, name string) error {
	return a.write(ctx, http.MethodPost, "/api/v1/namespaces/default/services", map[string]any{
		"metadata": map[string]any{"name": name, "labels": map[string]string{"app": name}},
		"spec": map[string]any{
			"type": "LoadBalancer", "selector": map[string]string{"app": name}, "allocateLoadBalancerNodePorts": false,
			"ports": []any{map[string]any{"port": 80}},
		},
	})
}

func (a *api) slice(ctx context.Context, service string) error {
	var endpoints []any
	for i := range nodes {
		endpoints = append(endpoints, map[string]any{
			"addresses": []string{fmt.Sprintf("10.1.%d.1", i)}, "nodeName": fmt.Sprintf("node%d", i+1), "conditions": map[string]bool{"ready": true},
		})
	}
	return a.write(ctx, http.MethodPost, "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", map[string]any{
		"metadata":    map[string]any{"name": service + "-a", "labels": map[string]string{"kubernetes.io/service-name": service}},
		"addressType": "IPv4", "ports": []any{map[string]any{"port": 8080}}, "endpoints": endpoints,
	})
}

// all calls f for each name, several at a time.
func all(ctx context.Context, names []string, f func(context.Context, string) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(16)
	for _, n := range names {
		g.Go(func() error { return f(ctx, n) })
	}
	return g.Wait()
}

// watches are those of one speaker.
var watches = []string{
	"/api/v1/services", "/apis/discovery.k8s.io/v1/endpointslices", "/api/v1/nodes", "/api/v1/namespaces",
	"/apis/hawser.dev/v1alpha1/addresspools", "/apis/hawser.dev/v1alpha1/bgppeers",
	"/api/v1/namespaces/" + namespace + "/configmaps?fieldSelector=metadata.name%3Dconfig",
	"/apis/coordination.k8s.io/v1/namespaces/" + namespace + "/leases?fieldSelector=metadata.name%3Dhawser-allocator",
}

// follow is one of a speaker's watches, from now on, in a speaker's encoding;
// what comes is thrown away.
func (a *api) follow(ctx context.Context, path string) error {
	sign := "?"
	if strings.Contains(path, "?") {
		sign = "&"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.server+path+sign+"watch=1&sendInitialEvents=false&resourceVersion=0&resourceVersionMatch=NotOlderThan", nil)
	if err != nil {
		return err
	}
	if !strings.Contains(path, "hawser.dev") {
		request.Header.Set("Accept", "application/vnd.kubernetes.protobuf;stream=watch")
	}
	answer, err := a.client.Do(request)
	if err == nil {
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", path, answer.Status)
		}
		_, err = io.Copy(io.Discard, answer.Body)
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// watch sends each line of a watch to f until ctx ends.
func (a *api) watch(ctx context.Context, path string, f func([]byte) error) error {
	answer, err := a.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	lines := bufio.NewReaderSize(answer.Body, 1<<16)
	for {
		line, err := lines.ReadBytes('\n')
		if err == nil {
			err = f(line)
		}
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

var counted = regexp.MustCompile(`(?m)^apiserver_request_total\{.*resource="([^"]*)".*subresource="([^"]*)".*verb="(POST|PUT|PATCH|APPLY|DELETE)".*\} (\S+)$`)

// writes are the API server's own counts of what was written, by resource.
func (a *api) writes(ctx context.Context) (map[string]float64, error) {
	answer, err := a.do(ctx, http.MethodGet, "/metrics", nil)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	out := map[string]float64{}
	for _, m := range counted.FindAllStringSubmatch(string(text), -1) {
		n, err := strconv.ParseFloat(m[4], 64)
		if err != nil {
			return nil, err
		}
		out[strings.TrimSuffix(m[1]+"/"+m[2], "/")] += n
	}
	return out, nil
}

// get asks an HTTP server on the host itself.
func get(ctx context.Context, h *lab.Host, url string) (string, error) {
	client := &http.Client{Transport: &http.Transport{DialContext: h.Dial, DisableKeepAlives: true}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	answer, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return string(text), err
}
