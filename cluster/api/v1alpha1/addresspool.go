package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// AddressPool is a set of addresses that Services of type LoadBalancer may be
// given.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster,path=addresspools,singular=addresspool,shortName=pool;pools
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Addresses",type=string,JSONPath=`.spec.addresses`
// +kubebuilder:printcolumn:name="Auto",type=boolean,JSONPath=`.spec.autoAssign`
// +kubebuilder:printcolumn:name="Assigned v4",type=string,JSONPath=`.status.ipv4.assigned`
// +kubebuilder:printcolumn:name="Available v4",type=string,JSONPath=`.status.ipv4.available`
// +kubebuilder:printcolumn:name="Assigned v6",type=string,JSONPath=`.status.ipv6.assigned`
// +kubebuilder:printcolumn:name="Available v6",type=string,JSONPath=`.status.ipv6.available`
// +kubebuilder:printcolumn:name="Accepted",type=string,JSONPath=`.status.conditions[?(@.type=="Accepted")].reason`
type AddressPool struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// What the pool is made of and who may have it.
	//
	// +required
	Spec AddressPoolSpec `json:"spec"`
	// How full the pool is and whether it is used; written by Hawser.
	//
	// +optional
	Status AddressPoolStatus `json:"status,omitempty"`
}

// AddressPoolSpec says what the pool is made of and who may have it.
type AddressPoolSpec struct {
	// The addresses: CIDRs such as 192.0.2.0/24 or 2001:db8::/64, and ranges
	// such as 192.0.2.10-192.0.2.20. Every address is used, also the first and
	// the last of a CIDR.
	//
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:XValidation:rule="self.all(a, !isCIDR(a) || self.filter(b, isCIDR(b) && (cidr(a).containsCIDR(cidr(b)) || cidr(b).containsCIDR(cidr(a)))).size() == 1)",message="two of the CIDRs overlap, or one is listed twice"
	// +kubebuilder:validation:XValidation:rule="self.filter(a, isCIDR(a)).all(a, self.filter(b, b.contains('-')).all(b, [0, 1].all(i, !isIP(b.split('-')[i]) || !cidr(a).containsIP(b.split('-')[i]))))",message="a range begins or ends inside one of the CIDRs: they overlap"
	// +kubebuilder:validation:XValidation:rule="[self.filter(b, isCIDR(b) && cidr(b).ip().family() == 4 || b.split('-').size() == 2 && isIP(b.split('-')[0]) && ip(b.split('-')[0]).family() == 4).map(b, b.split('-')[0].split('/')[0]).map(x, int(x.split('.')[0]) * 16777216 + int(x.split('.')[1]) * 65536 + int(x.split('.')[2]) * 256 + int(x.split('.')[3]))].all(fs, self.filter(a, a.split('-').size() == 2 && a.split('-').all(x, isIP(x) && ip(x).family() == 4)).map(a, a.split('-').map(x, int(x.split('.')[0]) * 16777216 + int(x.split('.')[1]) * 65536 + int(x.split('.')[2]) * 256 + int(x.split('.')[3]))).all(r, fs.filter(f, r[0] <= f && f <= r[1]).size() <= 1))",message="a range has the beginning of another entry inside it: they overlap"
	Addresses []AddressRange `json:"addresses"`
	// Whether a Service that does not ask for this pool may be given an
	// address of it.
	//
	// +optional
	// +kubebuilder:default=true
	AutoAssign *bool `json:"autoAssign,omitempty"`
	// Leave out IPv4 addresses that end in .0 or .255, which some old
	// equipment takes for network or broadcast addresses.
	//
	// +optional
	AvoidBuggyIPs bool `json:"avoidBuggyIPs,omitempty"`
	// Reserve the pool for some Services and say how it ranks among the pools
	// that they may use. Pools that have this are tried before those that do
	// not.
	//
	// +optional
	ServiceAllocation *ServiceAllocation `json:"serviceAllocation,omitempty"`
	// Whether Services of different namespaces may share one address of this
	// pool, if they ask for it with one sharing key.
	//
	// +optional
	CrossNamespaceSharing bool `json:"crossNamespaceSharing,omitempty"`
}

// AddressRange is a CIDR without host bits, or first-last.
//
// +kubebuilder:validation:MinLength=3
// +kubebuilder:validation:MaxLength=79
// +kubebuilder:validation:XValidation:rule="isCIDR(self) || self.split('-').size() == 2 && self.split('-').all(x, isIP(x))",message="write a CIDR such as 192.0.2.0/24 or 2001:db8::/64, or a range such as 192.0.2.10-192.0.2.20, without spaces; a single address is 192.0.2.1/32"
// +kubebuilder:validation:XValidation:rule="!isCIDR(self) || cidr(self) == cidr(self).masked()",message="the CIDR has host bits set: write the address of the network itself, or a range first-last"
// +kubebuilder:validation:XValidation:rule="isCIDR(self) || !(self.split('-').size() == 2 && self.split('-').all(x, isIP(x))) || ip(self.split('-')[0]).family() == ip(self.split('-')[1]).family()",message="both ends of a range must be of one family, IPv4 or IPv6"
// +kubebuilder:validation:XValidation:rule="isCIDR(self) || !(self.split('-').size() == 2 && self.split('-').all(x, isIP(x)) && self.split('-').all(x, ip(x).family() == 4)) || int(self.split('-')[0].split('.')[0]) * 16777216 + int(self.split('-')[0].split('.')[1]) * 65536 + int(self.split('-')[0].split('.')[2]) * 256 + int(self.split('-')[0].split('.')[3]) <= int(self.split('-')[1].split('.')[0]) * 16777216 + int(self.split('-')[1].split('.')[1]) * 65536 + int(self.split('-')[1].split('.')[2]) * 256 + int(self.split('-')[1].split('.')[3])",message="the first address of the range is above the last: swap them"
// +kubebuilder:validation:XValidation:rule="isCIDR(self) || !(self.split('-').size() == 2 && self.split('-').all(x, isIP(x)) && self.split('-').all(x, ip(x).family() == 6)) || ip(self.split('-')[0]) == ip(self.split('-')[1]) || [self.split('-')[0].split('::')[0].lowerAscii().split(':').map(g, '0123456789abcdef'.indexOf(('0000' + g).charAt(size(g))) * 4096 + '0123456789abcdef'.indexOf(('0000' + g).charAt(size(g) + 1)) * 256 + '0123456789abcdef'.indexOf(('0000' + g).charAt(size(g) + 2)) * 16 + '0123456789abcdef'.indexOf(('0000' + g).charAt(size(g) + 3)) * 1)].map(a, self.split('-')[0].contains('::') ? [self.split('-')[0].split('::')[1].lowerAscii().split(':').map(g, '0123456789abcdef'.indexOf(('0000' + g).charAt(size(g))) * 4096 + '0123456789abcdef'.indexOf(('0000' + g).charAt(size(g) + 1)) * 256 + '0123456789abcdef'.indexOf(('0000' + g).charAt(size(g) + 2)) * 16 + '0123456789abcdef'.indexOf(('0000' + g).charAt(size(g) + 3)) * 1)].map(b, [0, 1, 2, 3, 4, 5, 6, 7].map(i, i < size(a) ? a[i] : i < 8 - size(b) ? 0 : b[i - 8 + size(b)]))[0] : a).all(f, [self.split('-')[1].split('::')[0].lowerAscii().split(':').map(g, '0123456789abcdef'.indexOf(('0000' + g).charAt(size(g))) * 4096 + '0123456789abcdef'.indexOf(('0000' + g).charAt(size(g) + 1)) * 256 + '0123456789abcdef'.indexOf(('0000' + g).charAt(size(g) + 2)) * 16 + '0123456789abcdef'.indexOf(('0000' + g).charAt(size(g) + 3)) * 1)].map(a, self.split('-')[1].contains('::') ? [self.split('-')[1].split('::')[1].lowerAscii().split(':').map(g, '0123456789abcdef'.indexOf(('0000' + g).charAt(size(g))) * 4096 + '0123456789abcdef'.indexOf(('0000' + g).charAt(size(g) + 1)) * 256 + '0123456789abcdef'.indexOf(('0000' + g).charAt(size(g) + 2)) * 16 + '0123456789abcdef'.indexOf(('0000' + g).charAt(size(g) + 3)) * 1)].map(b, [0, 1, 2, 3, 4, 5, 6, 7].map(i, i < size(a) ? a[i] : i < 8 - size(b) ? 0 : b[i - 8 + size(b)]))[0] : a).all(l, [0, 1, 2, 3, 4, 5, 6, 7].exists(i, f[i] < l[i] && [0, 1, 2, 3, 4, 5, 6, 7].all(j, j >= i || f[j] == l[j]))))",message="the first address of the range is above the last: swap them"
type AddressRange string

// ServiceAllocation says which Services a pool is for.
type ServiceAllocation struct {
	// Order among the pools that suit a Service: 1 is best, 0 or nothing is
	// last. Pools of one priority are tried by name.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	Priority int32 `json:"priority,omitempty"`
	// Namespaces that may use the pool, by name.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=1000
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	Namespaces []string `json:"namespaces,omitempty"`
	// Namespaces that may use the pool, by label. A namespace that is named or
	// that one of these selects may use it; with neither, every one may.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	NamespaceSelectors []LabelSelector `json:"namespaceSelectors,omitempty"`
	// Services that may use the pool, by label: one of these must select it.
	// None at all selects every Service.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	ServiceSelectors []LabelSelector `json:"serviceSelectors,omitempty"`
}

// AddressPoolStatus says how full the pool is and whether it is used.
type AddressPoolStatus struct {
	// IPv4 addresses of the pool.
	//
	// +optional
	IPv4 *PoolCount `json:"ipv4,omitempty"`
	// IPv6 addresses of the pool.
	//
	// +optional
	IPv6 *PoolCount `json:"ipv6,omitempty"`
	// Accepted says whether the pool is used.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// PoolCount counts the addresses of one family. The numbers are text, since an
// IPv6 pool can have more addresses than a 64-bit number holds.
type PoolCount struct {
	// Addresses that the pool may give.
	Total string `json:"total"`
	// Addresses that Services hold.
	Assigned string `json:"assigned"`
	// Addresses that are free.
	Available string `json:"available"`
}

// AddressPoolList is a list of pools.
//
// +kubebuilder:object:root=true
type AddressPoolList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []AddressPool `json:"items"`
}
