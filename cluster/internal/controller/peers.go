package controller

import (
	"cmp"
	"fmt"
	"hash/crc32"
	"net/netip"
	"slices"
	"strings"
	"time"

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
// is right. The speaker takes all of its peers or none, so that nothing it
// would refuse may be among them.
func directory(all []model.Peer, node model.Node, gateways []netip.Addr) peers {
	d := peers{byName: map[string][]netip.Addr{}, silent: map[string]string{}}
	owner := map[netip.Addr]string{}
	for _, p := range byAge(all) {
		if !model.AnyMatches(p.NodeSelectors, node.Labels) {
			continue
		}
		addresses, why := reach(p, gateways)
		for _, a := range addresses {
			if first, taken := owner[a]; taken {
				why = "peer " + first + " has the address " + a.String() + " already and is older"
				continue
			}
			owner[a] = p.Name
			d.byName[p.Name] = append(d.byName[p.Name], a)
			d.peers = append(d.peers, session(p, a, node))
		}
		if len(d.byName[p.Name]) == 0 {
			d.silent[p.Name] = why
		}
	}
	return d
}

// reach returns the addresses a peer can be spoken to at, or why there are
// none.
func reach(p model.Peer, gateways []netip.Addr) (addresses []netip.Addr, why string) {
	if why := cmp.Or(p.PasswordTrouble, impossible(p)); why != "" {
		return nil, why
	}
	if !p.DefaultGateway {
		return []netip.Addr{p.Address}, ""
	}
	for _, g := range gateways {
		if notAPeer(g) || p.SourceAddress.IsValid() && p.SourceAddress.Is4() != g.Is4() {
			continue
		}
		addresses = append(addresses, g)
	}
	if len(addresses) == 0 && len(gateways) > 0 && p.SourceAddress.IsValid() {
		return nil, "the node has no default gateway of the family of the source address " + p.SourceAddress.String()
	}
	return addresses, "the node has no default gateway"
}

func byAge(all []model.Peer) []model.Peer {
	return slices.SortedFunc(slices.Values(all), func(a, b model.Peer) int {
		return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.Name, b.Name))
	})
}

// impossible says what is wrong with a peer on whatever node.
func impossible(p model.Peer) string {
	source := p.SourceAddress
	switch {
	case !p.DefaultGateway && notAPeer(p.Address):
		return fmt.Sprintf("%s is no address that a router can have: give a unicast address", p.Address)
	case !p.DefaultGateway && source.IsValid() && source.Is4() != p.Address.Is4():
		return fmt.Sprintf("the source address %s and the peer's address %s are not of one family", source, p.Address)
	case p.MyASN == 0:
		return "our AS number is 0: give one from 1 to 4294967295"
	case p.RouterID.IsValid() && (!p.RouterID.Is4() || p.RouterID.IsUnspecified()):
		return fmt.Sprintf("the router identifier %s is none: give it the form of an IPv4 address other than 0.0.0.0", p.RouterID)
	case p.HoldTime < 0 || p.HoldTime > longestHold || p.HoldTime%time.Second != 0 || p.HoldTime != 0 && p.HoldTime < shortestHold:
		return fmt.Sprintf("a hold time of %s: give 0s, or whole seconds from 3 to 65535", p.HoldTime)
	case p.RestartTime < 0 || p.RestartTime > longestRestart || p.RestartTime%time.Second != 0:
		return fmt.Sprintf("a restart time of %s: give whole seconds from 1 to 4095", p.RestartTime)
	case p.TTLSecurity > mostHops:
		return fmt.Sprintf("a ttlSecurity of %d hops: at most %d", p.TTLSecurity, mostHops)
	case len(p.Password.Reveal()) > longestPassword:
		return fmt.Sprintf("a password of %d bytes: TCP MD5 takes %d at most", len(p.Password.Reveal()), longestPassword)
	case p.Keepalive < 0 || p.ConnectRetry < 0:
		return "a time is negative"
	}
	return ""
}

// What BGP, TCP MD5 and IP can do (RFC 4271 section 4.2, RFC 2385, RFC 5082).
const (
	longestPassword = 80                 // bytes
	longestRestart  = 4095 * time.Second // RFC 4724
	mostHops        = 254
	shortestHold    = 3 * time.Second
	longestHold     = 65535 * time.Second
)

func notAPeer(a netip.Addr) bool {
	return !a.IsValid() || a.Is4In6() || a.IsUnspecified() || a.IsMulticast()
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
			Password: p.Password, TTLSecurity: p.TTLSecurity, RestartTime: p.RestartTime,
		},
		Address: address, Port: p.Port,
	}
}

// identifier is the node's first IPv4 address, or a number made from its name
// where it has none (RFC 6286 asks only that it be unique in its AS).
func identifier(node model.Node) netip.Addr {
	for _, a := range node.Addresses {
		if a.Is4() && !a.IsUnspecified() {
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
			out[s.Name] = cmp.Or(s.Obstacle, s.LastError, s.State.String())
		}
	}
	return out
}
