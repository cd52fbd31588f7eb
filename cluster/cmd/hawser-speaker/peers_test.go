package main

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/hawser-lb/hawser/shared/bgp"
	"github.com/hawser-lb/hawser/shared/secret"
)

// password is the manifest of a Secret.
func password(name, text string) string {
	return fmt.Sprintf("{apiVersion: v1, kind: Secret, metadata: {name: %s, namespace: hawser-system}, type: kubernetes.io/basic-auth, data: {password: %s}}",
		name, base64.StdEncoding.EncodeToString([]byte(text)))
}

func signed(text string) func(*bgp.Settings) {
	return func(s *bgp.Settings) { s.Password = secret.New(text) }
}

func TestAPasswordIsTakenUpWhenItComesAndWhenItChanges(t *testing.T) {
	guarded, open := startRouterWith(t, signed("open sesame")), startRouter(t)
	apply(t, node("node1"), pool("home", "10.7.0.0/24"), service("web"), endpoints("web", "node1"),
		peer(guarded, "node1", "127.0.11.1", "passwordSecret: {name: guarded}"), strings.Replace(peer(open, "node1", "127.0.11.1"), "router-node1", "open", 1))
	s := start(t, "node1")
	open.has(t, "10.7.0.0/32 via 127.0.11.1")
	condition(t, "bgppeer/router-node1", "PasswordMissing", "there is no Secret hawser-system/guarded")
	event(t, "BGPPeer/router-node1", "SessionDown", "there is no Secret hawser-system/guarded")
	guarded.has(t)

	apply(t, password("guarded", "open sesame"))
	guarded.has(t, "10.7.0.0/32 via 127.0.11.1")
	condition(t, "bgppeer/router-node1", "InUse", "")

	apply(t, password("guarded", "another"))
	guarded.has(t)
	guarded.set(t, signed("another"))
	guarded.has(t, "10.7.0.0/32 via 127.0.11.1")
	s.figure(t, fmt.Sprintf(`hawser_bgp_session_up{address="%s",peer="open"} 1`, open.address))
	if n := open.heard(); n != 1 {
		t.Errorf("the router without a password heard %d changes, not one", n)
	}
	for _, text := range []string{"open sesame", "another"} {
		if strings.Contains(s.log.String(), text) {
			t.Errorf("the log has the password %q", text)
		}
	}
}

func TestTTLSecurityKeepsToARouterThatIsNear(t *testing.T) {
	near, far := startRouter(t), startRouterWith(t, func(s *bgp.Settings) { s.Multihop = 5 })
	apply(t, node("node1"), pool("home", "10.7.0.0/24"), service("web"), endpoints("web", "node1"),
		peer(near, "node1", "127.0.11.1", "ttlSecurity: 1"),
		strings.Replace(peer(far, "node1", "127.0.11.1", "ttlSecurity: 1"), "router-node1", "far", 1))
	start(t, "node1")
	near.has(t, "10.7.0.0/32 via 127.0.11.1")
	event(t, "BGPPeer/far", "SessionDown", "")
	far.has(t)
}
