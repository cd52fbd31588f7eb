package controller

import (
	"cmp"
	"hash/crc32"
	"net/netip"
	"slices"
	"strings"

	"github.com/hawser-lb/hawser/cluster/internal/model"
	"github.com/hawser-lb/hawser/shared/bgp"
)

// peers is the node's directory: whom it speaks to and at what addresses.
type peers struct {
	peers  []bgp.Peer
	byName map[string][]netip.Addr
	// silent has the peers of this node that no session can be had with, and
	// why.
	silent map[string]string
}

// directory says whom a node speaks to. Of two peers at one address the older
// is right.
func directory(all []model.Peer, node model.Node, gateways []netip.Addr) peers {
	d := peers{byName: map[string][]netip.Addr{}, silent: map[string]string{}}
	owner := map[netip.Addr]string{}
	for _, p := range byAge(all) {
		if !model.AnyMatches(p.NodeSelectors, node.Labels) {
			continue
		}
		if why := unsupported(p); why != "" {
			d.silent[p.Name] = why
			continue
		}
		addresses := []netip.Addr{p.Address}
		if p.DefaultGateway {
			addresses = gateways
		}
		if len(addresses) == 0 {
			d.silent[p.Name] = "the node has no default gateway"
		}
		for _, a := range addresses {
			if first, taken := owner[a]; taken {
				d.silent[p.Name] = "peer " + first + " has the address " + a.String() + " already and is older"
				continue
			}
			owner[a] = p.Name
			d.byName[p.Name] = append(d.byName[p.Name], a)
			d.peers = append(d.peers, session(p, a, node))
		}
	}
	return d
}

func byAge(all []model.Peer) []model.Peer {
	return slices.SortedFunc(slices.Values(all), func(a, b model.Peer) int {
		return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.Name, b.Name))
	})
}

// unsupported says what a peer asks for that cannot be done yet; to go without
// would be less than was asked for.
func unsupported(p model.Peer) string {
	if p.PasswordSecret != "" || p.Password != "" {
		return "it has a password, and TCP MD5 is not supported yet: take the password away on both sides, or wait for the version that has it"
	}
	return ""
}

func session(p model.Peer, address netip.Addr, node model.Node) bgp.Peer {
	id := p.RouterID
	if !id.IsValid() {
		id = identifier(node)
	}
	return bgp.Peer{
		Settings: bgp.Settings{
			Name: p.Name, LocalASN: p.MyASN, RouterID: id, PeerASN: bgp.ASNRule{Exactly: p.PeerASN},
			HoldTime: p.HoldTime, Keepalive: p.Keepalive, LocalAddress: p.SourceAddress, ConnectRetry: p.ConnectRetry,
		},
		Address: address, Port: p.Port,
	}
}

// identifier is the node's first IPv4 address, or a number made from its name
// where it has none (RFC 6286 asks only that it be unique in its AS).
func identifier(node model.Node) netip.Addr {
	for _, a := range node.Addresses {
		if a.Is4() {
			return a
		}
	}
	n := max(crc32.ChecksumIEEE([]byte(node.Name)), 1)
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}

// down names the peers without any session that is up, and why.
func (d peers) down(status []bgp.PeerStatus) map[string]string {
	out := map[string]string{}
	for name, why := range d.silent {
		out[name] = why
	}
	up := map[string]bool{}
	for _, s := range status {
		if s.State == bgp.StateEstablished {
			up[s.Name] = true
		}
	}
	for _, s := range status {
		if _, mine := d.byName[s.Name]; mine && !up[s.Name] {
			out[s.Name] = cmp.Or(s.LastError, s.State.String())
		}
	}
	return out
}
