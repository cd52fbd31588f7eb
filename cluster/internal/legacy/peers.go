package legacy

import (
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"time"

	"github.com/hawser-lb/hawser/cluster/internal/model"
	"github.com/hawser-lb/hawser/shared/secret"
)

// holdTime is offered when the text says nothing, as it was then.
const holdTime = 90 * time.Second

// connectRetry is not in the grammar.
const connectRetry = 2 * time.Second

// restartTime is not in the grammar either.
const restartTime = 120 * time.Second

func (r *reader) peers(v value) []model.Peer {
	var out []model.Peer
	names := map[string]int{}
	for _, item := range r.items(v) {
		p := r.peer(item)
		base := p.Name
		if names[base]++; names[base] > 1 {
			p.Name = fmt.Sprintf("%s#%d", base, names[base])
		}
		for _, o := range out {
			if o.Address == p.Address && p.Address.IsValid() && sameNodes(o, p) {
				r.wrong(item, "peer %s stands here a second time for the same nodes", p.Address)
				break
			}
		}
		out = append(out, p)
	}
	return out
}

// sameNodes reports whether both peers have the same selectors.
func sameNodes(a, b model.Peer) bool {
	return fmt.Sprint(a.NodeSelectors) == fmt.Sprint(b.NodeSelectors)
}

func (r *reader) peer(v value) model.Peer {
	f := r.fields(v, "my-asn", "peer-asn", "peer-address", "source-address", "peer-port",
		"hold-time", "keepalive-time", "router-id", "node-selectors", "password", "bfd-profile", "ebgp-multihop")
	p := model.Peer{
		MyASN:         r.asn(f["my-asn"]),
		PeerASN:       r.asn(f["peer-asn"]),
		SourceAddress: r.unicast(f["source-address"]),
		RouterID:      r.routerID(f["router-id"]),
		Port:          179,
		EBGPMultiHop:  r.boolean(f["ebgp-multihop"], false),
		ConnectRetry:  connectRetry,
		RestartTime:   restartTime,
		Password:      secret.New(r.text(f["password"])),
		NodeSelectors: r.selectors(f["node-selectors"]),
	}
	if r.required(f["peer-address"]) {
		p.Address = r.unicast(f["peer-address"])
		p.Name = p.Address.String()
	}
	if port := f["peer-port"]; !port.absent() {
		p.Port = uint16(r.number(port, 1, math.MaxUint16))
	}
	if p.Address.IsValid() && p.SourceAddress.IsValid() && p.Address.Is4() != p.SourceAddress.Is4() {
		r.wrong(f["source-address"], "%s is not of the family of peer-address %s", p.SourceAddress, p.Address)
	}
	if p.EBGPMultiHop && p.MyASN == p.PeerASN && p.MyASN != 0 {
		r.wrong(f["ebgp-multihop"], "the peer is in the same AS %d, so the session is not eBGP; leave this out", p.MyASN)
	}
	p.HoldTime, p.Keepalive = r.timers(f["hold-time"], f["keepalive-time"])
	p.BFD = r.bfdProfile(f["bfd-profile"])
	return p
}

func (r *reader) asn(v value) uint32 {
	if !r.required(v) {
		return 0
	}
	return uint32(r.number(v, 1, math.MaxUint32))
}

// unicast reads an address that one end of a session can have.
func (r *reader) unicast(v value) netip.Addr {
	a := r.address(v)
	if a.IsUnspecified() || a.IsMulticast() {
		r.wrong(v, "%s is the address of no single machine", a)
	}
	return a
}

func (r *reader) routerID(v value) netip.Addr {
	a := r.address(v)
	if a.IsValid() && (!a.Is4() || a.IsUnspecified()) {
		r.wrong(v, "%s: a router ID is written as an IPv4 address other than 0.0.0.0", a)
	}
	return a
}

// timers reads hold-time and keepalive-time (RFC 4271 §4.2, §10).
func (r *reader) timers(hold, keep value) (h, k time.Duration) {
	k = r.duration(keep, 0)
	h = r.duration(hold, holdTime)
	if hold.absent() && k > 0 {
		h = 3 * k
	}
	switch {
	case h < 0 || h > math.MaxUint16*time.Second:
		r.wrong(hold, "%s is not between 0s and 65535s", h)
	case h > 0 && h < 3*time.Second:
		r.wrong(hold, "%s is too short: 0s (no hold time) or at least 3s", h)
	case h%time.Second != 0:
		r.wrong(hold, "%s has a fraction: BGP counts whole seconds", h)
	}
	if keep.absent() {
		return h, h / 3
	}
	switch {
	case k <= 0 && h > 0:
		r.wrong(keep, "%s would let the session expire; leave it out for a third of the hold time", k)
	case k > 0 && k < time.Second:
		r.wrong(keep, "%s is too short: at least 1s", k)
	case k > h:
		r.wrong(keep, "%s is longer than the hold time %s", k, h)
	}
	return h, k
}

// profile is one of bfd-profiles; more says that it asks for what is never
// spoken.
type profile struct {
	model.BFD
	more bool
}

func (r *reader) bfdProfile(v value) model.BFD {
	name := r.text(v)
	if name == "" {
		return model.BFD{}
	}
	p, known := r.profiles[name]
	switch {
	case !known:
		r.wrong(v, "there is no profile %q under bfd-profiles", name)
	case r.moving && p.more:
		r.lost = append(r.lost, Problem{v.line, v.path, fmt.Errorf("echo-mode, passive-mode and minimum-ttl of profile %q are not spoken", name)})
	case p.more:
		r.warn(v, "echo-mode, passive-mode and minimum-ttl of profile %q are not spoken", name)
	}
	return p.BFD
}

// What a profile means when it says nothing.
const (
	bfdInterval   = 300
	bfdMultiplier = 3
)

// bfdProfiles reads the profiles.
func (r *reader) bfdProfiles(v value) {
	r.profiles = map[string]profile{}
	for _, item := range r.items(v) {
		f := r.fields(item, "name", "receive-interval", "transmit-interval", "detect-multiplier",
			"echo-interval", "echo-mode", "passive-mode", "minimum-ttl")
		interval := func(name string) time.Duration {
			return time.Duration(cmp.Or(r.number(f[name], 10, 60000), bfdInterval)) * time.Millisecond
		}
		p := profile{BFD: model.BFD{Enabled: true, Receive: interval("receive-interval"), Transmit: interval("transmit-interval")}}
		interval("echo-interval")
		p.Multiplier = uint8(cmp.Or(r.number(f["detect-multiplier"], 2, 255), bfdMultiplier))
		ttl := r.number(f["minimum-ttl"], 1, 254)
		echo, passive := r.boolean(f["echo-mode"], false), r.boolean(f["passive-mode"], false)
		p.more = ttl != 0 || echo || passive
		if !r.required(f["name"]) {
			continue
		}
		name := r.text(f["name"])
		if _, twice := r.profiles[name]; twice {
			r.wrong(f["name"], "a profile %q stands above already", name)
		}
		r.profiles[name] = p
	}
}

func (r *reader) selectors(v value) []model.Selector {
	var out []model.Selector
	for _, item := range r.items(v) {
		f := r.fields(item, "match-labels", "match-expressions")
		labels := map[string]string{}
		for k, l := range r.names(f["match-labels"]) {
			labels[k] = r.text(l)
		}
		var terms []model.Term
		for _, e := range r.items(f["match-expressions"]) {
			terms = append(terms, r.term(e)...)
		}
		s, err := model.NewTerms(labels, terms)
		if err != nil {
			r.wrong(item, "%w", err)
			continue
		}
		out = append(out, s)
	}
	return out
}

// term is one expression, or nothing when it is wrong.
func (r *reader) term(v value) []model.Term {
	before := len(r.problems)
	f := r.fields(v, "key", "operator", "values")
	t := model.Term{}
	if r.required(f["key"]) && r.required(f["operator"]) {
		t.Key, t.Op = r.text(f["key"]), model.Operator(r.text(f["operator"]))
	}
	for _, x := range r.items(f["values"]) {
		t.Values = append(t.Values, r.text(x))
	}
	if len(r.problems) > before {
		return nil
	}
	if _, err := model.NewTerms(nil, []model.Term{t}); err != nil {
		r.wrong(v, "%w", err)
		return nil
	}
	return []model.Term{t}
}
