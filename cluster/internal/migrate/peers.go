package migrate

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/hawser-lb/hawser/cluster/api/v1alpha1"
	"github.com/hawser-lb/hawser/shared/secret"
)

func (m *mover) peer(o Object) error {
	var s bgpPeer
	if err := m.decode(o, &s); err != nil {
		return err
	}
	if why := unspeakable(&s); why != "" {
		m.lose("%s is left out: %s", o.name(), why)
		return nil
	}
	p := v1alpha1.BGPPeer{}
	p.Name = o.Metadata.Name
	p.Spec = v1alpha1.BGPPeerSpec{
		MyASN: s.MyASN, PeerASN: s.PeerASN, PeerAddress: s.PeerAddress, PeerPort: s.PeerPort, SourceAddress: s.SourceAddress,
		RouterID: s.RouterID, EBGPMultiHop: s.EBGPMultiHop, NodeSelectors: s.NodeSelectors,
	}
	if s.LocalASN != 0 {
		p.Spec.MyASN = s.LocalASN // which is all that the router has ever seen
	}
	if p.Spec.MyASN == p.Spec.PeerASN {
		p.Spec.EBGPMultiHop = false // it had no meaning
	}
	if err := m.timers(o, &s, &p.Spec); err != nil {
		return err
	}
	m.password(o, &s, &p.Spec)
	m.bfd(o, s.BFDProfile, &p.Spec)
	m.Peers = append(m.Peers, p)
	return nil
}

// unspeakable says why there cannot be a session as it is asked for.
func unspeakable(s *bgpPeer) string {
	if s.DynamicASN == "internal" {
		s.PeerASN = s.MyASN
	}
	switch {
	case s.PeerAddress == "" && s.Interface != "":
		return "sessions by interface are not spoken; give peerAddress, or peerAddressFrom: DefaultGateway"
	case s.PeerASN == 0:
		return `dynamicASN takes a router of whatever AS; write its number as peerASN`
	case s.VRF != "":
		return "sessions run in the node's default VRF only, not in " + s.VRF
	}
	return ""
}

// What Hawser makes of times that are not given, or are too long.
const (
	ownHoldTime = 9 * time.Second
	mostRetry   = 10 * time.Second
)

func (m *mover) timers(o Object, s *bgpPeer, p *v1alpha1.BGPPeerSpec) error {
	hold, err := length("holdTime", s.HoldTime)
	if err != nil {
		return err
	}
	keep, err := length("keepaliveTime", s.KeepaliveTime)
	if err != nil {
		return err
	}
	retry, err := length("connectTime", s.ConnectTime)
	if err != nil {
		return err
	}
	if s.HoldTime == "" && keep > 0 {
		hold = 3 * keep
	}
	if s.HoldTime != "" || keep > 0 {
		p.HoldTime = duration(hold)
	} else {
		hold = ownHoldTime
		m.note("%s: no holdTime is given, and Hawser's is %s", o.name(), duration(ownHoldTime))
	}
	if third := (hold / 3).Truncate(time.Second); hold > 0 && keep > third {
		m.note("%s: keepaliveTime %s is more than a third of the hold time and becomes %s", o.name(), s.KeepaliveTime, duration(third))
		keep = third
	}
	if keep > 0 {
		p.KeepaliveTime = duration(keep)
	}
	if retry > mostRetry {
		m.note("%s: connectTime %s becomes %s, the longest there is", o.name(), s.ConnectTime, duration(mostRetry))
		retry = mostRetry
	}
	if retry > 0 {
		p.ConnectRetryTime = duration(retry)
	}
	return nil
}

func length(field, text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("spec.%s: %q is no length of time such as 90s", field, text)
	}
	return d, nil
}

// duration is a time in whole seconds as the objects have it.
func duration(d time.Duration) v1alpha1.Duration {
	return v1alpha1.Duration(fmt.Sprintf("%ds", d/time.Second))
}

func milliseconds(n int64) v1alpha1.Duration { return v1alpha1.Duration(fmt.Sprintf("%dms", n)) }

func (m *mover) password(o Object, s *bgpPeer, p *v1alpha1.BGPPeerSpec) {
	switch name := s.PasswordSecret.Name; {
	case s.Password != "":
		m.own("password-of-"+o.Metadata.Name, secret.New(s.Password), p)
	case name != "":
		p.PasswordSecret = &v1alpha1.SecretReference{Name: name}
		for at, password := range m.passwords {
			if at.Name == name {
				m.own(name, password, p)
				return
			}
		}
		m.lose("Secret %s of %s was not read: copy it into namespace %s, type kubernetes.io/basic-auth", name, o.name(), m.namespace)
	}
}

// own puts a password into a Secret of Hawser's.
func (m *mover) own(name string, password secret.Text, p *v1alpha1.BGPPeerSpec) {
	p.PasswordSecret = &v1alpha1.SecretReference{Name: name}
	for _, s := range m.Secrets {
		if s.Name == name {
			return
		}
	}
	m.Secrets = append(m.Secrets, Secret{name, password})
}

func (m *mover) bfd(o Object, name string, p *v1alpha1.BGPPeerSpec) {
	if name == "" {
		return
	}
	b, known := m.profiles[name]
	if !known {
		m.lose("%s: BFDProfile %s was not read, so that BFD is off: set spec.bfd", o.name(), name)
		return
	}
	p.BFD = &v1alpha1.BFD{Enabled: true, DetectMultiplier: b.DetectMultiplier}
	if b.ReceiveInterval != 0 {
		p.BFD.ReceiveInterval = milliseconds(b.ReceiveInterval)
	}
	if b.TransmitInterval != 0 {
		p.BFD.TransmitInterval = milliseconds(b.TransmitInterval)
	}
	if b.EchoMode || b.PassiveMode || b.MinimumTTL != 0 {
		m.lose("%s: of BFDProfile %s, echoMode, passiveMode and minimumTtl: they are not spoken", o.name(), name)
	}
}

// masked clears the host bits of a CIDR.
func masked(text string) string {
	if p, err := netip.ParsePrefix(text); err == nil {
		return p.Masked().String()
	}
	return text
}
