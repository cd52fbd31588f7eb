package kube

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// people are who the API server knows by a fixed token: name and groups.
var people = map[string]string{
	"admin":                          "system:masters",
	"system:kube-proxy":              "",
	"system:kube-controller-manager": "system:masters",
	"system:kube-scheduler":          "system:masters",
}

func (c *Cluster) writeSecrets() error {
	var lines strings.Builder
	for name, group := range people {
		c.tokens[name] = secret()
		fmt.Fprintf(&lines, "%s,%s,%s,%q\n", c.tokens[name], name, name, group)
	}
	if err := os.WriteFile(c.path("tokens.csv"), []byte(lines.String()), 0o600); err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
	if err := os.WriteFile(c.path("service-accounts.pem"), text, 0o600); err != nil {
		return err
	}
	_, err = c.writeKubeconfig("admin", c.tokens["admin"])
	return err
}

func (c *Cluster) path(name string) string { return filepath.Join(c.dir, name) }

// writeKubeconfig writes NAME.kubeconfig. The API server's own certificate is
// the authority: it signs itself when it starts.
func (c *Cluster) writeKubeconfig(name, token string) (string, error) {
	path := c.path(strings.ReplaceAll(name, ":", "-") + ".kubeconfig")
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
clusters:
- name: lab
  cluster: {server: %q, certificate-authority: %q}
users:
- name: %[3]q
  user: {token: %[4]q}
contexts:
- name: lab
  context: {cluster: lab, user: %[3]q}
current-context: lab
`, c.Server(), c.path("pki/apiserver.crt"), name, token)
	return path, os.WriteFile(path, []byte(text), 0o600)
}
