package routes

import (
	"os/exec"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// alone moves the test's thread into a network namespace that nobody else
// sees and that goes with the thread.
func alone(t *testing.T) {
	t.Helper()
	runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatalf("own network namespace: %v", err)
	}
}

func ip(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		t.Fatalf("ip %v: %v\n%s", args, err, out)
	}
}

func links(t *testing.T) {
	t.Helper()
	ip(t, "link", "add", "left", "type", "veth", "peer", "name", "right")
	for _, name := range []string{"left", "right"} {
		ip(t, "link", "set", name, "up")
	}
	ip(t, "address", "add", "192.0.2.1/24", "dev", "left")
	ip(t, "address", "add", "2001:db8::1/64", "dev", "left", "nodad")
}

func find(t *testing.T, prefix string) string {
	t.Helper()
	all, err := List()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		if r.Prefix.String() == prefix {
			return r.String()
		}
	}
	return ""
}

func TestListTellsWhatIPSet(t *testing.T) {
	alone(t)
	links(t)
	ip(t, "route", "add", "198.51.100.1/32", "proto", "73", "metric", "20", "nexthop", "via", "192.0.2.2", "nexthop", "via", "192.0.2.3", "weight", "2")
	ip(t, "route", "add", "2001:db8:1::/64", "proto", "73", "via", "2001:db8::2", "table", "1000")
	for prefix, want := range map[string]string{
		"198.51.100.1/32": "198.51.100.1/32 table 254 proto 73 type 1 metric 20 nexthop via 192.0.2.2 dev left weight 1 nexthop via 192.0.2.3 dev left weight 2",
		"2001:db8:1::/64": "2001:db8:1::/64 table 1000 proto 73 type 1 metric 1024 nexthop via 2001:db8::2 dev left weight 1",
	} {
		if got := find(t, prefix); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestWatchHearsARouteComeAndGo(t *testing.T) {
	alone(t)
	links(t)
	watch, err := OpenWatch()
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Close()
	ip(t, "route", "add", "198.51.100.1/32", "via", "192.0.2.2")
	ip(t, "route", "del", "198.51.100.1/32", "via", "192.0.2.2")
	var heard []uint16
	for len(heard) < 2 {
		changes, err := watch.Next(time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range changes {
			if c.Route.Prefix.String() == "198.51.100.1/32" {
				heard = append(heard, c.Kind)
			}
		}
	}
	if want := []uint16{unix.RTM_NEWROUTE, unix.RTM_DELROUTE}; !slices.Equal(heard, want) {
		t.Errorf("heard %v, want %v", heard, want)
	}
}
