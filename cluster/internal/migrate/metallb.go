package migrate

import "github.com/hawser-lb/hawser/cluster/api/v1alpha1"

// The specs of MetalLB's objects: every field there is, so that one that is
// not here is one that nobody knows.

type ipAddressPool struct {
	Addresses         []string           `json:"addresses"`
	AutoAssign        *bool              `json:"autoAssign"`
	AvoidBuggyIPs     bool               `json:"avoidBuggyIPs"`
	ServiceAllocation *serviceAllocation `json:"serviceAllocation"`
}

type serviceAllocation struct {
	Priority           int32                    `json:"priority"`
	Namespaces         []string                 `json:"namespaces"`
	NamespaceSelectors []v1alpha1.LabelSelector `json:"namespaceSelectors"`
	ServiceSelectors   []v1alpha1.LabelSelector `json:"serviceSelectors"`
}

type bgpPeer struct {
	MyASN           int64     `json:"myASN"`
	PeerASN         int64     `json:"peerASN"`
	DynamicASN      string    `json:"dynamicASN"`
	LocalASN        int64     `json:"localASN"`
	PeerAddress     string    `json:"peerAddress"`
	Interface       string    `json:"interface"`
	SourceAddress   string    `json:"sourceAddress"`
	PeerPort        int32     `json:"peerPort"`
	HoldTime        string    `json:"holdTime"`
	KeepaliveTime   string    `json:"keepaliveTime"`
	ConnectTime     string    `json:"connectTime"`
	RouterID        string    `json:"routerID"`
	Password        string    `json:"password"`
	PasswordSecret  secretRef `json:"passwordSecret"`
	BFDProfile      string    `json:"bfdProfile"`
	GracefulRestart bool      `json:"enableGracefulRestart"`
	EBGPMultiHop    bool      `json:"ebgpMultiHop"`
	VRF             string    `json:"vrf"`
	DisableMP       bool      `json:"disableMP"`              // has no effect there
	DualStack       bool      `json:"dualStackAddressFamily"` // always so here

	NodeSelectors []v1alpha1.LabelSelector `json:"nodeSelectors"`
}

type secretRef struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
}

type bgpAdvertisement struct {
	AggregationLength      *int32                   `json:"aggregationLength"`
	AggregationLengthV6    *int32                   `json:"aggregationLengthV6"`
	LocalPref              int64                    `json:"localPref"`
	Communities            []string                 `json:"communities"`
	IPAddressPools         []string                 `json:"ipAddressPools"`
	IPAddressPoolSelectors []v1alpha1.LabelSelector `json:"ipAddressPoolSelectors"`
	NodeSelectors          []v1alpha1.LabelSelector `json:"nodeSelectors"`
	Peers                  []string                 `json:"peers"`
	ServiceSelectors       []v1alpha1.LabelSelector `json:"serviceSelectors"`
}

type bfdProfile struct {
	ReceiveInterval  int64 `json:"receiveInterval"`
	TransmitInterval int64 `json:"transmitInterval"`
	DetectMultiplier int32 `json:"detectMultiplier"`
	EchoInterval     int64 `json:"echoInterval"`
	EchoMode         bool  `json:"echoMode"`
	PassiveMode      bool  `json:"passiveMode"`
	MinimumTTL       int32 `json:"minimumTtl"`
}

type community struct {
	Communities []struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	} `json:"communities"`
}
