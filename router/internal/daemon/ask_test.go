package daemon

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawser-lb/hawser/router/internal/journal"
	"github.com/hawser-lb/hawser/router/internal/status"
	"github.com/hawser-lb/hawser/shared/bgp"
)

// kinds are the words of the remembered events, the oldest first.
func (w *world) kinds() string {
	synctest.Wait()
	all, _ := w.d.Journal().Since(0, journal.Kept)
	words := make([]string, len(all))
	for i, e := range all {
		words[i] = string(e.Kind)
	}
	return strings.Join(words, " ")
}

func TestWhatHappensIsRemembered(t *testing.T) {
	within(t, twoNeighbors, func(w *world) {
		f := w.d.Journal().Follow()
		defer f.Stop()
		w.s.up(five)
		w.s.tell(five, service, netip.MustParsePrefix("10.0.0.1/32"))
		synctest.Wait()
		w.k.do(func() { w.k.refuses[service2] = true })
		w.s.tell(five, service2)
		synctest.Wait()
		w.s.down(five)
		synctest.Wait()
		if err := os.WriteFile(w.file, []byte("config globals\n\toption asn none\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		w.d.Reload()
		synctest.Wait()
		if err := os.WriteFile(w.file, []byte(twoNeighbors), 0o600); err != nil {
			t.Fatal(err)
		}
		w.d.Reload()
		const want = "started routerIdChosen sessionUp routesRefused kernelError sessionDown configRefused configLoaded"
		if got := w.kinds(); got != want {
			t.Errorf("%s\nwant:\n%s", got, want)
		}
		all, _ := w.d.Journal().Since(0, journal.Kept)
		if e := all[3]; e.Peer != five || e.Reason != "notAllowed" || e.Text != "192.168.1.5: 1 refused, notAllowed: show ip bgp says why" {
			t.Errorf("%+v", e)
		}
		if e := all[5]; !strings.HasSuffix(e.Text, "session down: test") {
			t.Errorf("%+v", e)
		}
		var live []string
		for len(f.Events()) > 0 {
			if e := <-f.Events(); e.Prefix == service {
				live = append(live, e.Text)
			}
		}
		if want := "192.168.10.1/32: route added"; len(live) != 1 || !strings.HasPrefix(live[0], want) {
			t.Errorf("who follows is told %q, want %s", live, want)
		}
		if got := w.status().Totals; got.Sessions != 1 || got.Flaps != 1 || got.Updates != 2 || got.Announced != 3 || got.Established != 0 {
			t.Errorf("totals %+v", got)
		}
	})
}

func TestWhoConnectsFromManyAddressesDoesNotFillTheMemory(t *testing.T) {
	within(t, twoNeighbors, func(w *world) {
		at := netip.MustParseAddrPort("192.168.1.1:179")
		w.s.events <- bgp.ListenChanged{ListenStatus: bgp.ListenStatus{Address: at, Err: errors.New("address already in use")}, At: time.Now()}
		for i := range 100 {
			w.s.events <- bgp.Refused{Address: netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), Reason: "not configured", At: time.Now()}
		}
		w.s.events <- bgp.ListenChanged{ListenStatus: bgp.ListenStatus{Address: at}, At: time.Now()}
		time.Sleep(time.Minute)
		w.s.events <- bgp.Refused{Address: five, Reason: "not configured", At: time.Now()}
		const want = "started routerIdChosen notListening" +
			" connectionRefused connectionRefused connectionRefused connectionRefused connectionRefused listening connectionRefused"
		if got := w.kinds(); got != want {
			t.Errorf("%s\nwant:\n%s", got, want)
		}
		all, _ := w.d.Journal().Since(0, 1)
		if e := all[0]; e.Peer != five || e.Text != "192.168.1.5: connection refused: not configured" {
			t.Errorf("%+v", e)
		}
	})
}

func TestAnHourOfFiguresIsKept(t *testing.T) {
	within(t, twoNeighbors, func(w *world) {
		w.s.up(five)
		w.s.tell(five, service)
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		w.s.down(five)
		time.Sleep(time.Minute)
		synctest.Wait()
		h := w.d.History()
		if n := len(h.Established); n != journal.Samples || h.StepSeconds != 15 || h.Established[0] != 1 || h.Established[n-1] != 0 || h.Routes[0] != 1 {
			t.Errorf("%d samples: %+v", n, h)
		}
		if age := time.Since(h.End); age < 0 || age > journal.Step {
			t.Errorf("the newest is %v old", age)
		}
	})
}

func TestClearEndsOrRefreshesSessions(t *testing.T) {
	within(t, twoNeighbors, func(w *world) {
		cleared, err := w.d.Clear(five, false)
		if err != nil || !slices.Equal(cleared.Peers, []netip.Addr{five}) {
			t.Errorf("%+v, %v", cleared, err)
		}
		if cleared, err := w.d.Clear(netip.Addr{}, false); err != nil || len(cleared.Peers) != 2 {
			t.Errorf("all: %+v, %v", cleared, err)
		}
		if want := "[192.168.1.5 6/4 0s 192.168.1.5 6/4 0s 192.168.1.6 6/4 0s]"; fmt.Sprint(w.s.resets) != want {
			t.Errorf("%v, want %s", w.s.resets, want)
		}
		if _, err := w.d.Clear(netip.MustParseAddr("192.168.1.9"), true); err == nil || err.Error() != "192.168.1.9: no such neighbor" {
			t.Errorf("a stranger: %v", err)
		}
		if got := w.kinds(); strings.Count(got, "sessionCleared") != 3 {
			t.Errorf("events: %s", got)
		}
	})
}

func TestASoftClearGoesBothWaysAndSaysWhoCannot(t *testing.T) {
	within(t, twoNeighbors, func(w *world) {
		w.s.state, w.s.able = bgp.StateEstablished, true
		cleared, err := w.d.Clear(five, true)
		if err != nil || !slices.Equal(cleared.Peers, []netip.Addr{five}) || len(cleared.Unable) != 0 {
			t.Errorf("%+v, %v", cleared, err)
		}
		w.s.able = false
		if cleared, err = w.d.Clear(six, true); err != nil || !slices.Equal(cleared.Unable, []netip.Addr{six}) || len(cleared.Peers) != 0 {
			t.Errorf("%+v, %v", cleared, err)
		}
		if want := "[192.168.1.5 retell 192.168.1.5 refresh 192.168.1.6 retell]"; fmt.Sprint(w.s.resets) != want {
			t.Errorf("%v, want %s", w.s.resets, want)
		}
	})
}

func TestWhatIsToldAgainAfterASoftClearIsNotCountedTwice(t *testing.T) {
	within(t, twoNeighbors, func(w *world) {
		w.s.state, w.s.able = bgp.StateEstablished, true
		w.s.up(five)
		foreign := make([]netip.Prefix, 5)
		for i := range foreign {
			foreign[i] = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), 32)
		}
		forgotten := func() int {
			synctest.Wait()
			return asked(w.d, func(l *line) int { return l.rib.Count(five).Dropped })
		}
		w.s.tell(five, foreign...)
		before := forgotten()
		if _, err := w.d.Clear(five, true); err != nil || before == 0 {
			t.Fatalf("%d forgotten, %v", before, err)
		}
		w.s.tell(five, foreign...)
		if after := forgotten(); after != before {
			t.Errorf("%d are forgotten, %d were", after, before)
		}
	})
}

func TestRoutesComeInPages(t *testing.T) {
	within(t, strings.ReplaceAll(twoNeighbors, "option max_prefixes '2'", "option max_prefixes '5000'"), func(w *world) {
		w.s.up(five)
		var all []netip.Prefix
		for i := range 1000 {
			all = append(all, netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 168, 10, byte(i)}), 32-i/256))
		}
		for i := range all {
			all[i] = all[i].Masked()
		}
		all = append(all, netip.MustParsePrefix("10.0.0.1/32"))
		w.s.tell(five, all...)
		synctest.Wait()
		want := w.status().Routes
		var got []status.Route
		for offset, pages := 0, 0; ; pages++ {
			page := w.d.Routes(status.Pick{Offset: offset, Limit: status.MostRoutes})
			got = append(got, page.Routes...)
			if page.Total != len(want) || pages > 20 {
				t.Fatalf("page %d: total %d, want %d", pages, page.Total, len(want))
			}
			if offset = page.Next; offset == 0 {
				break
			}
		}
		if !slices.EqualFunc(got, want, func(a, b status.Route) bool { return a.Prefix == b.Prefix }) {
			t.Errorf("the pages have %d routes, want %d", len(got), len(want))
		}
		for pick, n := range map[status.Pick]int{
			{Only: "refused"}:            1,
			{Filter: "10.0.0."}:          1,
			{Filter: "notAllowed"}:       1,
			{Filter: "192.168.1.5"}:      len(want),
			{Family: "ipv6"}:             0,
			{Filter: "192.168.10.77/32"}: 1,
		} {
			pick.Limit = 10
			if page := w.d.Routes(pick); page.Total != n || len(page.Routes) != min(n, 10) {
				t.Errorf("%+v: %d of %d, want %d", pick, len(page.Routes), page.Total, n)
			}
		}
	})
}
