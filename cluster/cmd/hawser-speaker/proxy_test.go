package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// proxy stands between a speaker and the API server, and does to requests what
// a test wants.
type proxy struct {
	kubeconfig string

	mu   sync.Mutex
	meet func(w http.ResponseWriter, r *http.Request) (answered bool)
	// watches has how to end each that goes on.
	watches map[*http.Request]context.CancelFunc
}

// throughProxy starts one; its kubeconfig has the rights of the ServiceAccount.
func throughProxy(t *testing.T) *proxy {
	t.Helper()
	text, err := os.ReadFile(account)
	if err != nil {
		t.Fatal(err)
	}
	field := func(name string) string {
		m := regexp.MustCompile(name + `: "([^"]*)"`).FindSubmatch(text)
		if m == nil {
			t.Fatalf("no %s in %s", name, account)
		}
		return string(m[1])
	}
	authority, err := os.ReadFile(field("certificate-authority"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	server, err := url.Parse(field("server"))
	if err != nil {
		t.Fatal(err)
	}
	token := field("token")
	p := &proxy{watches: map[*http.Request]context.CancelFunc{}}
	reverse := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(server)
			r.Out.Header.Set("Authorization", "Bearer "+token) // the client sends none without TLS
		},
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}},
		FlushInterval: -1,
		ErrorLog:      log.New(io.Discard, "", 0), // broken connections are what it is for
	}
	l, err := net.Listen("tcp", loopback()+":0")
	if err != nil {
		t.Fatal(err)
	}
	own := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.serve(reverse, w, r) })}
	ended := make(chan error, 1)
	go func() { ended <- own.Serve(l) }()
	t.Cleanup(func() {
		own.Close()
		<-ended
	})
	config := strings.Replace(string(text), server.String(), "http://"+l.Addr().String(), 1)
	config = regexp.MustCompile(`, certificate-authority: "[^"]*"`).ReplaceAllString(config, "")
	p.kubeconfig = t.TempDir() + "/kubeconfig"
	if err := os.WriteFile(p.kubeconfig, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *proxy) serve(on http.Handler, w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	meet := p.meet
	p.mu.Unlock()
	if meet != nil && meet(w, r) {
		return
	}
	if isWatch(r) {
		ctx, cut := context.WithCancel(r.Context())
		r = r.WithContext(ctx)
		p.mu.Lock()
		p.watches[r] = cut
		p.mu.Unlock()
		defer func() {
			cut()
			p.mu.Lock()
			delete(p.watches, r)
			p.mu.Unlock()
		}()
	}
	on.ServeHTTP(w, r)
}

// meets sets what is done to each request from now on; nil: nothing.
func (p *proxy) meets(f func(w http.ResponseWriter, r *http.Request) (answered bool)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.meet = f
}

// cut breaks every watch.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.watches {
		c()
	}
}

func isWatch(r *http.Request) bool { return r.URL.Query().Has("watch") }

// isGrant reports whether a request gives a Service its address.
func isGrant(r *http.Request) bool {
	return r.Method == http.MethodPatch && strings.Contains(r.URL.Path, "/services/") && strings.HasSuffix(r.URL.Path, "/status")
}

// refuse answers as the API server does.
func refuse(w http.ResponseWriter, code int, reason, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","code":%d,"reason":%q,"message":%q}`, code, reason, message)
}
