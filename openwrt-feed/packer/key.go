package packer

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Key signs a feed: Ed25519 for opkg, in the form of usign, which is
// signify(1)'s; ECDSA on P-256 for apk.
type Key struct {
	opkg ed25519.PrivateKey
	id   [8]byte // names the key in usign's files
	apk  *ecdsa.PrivateKey
}

// The files of a key. Those that end in .sec are secret.
const (
	opkgSecret = "opkg.sec"
	apkSecret  = "apk.sec"
	opkgPublic = "hawser.pub"
	apkPublic  = "hawser.pem"
)

// MakeKey makes a key in a directory of its own, which it refuses to do where
// one is: who trusts that key would trust the feed no longer.
func MakeKey(dir string) error {
	for _, name := range []string{opkgSecret, apkSecret} {
		if _, err := os.Stat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("key: %s is there already: remove it, if no router trusts it", filepath.Join(dir, name))
		}
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("key: %w", err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("key: %w", err)
	}
	der, err := x509.MarshalECPrivateKey(ec)
	if err != nil {
		return fmt.Errorf("key: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("key: %w", err)
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, opkgSecret), usignSecret(ed), 0o600),
		os.WriteFile(filepath.Join(dir, apkSecret), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600))
}

// ReadKey reads what MakeKey made.
func ReadKey(dir string) (*Key, error) {
	text, err := os.ReadFile(filepath.Join(dir, opkgSecret))
	if err != nil {
		return nil, fmt.Errorf("key: %w (make feed-key makes one)", err)
	}
	k := &Key{}
	_, coded, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	raw, err := base64.StdEncoding.DecodeString(coded)
	if err != nil || len(raw) != usignLength || !bytes.HasPrefix(raw, []byte("EdBK\x00\x00\x00\x00")) {
		return nil, fmt.Errorf("key: %s is no secret key of usign's without a passphrase", filepath.Join(dir, opkgSecret))
	}
	copy(k.id[:], raw[32:])
	k.opkg = raw[40:]
	text, err = os.ReadFile(filepath.Join(dir, apkSecret))
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("key: %s is no PEM file", filepath.Join(dir, apkSecret))
	}
	if k.apk, err = x509.ParseECPrivateKey(block.Bytes); err != nil {
		return nil, fmt.Errorf("key: %s: %w", filepath.Join(dir, apkSecret), err)
	}
	return k, nil
}

// usignLength: algorithm, key derivation (none: rounds 0), salt, checksum, key
// id, then seed and public key.
const usignLength = 4 + 4 + 16 + 8 + 8 + ed25519.PrivateKeySize

func usignSecret(ed ed25519.PrivateKey) []byte {
	sum := sha512.Sum512(ed)
	id := sha512.Sum512(ed.Public().(ed25519.PublicKey))
	raw := bytes.Join([][]byte{[]byte("EdBK"), make([]byte, 4+16), sum[:8], id[:8], ed}, nil)
	return usignFile("hawser feed secret key", raw)
}

// usignFile is a comment, then one line.
func usignFile(comment string, raw []byte) []byte {
	return fmt.Appendf(nil, "untrusted comment: %s\n%s\n", comment, base64.StdEncoding.EncodeToString(raw))
}

// ID is how opkg calls the key, and its file below /etc/opkg/keys.
func (k *Key) ID() string { return fmt.Sprintf("%x", k.id) }

// OPKGPublic is the public key as /etc/opkg/keys holds it.
func (k *Key) OPKGPublic() []byte {
	raw := bytes.Join([][]byte{[]byte("Ed"), k.id[:], k.opkg.Public().(ed25519.PublicKey)}, nil)
	return usignFile("hawser feed "+k.ID(), raw)
}

// signOPKG is the content of Packages.sig.
func (k *Key) signOPKG(index []byte) []byte {
	raw := bytes.Join([][]byte{[]byte("Ed"), k.id[:], ed25519.Sign(k.opkg, index)}, nil)
	return usignFile("signed by key "+k.ID(), raw)
}

// APKPublic is the public key as /etc/apk/keys holds it.
func (k *Key) APKPublic() ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(&k.apk.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// apkID names the key in signatures.
func (k *Key) apkID() []byte {
	point, err := k.apk.PublicKey.Bytes()
	if err != nil {
		return make([]byte, 16) // a key that was read has a point
	}
	sum := sha512.Sum512(point)
	return sum[:16]
}

// signAPK signs without chance (RFC 6979): the same feed has the same bytes.
func (k *Key) signAPK(message []byte) ([]byte, error) {
	sum := sha512.Sum512(message)
	return k.apk.Sign(nil, sum[:], crypto.SHA512)
}
