package serviceproxy

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"syscall"
	"testing"
)

func TestAnAnswerIsReadAndSilenceIsToldApart(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		want   string
	}{
		{200, `{"localEndpoints":2}`, ""},
		{503, `{"service":{"namespace":"default","name":"web"},"localEndpoints":0,"serviceProxyHealthy":true}`, "it answers 503 Service Unavailable and knows of 0 endpoints here"},
		{503, `no idea`, "it answers 503 Service Unavailable"},
		{503, strings.Repeat("[", 1<<20), "it answers 503 Service Unavailable"},
		{302, ``, "it answers 302 Found"},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/healthz" {
				t.Errorf("asked for %s", r.URL.Path)
			}
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(c.status)
			fmt.Fprint(w, c.body)
		}))
		err := Ready(t.Context(), netip.MustParseAddrPort(s.Listener.Addr().String()))
		s.Close()
		if c.want == "" && err == nil {
			continue
		}
		var not *NotYet
		if !errors.As(err, &not) || err.Error() != c.want {
			t.Errorf("%d %.20q: %v, not %q", c.status, c.body, err, c.want)
		}
	}
}

func TestNobodyIsNoAnswer(t *testing.T) {
	s := httptest.NewServer(nil)
	at := netip.MustParseAddrPort(s.Listener.Addr().String())
	s.Close()
	err := Ready(t.Context(), at)
	if not := (*NotYet)(nil); errors.As(err, &not) || !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a closed port: %v", err)
	}
}
