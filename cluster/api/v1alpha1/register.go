package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion of every object here.
var GroupVersion = schema.GroupVersion{Group: "hawser.dev", Version: "v1alpha1"}

// AddToScheme makes the objects known to s.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion,
		&AddressPool{}, &AddressPoolList{},
		&BGPPeer{}, &BGPPeerList{},
		&BGPAdvertisement{}, &BGPAdvertisementList{},
		&BGPNode{}, &BGPNodeList{},
	)
	metav1.AddToGroupVersion(s, GroupVersion)
	return nil
}
