package scene

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

func isIPv6(text string) bool { return strings.Contains(text, ":") }

// parseNextHops reads what `ip -json route show` prints: one gateway a route,
// or a list of next hops in one. IPv6 may print either.
func parseNextHops(text string) ([]string, error) {
	var routes []struct {
		Gateway  string `json:"gateway"`
		NextHops []struct {
			Gateway string `json:"gateway"`
		} `json:"nexthops"`
	}
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(text), &routes); err != nil {
		return nil, fmt.Errorf("ip -json: %w in %q", err, text)
	}
	var all []string
	for _, r := range routes {
		if r.Gateway != "" {
			all = append(all, r.Gateway)
		}
		for _, n := range r.NextHops {
			all = append(all, n.Gateway)
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}
