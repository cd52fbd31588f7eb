package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// BGPAdvertisement says which addresses are announced from which nodes to which
// peers, and how. Where there is none at all, every address is announced from
// every node to every peer, by itself. Otherwise what no advertisement is about
// is not announced.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster,path=bgpadvertisements,singular=bgpadvertisement,shortName=advertisement;advertisements
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Pools",type=string,JSONPath=`.spec.ipAddressPools`
// +kubebuilder:printcolumn:name="Peers",type=string,JSONPath=`.spec.peers`
// +kubebuilder:printcolumn:name="Local Pref",type=integer,JSONPath=`.spec.localPref`
// +kubebuilder:printcolumn:name="MED",type=integer,priority=1,JSONPath=`.spec.med`
// +kubebuilder:printcolumn:name="Communities",type=string,priority=1,JSONPath=`.spec.communities`
// +kubebuilder:printcolumn:name="Accepted",type=string,JSONPath=`.status.conditions[?(@.type=="Accepted")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type BGPAdvertisement struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// What is announced, from where, to whom, and how. Nothing in it announces
	// everything.
	//
	// +optional
	Spec BGPAdvertisementSpec `json:"spec,omitempty"`
	// Whether the advertisement is used; written by Hawser.
	//
	// +optional
	Status BGPAdvertisementStatus `json:"status,omitempty"`
}

// BGPAdvertisementSpec says what is announced, from where, to whom, and how.
type BGPAdvertisementSpec struct {
	// The pools whose addresses are announced, by name.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	IPAddressPools []string `json:"ipAddressPools,omitempty"`
	// The pools whose addresses are announced, by label. A pool that is named
	// or that one of these selects is announced; with neither, every pool is.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	IPAddressPoolSelectors []LabelSelector `json:"ipAddressPoolSelectors,omitempty"`
	// The nodes that announce: those that one of these selects. None at all
	// selects every node.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	NodeSelectors []LabelSelector `json:"nodeSelectors,omitempty"`
	// The peers that are told, by name. None at all: every peer.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	Peers []string `json:"peers,omitempty"`
	// The Services that are announced: those that one of these selects. None
	// at all selects every Service.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	ServiceSelectors []LabelSelector `json:"serviceSelectors,omitempty"`
	// The length of the prefix that an IPv4 address is announced in. The
	// prefix must lie in the pool.
	//
	// +optional
	// +kubebuilder:default=32
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=32
	AggregationLength int32 `json:"aggregationLength,omitempty"`
	// The length of the prefix that an IPv6 address is announced in. The
	// prefix must lie in the pool.
	//
	// +optional
	// +kubebuilder:default=128
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=128
	AggregationLengthV6 int32 `json:"aggregationLengthV6,omitempty"`
	// The local preference, which only a router in the speakers' own AS is
	// told: the highest is best.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=4294967295
	LocalPref *int64 `json:"localPref,omitempty"`
	// The multi-exit discriminator: the lowest is best.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=4294967295
	MED *int64 `json:"med,omitempty"`
	// Communities that the routes carry: 65000:100, large:65000:1:2, or one of
	// the names no-export, no-advertise, no-export-subconfed, no-peer,
	// blackhole, graceful-shutdown.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	Communities []Community `json:"communities,omitempty"`
}

// Community is a:b, large:a:b:c, or a well-known name.
//
// +kubebuilder:validation:MaxLength=40
// +kubebuilder:validation:XValidation:rule="self in ['no-export', 'no-advertise', 'no-export-subconfed', 'no-peer', 'blackhole', 'graceful-shutdown'] || self.matches('^[0-9]{1,5}:[0-9]{1,5}$') || self.matches('^large:[0-9]{1,10}:[0-9]{1,10}:[0-9]{1,10}$')",message="write a community as 65000:100, as large:65000:1:2, or by one of the names no-export, no-advertise, no-export-subconfed, no-peer, blackhole, graceful-shutdown"
// +kubebuilder:validation:XValidation:rule="!self.matches('^[0-9]{1,5}:[0-9]{1,5}$') || self.split(':').all(n, int(n) <= 65535)",message="both numbers of a community are at most 65535; larger ones need the form large:a:b:c"
// +kubebuilder:validation:XValidation:rule="!self.matches('^large:[0-9]{1,10}:[0-9]{1,10}:[0-9]{1,10}$') || self.substring(6).split(':').all(n, int(n) <= 4294967295)",message="the numbers of a large community are at most 4294967295"
type Community string

// BGPAdvertisementStatus says whether the advertisement is used.
type BGPAdvertisementStatus struct {
	// Accepted says whether the advertisement is used.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// BGPAdvertisementList is a list of advertisements.
//
// +kubebuilder:object:root=true
type BGPAdvertisementList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []BGPAdvertisement `json:"items"`
}
