package v1alpha1_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hawser-lb/hawser/shared/lab"
	"github.com/hawser-lb/hawser/shared/lab/kube"
)

const crds = "../../deploy/crds"

func TestTheCommittedDefinitionsAreWhatTheTypesSay(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command("go", "tool", "controller-gen", "crd", "object:headerFile=/dev/null",
		"paths=./...", "output:crd:dir="+dir, "output:object:dir="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	same(t, filepath.Join(dir, "zz_generated.deepcopy.go"), "zz_generated.deepcopy.go")
	for _, file := range []string{"hawser.dev_addresspools.yaml", "hawser.dev_bgpadvertisements.yaml", "hawser.dev_bgpnodes.yaml", "hawser.dev_bgppeers.yaml"} {
		same(t, filepath.Join(dir, file), filepath.Join(crds, file))
	}
}

func same(t *testing.T, made, committed string) {
	t.Helper()
	a, err := os.ReadFile(made)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(committed)
	if err != nil {
		t.Fatal(err)
	}
	if strings.TrimSpace(string(a)) != strings.TrimSpace(string(b)) {
		t.Errorf("%s is not what the generator makes of the types: run `make generate`", committed)
	}
}

func pool(spec string) string {
	return "apiVersion: hawser.dev/v1alpha1\nkind: AddressPool\nmetadata: {name: x}\nspec: {" + spec + "}"
}

func peer(spec string) string {
	return "apiVersion: hawser.dev/v1alpha1\nkind: BGPPeer\nmetadata: {name: x}\nspec: {" + spec + "}"
}

func ad(spec string) string {
	return "apiVersion: hawser.dev/v1alpha1\nkind: BGPAdvertisement\nmetadata: {name: x}\nspec: {" + spec + "}"
}

const good = "myASN: 65001, peerASN: 65000, peerAddress: 192.0.2.1"

var refused = []struct{ object, says string }{
	{pool(``), "spec.addresses: Required"},
	{pool(`addresses: []`), "should have at least 1 items"},
	{pool(`addresses: [harbour]`), "write a CIDR such as"},
	{pool(`addresses: [192.0.2.1]`), "a single address is 192.0.2.1/32"},
	{pool(`addresses: ["192.0.2.1 - 192.0.2.9"]`), "without spaces"},
	{pool(`addresses: [192.0.2.1-192.0.2.9-192.0.2.10]`), "write a CIDR such as"},
	{pool(`addresses: [192.0.2.0/33]`), "write a CIDR such as"},
	{pool(`addresses: [192.0.2.1/24]`), "host bits"},
	{pool(`addresses: ["2001:db8::1/64"]`), "host bits"},
	{pool(`addresses: ["192.0.2.1-2001:db8::1"]`), "one family"},
	{pool(`addresses: [192.0.2.9-192.0.2.1]`), "above the last"},
	{pool(`addresses: [192.0.2.100-192.0.2.20]`), "above the last"},
	{pool(`addresses: ["2001:db8::9-2001:db8::1"]`), "above the last"},
	{pool(`addresses: ["2001:db8:0:1::-2001:db8::FFFF"]`), "above the last"},
	{pool(`addresses: ["2001:db8::-::ffff"]`), "above the last"},
	{pool(`addresses: [192.0.2.0/24, 192.0.2.0/24]`), "two of the CIDRs overlap"},
	{pool(`addresses: [192.0.2.0/24, 192.0.2.128/25]`), "two of the CIDRs overlap"},
	{pool(`addresses: ["2001:db8::/32", "2001:db8:1::/48"]`), "two of the CIDRs overlap"},
	{pool(`addresses: [192.0.2.0/24, 192.0.1.0-192.0.2.9]`), "inside one of the CIDRs"},
	{pool(`addresses: ["2001:db8::/64", "2001:db8::5-2001:db8:1::"]`), "inside one of the CIDRs"},
	{pool(`addresses: [192.0.2.1-192.0.2.9, 192.0.2.9-192.0.2.10]`), "beginning of another entry"},
	{pool(`addresses: [192.0.2.0/24, 192.0.0.0-192.1.0.0]`), "beginning of another entry"},
	{pool(`addresses: [192.0.2.0/24], serviceAllocation: {priority: -1}`), "greater than or equal to 0"},
	{pool(`addresses: [192.0.2.0/24], serviceAllocation: {namespaces: [a, a]}`), "Duplicate value"},
	{peer(`peerASN: 65000, peerAddress: 192.0.2.1`), "spec.myASN: Required"},
	{peer(`myASN: 65001, peerAddress: 192.0.2.1`), "spec.peerASN: Required"},
	{peer(`myASN: 0, peerASN: 65000, peerAddress: 192.0.2.1`), "greater than or equal to 1"},
	{peer(`myASN: 65001, peerASN: 4294967296, peerAddress: 192.0.2.1`), "less than or equal to 4294967295"},
	{peer(`myASN: 65001, peerASN: 65000`), "exactly one of peerAddress and peerAddressFrom"},
	{peer(good + `, peerAddressFrom: DefaultGateway`), "exactly one of peerAddress and peerAddressFrom"},
	{peer(`myASN: 65001, peerASN: 65000, peerAddressFrom: Harbour`), "Unsupported value"},
	{peer(`myASN: 65001, peerASN: 65000, peerAddress: router.example`), "write an IPv4 or IPv6 address"},
	{peer(`myASN: 65001, peerASN: 65000, peerAddress: 0.0.0.0`), "name no router"},
	{peer(good + `, sourceAddress: eth0`), "write an IPv4 or IPv6 address"},
	{peer(good + `, sourceAddress: "2001:db8::1"`), "one family"},
	{peer(good + `, routerID: "2001:db8::1"`), "like an IPv4 address"},
	{peer(good + `, routerID: 0.0.0.0`), "like an IPv4 address"},
	{peer(good + `, peerPort: 0`), "greater than or equal to 1"},
	{peer(good + `, peerPort: 65536`), "less than or equal to 65535"},
	{peer(good + `, holdTime: 2s`), "holdTime is 0s, or from 3s"},
	{peer(good + `, holdTime: 65536s`), "holdTime is 0s, or from 3s"},
	{peer(good + `, holdTime: 3500ms`), "should match"},
	{peer(good + `, holdTime: soon`), "should match"},
	{peer(good + `, holdTime: ""`), "holdTime is 0s, or from 3s"},
	{peer(good + `, keepaliveTime: 4s`), "at most a third of holdTime"},
	{peer(good + `, holdTime: 30s, keepaliveTime: 11s`), "at most a third of holdTime"},
	{peer(good + `, keepaliveTime: 0s`), "at least 1s"},
	{peer(good + `, connectRetryTime: 11s`), "from 100ms to 10s"},
	{peer(good + `, connectRetryTime: 50ms`), "from 100ms to 10s"},
	{peer(`myASN: 65000, peerASN: 65000, peerAddress: 192.0.2.1, ebgpMultiHop: true`), "another AS"},
	{peer(good + `, passwordSecret: {}`), "passwordSecret.name: Required"},
	{pool(`addresses: [192.0.2.0/24], serviceAllocation: {namespaceSelectors: [{matchExpressions: [{key: a, operator: In}]}]}`), "In and NotIn need values"},
	{pool(`addresses: [192.0.2.0/24], serviceAllocation: {namespaceSelectors: [{matchExpressions: [{key: a, operator: NotIn, values: []}]}]}`), "In and NotIn need values"},
	{pool(`addresses: [192.0.2.0/24], serviceAllocation: {namespaceSelectors: [{matchExpressions: [{key: a, operator: Exists, values: [b]}]}]}`), "take no values"},
	{pool(`addresses: [192.0.2.0/24], serviceAllocation: {namespaceSelectors: [{matchExpressions: [{key: a, operator: DoesNotExist, values: [b]}]}]}`), "take no values"},
	{pool(`addresses: [192.0.2.0/24], serviceAllocation: {namespaceSelectors: [{matchExpressions: [{key: a, operator: Near}]}]}`), "Unsupported value"},
	{pool(`addresses: [192.0.2.0/24], serviceAllocation: {namespaceSelectors: [{matchExpressions: [{key: "", operator: Exists}]}]}`), "should be at least 1 chars long"},
	{pool(`addresses: [192.0.2.0/24], serviceAllocation: {serviceSelectors: [{matchLabels: {a: b}}, {matchExpressions: [{key: a, operator: In}]}]}`), "In and NotIn need values"},
	{pool(`addresses: [192.0.2.0/24], serviceAllocation: {serviceSelectors: [{matchLabels: {a: b}}, {matchExpressions: [{key: a, operator: NotIn, values: []}]}]}`), "In and NotIn need values"},
	{pool(`addresses: [192.0.2.0/24], serviceAllocation: {serviceSelectors: [{matchLabels: {a: b}}, {matchExpressions: [{key: a, operator: Exists, values: [b]}]}]}`), "take no values"},
	{pool(`addresses: [192.0.2.0/24], serviceAllocation: {serviceSelectors: [{matchLabels: {a: b}}, {matchExpressions: [{key: a, operator: DoesNotExist, values: [b]}]}]}`), "take no values"},
	{pool(`addresses: [192.0.2.0/24], serviceAllocation: {serviceSelectors: [{matchLabels: {a: b}}, {matchExpressions: [{key: a, operator: Near}]}]}`), "Unsupported value"},
	{pool(`addresses: [192.0.2.0/24], serviceAllocation: {serviceSelectors: [{matchLabels: {a: b}}, {matchExpressions: [{key: "", operator: Exists}]}]}`), "should be at least 1 chars long"},
	{peer(good + `, nodeSelectors: [{matchExpressions: [{key: a, operator: In}]}]`), "In and NotIn need values"},
	{peer(good + `, nodeSelectors: [{matchExpressions: [{key: a, operator: NotIn, values: []}]}]`), "In and NotIn need values"},
	{peer(good + `, nodeSelectors: [{matchExpressions: [{key: a, operator: Exists, values: [b]}]}]`), "take no values"},
	{peer(good + `, nodeSelectors: [{matchExpressions: [{key: a, operator: DoesNotExist, values: [b]}]}]`), "take no values"},
	{peer(good + `, nodeSelectors: [{matchExpressions: [{key: a, operator: Near}]}]`), "Unsupported value"},
	{peer(good + `, nodeSelectors: [{matchExpressions: [{key: "", operator: Exists}]}]`), "should be at least 1 chars long"},
	{peer(good + `, ttlSecurity: 255`), "less than or equal to 254"},
	{peer(good + `, ttlSecurity: -1`), "greater than or equal to 0"},
	{peer(good + `, ttlSecurity: 1, ebgpMultiHop: true`), "exclude one another"},
	{peer(good + `, bfd: {transmitInterval: 9ms}`), "from 10ms to 60s"},
	{peer(good + `, bfd: {receiveInterval: 61s}`), "from 10ms to 60s"},
	{peer(good + `, bfd: {receiveInterval: fast}`), "should match"},
	{peer(good + `, bfd: {detectMultiplier: 1}`), "greater than or equal to 2"},
	{peer(good + `, bfd: {detectMultiplier: 256}`), "less than or equal to 255"},
	{peer(good + `, gracefulRestart: {restartTime: 0s}`), "from 1s to 4095s"},
	{peer(good + `, gracefulRestart: {restartTime: 4096s}`), "from 1s to 4095s"},
	{peer(good + `, gracefulRestart: {restartTime: 500ms}`), "should match"},
	{ad(`ipAddressPools: [a, a]`), "Duplicate value"},
	{ad(`ipAddressPools: [""]`), "at least 1 chars long"},
	{ad(`peers: [a, a]`), "Duplicate value"},
	{ad(`aggregationLength: 0`), "greater than or equal to 1"},
	{ad(`aggregationLength: 33`), "less than or equal to 32"},
	{ad(`aggregationLengthV6: 129`), "less than or equal to 128"},
	{ad(`localPref: -1`), "greater than or equal to 0"},
	{ad(`localPref: 4294967296`), "less than or equal to 4294967295"},
	{ad(`med: 4294967296`), "less than or equal to 4294967295"},
	{ad(`communities: [internet]`), "write a community as"},
	{ad(`communities: ["1:2:3"]`), "write a community as"},
	{ad(`communities: ["large:1:2"]`), "write a community as"},
	{ad(`communities: ["65536:1"]`), "at most 65535"},
	{ad(`communities: ["1:65536"]`), "at most 65535"},
	{ad(`communities: ["large:1:2:4294967296"]`), "at most 4294967295"},
	{ad(`communities: ["1:2", "1:2"]`), "Duplicate value"},
	{ad(`serviceSelectors: [{matchExpressions: [{key: a, operator: In}]}]`), "In and NotIn need values"},
	{ad(`nodeSelectors: [{matchExpressions: [{key: a, operator: Exists, values: [b]}]}]`), "take no values"},
	{ad(`ipAddressPoolSelectors: [{matchExpressions: [{key: a, operator: Near}]}]`), "Unsupported value"},
	{peer(`myASN: 65001, peerASN: 65000, peerAddress: "224.0.0.5"`), "names no router"},
	{peer(`myASN: 65001, peerASN: 65000, peerAddress: "240.0.0.1"`), "names no router"},
	{peer(`myASN: 65001, peerASN: 65000, peerAddress: "255.255.255.255"`), "names no router"},
	{peer(`myASN: 65001, peerASN: 65000, peerAddress: "ff02::5"`), "names no router"},
}

var accepted = []string{
	pool(`addresses: [192.0.2.0/24]`),
	pool(`addresses: [192.0.2.1/32, 192.0.2.3-192.0.2.3, 192.0.2.5-192.0.2.10, 192.0.2.128/25]`),
	pool(`addresses: ["2001:db8::/64", "2001:db8:0:1::1-2001:db8:0:1::FF", "::1:2-::1:3", "fd00::-fd00:0:0:0:0:0:0:1", "fd00:1:2:3:4:5:6:7-fd00:1:2:3:4:5:6:8"]`),
	pool(`addresses: [0.0.0.0-9.255.255.255, 10.0.0.0/8], autoAssign: false, avoidBuggyIPs: true, crossNamespaceSharing: true, serviceAllocation: {priority: 1, namespaces: [a, b], namespaceSelectors: [{matchLabels: {a: b}}], serviceSelectors: [{matchExpressions: [{key: a, operator: Exists}]}]}`),
	pool(`addresses: [` + many(32) + `]`),
	peer(good),
	peer(`myASN: 4294967295, peerASN: 1, peerAddressFrom: DefaultGateway, holdTime: 0s, keepaliveTime: 90s, nodeSelectors: [{matchLabels: {a: b}}]`),
	peer(good + `, nodeSelectors: [{}, {matchExpressions: [{key: a, operator: In, values: [b]}, {key: a, operator: NotIn, values: [b, c]}, {key: a, operator: Exists, values: []}, {key: a, operator: DoesNotExist}]}]`),
	peer(`myASN: 65001, peerASN: 65000, peerAddress: 127.0.0.1`),
	peer(`myASN: 65001, peerASN: 65000, peerAddress: "fe80::1"`),
	peer(good + `, peerPort: 65535, sourceAddress: 192.0.2.2, routerID: 192.0.2.2, ebgpMultiHop: true, holdTime: 1m30s, keepaliveTime: 30s, connectRetryTime: 500ms, passwordSecret: {name: x}`),
	peer(good + `, ttlSecurity: 1, ebgpMultiHop: false, bfd: {enabled: true, transmitInterval: 10ms, receiveInterval: 1m, detectMultiplier: 255}, gracefulRestart: {enabled: false, restartTime: 1h}`),
	peer(good + `, ttlSecurity: 0, ebgpMultiHop: true, bfd: {}, gracefulRestart: {}`),
	ad(``),
	ad(`ipAddressPools: [a, b], ipAddressPoolSelectors: [{}], nodeSelectors: [{matchLabels: {a: b}}], peers: [a], serviceSelectors: [{matchExpressions: [{key: a, operator: In, values: [b]}]}]`),
	ad(`aggregationLength: 24, aggregationLengthV6: 64, localPref: 4294967295, med: 0, communities: ["65535:65281", "large:4294967295:0:1", no-export, no-advertise, no-export-subconfed, no-peer, blackhole, graceful-shutdown]`),
}

// many is a list of distinct ranges, as long as they get.
func many(n int) string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf(`"2001:db8:ffff:%x:ffff:ffff:ffff:0000-2001:db8:ffff:%x:ffff:ffff:ffff:ffff"`, 0xf000+i, 0xf000+i)
	}
	return strings.Join(out, ", ")
}

func TestTheAPIServerRefusesEachWrongObjectWithASentence(t *testing.T) {
	c := kube.Test(t, kube.Options{Controllers: kube.NoControllers})
	if _, err := c.Kubectl(t.Context(), "apply", "--server-side", "-f", crds); err != nil {
		t.Fatal(err)
	}
	dry := func(object string) error {
		file := filepath.Join(t.TempDir(), "object.yaml")
		if err := os.WriteFile(file, []byte(object), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := c.Kubectl(t.Context(), "create", "--dry-run=server", "-f", file)
		return err
	}
	lab.Eventually(t, "the definitions to be in force", func() error {
		return errors.Join(dry(accepted[0]), dry(peer(good)), dry(ad("")))
	})
	for _, object := range accepted {
		if err := dry(object); err != nil {
			t.Errorf("%s\nis refused: %v", object, err)
		}
	}
	for _, r := range refused {
		switch err := dry(r.object); {
		case err == nil:
			t.Errorf("%s\nis taken", r.object)
		case !strings.Contains(err.Error(), r.says):
			t.Errorf("%s\nis refused, but not with %q: %v", r.object, r.says, err)
		}
	}
}

// TestAnObjectOfAnOlderSchemaCanStillBeToldWhatIsWrong brings in a pool that
// the rules would refuse before the rules are there.
func TestAnObjectOfAnOlderSchemaCanStillBeToldWhatIsWrong(t *testing.T) {
	c := kube.Test(t, kube.Options{Controllers: kube.NoControllers})
	file := filepath.Join(t.TempDir(), "file.yaml")
	kubectl := func(args ...string) error {
		_, err := c.Kubectl(t.Context(), args...)
		return err
	}
	create := func(text string, more ...string) error {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return err
		}
		return kubectl(append([]string{"create", "-f", file}, more...)...)
	}
	text, err := os.ReadFile(filepath.Join(crds, "hawser.dev_addresspools.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	older := strings.NewReplacer("self.values.size() > 0", "true", "self.values.size() == 0", "true").Replace(string(text))
	if older == string(text) {
		t.Fatal("the rules on values are not there")
	}
	if err := create(older); err != nil {
		t.Fatal(err)
	}
	bad := pool(`addresses: [192.0.2.0/24], serviceAllocation: {serviceSelectors: [{matchExpressions: [{key: a, operator: In, values: []}]}]}`)
	lab.Eventually(t, "the older definition to be in force", func() error { return create(bad) })
	if err := kubectl("apply", "--server-side", "--force-conflicts", "-f", crds); err != nil {
		t.Fatal(err)
	}
	lab.Eventually(t, "the rules to be in force", func() error {
		if err := create(strings.Replace(bad, "name: x", "name: another", 1), "--dry-run=server"); err == nil || !strings.Contains(err.Error(), "need values") {
			return fmt.Errorf("not refused for its values: %v", err)
		}
		return nil
	})
	condition := `{"status":{"conditions":[{"type":"Accepted","status":"False","reason":"Invalid","message":"x","lastTransitionTime":"2026-01-01T00:00:00Z"}]}}`
	if err := kubectl("patch", "addresspool", "x", "--subresource", "status", "--type", "merge", "-p", condition); err != nil {
		t.Error(err)
	}
}
