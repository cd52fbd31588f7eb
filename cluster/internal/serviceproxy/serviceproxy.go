// Package serviceproxy asks the node's service proxy (kube-proxy, or what stands in
// for it) whether it sends traffic for a Service to pods on the node. For a
// Service of type LoadBalancer with externalTrafficPolicy Local it says so at
// spec.healthCheckNodePort, and it says so only once its rules are written. It
// stands beside the line: it is asked by the controller, and decides nothing.
package serviceproxy

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"time"
)

// patience is how long one answer is waited for. It comes from this node.
const patience = time.Second

// NotYet is the answer of a proxy that is there and has no endpoint to send
// traffic to, as far as it knows.
type NotYet struct {
	Status string // of HTTP
	// Endpoints on this node that it knows of, -1 when it does not say.
	Endpoints int
}

func (e *NotYet) Error() string {
	if e.Endpoints < 0 {
		return "it answers " + e.Status
	}
	return fmt.Sprintf("it answers %s and knows of %d endpoints here", e.Status, e.Endpoints)
}

var client = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Timeout:       patience,
}

// Ready asks at an address of the node and the Service's healthCheckNodePort.
// The error is a *NotYet where somebody answers, and another where nobody does.
func Ready(ctx context.Context, at netip.AddrPort) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+at.String()+"/healthz", nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	answer := struct{ LocalEndpoints int }{-1}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 4<<10)).Decode(&answer); err != nil {
		answer.LocalEndpoints = -1
	}
	return &NotYet{resp.Status, answer.LocalEndpoints}
}
