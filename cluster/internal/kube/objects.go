package kube

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"time"

	"github.com/hawser-lb/hawser/cluster/api/v1alpha1"
	"github.com/hawser-lb/hawser/cluster/internal/model"
	"github.com/hawser-lb/hawser/shared/addr"
)

// pool is an AddressPool and the status that the API server has of it. Where
// something is wrong with it the pool is that of the last good reading, or,
// where there was none, what can be read of it, closed.
type pool struct {
	model.Pool
	wrong      string
	generation int64
	status     v1alpha1.AddressPoolStatus
}

// sameBut reports whether both say the same but for the status, which is
// Hawser's own.
func (p pool) sameBut(o pool) bool {
	p.generation, p.status = o.generation, o.status
	return reflect.DeepEqual(p, o)
}

// peer is a BGPPeer in the same way. It is usable when it has a good reading:
// nobody is spoken to on half of one.
type peer struct {
	model.Peer
	usable     bool
	wrong      string
	generation int64
	status     v1alpha1.BGPPeerStatus
}

// sameBut reports whether both say the same but for the status, which is
// Hawser's own.
func (p peer) sameBut(o peer) bool {
	p.generation, p.status = o.generation, o.status
	return reflect.DeepEqual(p, o)
}

// Defaults of a BGPPeer, which its schema fills in too.
const (
	holdTime     = 9 * time.Second
	connectRetry = 2 * time.Second
	restartTime  = 120 * time.Second

	bfdInterval   = 300 * time.Millisecond
	bfdMultiplier = 3
)

func readPool(o *v1alpha1.AddressPool) (pool, bool) {
	p := pool{generation: o.Generation, status: o.Status}
	p.Pool = model.Pool{
		Name:                  o.Name,
		Created:               o.CreationTimestamp.Time,
		AutoAssign:            o.Spec.AutoAssign == nil || *o.Spec.AutoAssign,
		AvoidBuggyIPs:         o.Spec.AvoidBuggyIPs,
		CrossNamespaceSharing: o.Spec.CrossNamespaceSharing,
		Labels:                o.Labels,
	}
	var errs []error
	for i, text := range o.Spec.Addresses {
		r, err := addr.Parse(string(text))
		if err != nil {
			errs = append(errs, fmt.Errorf("spec.addresses[%d]: %w", i, err))
			continue
		}
		p.Ranges = append(p.Ranges, r)
	}
	p.Ranges = addr.Merge(p.Ranges)
	if s := o.Spec.ServiceAllocation; s != nil {
		p.Pinned, p.Priority, p.Namespaces = true, int(s.Priority), s.Namespaces
		var err1, err2 error
		p.NamespaceSelectors, err1 = selectors("spec.serviceAllocation.namespaceSelectors", s.NamespaceSelectors)
		p.ServiceSelectors, err2 = selectors("spec.serviceAllocation.serviceSelectors", s.ServiceSelectors)
		errs = append(errs, err1, err2)
	}
	p.wrong = sentence(errs)
	p.Closed = p.wrong != ""
	return p, true
}

// lastGoodPool keeps what was read before of a pool that cannot be read now.
func lastGoodPool(before, now pool) pool {
	if now.Closed && !before.Closed {
		now.Pool = before.Pool
	}
	return now
}

func readPeer(o *v1alpha1.BGPPeer) (peer, bool) {
	p := peer{generation: o.Generation, status: o.Status}
	s := o.Spec
	var errs []error
	address := func(field, text string) netip.Addr {
		if text == "" {
			return netip.Addr{}
		}
		a, err := netip.ParseAddr(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("spec.%s: %q is no address", field, text))
		}
		return a.Unmap()
	}
	length := func(field string, text v1alpha1.Duration, otherwise time.Duration) time.Duration {
		d, err := readDuration(field, text, otherwise)
		errs = append(errs, err)
		return d
	}
	p.Peer = model.Peer{
		Name:           o.Name,
		Created:        o.CreationTimestamp.Time,
		MyASN:          uint32(s.MyASN),
		PeerASN:        uint32(s.PeerASN),
		Address:        address("peerAddress", s.PeerAddress),
		DefaultGateway: s.PeerAddressFrom == v1alpha1.DefaultGateway,
		Port:           uint16(s.PeerPort),
		SourceAddress:  address("sourceAddress", s.SourceAddress),
		RouterID:       address("routerID", s.RouterID),
		EBGPMultiHop:   s.EBGPMultiHop,
		HoldTime:       length("holdTime", s.HoldTime, holdTime),
		Keepalive:      length("keepaliveTime", s.KeepaliveTime, 0),
		ConnectRetry:   length("connectRetryTime", s.ConnectRetryTime, connectRetry),
		TTLSecurity:    uint8(s.TTLSecurity),
		RestartTime:    restartTime,
	}
	if g := s.GracefulRestart; g != nil {
		p.RestartTime = length("gracefulRestart.restartTime", g.RestartTime, restartTime)
		if g.Enabled != nil && !*g.Enabled {
			p.RestartTime = 0
		}
	}
	if b := s.BFD; b != nil {
		p.BFD = model.BFD{
			Enabled:    b.Enabled,
			Transmit:   length("bfd.transmitInterval", b.TransmitInterval, bfdInterval),
			Receive:    length("bfd.receiveInterval", b.ReceiveInterval, bfdInterval),
			Multiplier: uint8(cmp.Or(b.DetectMultiplier, bfdMultiplier)),
		}
	}
	if s.PasswordSecret != nil {
		p.PasswordSecret = s.PasswordSecret.Name
	}
	var err error
	p.NodeSelectors, err = selectors("spec.nodeSelectors", s.NodeSelectors)
	p.wrong = sentence(append(errs, err))
	p.usable = p.wrong == ""
	return p, true
}

func readDuration(field string, text v1alpha1.Duration, otherwise time.Duration) (time.Duration, error) {
	if text == "" {
		return otherwise, nil
	}
	d, err := time.ParseDuration(string(text))
	if err != nil {
		return 0, fmt.Errorf("spec.%s: %q is no length of time such as 9s", field, text)
	}
	return d, nil
}

// lastGoodPeer keeps what was read before of a peer that cannot be read now.
func lastGoodPeer(before, now peer) peer {
	if !now.usable && before.usable {
		now.Peer, now.usable = before.Peer, true
	}
	return now
}

func selectors(field string, all []v1alpha1.LabelSelector) ([]model.Selector, error) {
	var out []model.Selector
	var errs []error
	for i, s := range all {
		terms := make([]model.Term, len(s.MatchExpressions))
		for j, e := range s.MatchExpressions {
			terms[j] = model.Term{Key: e.Key, Op: model.Operator(e.Operator), Values: e.Values}
		}
		sel, err := model.NewTerms(s.MatchLabels, terms)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s[%d]: %w", field, i, err))
			continue
		}
		out = append(out, sel)
	}
	return out, errors.Join(errs...)
}

// trouble is what is wrong with the pool and what comes of it, or "".
func (p pool) trouble() string {
	return consequence(p.wrong, !p.Closed, "those who hold an address of it keep it, and no new one comes out")
}

// trouble is what is wrong with the peer and what comes of it, or "".
func (p peer) trouble() string {
	return consequence(p.wrong, p.usable, "it is not spoken to")
}

func consequence(wrong string, good bool, otherwise string) string {
	switch {
	case wrong == "":
		return ""
	case good:
		return wrong + "; what it said before stays in force"
	}
	return wrong + "; until it is mended " + otherwise
}

// sentence joins errors into one line.
func sentence(errs []error) string {
	text := ""
	for _, err := range errs {
		if err == nil {
			continue
		}
		if text != "" {
			text += "; "
		}
		text += err.Error()
	}
	return text
}
