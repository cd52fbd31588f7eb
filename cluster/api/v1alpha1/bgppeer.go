package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// BGPPeer is a router that speakers announce Services to.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster,path=bgppeers,singular=bgppeer,shortName=peer;peers
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Address",type=string,JSONPath=`.spec.peerAddress`
// +kubebuilder:printcolumn:name="From",type=string,priority=1,JSONPath=`.spec.peerAddressFrom`
// +kubebuilder:printcolumn:name="ASN",type=integer,JSONPath=`.spec.peerASN`
// +kubebuilder:printcolumn:name="Established",type=integer,JSONPath=`.status.sessions.established`
// +kubebuilder:printcolumn:name="Sessions",type=integer,JSONPath=`.status.sessions.total`
// +kubebuilder:printcolumn:name="Accepted",type=string,JSONPath=`.status.conditions[?(@.type=="Accepted")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type BGPPeer struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Whom to speak to, and how.
	//
	// +required
	Spec BGPPeerSpec `json:"spec"`
	// Whether the peer is used; written by Hawser.
	//
	// +optional
	Status BGPPeerStatus `json:"status,omitempty"`
}

// BGPPeerSpec says whom to speak to, and how.
//
// +kubebuilder:validation:XValidation:rule="has(self.peerAddress) != has(self.peerAddressFrom)",message="give exactly one of peerAddress and peerAddressFrom"
// +kubebuilder:validation:XValidation:rule="!has(self.keepaliveTime) || duration(has(self.holdTime) ? self.holdTime : '9s') == duration('0s') || duration(self.keepaliveTime) + duration(self.keepaliveTime) + duration(self.keepaliveTime) <= duration(has(self.holdTime) ? self.holdTime : '9s')",message="keepaliveTime must be at most a third of holdTime (9s unless given)"
// +kubebuilder:validation:XValidation:rule="!has(self.ebgpMultiHop) || !self.ebgpMultiHop || self.myASN != self.peerASN",message="ebgpMultiHop is for a peer in another AS: here myASN and peerASN are the same"
// +kubebuilder:validation:XValidation:rule="!has(self.ebgpMultiHop) || !self.ebgpMultiHop || !has(self.ttlSecurity) || self.ttlSecurity == 0",message="ebgpMultiHop and ttlSecurity exclude one another: a router that is n hops away is ttlSecurity: n"
// +kubebuilder:validation:XValidation:rule="!has(self.sourceAddress) || !has(self.peerAddress) || !isIP(self.sourceAddress) || !isIP(self.peerAddress) || ip(self.sourceAddress).family() == ip(self.peerAddress).family()",message="sourceAddress and peerAddress must be of one family, IPv4 or IPv6"
type BGPPeerSpec struct {
	// The AS of the speakers.
	//
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=4294967295
	MyASN int64 `json:"myASN"`
	// The AS that the peer must be in.
	//
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=4294967295
	PeerASN int64 `json:"peerASN"`
	// The address of the router. Give this or peerAddressFrom.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=45
	// +kubebuilder:validation:XValidation:rule="isIP(self)",message="write an IPv4 or IPv6 address"
	// +kubebuilder:validation:XValidation:rule="!isIP(self) || !ip(self).isUnspecified()",message="0.0.0.0 and :: name no router"
	// +kubebuilder:validation:XValidation:rule="!isIP(self) || !cidr('224.0.0.0/3').containsIP(ip(self)) && !cidr('ff00::/8').containsIP(ip(self))",message="a multicast or reserved address names no router"
	PeerAddress string `json:"peerAddress,omitempty"`
	// Where each node learns the router's address: DefaultGateway is the
	// node's own default gateway, of each family that it has one of. Give this
	// or peerAddress.
	//
	// +optional
	// +kubebuilder:validation:Enum=DefaultGateway
	PeerAddressFrom PeerAddressSource `json:"peerAddressFrom,omitempty"`
	// The TCP port of the router.
	//
	// +optional
	// +kubebuilder:default=179
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	PeerPort int32 `json:"peerPort,omitempty"`
	// The address that nodes speak from. The kernel chooses unless it is given;
	// give it only together with nodeSelectors that leave one node.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=45
	// +kubebuilder:validation:XValidation:rule="isIP(self)",message="write an IPv4 or IPv6 address"
	SourceAddress string `json:"sourceAddress,omitempty"`
	// The BGP identifier of the speaker, written like an IPv4 address. Unless
	// given it is the node's first IPv4 address, or a number made from the
	// node's name where it has none.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=15
	// +kubebuilder:validation:XValidation:rule="isIP(self) && ip(self).family() == 4 && !ip(self).isUnspecified()",message="write it like an IPv4 address other than 0.0.0.0"
	RouterID string `json:"routerID,omitempty"`
	// The peer may be more than one hop away. Speakers always send with the
	// highest hop limit there is, so that such a session comes up with or
	// without this; the field is here so that files which say it are taken.
	//
	// +optional
	EBGPMultiHop bool `json:"ebgpMultiHop,omitempty"`
	// Take packets of the router only when they have come over at most that
	// many hops (RFC 5082): 1 for a router on the node's own network. The
	// router must send with TTL 255. 0 is off.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=254
	TTLSecurity int32 `json:"ttlSecurity,omitempty"`
	// How long a silent peer is believed alive, in whole seconds: 0s for ever,
	// else at least 3s. The smaller one of both ends' counts.
	//
	// +optional
	// +kubebuilder:default="9s"
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+h)?([0-9]+m)?([0-9]+s)?$`
	// +kubebuilder:validation:XValidation:rule="self != '' && (duration(self) == duration('0s') || duration(self) >= duration('3s') && duration(self) <= duration('65535s'))",message="holdTime is 0s, or from 3s to 65535s"
	HoldTime Duration `json:"holdTime,omitempty"`
	// How often the peer is told that the speaker is alive: at most a third of
	// holdTime, which it is unless given.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+h)?([0-9]+m)?([0-9]+s)?$`
	// +kubebuilder:validation:XValidation:rule="self != '' && duration(self) >= duration('1s')",message="keepaliveTime is at least 1s"
	KeepaliveTime Duration `json:"keepaliveTime,omitempty"`
	// The pause between two attempts to connect. It grows to 10s at most
	// while the peer ends sessions, and is a second at most while nobody is
	// there.
	//
	// +optional
	// +kubebuilder:default="2s"
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+m)?([0-9]+s)?([0-9]+ms)?$`
	// +kubebuilder:validation:XValidation:rule="self != '' && duration(self) >= duration('100ms') && duration(self) <= duration('10s')",message="connectRetryTime is from 100ms to 10s"
	ConnectRetryTime Duration `json:"connectRetryTime,omitempty"`
	// A Secret with the password for TCP MD5 (RFC 2385): of the type
	// kubernetes.io/basic-auth, the password under the key password. While it
	// is missing the peer is not spoken to; when it comes or changes the
	// sessions with this peer begin anew.
	//
	// +optional
	PasswordSecret *SecretReference `json:"passwordSecret,omitempty"`
	// Notice within a second that the router is gone (RFC 5880). It is taken
	// and has no effect yet.
	//
	// +optional
	BFD *BFD `json:"bfd,omitempty"`
	// Have the router keep forwarding while a speaker is restarted (RFC 4724).
	//
	// +optional
	// +kubebuilder:default={}
	GracefulRestart *GracefulRestart `json:"gracefulRestart,omitempty"`
	// The nodes that speak to this peer: those that one of these selects.
	// None at all selects every node.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	NodeSelectors []LabelSelector `json:"nodeSelectors,omitempty"`
}

// PeerAddressSource is a way to learn a router's address.
type PeerAddressSource string

// DefaultGateway is the node's own default gateway.
const DefaultGateway PeerAddressSource = "DefaultGateway"

// SecretReference names a Secret in Hawser's namespace.
type SecretReference struct {
	// The name of the Secret.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}

// BFD says how a dead router is noticed.
type BFD struct {
	// Whether BFD is spoken.
	//
	// +optional
	Enabled bool `json:"enabled,omitempty"`
	// How often a packet is sent, at most.
	//
	// +optional
	// +kubebuilder:default="300ms"
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+m)?([0-9]+s)?([0-9]+ms)?$`
	// +kubebuilder:validation:XValidation:rule="self != '' && duration(self) >= duration('10ms') && duration(self) <= duration('60s')",message="an interval of BFD is from 10ms to 60s"
	TransmitInterval Duration `json:"transmitInterval,omitempty"`
	// How often a packet of the router can be taken.
	//
	// +optional
	// +kubebuilder:default="300ms"
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+m)?([0-9]+s)?([0-9]+ms)?$`
	// +kubebuilder:validation:XValidation:rule="self != '' && duration(self) >= duration('10ms') && duration(self) <= duration('60s')",message="an interval of BFD is from 10ms to 60s"
	ReceiveInterval Duration `json:"receiveInterval,omitempty"`
	// How many packets must be missing before the router counts as dead.
	//
	// +optional
	// +kubebuilder:default=3
	// +kubebuilder:validation:Minimum=2
	// +kubebuilder:validation:Maximum=255
	DetectMultiplier int32 `json:"detectMultiplier,omitempty"`
}

// GracefulRestart says how a router treats a speaker that is restarted.
type GracefulRestart struct {
	// Whether the router is asked to keep forwarding. It is never waited for
	// by a router that does not want to.
	//
	// +optional
	// +kubebuilder:default=true
	Enabled *bool `json:"enabled,omitempty"`
	// How long the router should wait for the speaker to come back, in whole
	// seconds.
	//
	// +optional
	// +kubebuilder:default="120s"
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+h)?([0-9]+m)?([0-9]+s)?$`
	// +kubebuilder:validation:XValidation:rule="self != '' && duration(self) >= duration('1s') && duration(self) <= duration('4095s')",message="restartTime is from 1s to 4095s"
	RestartTime Duration `json:"restartTime,omitempty"`
}

// BGPPeerStatus says whether the peer is used.
type BGPPeerStatus struct {
	// How many of the sessions with this peer are up, over all nodes.
	//
	// +optional
	Sessions *SessionCount `json:"sessions,omitempty"`
	// Accepted says whether the peer is used.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// SessionCount counts sessions.
type SessionCount struct {
	// Sessions that are up.
	Established int32 `json:"established"`
	// Sessions that nodes have or try to have.
	Total int32 `json:"total"`
}

// BGPPeerList is a list of peers.
//
// +kubebuilder:object:root=true
type BGPPeerList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []BGPPeer `json:"items"`
}

// Duration is a length of time in the form of 9s, 500ms or 1m30s.
type Duration string
