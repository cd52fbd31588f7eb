package kube

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/hawser-lb/hawser/cluster/internal/model"
	"github.com/hawser-lb/hawser/shared/secret"
)

// longestPassword is what the kernel signs with (TCP_MD5SIG_MAXKEYLEN).
const longestPassword = 80

// readSecret keeps the password of a Secret, if it has one.
func readSecret(s *corev1.Secret) (secret.Text, bool) {
	text := secret.New(string(s.Data[corev1.BasicAuthPasswordKey]))
	return text, text.IsSet()
}

// password looks a peer's password up, or says why there is none. The peer is
// not spoken to then: without it would be less than was asked for.
func (c *Cluster) password(p *model.Peer) {
	if p.PasswordSecret == "" {
		return
	}
	e, ok := c.secrets.get(name{c.options.Namespace, p.PasswordSecret})
	switch {
	case !ok && !c.secrets.ready():
		p.PasswordTrouble = "the Secrets of namespace " + c.options.Namespace + " cannot be read yet"
	case !ok:
		p.PasswordTrouble = fmt.Sprintf("there is no Secret %s/%s of the type %s with a password under the key %s: create it, and the peer is spoken to at once",
			c.options.Namespace, p.PasswordSecret, corev1.SecretTypeBasicAuth, corev1.BasicAuthPasswordKey)
	case len(e.value.Reveal()) > longestPassword:
		p.PasswordTrouble = fmt.Sprintf("the password in Secret %s/%s has %d bytes: TCP MD5 takes %d at most",
			c.options.Namespace, p.PasswordSecret, len(e.value.Reveal()), longestPassword)
	default:
		p.Password = e.value
	}
}
