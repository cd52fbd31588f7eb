package uciconf

import (
	"errors"
	"net/netip"
	"time"

	"github.com/hawser-lb/hawser/shared/secret"
)

// sessionFields are the options that clusters and neighbors share.
var sessionFields = []field[Session]{
	{name: "description", kind: "text", read: func(s *Session, text string) (err error) {
		s.Description, err = plainText(text)
		return err
	}},
	{name: "asn", kind: "1..4294967295, external or any", read: func(s *Session, text string) (err error) {
		s.ASN, err = asnRule(text)
		return err
	}},
	prefixes("allow", func(s *Session) *[]netip.Prefix { return &s.Allow }),
	number("max_prefixes", "1000", 1, 1000000, "", func(s *Session, n uint64) { s.MaxPrefixes = int(n) }),
	{name: "password", kind: "text, up to 80 bytes", read: func(s *Session, text string) error {
		if len(text) > longestPassword {
			return errors.New("use at most 80 bytes, the kernel's limit for TCP MD5")
		}
		s.Password = secret.New(text)
		return nil
	}},
	number("ttl_security", "0", 0, 254, "hops", func(s *Session, n uint64) { s.TTLSecurity = int(n) }),
	number("multihop", "0", 0, 255, "hops", func(s *Session, n uint64) { s.Multihop = int(n) }),
	flag("bfd", "0", func(s *Session, on bool) { s.BFD.Enabled = on }),
	number("bfd_interval", "300", 10, 60000, "ms", func(s *Session, n uint64) { s.BFD.Interval = time.Duration(n) * time.Millisecond }),
	number("bfd_multiplier", "3", 2, 255, "", func(s *Session, n uint64) { s.BFD.Multiplier = int(n) }),
	prefixes("send", func(s *Session) *[]netip.Prefix { return &s.Send }),
	flag("guard", "1", func(s *Session, on bool) { s.Guard = on }),
}

// longestPassword is TCP_MD5SIG_MAXKEYLEN (linux/tcp.h).
const longestPassword = 80

// prefixes is a list of networks.
func prefixes[T any](name string, list func(*T) *[]netip.Prefix) field[T] {
	return field[T]{
		name: name, kind: "prefix", many: true,
		read: func(into *T, text string) error {
			p, err := prefix(text)
			if err == nil {
				*list(into) = addSorted(*list(into), p)
			}
			return err
		},
		forget: func(into *T) { *list(into) = nil },
	}
}

// clusterFields are the options of a section "cluster".
var clusterFields = append(lift(sessionFields, func(c *Cluster) *Session { return &c.Session }),
	prefixes("source", func(c *Cluster) *[]netip.Prefix { return &c.Source }),
	number("max_peers", "64", 1, 4096, "", func(c *Cluster, n uint64) { c.MaxPeers = int(n) }),
)

// neighborFields are the options of a section "neighbor".
var neighborFields = append(lift(sessionFields, func(n *Neighbor) *Session { return &n.Session }),
	field[Neighbor]{name: "address", kind: "address", read: func(n *Neighbor, text string) (err error) {
		n.Address, err = peerAddress(text)
		return err
	}},
	field[Neighbor]{name: "cluster", kind: "name of a cluster", read: func(n *Neighbor, text string) error {
		n.Cluster = text
		return nil
	}},
	flag("passive", "1", func(n *Neighbor, on bool) { n.Passive = on }),
)
