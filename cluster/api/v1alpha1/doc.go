// Package v1alpha1 holds Hawser's own Kubernetes objects, of the group
// hawser.dev: AddressPool, the addresses that Services may be given; BGPPeer, a
// router to announce them to; BGPAdvertisement, what is announced from where to
// whom; and BGPNode, in which each node's speaker says how it stands. All are
// cluster-scoped.
//
// The rules of a field stand beside it as markers, from which controller-gen
// makes the CustomResourceDefinitions in cluster/deploy/crds. The API server
// enforces them, so that a wrong object is refused, with a sentence, by the
// command that sends it. What a rule cannot see (another pool's addresses, a
// Secret) becomes a condition of the object.
//
// +kubebuilder:object:generate=true
// +groupName=hawser.dev
package v1alpha1
