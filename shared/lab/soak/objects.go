package soak

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/hawser-lb/hawser/shared/lab/scene"
	"github.com/hawser-lb/hawser/shared/lab/soak/plan"
)

const (
	servicesPath       = "/api/v1/namespaces/default/services"
	slicesPath         = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
	nodesPath          = "/api/v1/nodes"
	secretsPath        = "/api/v1/namespaces/" + scene.Namespace + "/secrets"
	leasesPath         = "/apis/coordination.k8s.io/v1/namespaces/" + scene.Namespace + "/leases"
	poolsPath          = "/apis/hawser.dev/v1alpha1/addresspools"
	advertisementsPath = "/apis/hawser.dev/v1alpha1/bgpadvertisements"
	peersPath          = "/apis/hawser.dev/v1alpha1/bgppeers"
)

// object is an object as JSON has it.
type object = map[string]any

// v4 and v6 are an address of a block, by its place there.
func v4(block, place int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, 77, 100, byte(16*block + place)})
}

func v6(block, place int) netip.Addr {
	return netip.MustParseAddr(fmt.Sprintf("fd77:100::%x", 16*block+place))
}

// prefixes of a pool.
func prefixes(pool plan.Fields) []netip.Prefix {
	var all []netip.Prefix
	for _, b := range plan.BlocksOf(pool) {
		if pool["families"] != "IPv6" {
			all = append(all, netip.PrefixFrom(v4(b, 0), 28))
		}
		if pool["families"] != "IPv4" {
			all = append(all, netip.PrefixFrom(v6(b, 0), 124))
		}
	}
	return all
}

func contains(pool plan.Fields, a netip.Addr) bool {
	return slices.ContainsFunc(prefixes(pool), func(p netip.Prefix) bool { return p.Contains(a) })
}

// asked is the address that a Service wants; not valid: any.
func asked(f plan.Fields) netip.Addr {
	block, place, some := strings.Cut(f["ask"], ".")
	if !some {
		return netip.Addr{}
	}
	b, err1 := strconv.Atoi(block)
	n, err2 := strconv.Atoi(place)
	switch {
	case err1 != nil || err2 != nil:
		return netip.Addr{}
	case f["family"] == "IPv6":
		return v6(b, n)
	}
	return v4(b, n)
}

func poolObject(name string, f plan.Fields) object {
	return object{
		"apiVersion": "hawser.dev/v1alpha1", "kind": "AddressPool", "metadata": object{"name": name},
		"spec": object{"addresses": prefixes(f), "autoAssign": f["auto"] == "yes", "avoidBuggyIPs": f["avoid"] == "yes"},
	}
}

func peerObject(f plan.Fields) object {
	spec := object{
		"myASN": scene.ClusterASN, "peerASN": scene.RouterASN, "peerAddress": scene.RouterAddress, "holdTime": f["hold"] + "s",
		"gracefulRestart": object{"enabled": true, "restartTime": f["restart"] + "s"},
		"bfd":             object{"enabled": f["bfd"] == "yes", "transmitInterval": "500ms", "receiveInterval": "500ms", "detectMultiplier": 6},
	}
	if f["password"] != "no" {
		spec["passwordSecret"] = object{"name": secretName}
	}
	return object{"apiVersion": "hawser.dev/v1alpha1", "kind": "BGPPeer", "metadata": object{"name": plan.ThePeer}, "spec": spec}
}

const secretName = "soak"

func secretObject(f plan.Fields) object {
	return object{
		"apiVersion": "v1", "kind": "Secret", "metadata": object{"name": secretName, "namespace": scene.Namespace},
		"type": "kubernetes.io/basic-auth", "stringData": object{"username": "", "password": f["password"]},
	}
}

// witness is the Service that the plan never touches, and its advertisement.
const witness = "witness"

func witnessAdvertisement() object {
	return advertisementObject(witness, object{"serviceSelectors": []any{object{"matchLabels": object{"role": witness}}}})
}

func advertisementObject(name string, spec object) object {
	return object{"apiVersion": "hawser.dev/v1alpha1", "kind": "BGPAdvertisement", "metadata": object{"name": name}, "spec": spec}
}

func advertisement(name string, f plan.Fields) object {
	spec := object{}
	if f["pools"] != "all" {
		spec["ipAddressPools"] = strings.Split(f["pools"], "+")
	}
	if f["tier"] != "any" {
		spec["nodeSelectors"] = []any{object{"matchLabels": object{"tier": f["tier"]}}}
	}
	if n, err := strconv.Atoi(f["length"]); err == nil && n < 32 {
		spec["aggregationLength"], spec["aggregationLengthV6"] = n, n+96
	}
	if f["community"] != "no" {
		spec["communities"] = []string{f["community"]}
	}
	return advertisementObject(name, spec)
}

func serviceObject(name string, f plan.Fields) object {
	annotations := object{}
	if a := asked(f); a.IsValid() {
		annotations["hawser.dev/addresses"] = a.String()
	}
	for key, word := range map[string]string{"pool": "hawser.dev/pool", "share": "hawser.dev/allow-shared-ip"} {
		if f[key] != "no" {
			annotations[word] = f[key]
		}
	}
	families := []string{f["family"]}
	if f["dual"] != "SingleStack" {
		families = append(families, map[string]string{"IPv4": "IPv6", "IPv6": "IPv4"}[f["family"]])
	}
	spec := object{"type": "ClusterIP", "ports": servicePorts(f), "ipFamilyPolicy": f["dual"], "ipFamilies": families}
	if f["type"] != "ClusterIP" {
		spec["type"], spec["externalTrafficPolicy"] = "LoadBalancer", f["policy"]
	}
	if f["type"] == "Foreign" {
		spec["loadBalancerClass"] = "example.com/another"
	}
	return object{
		"apiVersion": "v1", "kind": "Service", "metadata": object{"name": name, "namespace": "default", "annotations": annotations}, "spec": spec,
	}
}

func servicePorts(f plan.Fields) []object {
	var all []object
	for _, word := range strings.Split(f["ports"], "+") {
		n, err := strconv.Atoi(word)
		if err != nil {
			continue
		}
		all = append(all, object{"name": "p" + word, "port": n, "targetPort": scene.BackendPort, "protocol": "TCP"})
	}
	return all
}

// sliceObjects are the endpoints of a Service, one slice a family, by the
// letters of pods: ready, not ready, serving while it ends, none.
func sliceObjects(service string, f plan.Fields, nodes []*scene.Node) map[string]object {
	all := map[string]object{}
	for family, address := range map[string]func(*scene.Node) string{
		"IPv4": func(n *scene.Node) string { return n.Address },
		"IPv6": func(n *scene.Node) string { return n.Address6 },
	} {
		endpoints := []object{}
		for i, n := range nodes {
			letter := f["pods"][i]
			if letter == '-' {
				continue
			}
			endpoints = append(endpoints, object{
				"addresses": []string{address(n)}, "nodeName": n.Name,
				"conditions": object{"ready": letter == 'R', "serving": letter != 'N', "terminating": letter == 'S'},
			})
		}
		var ports []object
		for _, p := range servicePorts(f) {
			ports = append(ports, object{"name": p["name"], "port": scene.BackendPort, "protocol": "TCP"})
		}
		name := service + "-" + strings.ToLower(family)
		all[name] = object{
			"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
			"metadata":    object{"name": name, "namespace": "default", "labels": object{"kubernetes.io/service-name": service}},
			"addressType": family, "ports": ports, "endpoints": endpoints,
		}
	}
	return all
}

// nodePatch is what a plan says of a Node.
func nodePatch(f plan.Fields) object {
	word := func(field string) any {
		if f[field] == "yes" {
			return ""
		}
		return nil // takes it away
	}
	return object{"metadata": object{
		"labels":      object{"tier": f["tier"], "node.kubernetes.io/exclude-from-external-load-balancers": word("exclude")},
		"annotations": object{"hawser.dev/drain": word("drain")},
	}}
}

// routerConfig is the router's file. BFD is patient, here and in peerObject: a
// soak is no measurement, and may share its cores with anything.
func routerConfig(router, peer plan.Fields) string {
	flag := map[string]string{"yes": "1", "no": "0"}
	text := fmt.Sprintf(`config globals 'globals'
	option asn '%d'
	option router_id '%s'
	option hold_time '%s'
	option restart_time '%s'
	option metric '%s'
	option max_paths '%s'
	option resilient '%s'

config cluster 'home'
	option asn '%d'
	list source '10.77.2.0/24'
	list source 'fd77:2::/64'
	list allow '%s'
	list allow '%s'
	option bfd '%s'
	option bfd_interval '500'
	option bfd_multiplier '6'
`, scene.RouterASN, scene.RouterAddress, router["hold"], router["restart"], router["metric"], router["paths"], flag[router["resilient"]],
		scene.ClusterASN, scene.Pool, scene.Pool6, flag[router["bfd"]])
	if peer["password"] != "no" {
		text += "\toption password '" + peer["password"] + "'\n"
	}
	if router["file"] == "bad" {
		text += "\toption max_peers 'many'\n"
	}
	return text
}

// sortedKeys are the names of a map's entries.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
