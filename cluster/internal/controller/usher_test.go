package controller

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawser-lb/hawser/cluster/internal/model"
	"github.com/hawser-lb/hawser/cluster/internal/serviceproxy"
)

// fakeProxy is a node's service proxy that knows of some ports.
type fakeProxy struct {
	mu      sync.Mutex
	ready   map[netip.AddrPort]bool
	silent  bool
	asked   []netip.AddrPort // each once
	listens netip.Addr       // the one address of each family that it listens at; zero: all
}

func (p *fakeProxy) Ready(_ context.Context, at netip.AddrPort) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Contains(p.asked, at) {
		p.asked = append(p.asked, at)
	}
	switch {
	case p.silent, p.listens.IsValid() && p.listens != at.Addr():
		return errors.New("connection refused")
	case p.ready[at]:
		return nil
	}
	return &serviceproxy.NotYet{Status: "503 Service Unavailable"}
}

// is has the proxy do otherwise.
func (p *fakeProxy) is(change func()) { p.mu.Lock(); defer p.mu.Unlock(); change() }

// knows has the proxy say yes at a port, on every address.
func (p *fakeProxy) knows(ports ...uint16) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ready = map[netip.AddrPort]bool{}
	for _, port := range ports {
		for _, a := range []string{"192.0.2.1", "2001:db8::1", "127.0.0.1", "::1"} {
			p.ready[netip.AddrPortFrom(netip.MustParseAddr(a), port)] = true
		}
	}
}

// local is a Service of externalTrafficPolicy Local that holds 10.0.0.n and has
// the healthCheckNodePort 30000 + n.
func local(n int, nodes ...string) *model.Service {
	s := aService(fmt.Sprintf("local%d", n), nodes...)
	s.Local, s.HealthPort = true, uint16(30000+n)
	s.Holds = []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 0, byte(n)})}
	return s
}

// ushered runs a worker beside a proxy, in fake time.
func ushered(t *testing.T, story func(f *fakeCluster, p *fakeProxy, c *Controller, table func(what string, want ...string))) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f, p := harbour(), &fakeProxy{}
		f.leader = false
		f.snapshot.Services = nil
		c, r := worker(f)
		c.Proxy, c.ProxyWait = p.Ready, 10*time.Second
		c.usher = newUsher(c.Options, c.poke)
		ctx, end := context.WithCancel(t.Context())
		ended := make(chan struct{})
		defer func() { end(); <-ended }()
		start := func() {
			defer close(ended)
			if err := c.Run(ctx); err != nil {
				t.Error(err)
			}
		}
		begun := false
		story(f, p, c, func(what string, want ...string) {
			t.Helper()
			if !begun {
				begun = true
				go start()
			}
			c.poke()
			synctest.Wait()
			elapse(2 * askMost)
			expect(t, what, r.table(), want...)
		})
	})
}

// elapse lets time go by, and what it brings about end.
func elapse(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

const (
	web  = "10.0.0.9/32 to [192.0.2.254]"
	one  = "10.0.0.1/32 to [192.0.2.254]"
	two  = "10.0.0.2/32 to [192.0.2.254]"
	late = 10 * time.Second
)

func TestAPodIsAnnouncedWhenTheServiceProxyKnowsOfIt(t *testing.T) {
	ushered(t, func(f *fakeCluster, p *fakeProxy, c *Controller, table func(string, ...string)) {
		f.snapshot.Services = []*model.Service{local(1, "node2")}
		table("a pod elsewhere")
		f.snapshot.Services[0] = local(1, "node1", "node2")
		table("one here, too")
		elapse(2 * time.Second)
		if got := f.report.NotAnnounced; len(got) != 1 || got[0].Reason != "proxyNotReady" {
			t.Errorf("the node says %+v", got)
		}
		p.knows(30001)
		table("the proxy knows", one)
		p.knows()
		f.snapshot.Services[0].Labels = model.Labels{"a": "b"}
		table("the proxy has forgotten", one)
		f.snapshot.Services[0].Endpoints[0].Ready = false
		table("the pod ends, and serves", one)
		f.snapshot.Services[0] = local(1, "node2")
		table("it is gone")
		f.snapshot.Services[0] = local(1, "node1")
		table("another comes")
		p.knows(30001)
		table("the proxy knows of it", one)
	})
}

func TestNothingIsToldBeforeTheFirstAreReady(t *testing.T) {
	ushered(t, func(f *fakeCluster, p *fakeProxy, _ *Controller, table func(string, ...string)) {
		all := aService("web", "node1")
		all.Holds = []netip.Addr{netip.MustParseAddr("10.0.0.9")}
		f.snapshot.Services = []*model.Service{all, local(1, "node1"), local(2, "node1")}
		p.knows(30001)
		table("one of two is ready")
		f.snapshot.Services = append(f.snapshot.Services, local(3, "node1"))
		table("a third comes")
		p.knows(30001, 30002)
		table("both are, and the third is waited for by nobody", one, two, web)
		f.snapshot.Services[1] = local(1)
		f.snapshot.Services[2] = local(2, "node1", "node2")
		table("later ones keep nobody waiting", two, web)
	})
}

func TestWhoIsNotReadyInTimeIsAnnouncedAllTheSame(t *testing.T) {
	ushered(t, func(f *fakeCluster, p *fakeProxy, _ *Controller, table func(string, ...string)) {
		f.snapshot.Services = []*model.Service{local(1, "node1")}
		table("the proxy says no")
		elapse(late)
		table("for ten seconds", one)
		f.snapshot.Services = append(f.snapshot.Services, local(2, "node1"))
		table("it says no of the next", one)
		elapse(late)
		table("for ten seconds, too", one, two)
	})
}

func TestASilentProxyIsWaitedForOnce(t *testing.T) {
	ushered(t, func(f *fakeCluster, p *fakeProxy, _ *Controller, table func(string, ...string)) {
		p.is(func() { p.silent = true })
		f.snapshot.Services = []*model.Service{local(1, "node1")}
		table("nobody answers")
		elapse(late)
		table("for ten seconds", one)
		f.snapshot.Services = append(f.snapshot.Services, local(2, "node1"))
		table("the next does not wait", one, two)
		f.snapshot.Services = f.snapshot.Services[:1]
		table("it goes", one)
		p.is(func() { p.silent = false })
		f.snapshot.Services = append(f.snapshot.Services, local(2, "node1"))
		table("it comes back when the proxy answers again", one)
		p.knows(30002)
		table("the proxy knows of it", one, two)
	})
}

func TestWhatIsAnnouncedStaysWhenItsPolicyChanges(t *testing.T) {
	ushered(t, func(f *fakeCluster, p *fakeProxy, _ *Controller, table func(string, ...string)) {
		f.snapshot.Services = []*model.Service{local(1, "node1")}
		f.snapshot.Services[0].Local = false
		table("Cluster", one)
		f.snapshot.Services[0] = local(1, "node1")
		table("Local", one)
		f.snapshot.Services[0] = local(1, "node2")
		table("no pod here")
		f.snapshot.Services[0] = local(1, "node1")
		table("a pod")
		f.snapshot.Services[0].Local = false
		table("Cluster again", one)
	})
}

func TestEachFamilyIsAskedForAtTheNodesAddressesAndAtItsLoopback(t *testing.T) {
	ushered(t, func(f *fakeCluster, p *fakeProxy, _ *Controller, table func(string, ...string)) {
		f.snapshot.Nodes[0].Addresses = []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}
		both := local(1, "node1")
		both.Families = []model.Family{model.IPv4, model.IPv6}
		f.snapshot.Services = []*model.Service{both}
		p.ready = map[netip.AddrPort]bool{netip.MustParseAddrPort("192.0.2.1:30001"): true}
		table("IPv4 is ready")
		p.knows(30001)
		table("both are", one)
		if got, want := fmt.Sprint(p.asked), "[192.0.2.1:30001 [2001:db8::1]:30001]"; got != want {
			t.Errorf("asked at %s, not %s", got, want)
		}

		p.is(func() { p.listens = netip.MustParseAddr("127.0.0.1") })
		p.knows(30002)
		f.snapshot.Services = append(f.snapshot.Services, local(2, "node1"))
		table("the proxy listens at its loopback alone", one, two)
	})
}
