package migrate

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the expected manifests anew")

func moved(t *testing.T, text string) (House, string) {
	t.Helper()
	objects, err := Read(text)
	if err != nil {
		t.Fatal(err)
	}
	h, err := Move(objects, "hawser-system")
	if err != nil {
		t.Fatal(err)
	}
	out, err := h.Text("hawser-system")
	if err != nil {
		t.Fatal(err)
	}
	return h, out
}

func TestWhatMetalLBWasToldIsSaidInHawsersObjects(t *testing.T) {
	for _, name := range []string{"configmap", "objects"} {
		text, err := os.ReadFile("testdata/" + name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		_, got := moved(t, string(text))
		if *update {
			if err := os.WriteFile("testdata/"+name+".want", []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile("testdata/" + name + ".want")
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), got); d != "" {
			t.Errorf("%s:\n%s", name, d)
		}
	}
}

func TestTheTextOfTheConfigMapByItselfAndAListAreReadToo(t *testing.T) {
	pools := "address-pools: [{name: a, protocol: bgp, addresses: [192.0.2.0/24]}]\npeers: [{my-asn: 1, peer-asn: 2, peer-address: 10.0.0.1}]\n"
	h, _ := moved(t, pools)
	if len(h.Pools) != 1 || len(h.Peers) != 1 || len(h.Advertisements) != 0 || len(h.Lost) != 0 {
		t.Errorf("%+v", h)
	}
	list := `{"apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPoolList", "items": [{"metadata": {"name": "a"}, "spec": {"addresses": ["192.0.2.0/24"]}}]}`
	if h, _ := moved(t, list); len(h.Pools) != 1 || h.Pools[0].Name != "a" {
		t.Errorf("%+v", h)
	}
}

func TestAFieldThatNobodyKnowsIsLostAndNotPassedOver(t *testing.T) {
	h, _ := moved(t, "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: a}\nspec: {addresses: [192.0.2.0/24], flux: 1}\n")
	if len(h.Pools) != 1 || !strings.Contains(strings.Join(h.Lost, "\n"), `unknown field "flux"`) {
		t.Errorf("%+v", h)
	}
}

func TestWhatCannotBeReadIsNamed(t *testing.T) {
	for want, text := range map[string]string{
		"IPAddressPool a: spec.addresses[0]: ":                  "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: a}\nspec: {addresses: [harbour]}\n",
		"BGPPeer a: spec.myASN: a string cannot stand here":     "apiVersion: metallb.io/v1beta2\nkind: BGPPeer\nmetadata: {name: a}\nspec: {myASN: x}\n",
		`BGPPeer a: spec.holdTime: "long" is no length of time`: "apiVersion: metallb.io/v1beta2\nkind: BGPPeer\nmetadata: {name: a}\nspec: {myASN: 1, peerASN: 2, peerAddress: 10.0.0.1, holdTime: long}\n",
		"ConfigMap config: line 1: flux: unknown field":         "flux: 1\n",
	} {
		objects, err := Read(text)
		if err == nil {
			_, err = Move(objects, "hawser-system")
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if _, err := Read("a: [\n"); err == nil {
		t.Error("no YAML is read")
	}
}

func TestAPasswordIsNowhereButInItsSecret(t *testing.T) {
	text, err := os.ReadFile("testdata/objects.yaml")
	if err != nil {
		t.Fatal(err)
	}
	h, out := moved(t, string(text))
	if n := strings.Count(out, "open sesame"); n != 1 {
		t.Errorf("it stands there %d times", n)
	}
	for _, s := range append(h.Lost, h.Notes...) {
		if strings.Contains(s, "sesame") {
			t.Error(s)
		}
	}
}
