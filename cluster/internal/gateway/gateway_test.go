package gateway

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

const table4 = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth1	00000000	FE02000A	0003	0	0	600	00000000	0	0	0
eth0	00000000	010200C0	0003	0	0	100	00000000	0	0	0
eth0	000200C0	00000000	0001	0	0	0	00FFFFFF	0	0	0
`

const table6 = `fd000000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000002 00000000 00000003     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
`

func tables(t *testing.T, v4, v6 string) string {
	t.Helper()
	dir := t.TempDir()
	for file, text := range map[string]string{"route": v4, "ipv6_route": v6} {
		if text == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestTheBestDefaultRouteOfEachFamilyNamesTheGateway(t *testing.T) {
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("fe80::1%eth0")
	for _, c := range []struct {
		name, v4, v6 string
		want         []netip.Addr
	}{
		{"both families, the lower metric of two", table4, table6, []netip.Addr{a, b}},
		{"a kernel without IPv6", table4, "", []netip.Addr{a}},
		{"no default route at all", "Iface\n", "", nil},
	} {
		got, err := read(tables(t, c.v4, c.v6))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestARealTableIsRead(t *testing.T) {
	if _, err := Read(); err != nil {
		t.Error(err)
	}
}
