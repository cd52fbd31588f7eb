package kernel_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hawser-lb/hawser/router/internal/fib"
	"github.com/hawser-lb/hawser/router/internal/kernel"
	"github.com/hawser-lb/hawser/shared/lab"
)

const (
	protocol = 73
	metric   = 20
)

// scene is a router with one LAN, 10.77.2.0/24 and 2001:db8:2::/64.
type scene struct {
	t    testing.TB
	host *lab.Host
	node *lab.Host
	link int
}

func newScene(t testing.TB) *scene {
	t.Helper()
	l := lab.Test(t)
	s := &scene{t: t, host: l.Host("router")}
	s.node = l.Host("node")
	l.Link(s.host, "lan", []string{"10.77.2.1/24", "2001:db8:2::1/64"}, s.node, "eth0", []string{"10.77.2.11/24", "2001:db8:2::11/64"})
	k := s.open(kernel.Config{Table: unix.RT_TABLE_MAIN, Protocol: protocol})
	lab.Eventually(t, "the cable to be plugged in", func() error {
		f, err := k.Facts()
		if err != nil {
			return err
		}
		for _, l := range f.Links {
			if l.Name == "lan" && l.Carrier {
				s.link = l.Index
				return nil
			}
		}
		return errors.New("no carrier")
	})
	return s
}

func (s *scene) open(cfg kernel.Config) *kernel.Kernel {
	s.t.Helper()
	var k *kernel.Kernel
	err := s.host.Do(func() (err error) {
		k, err = kernel.Open(cfg)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { k.Close() })
	return k
}

func (s *scene) main() *kernel.Kernel {
	return s.open(kernel.Config{Table: unix.RT_TABLE_MAIN, Protocol: protocol})
}

// ip runs `ip ...` on the router and returns what it prints.
func (s *scene) ip(words string) string {
	s.t.Helper()
	out, err := s.host.Run(s.t.Context(), "ip", strings.Fields(words)...)
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.Join(strings.Fields(out), " ")
}

// hops are legs to 10.77.2.N or 2001:db8:2::N, by the number's text.
func (s *scene) hops(addrs ...string) []fib.NextHop {
	var out []fib.NextHop
	for _, a := range addrs {
		out = append(out, fib.NextHop{Addr: netip.MustParseAddr(a), Link: s.link, Weight: 1})
	}
	return out
}

func key(prefix string) fib.Key {
	return fib.Key{Prefix: netip.MustParsePrefix(prefix), Metric: metric, Table: unix.RT_TABLE_MAIN}
}

// rules for routes of each kind.
func rules(kind fib.Kind, own int) fib.Rules {
	return fib.Rules{Kind: kind, Protocol: protocol, First: protocol << 24, Own: own}
}

var kinds = []fib.Kind{fib.Multipath, fib.HashGroups, fib.ResilientGroups}

// have is what the kernel holds of ours.
func (s *scene) have(k *kernel.Kernel) *fib.Have {
	s.t.Helper()
	have, err := k.Have()
	if err != nil {
		s.t.Fatal(err)
	}
	return have
}

// step is one about a route with legs of its own.
func step(v fib.Verb, k fib.Key, hops ...fib.NextHop) fib.Step {
	return fib.Step{Verb: v, Key: k, NextHops: hops, Protocol: protocol}
}

// apply plans from what stands to want, applies it, and checks that the kernel
// then holds want.
func (s *scene) apply(k *kernel.Kernel, want fib.Table, rules fib.Rules) {
	s.t.Helper()
	have := s.have(k)
	steps := fib.Plan(want, have, rules)
	if err := k.Apply(steps); err != nil {
		s.t.Fatal(err)
	}
	have.Apply(steps)
	stands := s.have(k)
	if again := fib.Plan(want, stands, rules); len(again) != 0 {
		s.t.Fatalf("left to do:\n%s", fib.Text(again))
	}
	if stands.String() != have.String() {
		s.t.Fatalf("the kernel has\n%sand not\n%s", stands, have)
	}
}

func TestPlainRoutesOfBothFamiliesComeGoAndChange(t *testing.T) {
	s := newScene(t)
	plain := rules(fib.Multipath, 0)
	k := s.main()
	weighted := s.hops("10.77.2.11", "10.77.2.12")
	weighted[1].Weight = 3
	s.apply(k, fib.Table{
		key("10.77.100.1/32"):      s.hops("10.77.2.11"),
		key("10.77.100.2/32"):      s.hops("10.77.2.11", "10.77.2.12", "10.77.2.13"),
		key("10.77.100.3/32"):      weighted,
		key("10.77.101.0/24"):      nil,
		key("2001:db8:100::1/128"): s.hops("2001:db8:2::11"),
		key("2001:db8:100::2/128"): s.hops("2001:db8:2::11", "2001:db8:2::12", "2001:db8:2::13"),
		key("2001:db8:101::/64"):   nil,
		{Prefix: netip.MustParsePrefix("10.9.0.0/16"), Metric: 77, Table: unix.RT_TABLE_MAIN}: s.hops("10.77.2.11"),
	}, plain)
	for command, want := range map[string]string{
		"route show 10.77.100.1":               "10.77.100.1 via 10.77.2.11 dev lan proto 73 metric 20",
		"route show 10.77.100.3":               "10.77.100.3 proto 73 metric 20 nexthop via 10.77.2.11 dev lan weight 1 nexthop via 10.77.2.12 dev lan weight 3",
		"route show 10.77.101.0/24":            "unreachable 10.77.101.0/24 proto 73 metric 20",
		"-6 route show 2001:db8:100::2":        "2001:db8:100::2 proto 73 metric 20 pref medium nexthop via 2001:db8:2::11 dev lan weight 1 nexthop via 2001:db8:2::12 dev lan weight 1 nexthop via 2001:db8:2::13 dev lan weight 1",
		"route get 10.77.100.1":                "10.77.100.1 via 10.77.2.11 dev lan src 10.77.2.1 uid 0 cache",
		"-6 route show 2001:db8:101::/64":      "unreachable 2001:db8:101::/64 dev lo proto 73 metric 20 pref medium",
		"-details route show proto 73 10.9/16": "unicast 10.9.0.0/16 via 10.77.2.11 dev lan scope global metric 77",
	} {
		if got := s.ip(command); got != want {
			t.Errorf("ip %s:\n%s\nwant\n%s", command, got, want)
		}
	}
	s.apply(k, fib.Table{
		key("10.77.100.1/32"):      s.hops("10.77.2.11", "10.77.2.14"),
		key("10.77.100.2/32"):      s.hops("10.77.2.12"),
		key("10.77.100.3/32"):      s.hops("10.77.2.11", "10.77.2.12"),
		key("2001:db8:100::1/128"): s.hops("2001:db8:2::12", "2001:db8:2::13"),
		key("2001:db8:100::2/128"): s.hops("2001:db8:2::11", "2001:db8:2::14"),
	}, plain)
	s.apply(k, fib.Table{}, plain)
	if left := s.ip("route show proto 73") + s.ip("-6 route show proto 73"); left != "" {
		t.Errorf("left behind: %s", left)
	}
}

func TestAnotherTableAndALargeTableNumber(t *testing.T) {
	s := newScene(t)
	k := s.main()
	for _, kind := range kinds {
		for _, table := range []uint32{100, 252, 253, 254, 100000} {
			four, six := key("10.77.100.1/32"), key("2001:db8:100::1/128")
			four.Table, six.Table = table, table
			s.apply(k, fib.Table{four: s.hops("10.77.2.11", "10.77.2.12"), six: s.hops("2001:db8:2::11")}, rules(kind, 9))
			got := s.ip(fmt.Sprint("route show proto 73 table ", table))
			if !strings.Contains(got, "10.77.100.1 ") || !strings.Contains(got, "via 10.77.2.12 dev lan") {
				t.Errorf("table %d: %s", table, got)
			}
		}
	}
	s.apply(k, fib.Table{}, rules(fib.ResilientGroups, 9))
	if got := s.ip("nexthop show proto 73"); got != "" {
		t.Errorf("left behind: %s", got)
	}
}

func TestRoutesOfOthersAreNeitherSeenNorTouched(t *testing.T) {
	s := newScene(t)
	k := s.main()
	foreign := []string{
		"route add 10.77.100.1 via 10.77.2.99 metric 20 proto static",
		"route add 10.77.100.2 via 10.77.2.99 metric 10 proto static",
		"route add 10.77.100.3 via 10.77.2.99 proto bird",
		"route add 10.77.100.4 tos 0x10 via 10.77.2.99 metric 20 proto 73",
		"-6 route add 2001:db8:100::1 via 2001:db8:2::99 metric 20 proto static",
	}
	for _, f := range foreign {
		s.ip(f)
	}
	all := func() string {
		return strings.ReplaceAll(s.ip("route show")+s.ip("-6 route show"), "linkdown ", "") // a cable just plugged in
	}
	before := all()
	if have := s.have(k); len(have.Routes) != 0 {
		t.Fatalf("routes of ours: %v", have)
	}
	err := k.Apply([]fib.Step{
		step(fib.Add, key("10.77.100.1/32"), s.hops("10.77.2.11")...),
		step(fib.Add, key("2001:db8:100::1/128"), s.hops("2001:db8:2::11", "2001:db8:2::12")...),
	})
	if err := k.Apply([]fib.Step{
		step(fib.Delete, key("10.77.100.1/32")), step(fib.Delete, key("2001:db8:100::1/128")),
	}); err != nil {
		t.Error(err)
	}
	if !errors.Is(err, kernel.ErrForeign) {
		t.Errorf("error: %v", err)
	}
	const want = "fib: route 10.77.100.1/32: another program's route stands there: protocol static, metric 20: remove it or give hawser another metric\n" +
		"fib: route 2001:db8:100::1/128: another program's route stands there: protocol static, metric 20: remove it or give hawser another metric"
	if err == nil || err.Error() != want {
		t.Errorf("error:\n%v\nwant\n%s", err, want)
	}
	if after := all(); after != before {
		t.Errorf("the table changed:\n%s\n%s", before, after)
	}
}

func TestOneBadStepStopsNoOther(t *testing.T) {
	s := newScene(t)
	k := s.main()
	var steps []fib.Step
	for i := range 200 {
		gateway := "10.77.2.11"
		if i%50 == 7 {
			gateway = "10.99.0.1" // in nobody's subnet
		}
		steps = append(steps, step(fib.Add, key(fmt.Sprintf("10.77.100.%d/32", i)), s.hops(gateway)...))
	}
	err := k.Apply(steps)
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 4 || lines[0] != "fib: route 10.77.100.7/32: Nexthop has invalid gateway (network is unreachable)" {
		t.Errorf("errors:\n%s", err)
	}
	if have := s.have(k); len(have.Routes) != 196 {
		t.Errorf("%d routes stand", len(have.Routes))
	}
}

func TestOneGatewayThatIsRefusedIsLeftOut(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.String(), func(t *testing.T) {
			s := newScene(t)
			k := s.main()
			hops := s.hops("10.77.2.11", "10.77.2.12", "10.99.0.1") // the last in nobody's subnet
			err := k.Apply(fib.Plan(fib.Table{key("10.77.100.1/32"): hops}, s.have(k), rules(kind, 0)))
			const want = "fib: next hop 10.99.0.1: Nexthop has invalid gateway (network is unreachable)"
			if err == nil || err.Error() != want {
				t.Errorf("error: %v\nwant %s", err, want)
			}
			if got := s.have(k).NextHops(key("10.77.100.1/32")); !slices.Equal(got, hops[:2]) {
				t.Errorf("the route goes %v", got)
			}
		})
	}
}

func TestARouteThatSomebodyPutInFrontOfOursStays(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.String(), func(t *testing.T) {
			s := newScene(t)
			k := s.main()
			want := fib.Table{key("10.77.100.1/32"): s.hops("10.77.2.11", "10.77.2.12")}
			s.apply(k, want, rules(kind, 9))
			const foreign = "10.77.100.1 via 10.77.2.99 dev lan metric 20"
			s.ip("route prepend " + foreign + " proto static")
			other := map[fib.Kind]fib.Kind{fib.Multipath: fib.HashGroups, fib.HashGroups: fib.ResilientGroups, fib.ResilientGroups: fib.Multipath}[kind]
			err := k.Apply(fib.Plan(want, s.have(k), rules(other, 9)))
			if !errors.Is(err, kernel.ErrForeign) {
				t.Errorf("error: %v", err)
			}
			if got := s.ip("route show proto static"); got != foreign {
				t.Errorf("the stranger's route: %s", got)
			}
			if have := s.have(k); !have.Table().Equal(want) {
				t.Errorf("ours: %s", have)
			}
			s.ip("route del " + foreign)
			s.apply(k, want, rules(other, 9))
		})
	}
}

func TestNothingGoesWhoseReplacementWasRefused(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.String(), func(t *testing.T) {
			s := newScene(t)
			k := s.main()
			hops := s.hops("10.77.2.11", "10.77.2.12")
			s.apply(k, fib.Table{key("10.77.100.1/32"): hops}, rules(kind, 9))
			s.ip("route add 10.77.100.1 via 10.77.2.99 metric 30 proto static")
			elsewhere := key("10.77.100.1/32")
			elsewhere.Metric = 30
			err := k.Apply(fib.Plan(fib.Table{elsewhere: hops}, s.have(k), rules(kind, 9)))
			if !errors.Is(err, kernel.ErrForeign) || !errors.Is(err, kernel.ErrKept) {
				t.Errorf("error: %v", err)
			}
			if got := s.have(k).NextHops(key("10.77.100.1/32")); !slices.Equal(got, hops) {
				t.Errorf("the route at the old metric goes %v", got)
			}
			if got := s.ip("route show proto static"); got != "10.77.100.1 via 10.77.2.99 dev lan metric 30" {
				t.Errorf("the stranger's route: %s", got)
			}
		})
	}
}

func TestObjectsOfOthersAreNeitherSeenNorTouched(t *testing.T) {
	s := newScene(t)
	k := s.main()
	taken := fmt.Sprint(protocol << 24)
	s.ip("nexthop add id " + taken + " via 10.77.2.98 dev lan proto 4")
	s.ip("nexthop add id 7 via 10.77.2.99 dev lan")
	s.ip("nexthop add id 8 group 7/" + taken)
	s.ip("route add 10.88.0.0/24 nhid 8")
	before := s.ip("nexthop show proto 4") + s.ip("nexthop show id 7") + s.ip("nexthop show id 8") + s.ip("route show 10.88.0.0/24")
	for _, kind := range kinds {
		s.apply(k, fib.Table{key("10.77.100.1/32"): s.hops("10.77.2.11", "10.77.2.12")}, rules(kind, 9))
		s.apply(k, fib.Table{}, rules(kind, 9))
	}
	after := s.ip("nexthop show proto 4") + s.ip("nexthop show id 7") + s.ip("nexthop show id 8") + s.ip("route show 10.88.0.0/24")
	if before != after {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	if left := s.have(k).String(); left != "" {
		t.Errorf("ours: %s", left)
	}
}

func TestRoutesOfOthersCoverAPrefix(t *testing.T) {
	s := newScene(t)
	k := s.main()
	s.ip("route add default via 10.77.2.99")
	s.ip("route add 10.0.0.0/8 via 10.77.2.99 proto static")
	s.ip("route add 10.77.100.1/32 via 10.77.2.99 proto static")
	s.ip("route add 172.16.0.0/12 via 10.77.2.99 proto 73")
	prefixes := []netip.Prefix{netip.MustParsePrefix("10.77.100.0/24"), netip.MustParsePrefix("172.16.1.0/24"), netip.MustParsePrefix("2001:db8:2::/64")}
	got, err := k.Cover(prefixes)
	if want := "map[10.77.100.0/24:route 10.0.0.0/8, protocol static 2001:db8:2::/64:route 2001:db8:2::/64, protocol kernel]"; err != nil || fmt.Sprint(got) != want {
		t.Errorf("%v, %v\nwant %s", got, err, want)
	}
}

func TestReplacingWhatIsGoneAndDeletingItTwice(t *testing.T) {
	s := newScene(t)
	k := s.main()
	for _, p := range []string{"10.77.100.1/32", "2001:db8:100::1/128"} {
		hops := s.hops("10.77.2.11")
		if strings.Contains(p, ":") {
			hops = s.hops("2001:db8:2::11")
		}
		if err := k.Apply([]fib.Step{step(fib.Delete, key(p))}); err != nil {
			t.Errorf("delete what is gone: %v", err)
		}
		if err := k.Apply([]fib.Step{step(fib.Replace, key(p), hops...)}); !errors.Is(err, unix.ENOENT) {
			t.Errorf("replace what is gone: %v", err)
		}
	}
}

func TestFactsNameLinksAndAddresses(t *testing.T) {
	s := newScene(t)
	k := s.main()
	s.ip("addr add 10.88.0.1 peer 10.88.0.2 dev lan")
	f, err := k.Facts()
	if err != nil {
		t.Fatal(err)
	}
	lan, ok := f.Link(s.link)
	if want := (kernel.Link{Index: s.link, Name: "lan", Up: true, Carrier: true}); !ok || lan != want {
		t.Errorf("%+v, want %+v", lan, want)
	}
	if lo, ok := f.Link(1); !ok || !lo.Loopback || lo.Name != "lo" {
		t.Errorf("%+v", lo)
	}
	got := map[netip.Addr]netip.Prefix{}
	for _, a := range f.Addresses {
		got[a.Own] = a.Subnet
	}
	for own, subnet := range map[string]string{
		"10.77.2.1": "10.77.2.0/24", "2001:db8:2::1": "2001:db8:2::/64",
		"127.0.0.1": "127.0.0.0/8", "10.88.0.1": "10.88.0.2/32",
	} {
		if got[netip.MustParseAddr(own)] != netip.MustParsePrefix(subnet) {
			t.Errorf("%s: %v, want %s", own, got[netip.MustParseAddr(own)], subnet)
		}
	}
	if err := s.host.SetLink("lan", false); err != nil {
		t.Fatal(err)
	}
	f, err = k.Facts()
	if lan, _ := f.Link(s.link); err != nil || lan.Up || lan.Carrier {
		t.Errorf("%+v, %v", lan, err)
	}
}

func TestWatchTellsWhatOthersDidAndNotWhatWeDid(t *testing.T) {
	s := newScene(t)
	k := s.main()
	var seen atomic.Uint32
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- k.Watch(ctx, func(c kernel.Change) { seen.Or(uint32(c)) }) }()
	await := func(what string, c kernel.Change) kernel.Change {
		t.Helper()
		lab.Eventually(t, what+" to be told", func() error {
			if seen.Load()&uint32(c) == 0 {
				return errors.New("it is not")
			}
			return nil
		})
		return kernel.Change(seen.Swap(0))
	}
	do := func(v fib.Verb, addrs ...string) {
		t.Helper()
		if err := k.Apply([]fib.Step{step(v, key("10.77.100.1/32"), s.hops(addrs...)...)}); err != nil {
			t.Fatal(err)
		}
	}
	do(fib.Add, "10.77.2.11")
	do(fib.Replace, "10.77.2.12")
	s.ip("route add 10.99.0.0/24 via 10.77.2.11 proto static") // concerns us not
	s.ip("link set lo mtu 1400")                               // does, and comes after
	if await("a link", kernel.LinksChanged)&kernel.RoutesChanged != 0 {
		t.Error("told of our own changes or of a stranger's route")
	}
	s.ip("route del 10.77.100.1")
	await("our route deleted", kernel.RoutesChanged)
	do(fib.Add, "10.77.2.11")
	s.ip("route replace 10.77.100.1 via 10.77.2.99 metric 20 proto static")
	await("our route overwritten", kernel.RoutesChanged)
	s.ip("route del 10.77.100.1")
	await("the stranger left", kernel.RoutesChanged)
	s.ip("addr add 10.88.0.1/24 dev lan")
	await("an address", kernel.LinksChanged)
	do(fib.Add, "10.77.2.11")
	if err := s.host.SetLink("lan", false); err != nil {
		t.Fatal(err)
	}
	await("a link down", kernel.LinksChanged)
	if have := s.have(k); len(have.Routes) != 0 {
		t.Errorf("routes through a link that is down: %v", have)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := k.Close(); err != nil {
		t.Error(err)
	}
}

// A hundred thousand notifications fit into no buffer.
func TestLostNotificationsMeanThatEverythingChanged(t *testing.T) {
	s := newScene(t)
	k := s.main()
	other := s.open(kernel.Config{Table: unix.RT_TABLE_MAIN, Protocol: protocol + 1})
	var steps []fib.Step
	for i := range 100000 {
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{172, 16 + byte(i>>16), byte(i >> 8), byte(i)}), 32)
		one := step(fib.Add, fib.Key{Prefix: p, Metric: 20, Table: unix.RT_TABLE_MAIN}, s.hops("10.77.2.11")...)
		one.Protocol++
		steps = append(steps, one)
	}
	if err := other.Apply(steps); err != nil {
		t.Fatal(err)
	}
	told := make(chan kernel.Change, 1)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		done <- k.Watch(ctx, func(c kernel.Change) {
			select {
			case told <- c:
			default:
			}
		})
	}()
	select {
	case c := <-told:
		if c != kernel.LinksChanged|kernel.RoutesChanged {
			t.Errorf("told %d", c)
		}
	case <-time.After(30 * time.Second):
		t.Error("not told")
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// roleVariable makes the test binary open the kernel and say what came of it.
const roleVariable = "HAWSER_KERNEL_TEST_OPEN"

func TestMain(m *testing.M) {
	if os.Getenv(roleVariable) == "" {
		os.Exit(m.Run())
	}
	_, err := kernel.Open(kernel.Config{Table: unix.RT_TABLE_MAIN, Protocol: protocol})
	fmt.Print(err)
}

func TestWithoutPermissionOneSentenceSaysWhatToDo(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// The binary is in a directory that only root may enter, so it is started
	// as root without rights rather than as somebody else.
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), roleVariable+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}},
	}
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(out), "kernel: no permission to change routes: run as root or give CAP_NET_ADMIN"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func BenchmarkTenThousandRoutes(b *testing.B) {
	for _, kind := range kinds {
		b.Run(kind.String(), func(b *testing.B) {
			s := newScene(b)
			k := s.main()
			hops := s.hops("10.77.2.11", "10.77.2.12", "10.77.2.13", "10.77.2.14")
			want := fib.Table{}
			for i := range 10000 {
				p := netip.PrefixFrom(netip.AddrFrom4([4]byte{172, 16, byte(i >> 8), byte(i)}), 32)
				want[fib.Key{Prefix: p, Metric: metric, Table: unix.RT_TABLE_MAIN}] = hops
			}
			b.ReportAllocs()
			took := map[string]time.Duration{}
			measure := func(what string, do func()) {
				start := time.Now()
				do()
				took[what] += time.Since(start)
			}
			for b.Loop() {
				var have *fib.Have
				measure("read", func() { have = s.have(k) })
				measure("added", func() {
					if err := k.Apply(fib.Plan(want, have, rules(kind, 256))); err != nil {
						b.Fatal(err)
					}
				})
				measure("read", func() { have = s.have(k) })
				measure("deleted", func() {
					if err := k.Apply(fib.Plan(nil, have, rules(kind, 256))); err != nil {
						b.Fatal(err)
					}
				})
			}
			for what, d := range took {
				b.ReportMetric(float64(d.Nanoseconds())/float64(b.N)/10000, "ns/route-"+what)
			}
		})
	}
}
