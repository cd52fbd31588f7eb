// Package monitoring holds what is made for cluster/deploy/monitoring: the
// Grafana dashboard, from a table of panels, and the tests of the alert rules.
package monitoring

import (
	"encoding/json"
	"fmt"
)

// Panel is one graph or figure: its title, its unit as Grafana names it, and
// its queries with their legends.
type Panel struct {
	Title, Kind, Unit string
	Width             int // of 24
	Queries           []Query
}

// Query is PromQL and what its lines are called.
type Query struct{ Expr, Legend string }

// Panels of the dashboard, in reading order.
var Panels = []Panel{
	{"Sessions up", "stat", "none", 6, []Query{{"sum(hawser_bgp_session_up)", ""}}},
	{"Sessions down", "stat", "none", 6, []Query{{"count(hawser_bgp_session_up == 0) or vector(0)", ""}}},
	{"Leader", "stat", "none", 6, []Query{{"hawser_leader == 1", "{{instance}}"}}},
	{"Addresses left", "stat", "none", 6, []Query{{"sum by (pool, family) (hawser_pool_addresses - hawser_pool_addresses_assigned)", "{{pool}} {{family}}"}}},
	{"Pool use", "timeseries", "percentunit", 12, []Query{{"hawser_pool_addresses_assigned / hawser_pool_addresses", "{{pool}} {{family}}"}}},
	{"Allocations", "timeseries", "cps", 12, []Query{{"sum by (result) (rate(hawser_allocations_total[5m]))", "{{result}}"}}},
	{"Sessions by peer", "timeseries", "none", 12, []Query{{"sum by (peer) (hawser_bgp_session_up)", "{{peer}}"}}},
	{"Sessions that ended", "timeseries", "none", 12, []Query{{"sum by (peer) (increase(hawser_bgp_session_downs_total[5m]))", "{{peer}}"}}},
	{"Routes announced by node", "timeseries", "none", 12, []Query{{"hawser_routes_announced", "{{instance}}"}}},
	{"Not announced, by reason", "timeseries", "none", 12, []Query{{"sum by (reason) (hawser_services_not_announced)", "{{reason}}"}}},
	{"Service seen to route sent", "timeseries", "s", 12, []Query{
		{"histogram_quantile(0.5, sum by (le) (rate(hawser_service_to_route_seconds_bucket[5m])))", "p50"},
		{"histogram_quantile(0.99, sum by (le) (rate(hawser_service_to_route_seconds_bucket[5m])))", "p99"},
	}},
	{"One round from the cluster to the routes", "timeseries", "s", 12, []Query{
		{"histogram_quantile(0.5, sum by (le) (rate(hawser_reconcile_seconds_bucket[5m])))", "p50"},
		{"histogram_quantile(0.99, sum by (le) (rate(hawser_reconcile_seconds_bucket[5m])))", "p99"},
	}},
}

// height of a row of panels, in Grafana's units.
var height = map[string]int{"stat": 4, "timeseries": 8}

// Dashboard is the JSON that Grafana imports.
func Dashboard() ([]byte, error) {
	var panels []any
	x, y := 0, 0
	for i, p := range Panels {
		if x+p.Width > 24 {
			x, y = 0, y+height[Panels[i-1].Kind]
		}
		var targets []any
		for j, q := range p.Queries {
			targets = append(targets, map[string]any{
				"refId": string(rune('A' + j)), "expr": q.Expr, "legendFormat": q.Legend, "instant": p.Kind == "stat", "datasource": source,
			})
		}
		panels = append(panels, map[string]any{
			"id": i + 1, "title": p.Title, "type": p.Kind, "datasource": source, "targets": targets,
			"gridPos":     map[string]int{"x": x, "y": y, "w": p.Width, "h": height[p.Kind]},
			"fieldConfig": map[string]any{"defaults": map[string]any{"unit": p.Unit, "min": 0}, "overrides": []any{}},
		})
		x += p.Width
	}
	text, err := json.MarshalIndent(map[string]any{
		"title": "Hawser", "uid": "hawser", "schemaVersion": 39, "tags": []string{"hawser"}, "refresh": "30s",
		"time":       map[string]string{"from": "now-6h", "to": "now"},
		"templating": map[string]any{"list": []any{map[string]any{"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Source"}}},
		"panels":     panels,
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("dashboard: %w", err)
	}
	return append(text, '\n'), nil
}

// source is the Prometheus that the reader chooses.
var source = map[string]string{"type": "prometheus", "uid": "${datasource}"}
