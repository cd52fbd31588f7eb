package clusterbench

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestTheReportIsATableInTheOrderOfTheMeasurements(t *testing.T) {
	r := &Report{}
	r.add("a", "1 s", "2 s")
	r.add("b", "3 s", "")
	var b strings.Builder
	if err := r.Print(&b); err != nil {
		t.Fatal(err)
	}
	want := "| what | measured | budget |\n|---   |---       |---     |\n| a    | 1 s      | 2 s    |\n| b    | 3 s      |        |\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}

func TestTheMiddleAndTheLastHundredthAreTold(t *testing.T) {
	var all []time.Duration
	for i := range 100 {
		all = append(all, time.Duration(100-i)*time.Millisecond)
	}
	if got := quantiles(all); got != "51.0 / 100.0 ms" {
		t.Error(got)
	}
	if got := quantiles(all[:1]); got != "1.0 / 1.0 ms" {
		t.Error(got)
	}
}

func TestOfTheAPIServersCountsThoseOfWritesAreTaken(t *testing.T) {
	text := `apiserver_request_total{code="201",component="apiserver",dry_run="",group="",resource="events",scope="resource",subresource="",verb="POST",version="v1"} 12
apiserver_request_total{code="200",component="apiserver",dry_run="",group="",resource="services",scope="resource",subresource="status",verb="PATCH",version="v1"} 3
apiserver_request_total{code="200",component="apiserver",dry_run="",group="",resource="services",scope="cluster",subresource="",verb="LIST",version="v1"} 9
`
	var got []string
	for _, m := range counted.FindAllStringSubmatch(text, -1) {
		got = append(got, fmt.Sprintf("%s/%s %s", m[1], m[2], m[4]))
	}
	if s := strings.Join(got, ", "); s != "events/ 12, services/status 3" {
		t.Error(s)
	}
}
