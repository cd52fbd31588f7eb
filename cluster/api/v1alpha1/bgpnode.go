package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// BGPNode is how the speaker of one node stands: its sessions, and what it
// announces and does not. It has the name of its Node. The speaker writes it,
// at most once a second and only when something is different; there is nothing
// in it for users to write.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster,path=bgpnodes,singular=bgpnode
// +kubebuilder:printcolumn:name="Established",type=integer,JSONPath=`.status.established`
// +kubebuilder:printcolumn:name="Sessions",type=integer,JSONPath=`.status.total`
// +kubebuilder:printcolumn:name="Announced",type=integer,JSONPath=`.status.announced`
// +kubebuilder:printcolumn:name="Not announced",type=integer,JSONPath=`.status.refused`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type BGPNode struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// How the node's speaker stands; written by it.
	//
	// +optional
	Status BGPNodeStatus `json:"status,omitempty"`
}

// BGPNodeStatus is how the speaker of one node stands.
type BGPNodeStatus struct {
	// Sessions that are up.
	//
	// +optional
	Established int32 `json:"established"`
	// Sessions that the node has or tries to have.
	//
	// +optional
	Total int32 `json:"total"`
	// The sessions.
	//
	// +optional
	// +listType=atomic
	Sessions []Session `json:"sessions,omitempty"`
	// Routes that the node announces.
	//
	// +optional
	Announced int32 `json:"announced"`
	// Services that the node does not announce, of those that hold an address.
	//
	// +optional
	Refused int32 `json:"refused"`
	// The first hundred of those, and why.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	NotAnnounced []NotAnnounced `json:"notAnnounced,omitempty"`
}

// Session is one session of a node.
type Session struct {
	// The BGPPeer, by name.
	Peer string `json:"peer"`
	// The router's address; left out where the node knows none.
	//
	// +optional
	Address string `json:"address,omitempty"`
	// The node's own address in this session.
	//
	// +optional
	LocalAddress string `json:"localAddress,omitempty"`
	// The AS of the router.
	//
	// +optional
	ASN int64 `json:"asn,omitempty"`
	// The state by RFC 4271: Established is up.
	State string `json:"state"`
	// Since when it has been up, or not.
	//
	// +optional
	Since *metav1.Time `json:"since,omitempty"`
	// Why it is not up.
	//
	// +optional
	LastError string `json:"lastError,omitempty"`
	// Routes that the router has been told.
	//
	// +optional
	RoutesSent int32 `json:"routesSent"`
	// The state of BFD, where it is asked for.
	//
	// +optional
	BFD string `json:"bfd,omitempty"`
}

// NotAnnounced is a Service that a node does not announce, and why.
type NotAnnounced struct {
	// The Service, as namespace/name.
	Service string `json:"service"`
	// One of the words of docs/reasons.md.
	Reason string `json:"reason"`
	// The facts.
	//
	// +optional
	Message string `json:"message,omitempty"`
}

// BGPNodeList is a list of them.
//
// +kubebuilder:object:root=true
type BGPNodeList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []BGPNode `json:"items"`
}
